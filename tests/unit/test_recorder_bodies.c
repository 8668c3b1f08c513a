/* The recorder's copies of bodies: pieces, limits, cuts, and what waits for the store. */
#include "recorder_rig.h"

#include "base/mem.h"

#include <string.h>

enum { MANY_SLOTS = 4096 };

/* A byte that tells where it stands. */
static char byte_at(uint64_t at)
{
	return (char)(at * 31 + (at >> 8));
}

static void begin(struct bench *b, struct flow_fixture *f, uint64_t id)
{
	fixture_init(f, id);
	b->o->on_begin(b->o->owner, &f->x);
}

/* Passes the bytes from `from` on, in one piece. */
static void pass(struct bench *b, struct flow_fixture *f, enum body_direction d, uint64_t from, size_t n)
{
	char *bytes = mem_alloc(n);

	for (size_t i = 0; i < n; i++)
		bytes[i] = byte_at(from + i);
	b->o->on_body(b->o->owner, &f->x, &f->hops[0], d, (struct str){bytes, n});
	mem_free(bytes);
}

/* What the store has seen of one body. */
struct seen {
	uint64_t bytes;
	enum body_cut cut;
	size_t largest, parts;
};

static void see(struct seen *s, const struct record *r, enum body_direction d)
{
	for (const struct body_part *p = r->parts; p; p = p->next) {
		if (p->direction != d || p->hop != 1)
			continue;
		assert_int_equal(s->cut, CUT_NONE);
		assert_int_equal(p->offset, s->bytes);
		for (size_t i = 0; i < p->len; i++)
			assert_int_equal(p->bytes[i], byte_at(p->offset + i));
		s->bytes += p->len;
		s->cut = p->cut;
		s->parts++;
		if (p->len > s->largest)
			s->largest = p->len;
	}
}

/* Takes all records that are there; returns how many. */
static size_t take_all(struct bench *b, struct seen *ret, enum body_direction d)
{
	struct record *r;
	size_t n = 0;

	while ((r = ring_pop(b->ring)) != NULL) {
		see(ret, r, d);
		record_free(r);
		n++;
	}
	return n;
}

static void test_small_body_is_one_record(void **state)
{
	struct flow_fixture f;
	struct bench b;
	struct seen down = {0};

	(void)state;
	bench_init(&b, MANY_SLOTS);
	begin(&b, &f, 1);
	pass(&b, &f, BODY_DOWN, 0, 700);
	pass(&b, &f, BODY_DOWN, 700, 700);
	b.o->on_end(b.o->owner, &f.x);
	assert_int_equal(take_all(&b, &down, BODY_DOWN), 1);
	assert_int_equal(down.bytes, 1400);
	assert_int_equal(down.parts, 1);
	bench_fini(&b);
}

/* Both directions of both sides are kept apart, and a response that was made here belongs to hop 0. */
static void test_bodies_are_kept_apart(void **state)
{
	struct flow_fixture f;
	struct bench b;
	struct record *r;
	size_t found = 0;

	(void)state;
	bench_init(&b, MANY_SLOTS);
	begin(&b, &f, 1);
	b.o->on_body(b.o->owner, &f.x, &f.hops[0], BODY_UP, STR("a"));
	b.o->on_body(b.o->owner, &f.x, &f.hops[0], BODY_DOWN, STR("bb"));
	b.o->on_body(b.o->owner, &f.x, &f.hops[1], BODY_UP, STR("ccc"));
	b.o->on_body(b.o->owner, &f.x, NULL, BODY_DOWN, STR("dddd"));
	b.o->on_end(b.o->owner, &f.x);
	r = ring_pop(b.ring);
	assert_non_null(r);
	for (const struct body_part *p = r->parts; p; p = p->next) {
		size_t expected = p->hop == 0 ? 4 : p->hop == 2 ? 3 : p->direction == BODY_DOWN ? 2 : 1;

		assert_int_equal(p->len, expected);
		found |= (size_t)1 << p->len;
	}
	assert_int_equal(found, 2 + 4 + 8 + 16);
	record_free(r);
	bench_fini(&b);
}

static void test_long_body_goes_in_parts(void **state)
{
	enum { PIECE = 10007, PIECES = 60 };
	struct flow_fixture f;
	struct bench b;
	struct seen up = {0};
	size_t before_end;

	(void)state;
	bench_init(&b, MANY_SLOTS);
	begin(&b, &f, 1);
	for (uint64_t i = 0; i < PIECES; i++)
		pass(&b, &f, BODY_UP, i * PIECE, PIECE);
	before_end = take_all(&b, &up, BODY_UP);
	assert_true(before_end >= PIECE * PIECES / BODY_PART_BYTES);
	assert_true(up.bytes >= PIECE * PIECES - BODY_PART_BYTES);
	b.o->on_end(b.o->owner, &f.x);
	take_all(&b, &up, BODY_UP);
	assert_int_equal(up.bytes, PIECE * PIECES);
	assert_true(up.largest <= BODY_PART_BYTES);
	assert_int_equal(up.cut, CUT_NONE);
	bench_fini(&b);
}

