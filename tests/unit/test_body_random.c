/* Flows come, grow, end, are rolled back and written again, are deleted, and the program dies now and then; whatever the order,
 * a flow that is there has its body, byte for byte, and what no flow refers to goes. */
#include "body_rig.h"
#include "store/sqlite_prune.h"

enum { ROUNDS = 900, MAX_FLOWS = 8000, MAX_OPS = 12, MAX_LEN = 150000, SEEDS = 12, CHECK_EVERY = 50 };

enum life { IN_FLIGHT, ENDED, GONE };

struct flow {
	uint64_t id;
	unsigned seed;
	size_t len, sent; /* of its body; until where it was written */
	enum life life;
	bool is_listed; /* it has a row */
};

/* One record. */
struct op {
	struct flow *flow;
	size_t until;
	bool is_last, is_listed;
};

struct play {
	struct body_rig *rig;
	struct flow *flows;
	size_t n;
	uint64_t last_id;
	int64_t ended_n;
	uint32_t random;
	char text[MAX_LEN];
};

static unsigned draw(struct play *p, unsigned n)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 17;
	p->random ^= p->random << 5;
	return p->random % n;
}

static struct str body_of(struct play *p, const struct flow *f)
{
	return f->seed % 2 ? make_text(p->text, f->len, f->seed) : make_noise(p->text, f->len, f->seed);
}

static struct flow *add_flow(struct play *p)
{
	static const size_t lens[] = {0, 1, 300, 300, 3000, 16383, 16384, 40000, 65536, 65537, MAX_LEN};
	struct flow *f = &p->flows[p->n++];

	p->last_id += 1 + draw(p, 300);
	*f = (struct flow){.id = p->last_id, .seed = draw(p, SEEDS), .len = lens[draw(p, sizeof(lens) / sizeof(lens[0]))]};
	return f;
}

static bool is_in(const struct flow *f, const struct op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (ops[i].flow == f)
			return true;
	}
	return false;
}

/* One of the flows in flight that is not in the batch yet, or a new one. */
static struct flow *choose_flow(struct play *p, const struct op *ops, size_t n)
{
	for (int tries = 0; p->n > 0 && tries < 8; tries++) {
		struct flow *f =
			&p->flows[draw(p, 4) ? p->n - 1 - draw(p, p->n < 40 ? (unsigned)p->n : 40) : draw(p, (unsigned)p->n)];

		if (f->life == IN_FLIGHT && !is_in(f, ops, n))
			return f;
	}
	return add_flow(p);
}

static size_t make_ops(struct play *p, struct op *ops)
{
	size_t n = 0, wanted = 1 + draw(p, MAX_OPS);

	while (n < wanted && p->n < MAX_FLOWS) {
		struct flow *f = draw(p, 2) ? add_flow(p) : choose_flow(p, ops, n);
		bool is_last = draw(p, 8) > 0;
		size_t rest = f->len - f->sent;

		ops[n++] = (struct op){.flow = f,
			.until = is_last || rest == 0 ? f->len : f->sent + draw(p, (unsigned)rest + 1),
			.is_last = is_last,
			.is_listed = is_last || f->is_listed || draw(p, 2)};
	}
	return n;
}

static void apply(struct play *p, const struct op *op)
{
	struct flow *f = op->flow;
	size_t piece = 1000 + f->seed * 6000;

	if (piece > BODY_PART_BYTES)
		piece = BODY_PART_BYTES;
	rig_take(p->rig, f->id, parts_of(body_of(p, f), f->sent, op->until, piece, 1), op->is_last);
	if (op->is_listed)
		rig_flow(p->rig, f->id, op->is_last);
	else
		body_book_done(p->rig->book, f->id, op->is_last);
}

/* A batch, which may be rolled back some times before. */
static void batch(struct play *p)
{
	struct op ops[MAX_OPS];
	size_t n = make_ops(p, ops);
	unsigned failures = draw(p, 3) ? 0 : 1 + draw(p, 2);

	for (unsigned turn = 0; turn <= failures; turn++) {
		size_t done = turn < failures ? draw(p, (unsigned)n + 1) : n;

		rig_begin(p->rig);
		for (size_t i = 0; i < done; i++)
			apply(p, &ops[i]);
		if (turn < failures)
			rig_undo(p->rig);
		else
			rig_commit(p->rig);
	}
	for (size_t i = 0; i < n; i++) {
		ops[i].flow->sent = ops[i].until;
		ops[i].flow->is_listed = ops[i].is_listed;
		ops[i].flow->life = ops[i].is_last ? ENDED : IN_FLIGHT;
		p->ended_n += ops[i].is_last;
	}
}

