/* Flows that are written together: each is whole and its own, whatever becomes of those beside it. */
#include "store/writer_queue.h"

#include "store/rows.h"
#include "writer_rig.h"

enum {
	MANY = 2 * WRITER_QUEUE_FLOWS + 5,
	LENGTH = 6000, /* of a row, at most, in some tests */
	LONG = 4000    /* of a text: two of them are too much */
};

/* Records of one transaction, which must outlive it. */
struct batch {
	struct record *records[4 * MANY];
	bool is_redacted[4 * MANY];
	size_t n;
};

static struct record *add(struct batch *b, struct record *record)
{
	assert_true(b->n < sizeof(b->records) / sizeof(b->records[0]));
	b->is_redacted[b->n] = false;
	b->records[b->n++] = record;
	return record;
}

/* An SQLite result code. */
static int try_batch(struct rig *r, const struct batch *b)
{
	int rc = SQLITE_OK;

	begin(r);
	for (size_t i = 0; i < b->n && rc == SQLITE_OK; i++)
		rc = writer_put(r->writer, b->records[i], ++r->change, b->is_redacted[i] ? r->redactor : NULL);
	return rc == SQLITE_OK ? writer_end(r->writer, &r->sum) : rc;
}

/* Twice: the first time it is rolled back. */
static void write_batch(struct rig *r, struct batch *b)
{
	assert_int_equal(try_batch(r, b), SQLITE_OK);
	roll_back(r);
	assert_int_equal(try_batch(r, b), SQLITE_OK);
	exec(r, "COMMIT");
	writer_commit(r->writer);
	while (b->n > 0)
		record_free(b->records[--b->n]);
}

/* A flow in which everything tells whose it is. */
static struct record *own_record(uint64_t id, enum outcome outcome)
{
	struct flow_fixture f;
	char url[64], sum[32];
	struct record *record;

	fixture_init(&f, id);
	snprintf(url, sizeof(url), "http://example.com/%u", (unsigned)id);
	snprintf(sum, sizeof(sum), "sum %u", (unsigned)id);
	f.x.url = f.hops[0].url = f.hops[1].url = f.request.target = f.sent.target = str_of(url);
	f.trailer.value = str_of(sum);
	address_set_port(&f.x.client, (uint16_t)id);
	address_set_port(&f.hops[0].peer, (uint16_t)id);
	address_set_port(&f.hops[1].peer, (uint16_t)id);
	record = flow_record(&f, outcome);
	if (outcome != OUTCOME_PENDING)
		add_part(record, 2, 0, str_of(sum), CUT_NONE);
	return record;
}

/* One whose body comes in pieces: the first with a record of a flow in flight, the other one with its end. */
static void add_growing(struct batch *b, uint64_t id, bool has_ended)
{
	struct flow_fixture f;
	struct record *record;

	fixture_typed(&f, id, "text/plain");
	record = add(b, flow_record(&f, has_ended ? OUTCOME_DELIVERED : OUTCOME_PENDING));
	add_part(record, 1, has_ended ? 5 : 0, has_ended ? STR(" and end") : STR("begin"), CUT_NONE);
	record->is_again = has_ended;
}

static void add_own(struct batch *b, uint64_t first, uint64_t end)
{
	for (uint64_t id = first; id < end; id++)
		add(b, own_record(id, OUTCOME_DELIVERED));
}

