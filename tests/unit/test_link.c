/* Links: a codec that records what it is told, over transports in memory. */
#include "core/link.h"

#include "base/mem.h"
#include "heads.h"
#include "net/memory.h"

struct fake_codec {
	struct codec codec;
	char fed[256];
	size_t keep;           /* bytes that it leaves in the queue, and wants no more then */
	unsigned eofs, flushes;
	enum error eof_error;
	bool wants_input, is_idle, is_done;
};

struct rig {
	struct loop *loop;
	struct bufpool *pool;
	struct link_budget budget;
	struct transport *ends[2]; /* the link's, the test's */
	struct link link;
	struct fake_codec *codec;
	unsigned updates, over;
	bool is_far_closed;
};

static void fake_feed(struct codec *c, struct bufq *in)
{
	struct fake_codec *f = (struct fake_codec *)(void *)c;
	size_t n = strlen(f->fed), take = in->len > f->keep ? in->len - f->keep : 0;

	if (take > sizeof(f->fed) - 1 - n)
		take = sizeof(f->fed) - 1 - n;
	bufq_copy(in, 0, f->fed + n, take);
	f->fed[n + take] = '\0';
	bufq_drain(in, in->len > f->keep ? in->len - f->keep : 0);
	if (f->keep > 0)
		f->wants_input = in->len == 0;
}

static void fake_eof(struct codec *c, enum error error)
{
	struct fake_codec *f = (struct fake_codec *)(void *)c;

	f->eofs++;
	f->eof_error = error;
}

static void fake_flushed(struct codec *c)
{
	((struct fake_codec *)(void *)c)->flushes++;
}

static bool fake_wants_input(const struct codec *c)
{
	return ((const struct fake_codec *)(const void *)c)->wants_input;
}

static bool fake_is_idle(const struct codec *c)
{
	return ((const struct fake_codec *)(const void *)c)->is_idle;
}

static bool fake_is_done(const struct codec *c)
{
	return ((const struct fake_codec *)(const void *)c)->is_done;
}

static void fake_free(struct codec *c)
{
	bufq_clear(&c->out);
	mem_free(c);
}

static const struct codec_ops fake_codec_ops = {
	.feed = fake_feed,
	.eof = fake_eof,
	.flushed = fake_flushed,
	.wants_input = fake_wants_input,
	.is_idle = fake_is_idle,
	.is_done = fake_is_done,
	.free = fake_free,
};

static void on_update(void *owner)
{
	((struct rig *)owner)->updates++;
}

static void on_end(void *owner)
{
	((struct rig *)owner)->over++;
}

static const struct link_events events = {.on_update = on_update, .on_end = on_end};

static void rig_up(struct rig *r, enum link_role role, size_t room)
{
	*r = (struct rig){.loop = loop_new(), .pool = bufpool_new(0)};
	link_budget_init(&r->budget, r->pool, 1 << 20);
	memory_pair_new(r->loop, room, r->ends);
	link_init(&r->link, role, r->loop, r->ends[0], &r->budget, &events, r);
	r->codec = mem_calloc(1, sizeof(*r->codec));
	r->codec->codec.ops = &fake_codec_ops;
	r->codec->wants_input = true;
	bufq_init(&r->codec->codec.out, r->pool);
	r->link.codec = &r->codec->codec;
}

static void turns(struct rig *r)
{
	for (int i = 0; i < 8; i++)
		loop_turn(r->loop, 0);
}

static void far_close(struct rig *r, bool abort)
{
	transport_close(r->ends[1], abort);
	r->is_far_closed = true;
}

static void rig_down(struct rig *r)
{
	if (r->over == 0)
		link_end(&r->link, true);
	assert_int_equal(r->over, 1);
	if (!r->is_far_closed)
		far_close(r, true);
	link_fini(&r->link);
	loop_free(r->loop);
	bufpool_free(r->pool);
}

static void far_write(struct rig *r, const char *text)
{
	struct bufq q;
	size_t n;

	bufq_init(&q, r->pool);
	bufq_append_str(&q, str_of(text));
	assert_int_equal(transport_write(r->ends[1], &q, &n), IO_DONE);
}

/* All that the link wrote. */
static void far_expect(struct rig *r, const char *expected, enum io last)
{
	char text[256] = "";
	struct bufq q;
	enum io io;
	size_t n;

	bufq_init(&q, r->pool);
	do
		io = transport_read(r->ends[1], &q, 200, &n);
	while (io == IO_DONE);
	bufq_copy(&q, 0, text, sizeof(text) - 1);
	bufq_clear(&q);
	assert_string_equal(text, expected);
	assert_int_equal(io, last);
}

static void put_out(struct rig *r, const char *text)
{
	bufq_append_str(&r->codec->codec.out, str_of(text));
	link_wake(&r->link);
}

static void test_what_comes_is_fed(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	turns(&r);
	assert_true(r.updates > 0);
	far_write(&r, "hello ");
	far_write(&r, "world");
	turns(&r);
	assert_string_equal(r.codec->fed, "hello world");
	rig_down(&r);
}