static void run_to_limit(uint64_t limit, uint64_t bytes, enum body_cut expected)
{
	const struct recorder_limits limits = {.body_limit = (int64_t)limit, .memory = 1 << 30};
	struct flow_fixture f;
	struct bench b;
	struct seen down = {0};

	bench_init_with(&b, MANY_SLOTS, &limits);
	begin(&b, &f, 1);
	for (uint64_t at = 0; at < bytes; at += 4096)
		pass(&b, &f, BODY_DOWN, at, bytes - at < 4096 ? bytes - at : 4096);
	b.o->on_end(b.o->owner, &f.x);
	take_all(&b, &down, BODY_DOWN);
	assert_int_equal(down.bytes, bytes < limit ? bytes : limit);
	assert_int_equal(down.cut, expected);
	assert_int_equal(atomic_load(&b.backlog.bodies_cut_limit), expected == CUT_LIMIT);
	bench_fini(&b);
}

static void test_limit(void **state)
{
	(void)state;
	run_to_limit(100000, 99999, CUT_NONE);
	run_to_limit(100000, 100000, CUT_NONE);
	run_to_limit(100000, 100001, CUT_LIMIT);
	run_to_limit(BODY_PART_BYTES, BODY_PART_BYTES, CUT_NONE);
	run_to_limit(BODY_PART_BYTES, BODY_PART_BYTES + 1, CUT_LIMIT);
	run_to_limit(1, 5000000, CUT_LIMIT);
	run_to_limit(0, 1, CUT_LIMIT);
}

/* What held when a body began holds to its end. */
static void run_change(int64_t first, int64_t then, uint64_t expected, enum body_cut cut)
{
	struct recorder_limits limits = {.body_limit = first, .memory = 1 << 30};
	struct flow_fixture f;
	struct bench b;
	struct seen down = {0};

	bench_init_with(&b, MANY_SLOTS, &limits);
	begin(&b, &f, 1);
	pass(&b, &f, BODY_DOWN, 0, 1000);
	limits.body_limit = then;
	recorder_set_limits(b.recorder, &limits);
	pass(&b, &f, BODY_DOWN, 1000, 1000);
	b.o->on_end(b.o->owner, &f.x);
	take_all(&b, &down, BODY_DOWN);
	assert_int_equal(down.bytes, expected);
	assert_int_equal(down.cut, cut);
	bench_fini(&b);
}

static void test_limit_changes(void **state)
{
	(void)state;
	run_change(0, 1 << 20, 0, CUT_LIMIT);
	run_change(1 << 20, 0, 2000, CUT_NONE);
	run_change(1500, 1 << 20, 1500, CUT_LIMIT);
}

static void test_no_bodies(void **state)
{
	const struct recorder_limits limits = {.body_limit = RECORDER_NO_BODIES, .memory = 1 << 30};
	struct flow_fixture f;
	struct bench b;
	struct record *r;

	(void)state;
	bench_init_with(&b, MANY_SLOTS, &limits);
	begin(&b, &f, 1);
	pass(&b, &f, BODY_DOWN, 0, 200000);
	b.o->on_end(b.o->owner, &f.x);
	r = ring_pop(b.ring);
	assert_non_null(r);
	assert_null(r->parts);
	assert_null(ring_pop(b.ring));
	record_free(r);
	bench_fini(&b);
}

/* What has come of a body that is still growing is seen with the flow. */
static void test_glimpse_tells_the_body(void **state)
{
	struct flow_fixture f;
	struct bench b;
	struct record *r;
	struct seen down = {0};

	(void)state;
	bench_init(&b, MANY_SLOTS);
	begin(&b, &f, 1);
	f.x.outcome = OUTCOME_PENDING;
	pass(&b, &f, BODY_DOWN, 0, 10);
	r = next_record(&b);
	assert_int_equal(r->kind, RECORD_FLOW);
	see(&down, r, BODY_DOWN);
	assert_int_equal(down.bytes, 10);
	record_free(r);
	pass(&b, &f, BODY_DOWN, 10, 5);
	f.x.response_body_bytes++;
	r = next_record(&b);
	see(&down, r, BODY_DOWN);
	assert_int_equal(down.bytes, 15);
	record_free(r);
	f.x.outcome = OUTCOME_DELIVERED;
	b.o->on_end(b.o->owner, &f.x);
	r = next_record(&b);
	assert_null(r->parts);
	record_free(r);
	bench_fini(&b);
}