/* n flows, made by own_record and ended, each with all of its own; other flows have ids from 1000 on. */
static void assert_own(struct rig *r, int64_t n)
{
	assert_int_equal(ask_number(r,
				 "SELECT count(*) FROM exchanges e WHERE id < 1000 AND url = 'http://example.com/' || id"
				 " AND request_line = 'GET ' || url || ' HTTP/1.1' AND client LIKE '%:' || id"
				 " AND response_trailers LIKE '%sum ' || id || '\"%' AND outcome = 'delivered'"
				 " AND ended_us IS NOT NULL AND session_id = 5 AND 2 = (SELECT count(*) FROM hops h"
				 " WHERE exchange_id = e.id AND h.url = e.url AND peer LIKE '%:' || e.id"
				 " AND h.request_line = e.request_line)"),
		n);
	assert_int_equal(ask_number(r,
				 "SELECT count(*) FROM hops h JOIN bodies b ON b.id = h.response_body_id"
				 " WHERE exchange_id < 1000 AND number = 2 AND b.content = CAST('sum ' || exchange_id AS BLOB)"
				 " AND h.response_trailers LIKE '%sum ' || exchange_id || '\"%'"
				 " AND tls_server_name = 'other.example' AND identity_id = 1"),
		n);
	assert_int_equal(ask_number(r, "SELECT count(*) FROM exchanges WHERE id < 1000"), n);
	assert_int_equal(ask_number(r, "SELECT count(*) FROM hops WHERE exchange_id < 1000"), 2 * n);
	assert_int_equal(ask_number(r, "SELECT count(*) FROM drops WHERE exchange_id < 1000"), 3 * n);
	assert_int_equal(ask_number(r, "SELECT count(*) FROM cookies WHERE exchange_id < 1000"), 2 * n);
}

static void assert_sum(const struct rig *r, size_t lost, int64_t ended, uint64_t last_id)
{
	assert_int_equal(r->sum.lost, lost);
	assert_int_equal(r->sum.ended, ended);
	assert_int_equal(r->sum.last_id, last_id);
}

/* Nothing of a flow is there, in any table. */
static void assert_gone(struct rig *r, uint64_t id)
{
	static const char *const tables[] = {"hops", "drops", "cookies", "tunnels"};
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM exchanges WHERE id = %u", (unsigned)id);
	assert_asked(r, sql, "0");
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE exchange_id = %u", tables[i], (unsigned)id);
		assert_asked(r, sql, "0");
	}
}

/* All numbers of flows around those that fit into a statement, and into the queue. */
static void test_many(void **state)
{
	struct rig *r = *state;
	struct batch b = {.n = 0};

	for (uint64_t n = 0, id = 1; n < (uint64_t)2 * ROWS_AT_ONCE + 2; id += n++) {
		add_own(&b, id, id + n);
		write_batch(r, &b);
		assert_sum(r, 0, (int64_t)n, n > 0 ? id + n - 1 : 0);
		assert_own(r, (int64_t)(id + n) - 1);
	}
	exec(r, "DELETE FROM exchanges; DELETE FROM hops; DELETE FROM drops; DELETE FROM cookies");
	add_own(&b, 500, 500 + MANY);
	write_batch(r, &b);
	assert_own(r, MANY);
	assert_sum(r, 0, MANY, 499 + MANY);
	assert_asked(r,
		"SELECT count(DISTINCT change) FROM exchanges WHERE change - id = (SELECT max(change - id) FROM exchanges)",
		"69");
	assert_asked(r, "SELECT flows FROM identities", "222");
}

/* Of a chain that does not fit either. */
static void test_many_hops(void **state)
{
	enum { HOPS = 3 * WRITER_QUEUE_FLOWS + 3 };
	struct rig *r = *state;
	struct batch b = {.n = 0};
	struct hop_facts hops[HOPS];
	struct flow_fixture f;

	fixture_init(&f, 1000);
	for (unsigned i = 0; i < HOPS; i++) {
		hops[i] = f.hops[i % 2];
		hops[i].number = i + 1;
		hops[i].delay_us = 1000 * (i + 1);
		hops[i].next = i + 1 < HOPS ? &hops[i + 1] : NULL;
	}
	f.x.hops = hops;
	f.x.hops_n = HOPS;
	add_own(&b, 1, 4);
	add(&b, flow_record(&f, OUTCOME_DELIVERED));
	add_own(&b, 4, 7);
	write_batch(r, &b);
	assert_own(r, 6);
	assert_asked(r, "SELECT count(*) FROM hops WHERE exchange_id = 1000 AND delay_us = 1000 * number", "99");
	assert_asked(r, "SELECT count(*) FROM cookies WHERE exchange_id = 1000", "100");
}