static void prune(struct play *p, int64_t max_flows, int64_t max_bytes, size_t limit)
{
	struct backend_limits limits = {.max_flows = max_flows, .max_bytes = max_bytes};
	struct sqlite_prune_needs needs = {.limits = &limits, .limit = limit, .ended_n = p->ended_n};
	struct sqlite_prune_end end;

	assert_int_equal(sqlite_prune(p->rig->pruner, &needs, &end), SQLITE_OK);
	p->ended_n -= end.deleted;
	assert_int_equal(rig_number(p->rig, "SELECT count(*) FROM exchanges WHERE outcome <> 'pending'"), p->ended_n);
	if (end.first_kept == 0)
		return;
	body_book_pruned(p->rig->book, end.first_kept);
	for (size_t i = 0; i < p->n; i++) {
		if (p->flows[i].life == ENDED && p->flows[i].id < end.first_kept)
			p->flows[i].life = GONE;
	}
}

/* What was in flight is interrupted; what had no row is gone. */
static void die(struct play *p)
{
	rig_restart(p->rig);
	for (size_t i = 0; i < p->n; i++) {
		struct flow *f = &p->flows[i];

		if (f->life != IN_FLIGHT)
			continue;
		f->life = f->is_listed ? ENDED : GONE;
		p->ended_n += f->is_listed;
		f->len = f->sent;
	}
}

static struct flow *flow_of(struct play *p, uint64_t id)
{
	size_t low = 0, high = p->n;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (p->flows[middle].id <= id)
			low = middle;
		else
			high = middle;
	}
	assert_int_equal(p->flows[low].id, id);
	return &p->flows[low];
}

static void check_flows(struct play *p)
{
	sqlite3_stmt *s = NULL;
	size_t listed = 0;

	assert_int_equal(
		sqlite3_prepare_v2(p->rig->db,
			"SELECT h.exchange_id, h.response_body_id FROM hops h JOIN exchanges e ON e.id = h.exchange_id", -1, &s,
			NULL),
		SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW) {
		struct flow *f = flow_of(p, (uint64_t)sqlite3_column_int64(s, 0));
		int64_t id = sqlite3_column_int64(s, 1);

		listed++;
		assert_int_not_equal(f->life, GONE);
		assert_true((id != 0) == (f->sent > 0));
		if (id != 0)
			assert_body(p->rig, id, str_first(body_of(p, f), f->sent));
	}
	sqlite3_finalize(s);
	for (size_t i = 0; i < p->n; i++)
		listed -= p->flows[i].life != GONE && p->flows[i].is_listed;
	assert_int_equal(listed, 0);
}

static void check(struct play *p)
{
	check_flows(p);
	assert_int_equal(rig_number(p->rig, "SELECT count(*) FROM body_pieces WHERE id >> 20 NOT IN (SELECT id FROM bodies)"),
		0);
	assert_int_equal(rig_number(p->rig, "SELECT count(*) FROM hops WHERE exchange_id NOT IN (SELECT id FROM exchanges)"),
		0);
	assert_int_equal(rig_number(p->rig,
				 "SELECT count(*) FROM bodies WHERE content IS NULL AND used_until <> 0 AND bytes <>"
				 " (SELECT sum(bytes) FROM body_pieces WHERE id >> 20 = bodies.id)"),
		0);
	assert_answer(&p->rig->folder, "PRAGMA integrity_check", "ok");
}

static void play(struct play *p)
{
	for (int i = 1; i <= ROUNDS; i++) {
		batch(p);
		if (draw(p, 3) == 0)
			prune(p, draw(p, 400), draw(p, 2) ? 0 : 1 + (int64_t)draw(p, 8000000), 1 + draw(p, 200));
		if (draw(p, 60) == 0)
			die(p);
		if (i % CHECK_EVERY == 0)
			check(p);
	}
	check(p);
}

/* After the last flow, nothing may be left. */
static void leave(struct play *p)
{
	die(p);
	for (int i = 0; i < 1000 && p->ended_n > 0; i++)
		prune(p, 0, 0, 500);
	prune(p, 0, 0, 500);
	check(p);
	assert_int_equal(rig_number(p->rig, "SELECT (SELECT count(*) FROM exchanges) + (SELECT count(*) FROM hops)"), 0);
	assert_int_equal(rig_number(p->rig, "SELECT count(*) FROM bodies"), 0);
	assert_int_equal(rig_number(p->rig, "SELECT count(*) FROM body_pieces"), 0);
}

static void test_random(void **state)
{
	struct play *p = mem_calloc(1, sizeof(*p));
	const char *seed = getenv("BODY_RANDOM_SEED");

	p->rig = *state;
	p->random = seed ? (uint32_t)strtoul(seed, NULL, 10) : 20240217;
	p->flows = mem_calloc(MAX_FLOWS, sizeof(*p->flows));
	play(p);
	leave(p);
	mem_free(p->flows);
	mem_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {BODY_TEST(test_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