/* wait: the worker is asked to pause at `memory`, no body is cut, and it goes on when half of it is written. */
static void test_wait(void **state)
{
	const struct recorder_limits limits = {.body_limit = 1 << 30, .memory = 1 << 20};
	struct flow_fixture f;
	struct bench b;
	struct seen down = {0};
	uint64_t at = 0;

	(void)state;
	bench_init_with(&b, MANY_SLOTS, &limits);
	begin(&b, &f, 1);
	for (; !b.is_over; at += 65536)
		pass(&b, &f, BODY_DOWN, at, 65536);
	assert_in_range(at, 1 << 20, (1 << 20) + 2 * 65536);
	for (uint64_t more = at + (1 << 20); at < more; at += 65536)
		pass(&b, &f, BODY_DOWN, at, 65536);
	assert_int_equal(b.overloads, 1);
	take_all(&b, &down, BODY_DOWN);
	for (int64_t until_us = clock_mono_us() + GIVE_UP_MS * INT64_C(1000); b.is_over && clock_mono_us() < until_us;)
		loop_turn(b.loop, TURN_MS);
	assert_false(b.is_over);
	b.o->on_end(b.o->owner, &f.x);
	take_all(&b, &down, BODY_DOWN);
	assert_int_equal(down.bytes, at);
	assert_int_equal(down.cut, CUT_NONE);
	bench_fini(&b);
}

/* The store is behind, and one exchange goes on: its body is cut at `expected` bytes that wait, about. */
static void run_cut(bool is_shedding, uint64_t expected, bool is_over)
{
	const struct recorder_limits limits = {.body_limit = 1 << 30, .memory = 1 << 20, .is_shedding = is_shedding};
	struct flow_fixture f;
	struct bench b;
	struct seen down = {0};

	bench_init_with(&b, MANY_SLOTS, &limits);
	begin(&b, &f, 1);
	for (uint64_t at = 0; at < 8 << 20; at += 65536)
		pass(&b, &f, BODY_DOWN, at, 65536);
	assert_int_equal(b.is_over, is_over);
	assert_int_equal(atomic_load(&b.backlog.bodies_cut_overload), 1);
	b.o->on_end(b.o->owner, &f.x);
	take_all(&b, &down, BODY_DOWN);
	assert_in_range(down.bytes, expected - 65536, expected + 2 * 65536);
	assert_int_equal(down.cut, CUT_OVERLOAD);
	bench_fini(&b);
}

static void test_shed_cuts_and_does_not_pause(void **state)
{
	(void)state;
	run_cut(true, 1 << 20, false);
}

static void test_wait_is_bounded(void **state)
{
	(void)state;
	run_cut(false, 4 << 20, true);
}

/* With many in flight the pieces are smaller. */
static void test_many_open(void **state)
{
	enum { FLOWS = 200 };
	static struct flow_fixture f[FLOWS];
	struct bench b;
	struct seen down = {0};

	(void)state;
	bench_init(&b, MANY_SLOTS);
	for (size_t i = 0; i < FLOWS; i++)
		begin(&b, &f[i], i + 1);
	pass(&b, &f[0], BODY_DOWN, 0, 50000);
	take_all(&b, &down, BODY_DOWN);
	assert_int_equal(down.bytes, 49152);
	assert_int_equal(down.largest, 16384);
	for (size_t i = 0; i < FLOWS; i++)
		b.o->on_end(b.o->owner, &f[i].x);
	take_all(&b, &down, BODY_DOWN);
	assert_int_equal(down.bytes, 50000);
	bench_fini(&b);
}

/* What a body weighs is what it holds of memory, and that is about what it needs, in however many pieces it came. */
static void test_weight(void **state)
{
	struct flow_fixture f;
	struct bench b;
	struct record *r;

	(void)state;
	bench_init(&b, MANY_SLOTS);
	begin(&b, &f, 1);
	pass(&b, &f, BODY_DOWN, 0, 16000);
	pass(&b, &f, BODY_DOWN, 16000, 1000);
	b.o->on_end(b.o->owner, &f.x);
	r = ring_pop(b.ring);
	assert_int_equal(r->parts->len, 17000);
	assert_in_range(r->parts->size, 17000, 17000 + 4096);
	assert_true(r->weight >= sizeof(*r) + sizeof(*r->parts) + r->parts->size);
	record_free(r);
	assert_int_equal(backlog_bytes(&b.backlog), 0);
	bench_fini(&b);
}

/* A record whose bodies are given up weighs less, and says why. */
static void test_cut_bodies(void **state)
{
	struct flow_fixture f;
	struct bench b;
	struct record *r;
	size_t before;

	(void)state;
	bench_init(&b, MANY_SLOTS);
	begin(&b, &f, 1);
	pass(&b, &f, BODY_DOWN, 0, 30000);
	b.o->on_end(b.o->owner, &f.x);
	r = ring_pop(b.ring);
	before = backlog_bytes(&b.backlog);
	record_cut_bodies(r, CUT_STORE);
	assert_int_equal(backlog_bytes(&b.backlog), before - 30000);
	assert_int_equal(r->parts->len, 0);
	assert_int_equal(r->parts->cut, CUT_STORE);
	record_free(r);
	bench_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_body_is_one_record),
		cmocka_unit_test(test_bodies_are_kept_apart),
		cmocka_unit_test(test_long_body_goes_in_parts),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_limit_changes),
		cmocka_unit_test(test_no_bodies),
		cmocka_unit_test(test_glimpse_tells_the_body),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_shed_cuts_and_does_not_pause),
		cmocka_unit_test(test_wait_is_bounded),
		cmocka_unit_test(test_many_open),
		cmocka_unit_test(test_weight),
		cmocka_unit_test(test_cut_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
