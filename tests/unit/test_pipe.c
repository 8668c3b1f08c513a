/* Pipes between two streams that do as the test says. */
#include "core/pipe.h"

#include "heads.h"

struct fake {
	struct stream s;
	struct bufq sent;  /* what went out by it */
	size_t room;       /* what it takes in all */
	size_t piece;      /* what it takes at a time; 0: any */
	bool is_satisfied; /* takes nothing, whatever its room */
	unsigned took, ends;
	const struct fields *trailers;
};

static struct fake *fake_of(const struct stream *s)
{
	return (struct fake *)(void *)(uintptr_t)s;
}

static size_t fake_room(const struct stream *s)
{
	return fake_of(s)->room;
}

static size_t fake_send(struct stream *s, struct bufq *from, size_t max)
{
	struct fake *f = fake_of(s);

	if (f->is_satisfied)
		return 0;
	if (f->piece != 0 && max > f->piece)
		max = f->piece;
	max = bufq_move(&f->sent, from, max);
	f->room -= max;
	return max;
}

static void fake_end(struct stream *s, const struct fields *trailers)
{
	fake_of(s)->ends++;
	fake_of(s)->trailers = trailers;
}

static void fake_took(struct stream *s)
{
	fake_of(s)->took++;
}

static const struct stream_ops fake_ops = {.room = fake_room, .send = fake_send, .end = fake_end, .took = fake_took};

struct rig {
	struct bufpool *pool;
	struct fake from, to;
	struct pipe pipe;
	char seen[64];
};

static void rig_up(struct rig *r)
{
	*r = (struct rig){.pool = bufpool_new(0), .from.s.ops = &fake_ops, .to.s.ops = &fake_ops, .to.room = SIZE_MAX};
	bufq_init(&r->from.s.in, r->pool);
	bufq_init(&r->to.sent, r->pool);
	r->pipe.from = &r->from.s;
	r->pipe.to = &r->to.s;
}

static void rig_down(struct rig *r)
{
	bufq_clear(&r->from.s.in);
	bufq_clear(&r->to.sent);
	bufpool_free(r->pool);
}

static void expect_sent(const struct rig *r, const char *expected)
{
	char text[64] = "";

	bufq_copy(&r->to.sent, 0, text, sizeof(text) - 1);
	assert_string_equal(text, expected);
}

static void test_bytes_move_and_the_reader_is_told(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r);
	pipe_run(&r.pipe);
	assert_int_equal(r.from.took, 0);
	bufq_append_str(&r.from.s.in, STR("hello"));
	pipe_run(&r.pipe);
	expect_sent(&r, "hello");
	assert_int_equal(r.pipe.moved_bytes, 5);
	assert_int_equal(r.from.took, 1);
	assert_int_equal(r.to.ends, 0);
	assert_false(r.pipe.is_ended);
	rig_down(&r);
}

static void test_the_writer_sets_the_pace(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r);
	r.to.room = 4;
	bufq_append_str(&r.from.s.in, STR("hello"));
	r.from.s.in_end = true;
	pipe_run(&r.pipe);
	expect_sent(&r, "hell");
	assert_true(pipe_is_blocked(&r.pipe));
	assert_int_equal(r.to.ends, 0);
	pipe_run(&r.pipe);
	assert_int_equal(r.from.took, 1);
	r.to.room = 9;
	assert_false(pipe_is_blocked(&r.pipe));
	pipe_run(&r.pipe);
	expect_sent(&r, "hello");
	assert_int_equal(r.from.took, 2);
	assert_int_equal(r.to.ends, 1);
	assert_true(r.pipe.is_ended);
	rig_down(&r);
}

static void test_a_writer_that_takes_little_at_a_time(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r);
	r.to.piece = 2;
	bufq_append_str(&r.from.s.in, STR("hello"));
	pipe_run(&r.pipe);
	expect_sent(&r, "hello");
	assert_int_equal(r.from.took, 1);
	rig_down(&r);
}