/* Tunnels, which have no hops, between others. */
static void test_tunnels(void **state)
{
	struct rig *r = *state;
	struct batch b = {.n = 0};
	struct flow_fixture f;

	for (uint64_t id = 1; id <= MANY; id++) {
		add_own(&b, id, id + 1);
		fixture_init(&f, 1000 + id);
		fixture_tunnel(&f);
		f.x.tunnel.up_bytes = id;
		add(&b, flow_record(&f, id % 3 == 0 ? OUTCOME_PENDING : OUTCOME_DELIVERED));
	}
	write_batch(r, &b);
	assert_own(r, MANY);
	assert_asked(r,
		"SELECT count(*) FROM exchanges e JOIN tunnels t ON t.exchange_id = e.id WHERE t.up_bytes = e.id - 1000", "69");
	assert_sum(r, 0, 2 * MANY - MANY / 3, 1000 + MANY);
}

/* In flight, then ended, in one batch; also where the record does not say that there was one before. */
static void test_twice_in_a_batch(void **state)
{
	struct rig *r = *state;
	struct batch b = {.n = 0};

	for (int is_again = 0; is_again < 2; is_again++) {
		uint64_t id = is_again ? 100 : 1;

		add_own(&b, id, id + 3);
		add(&b, own_record(id + 3, OUTCOME_PENDING));
		add(&b, own_record(id + 4, OUTCOME_PENDING));
		add_growing(&b, 1000 + id, false);
		add_own(&b, id + 5, id + 8);
		add(&b, own_record(id + 3, OUTCOME_DELIVERED))->is_again = is_again;
		add(&b, own_record(id + 4, OUTCOME_DELIVERED))->is_again = is_again;
		add_growing(&b, 1000 + id, true);
		add_own(&b, id + 8, id + 8 + WRITER_QUEUE_FLOWS);
		write_batch(r, &b);
		assert_own(r, (is_again + 1) * (8 + WRITER_QUEUE_FLOWS));
		assert_sum(r, 0, 9 + WRITER_QUEUE_FLOWS, 1000 + id);
		assert_string_equal(body(r), "begin and end");
	}
	assert_asked(r, "SELECT flows FROM identities", "80");
}

/* The same over two batches, with its body in pieces. */
static void test_over_batches(void **state)
{
	struct rig *r = *state;
	struct batch b = {.n = 0};

	for (uint64_t id = 1; id <= MANY; id++)
		add(&b, own_record(id, OUTCOME_PENDING));
	add_growing(&b, 1000, false);
	write_batch(r, &b);
	assert_string_equal(body(r), "begin");
	assert_sum(r, 0, 0, 1000);
	assert_asked(r, "SELECT count(*) FROM exchanges WHERE ended_us IS NULL AND outcome = 'pending'", "70");
	for (uint64_t id = 1; id <= MANY; id += 2) {
		struct flow_fixture f;

		fixture_init(&f, id);
		add(&b, flow_record(&f, OUTCOME_DELIVERED))->is_again = true;
		add_own(&b, 200 + id, 201 + id);
	}
	add_growing(&b, 1000, true);
	write_batch(r, &b);
	assert_string_equal(body(r), "begin and end");
	assert_sum(r, 0, 71, 1000);
	assert_asked(r, "SELECT count(*) FROM exchanges WHERE ended_us IS NOT NULL", "71");
	assert_asked(r, "SELECT count(*) FROM exchanges WHERE ended_us IS NULL AND id % 2 = 0", "34");
	assert_asked(r, "SELECT count(*) || ' ' || count(response_body_id) FROM hops", "209 36");
	assert_asked(r, "SELECT count(*) FROM exchanges WHERE id < 200 AND url = 'http://example.com/a?b=c'", "35");
}

/* Ids that are there, though no record says so: those flows are replaced, and nothing is lost or counted twice. */
static void test_there_already(void **state)
{
	struct rig *r = *state;
	struct batch b = {.n = 0};
	struct flow_fixture f;

	fixture_init(&f, 3);
	f.hops[1].identity = NULL;
	put(r, flow_record(&f, OUTCOME_PENDING), false);
	fixture_tunnel(&f);
	f.x.id = 9;
	put(r, flow_record(&f, OUTCOME_PENDING), false);
	add_own(&b, 1, MANY + 1);
	write_batch(r, &b);
	assert_own(r, MANY);
	assert_sum(r, 0, MANY, MANY);
	assert_asked(r, "SELECT count(*) FROM tunnels", "0");
	assert_asked(r, "SELECT flows FROM identities", "69");
	assert_asked(r, "SELECT count(*) FROM bodies", "69");
}