static void test_nothing_is_read_that_the_codec_does_not_want(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.codec->wants_input = false;
	far_write(&r, "hello");
	turns(&r);
	assert_string_equal(r.codec->fed, "");
	r.codec->wants_input = true;
	link_wake(&r.link);
	turns(&r);
	assert_string_equal(r.codec->fed, "hello");
	rig_down(&r);
}

static void test_what_the_codec_left_is_offered_again(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_UPSTREAM, 4096);
	r.codec->keep = 3;
	far_write(&r, "hello");
	transport_shut(r.ends[1]);
	turns(&r);
	assert_string_equal(r.codec->fed, "he");
	/* The end comes behind the last byte, not beside it. */
	assert_int_equal(r.codec->eofs, 0);
	r.codec->keep = 0;
	r.codec->wants_input = true;
	link_wake(&r.link);
	turns(&r);
	assert_string_equal(r.codec->fed, "hello");
	assert_int_equal(r.codec->eofs, 1);
	assert_int_equal(r.codec->eof_error, ERR_none);
	rig_down(&r);
}

static void test_a_broken_origin_is_told_behind_its_bytes(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_UPSTREAM, 4096);
	r.codec->keep = 2;
	far_write(&r, "hello");
	turns(&r);
	far_close(&r, true);
	turns(&r);
	assert_int_equal(r.codec->eofs, 0);
	r.codec->keep = 0;
	r.codec->wants_input = true;
	link_wake(&r.link);
	turns(&r);
	assert_string_equal(r.codec->fed, "hello");
	assert_int_equal(r.codec->eofs, 1);
	assert_int_equal(r.codec->eof_error, ERR_origin_closed);
	rig_down(&r);
}

static void test_a_broken_client_is_told_at_once(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.codec->keep = 2;
	far_write(&r, "hello");
	turns(&r);
	far_close(&r, true);
	turns(&r);
	assert_int_equal(r.codec->eofs, 1);
	assert_true(r.codec->eof_error != ERR_none);
	rig_down(&r);
}

/* A client that went while nothing was to be read from it (its next request waits, or a tunnel is full) is missed all the same. */
static void test_a_client_that_breaks_while_nothing_is_wanted(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.codec->wants_input = false;
	turns(&r);
	far_close(&r, true);
	turns(&r);
	assert_int_equal(r.codec->eofs, 1);
	rig_down(&r);
}

static void test_out_is_written_as_room_comes(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4);
	put_out(&r, "hello world");
	turns(&r);
	assert_int_equal(r.codec->codec.out.len, 7);
	assert_int_equal(r.codec->flushes, 1);
	far_expect(&r, "hell", IO_AGAIN);
	turns(&r);
	far_expect(&r, "o wo", IO_AGAIN);
	turns(&r);
	far_expect(&r, "rld", IO_AGAIN);
	assert_int_equal(r.codec->codec.out.len, 0);
	rig_down(&r);
}

static void test_shut_waits_for_out(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_UPSTREAM, 4);
	r.link.is_busy = true;
	r.codec->codec.wants_shut = true;
	put_out(&r, "hello");
	turns(&r);
	far_expect(&r, "hell", IO_AGAIN);
	turns(&r);
	far_expect(&r, "o", IO_EOF);
	/* The other direction lives on. */
	far_write(&r, "yes");
	turns(&r);
	assert_string_equal(r.codec->fed, "yes");
	assert_int_equal(r.over, 0);
	rig_down(&r);
}

static void test_an_upstream_closes_when_all_is_written_and_nobody_is_busy(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_UPSTREAM, 4);
	r.link.is_busy = true;
	r.codec->codec.wants_close = true;
	put_out(&r, "hello");
	turns(&r);
	far_expect(&r, "hell", IO_AGAIN);
	turns(&r);
	far_expect(&r, "o", IO_AGAIN);
	turns(&r);
	assert_int_equal(r.over, 0);
	r.link.is_busy = false;
	link_wake(&r.link);
	turns(&r);
	assert_int_equal(r.over, 1);
	far_expect(&r, "", IO_EOF);
	rig_down(&r);
}

/* RFC 9112 section 9.6: a client that still sends gets its response all the same. */
static void test_a_client_is_read_on_for_a_while(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.codec->codec.wants_close = true;
	put_out(&r, "bye");
	turns(&r);
	far_expect(&r, "bye", IO_EOF);
	assert_int_equal(r.over, 0);
	far_write(&r, "more of a body that nobody wants");
	turns(&r);
	assert_string_equal(r.codec->fed, "");
	assert_int_equal(r.over, 0);
	transport_shut(r.ends[1]);
	turns(&r);
	assert_int_equal(r.over, 1);
	rig_down(&r);
}

static void test_a_silent_client_is_not_lingered_for_long(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.codec->codec.wants_close = true;
	link_wake(&r.link);
	for (int i = 0; i < 100 && r.over == 0; i++)
		loop_turn(r.loop, 100);
	assert_int_equal(r.over, 1);
	rig_down(&r);
}