/* A writer with room that takes nothing (its length is used up) does not make the pipe spin, nor the end come early. */
static void test_a_writer_that_takes_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r);
	r.to.is_satisfied = true;
	bufq_append_str(&r.from.s.in, STR("hello"));
	r.from.s.in_end = true;
	pipe_run(&r.pipe);
	assert_int_equal(r.from.took, 0);
	assert_int_equal(r.to.ends, 0);
	rig_down(&r);
}

static void test_the_end_passes_once_with_trailers(void **state)
{
	struct message head = {.status = 200};
	struct rig r;

	(void)state;
	rig_up(&r);
	r.from.s.head = &head;
	r.from.s.in_end = true;
	pipe_run(&r.pipe);
	pipe_run(&r.pipe);
	assert_int_equal(r.to.ends, 1);
	assert_ptr_equal(r.to.trailers, &head.trailers);
	rig_down(&r);
}

static void test_a_raw_stream_has_no_trailers(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r);
	r.from.s.in_end = true;
	pipe_run(&r.pipe);
	assert_int_equal(r.to.ends, 1);
	assert_null(r.to.trailers);
	rig_down(&r);
}

/* What came before a stream broke is passed on; its end is not. */
static void test_a_broken_reader(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r);
	bufq_append_str(&r.from.s.in, STR("hel"));
	r.from.s.error = ERR_response_incomplete;
	r.from.s.in_end = true;
	pipe_run(&r.pipe);
	expect_sent(&r, "hel");
	assert_int_equal(r.to.ends, 0);
	assert_false(r.pipe.is_ended);
	rig_down(&r);
}

static void on_piece(void *owner, struct str piece)
{
	struct rig *r = owner;
	size_t n = strlen(r->seen);

	snprintf(r->seen + n, sizeof(r->seen) - n, "%.*s|", STR_ARG(piece));
}

static void test_each_piece_is_shown_before_it_moves(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r);
	r.pipe.on_piece = on_piece;
	r.pipe.owner = &r;
	r.to.room = 3;
	bufq_append_str(&r.from.s.in, STR("hello"));
	pipe_run(&r.pipe);
	assert_string_equal(r.seen, "hel|");
	r.to.room = 9;
	pipe_run(&r.pipe);
	assert_string_equal(r.seen, "hel|lo|");
	expect_sent(&r, "hello");
	rig_down(&r);
}

/* Over several slabs, and with no more shown than moves. */
static void test_a_long_body(void **state)
{
	char block[1000];
	struct rig r;

	(void)state;
	rig_up(&r);
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 100; i++)
		bufq_append(&r.from.s.in, block, sizeof(block));
	r.from.s.in_end = true;
	while (!r.pipe.is_ended) {
		r.to.room = 16383;
		pipe_run(&r.pipe);
	}
	assert_int_equal(r.to.sent.len, 100000);
	assert_int_equal(r.pipe.moved_bytes, 100000);
	assert_int_equal(r.from.took, 7);
	rig_down(&r);
}

static void test_half_a_pipe_moves_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r);
	bufq_append_str(&r.from.s.in, STR("hello"));
	r.pipe.to = NULL;
	pipe_run(&r.pipe);
	assert_false(pipe_is_blocked(&r.pipe));
	r.pipe.to = &r.to.s;
	r.pipe.from = NULL;
	pipe_run(&r.pipe);
	assert_false(pipe_is_blocked(&r.pipe));
	assert_int_equal(r.to.sent.len, 0);
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_move_and_the_reader_is_told),
		cmocka_unit_test(test_the_writer_sets_the_pace),
		cmocka_unit_test(test_a_writer_that_takes_little_at_a_time),
		cmocka_unit_test(test_a_writer_that_takes_nothing),
		cmocka_unit_test(test_the_end_passes_once_with_trailers),
		cmocka_unit_test(test_a_raw_stream_has_no_trailers),
		cmocka_unit_test(test_a_broken_reader),
		cmocka_unit_test(test_each_piece_is_shown_before_it_moves),
		cmocka_unit_test(test_a_long_body),
		cmocka_unit_test(test_half_a_pipe_moves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