enum too_large { LARGE_EXCHANGE, LARGE_HOP, LARGE_DROP, LARGE_IDENTITY, LARGE_TUNNEL, LARGES };

/* A row that is larger than the database takes. */
static struct record *large_record(uint64_t id, enum too_large which)
{
	static char text[LONG + 1];
	struct str s = {text, LONG};
	struct flow_fixture f;

	memset(text, 'x', LONG);
	fixture_init(&f, id);
	if (which == LARGE_EXCHANGE) {
		f.x.url = f.x.final_url = s;
	} else if (which == LARGE_HOP) {
		f.hops[1].url = f.hops[1].cookies = s;
	} else if (which == LARGE_DROP) {
		f.drops[1].name = s;
		f.drops[1].why = text;
	} else if (which == LARGE_IDENTITY) {
		f.identity.host = STR("large.example");
		f.identity.subject = f.identity.chain = text;
	} else {
		fixture_tunnel(&f);
		f.x.tunnel.why = text;
		snprintf(f.x.tunnel.hello.ja4, sizeof(f.x.tunnel.hello.ja4), "%s", "x");
	}
	return flow_record(&f, OUTCOME_DELIVERED);
}

/* Only what is too large is lost, and nothing of it stays, not even of what was there before. */
static void test_too_large(void **state)
{
	struct rig *r = *state;
	struct batch b = {.n = 0};

	for (int which = 0; which < LARGES; which++) {
		uint64_t first = 1 + 100 * (uint64_t)which, id = 1000 + (uint64_t)which;

		sqlite3_limit(r->db, SQLITE_LIMIT_LENGTH, which == LARGE_TUNNEL ? LONG : LENGTH);
		for (int is_again = 0; is_again < 2; is_again++) {
			put(r, own_record(id, OUTCOME_PENDING), false);
			add_own(&b, first + 50 * is_again, first + 50 * is_again + 5);
			add(&b, large_record(id, (enum too_large)which))->is_again = is_again;
			add_own(&b, first + 50 * is_again + 5, first + 50 * is_again + 10);
			write_batch(r, &b);
			assert_sum(r, 1, 10, first + 50 * is_again + 9);
			assert_gone(r, id);
			assert_own(r, 20 * which + 10 * (is_again + 1));
		}
	}
	assert_asked(r, "SELECT count(*) FROM bodies WHERE sha256 IS NULL AND used_until > 0", "0");
}

/* Flows without secrets between others, and in place of what was written of them before. */
static void test_redacted_between(void **state)
{
	struct rig *r = *state;
	struct batch b = {.n = 0};

	for (uint64_t id = 1; id <= MANY; id++) {
		struct flow_fixture f;

		add_own(&b, id, id + 1);
		fixture_init(&f, 1000 + id / 2);
		f.x.url = STR("http://example.com/?token=" SECRET);
		f.hops[0].url = f.hops[1].url = f.x.url;
		add(&b, flow_record(&f, OUTCOME_DELIVERED))->is_again = id % 2 == 1;
		b.is_redacted[b.n - 1] = id % 4 != 0;
	}
	write_batch(r, &b);
	assert_own(r, MANY);
	assert_asked(r, "SELECT count(*) FROM exchanges WHERE id >= 1000", "35");
	assert_asked(r, "SELECT count(*) FROM exchanges WHERE url LIKE '%token=redacted-%'", "35");
	assert_asked(r, "SELECT count(*) FROM hops WHERE url LIKE '%token=redacted-%'", "70");
}