static void test_a_client_that_has_ended_is_not_lingered_for(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	transport_shut(r.ends[1]);
	turns(&r);
	assert_int_equal(r.codec->eofs, 1);
	r.codec->is_done = true;
	put_out(&r, "bye");
	turns(&r);
	assert_int_equal(r.over, 1);
	far_expect(&r, "bye", IO_EOF);
	rig_down(&r);
}

static void test_abort_waits_for_the_busy_only(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4);
	r.link.is_busy = true;
	r.codec->codec.wants_abort = true;
	put_out(&r, "hello");
	turns(&r);
	assert_int_equal(r.over, 0);
	r.link.is_busy = false;
	link_wake(&r.link);
	turns(&r);
	assert_int_equal(r.over, 1);
	far_expect(&r, "hell", IO_FAILED);
	rig_down(&r);
}

/* An origin that takes no more of the request may have answered already. */
static void test_an_origin_that_takes_no_more_is_still_heard(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_UPSTREAM, 4096);
	turns(&r);
	far_write(&r, "413 too much");
	far_close(&r, true);
	put_out(&r, "body");
	turns(&r);
	assert_string_equal(r.codec->fed, "413 too much");
	assert_int_equal(r.codec->codec.out.len, 0);
	assert_true(r.codec->flushes > 0);
	assert_int_equal(r.codec->eofs, 1);
	rig_down(&r);
}

static void test_a_client_that_takes_no_more_is_gone(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.codec->wants_input = false;
	turns(&r);
	far_close(&r, false);
	put_out(&r, "answer");
	turns(&r);
	assert_int_equal(r.codec->eofs, 1);
	assert_int_equal(r.codec->eof_error, ERR_cancelled);
	rig_down(&r);
}

static void on_stall(void *owner)
{
	++*(unsigned *)owner;
}

static void test_a_spent_budget_stops_reading(void **state)
{
	unsigned stalls = 0;
	struct bufq hog;
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.budget.limit_bytes = 1000;
	r.budget.on_stall = on_stall;
	r.budget.owner = &stalls;
	bufq_init(&hog, r.pool);
	bufq_append_str(&hog, STR("one slab is too much"));
	assert_true(link_budget_is_spent(&r.budget));
	link_wake(&r.link);
	turns(&r);
	/* Somebody must look again later: the link itself has nothing that would wake it. */
	assert_int_equal(stalls, 1);
	far_write(&r, "hello");
	turns(&r);
	assert_string_equal(r.codec->fed, "");
	link_budget_check(&r.budget);
	turns(&r);
	assert_string_equal(r.codec->fed, "");
	bufq_clear(&hog);
	link_budget_check(&r.budget);
	turns(&r);
	assert_string_equal(r.codec->fed, "hello");
	assert_true(list_is_empty(&r.budget.stalled));
	rig_down(&r);
}

static void test_an_idle_link_reads_on_whatever_the_budget(void **state)
{
	struct bufq hog;
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.budget.limit_bytes = 1000;
	bufq_init(&hog, r.pool);
	bufq_append_str(&hog, STR("one slab is too much"));
	r.codec->is_idle = true;
	link_wake(&r.link);
	far_write(&r, "hello");
	turns(&r);
	assert_string_equal(r.codec->fed, "hello");
	bufq_clear(&hog);
	rig_down(&r);
}

static void test_a_stalled_link_may_end(void **state)
{
	struct bufq hog;
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.budget.limit_bytes = 1000;
	bufq_init(&hog, r.pool);
	bufq_append_str(&hog, STR("one slab is too much"));
	link_wake(&r.link);
	turns(&r);
	assert_false(list_is_empty(&r.budget.stalled));
	link_end(&r.link, false);
	link_end(&r.link, true);
	assert_int_equal(r.over, 1);
	assert_true(list_is_empty(&r.budget.stalled));
	link_wake(&r.link);
	bufq_clear(&hog);
	link_budget_check(&r.budget);
	turns(&r);
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_comes_is_fed),
		cmocka_unit_test(test_nothing_is_read_that_the_codec_does_not_want),
		cmocka_unit_test(test_what_the_codec_left_is_offered_again),
		cmocka_unit_test(test_a_broken_origin_is_told_behind_its_bytes),
		cmocka_unit_test(test_a_broken_client_is_told_at_once),
		cmocka_unit_test(test_a_client_that_breaks_while_nothing_is_wanted),
		cmocka_unit_test(test_out_is_written_as_room_comes),
		cmocka_unit_test(test_shut_waits_for_out),
		cmocka_unit_test(test_an_upstream_closes_when_all_is_written_and_nobody_is_busy),
		cmocka_unit_test(test_a_client_is_read_on_for_a_while),
		cmocka_unit_test(test_a_silent_client_is_not_lingered_for_long),
		cmocka_unit_test(test_a_client_that_has_ended_is_not_lingered_for),
		cmocka_unit_test(test_abort_waits_for_the_busy_only),
		cmocka_unit_test(test_an_origin_that_takes_no_more_is_still_heard),
		cmocka_unit_test(test_a_client_that_takes_no_more_is_gone),
		cmocka_unit_test(test_a_spent_budget_stops_reading),
		cmocka_unit_test(test_an_idle_link_reads_on_whatever_the_budget),
		cmocka_unit_test(test_a_stalled_link_may_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