/* The database has no room in the middle of a batch: it is undone, and the same one can come again. */
static void test_full(void **state)
{
	struct rig *r = *state;
	struct batch b = {.n = 0};
	char sql[64];
	int rc;

	add_own(&b, 500, 510);
	write_batch(r, &b);
	add_own(&b, 1, MANY + 1);
	for (int64_t spare = 0; spare < 40; spare++) {
		snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %d", (int)(ask_number(r, "PRAGMA page_count") + spare));
		ask_number(r, sql);
		rc = try_batch(r, &b);
		assert_true(rc == SQLITE_OK || rc == SQLITE_FULL);
		assert_true(rc == SQLITE_FULL || spare > 10);
		if (sqlite3_get_autocommit(r->db))
			writer_undo(r->writer);
		else
			roll_back(r);
		assert_asked(r, "SELECT count(*) FROM exchanges", "10");
		assert_asked(r, "SELECT count(*) FROM hops", "20");
	}
	ask_number(r, "PRAGMA max_page_count = 1000000");
	write_batch(r, &b);
	assert_own(r, MANY + 10);
	assert_sum(r, 0, MANY, MANY);
}

/* A random number below n. */
static unsigned draw(uint32_t *seed, unsigned n)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % n;
}

/* One of all kinds of flows; ret_hops: how many it is to have; -1: it is too large. */
static struct record *random_record(uint32_t *seed, uint64_t id, int *ret_hops)
{
	struct flow_fixture f;

	switch (draw(seed, 12)) {
	case 0:
		*ret_hops = -1;
		return large_record(id, (enum too_large)draw(seed, LARGE_TUNNEL));
	case 1:
		fixture_init(&f, id);
		fixture_tunnel(&f);
		*ret_hops = 0;
		return flow_record(&f, OUTCOME_DELIVERED);
	case 2:
		fixture_typed(&f, id, "text/plain");
		*ret_hops = 1;
		return flow_record(&f, OUTCOME_PENDING);
	default:
		*ret_hops = 2;
		return own_record(id, draw(seed, 3) == 0 ? OUTCOME_PENDING : OUTCOME_DELIVERED);
	}
}

/* Whatever comes in whatever order: of each flow what came last. */
static void test_random(void **state)
{
	enum { IDS = 300, BATCHES = 60 };
	struct rig *r = *state;
	struct batch b = {.n = 0};
	int hops[IDS + 1];
	uint32_t seed = 12345;
	char sql[192], expected[32];

	sqlite3_limit(r->db, SQLITE_LIMIT_LENGTH, LENGTH);
	memset(hops, 0xff, sizeof(hops)); /* -1: it is not there */
	for (int i = 0; i < BATCHES; i++) {
		size_t lost = 0;

		for (unsigned n = draw(&seed, 2 * WRITER_QUEUE_FLOWS); n > 0; n--) {
			uint64_t id = 1 + draw(&seed, IDS);
			bool is_again = draw(&seed, 8) != 0 && hops[id] >= 0;

			add(&b, random_record(&seed, id, &hops[id]))->is_again = is_again;
			b.is_redacted[b.n - 1] = draw(&seed, 4) == 0;
			lost += hops[id] < 0;
		}
		write_batch(r, &b);
		assert_int_equal(r->sum.lost, lost);
	}
	for (unsigned id = 1; id <= IDS; id++) {
		snprintf(sql, sizeof(sql),
			"SELECT (SELECT count(*) FROM exchanges WHERE id = %u) || ' ' || (SELECT count(*) FROM hops"
			" WHERE exchange_id = %u) || ' ' || (SELECT count(*) FROM tunnels WHERE exchange_id = %u)",
			id, id, id);
		snprintf(expected, sizeof(expected), "%d %d %d", hops[id] >= 0, hops[id] > 0 ? hops[id] : 0, hops[id] == 0);
		assert_asked(r, sql, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_many),
		RIG_TEST(test_many_hops),
		RIG_TEST(test_tunnels),
		RIG_TEST(test_twice_in_a_batch),
		RIG_TEST(test_over_batches),
		RIG_TEST(test_there_already),
		RIG_TEST(test_too_large),
		RIG_TEST(test_redacted_between),
		RIG_TEST(test_full),
		RIG_TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
