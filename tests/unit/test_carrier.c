/* A transport over a raw stream: bytes both ways, what is waited for, the end from either side. */
#include "core/carrier.h"

#include <stdlib.h>

#include "heads.h"

struct rig {
	struct loop *loop;
	struct bufpool *pool;
	struct stream s;
	struct bufq sent;
	size_t room;
	unsigned took, ends, closes, calls;
	unsigned ready; /* of all calls since it was cleared */
	bool is_aborted;
	struct transport *t;
};

static struct rig *rig_of(const struct stream *s)
{
	return s->owner;
}

static size_t fake_room(const struct stream *s)
{
	return rig_of(s)->room;
}

static size_t fake_send(struct stream *s, struct bufq *from, size_t max)
{
	return bufq_move(&rig_of(s)->sent, from, max);
}

static void fake_end(struct stream *s, const struct fields *trailers)
{
	(void)trailers;
	s->out_end = true;
	rig_of(s)->ends++;
}

static void fake_took(struct stream *s)
{
	rig_of(s)->took++;
}

static const struct stream_ops fake_ops = {.room = fake_room, .send = fake_send, .end = fake_end, .took = fake_took};

static size_t on_queued(void *owner)
{
	(void)owner;
	return 7;
}

static void on_close(void *owner, bool abort)
{
	struct rig *r = owner;

	r->closes++;
	r->is_aborted = abort;
	r->t = NULL;
}

static void on_ready(void *owner, unsigned ready)
{
	struct rig *r = owner;

	r->calls++;
	r->ready |= ready;
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct carrier_needs needs = {.stream = &r->s, .queued = on_queued, .on_close = on_close, .owner = r};

	r->loop = needs.loop = loop_new();
	r->pool = needs.pool = bufpool_new(0);
	r->s.ops = &fake_ops;
	r->s.owner = r;
	bufq_init(&r->s.in, r->pool);
	bufq_init(&r->sent, r->pool);
	r->room = 65536;
	r->t = carrier_new(&needs);
	r->t->on_ready = on_ready;
	r->t->owner = r;
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	if (r->t != NULL)
		transport_close(r->t, true);
	bufq_clear(&r->s.in);
	bufq_clear(&r->sent);
	loop_free(r->loop);
	bufpool_free(r->pool);
	free(r);
	return 0;
}

/* One turn; what the carrier told meanwhile. */
static unsigned turn(struct rig *r)
{
	r->ready = 0;
	loop_turn(r->loop, 0);
	return r->ready;
}

static void test_reads(void **state)
{
	struct rig *r = *state;
	struct bufq got;
	size_t n = 0;

	bufq_init(&got, r->pool);
	assert_int_equal(transport_read(r->t, &got, 100, &n), IO_AGAIN);
	bufq_append_str(&r->s.in, STR("hello"));
	assert_int_equal(transport_read(r->t, &got, 2, &n), IO_DONE);
	assert_int_equal(n, 2);
	assert_int_equal(r->s.in.len, 3);
	assert_int_equal(r->took, 1);
	assert_int_equal(transport_read(r->t, &got, 100, &n), IO_DONE);
	assert_true(str_eq(bufq_front(&got), STR("hello")));
	/* What came before the end is read before it is told of. */
	bufq_append_str(&r->s.in, STR("!"));
	r->s.in_end = true;
	assert_int_equal(transport_read(r->t, &got, 100, &n), IO_DONE);
	assert_int_equal(transport_read(r->t, &got, 100, &n), IO_EOF);
	assert_false(transport_is_broken(r->t));
	r->s.error = ERR_cancelled;
	assert_int_equal(transport_read(r->t, &got, 100, &n), IO_FAILED);
	assert_int_equal(r->t->error, ERR_origin_closed);
	assert_true(transport_is_broken(r->t));
	bufq_clear(&got);
}

static void test_writes_as_far_as_there_is_room(void **state)
{
	struct rig *r = *state;
	struct bufq q;
	size_t n = 0;

	bufq_init(&q, r->pool);
	bufq_append_str(&q, STR("0123456789"));
	r->room = 0;
	assert_int_equal(transport_write(r->t, &q, &n), IO_AGAIN);
	assert_int_equal(q.len, 10);
	r->room = 4;
	assert_int_equal(r->t->ops->writev(r->t, &(struct iovec){(char *)"abcdef", 6}, 1, &n), IO_DONE);
	assert_int_equal(n, 4);
	assert_true(str_eq(bufq_front(&r->sent), STR("abcd")));
	r->room = 100;
	assert_int_equal(transport_write(r->t, &q, &n), IO_DONE);
	assert_int_equal(r->sent.len, 14);
	r->s.error = ERR_cancelled;
	bufq_append_str(&q, STR("x"));
	assert_int_equal(transport_write(r->t, &q, &n), IO_FAILED);
	assert_int_equal(transport_queued(r->t), 7);
	bufq_clear(&q);
}

static void test_tells_what_is_waited_for(void **state)
{
	struct rig *r = *state;

	r->room = 0;
	transport_watch(r->t, READY_READ | READY_WRITE);
	assert_int_equal(turn(r), 0);
	bufq_append_str(&r->s.in, STR("x"));
	carrier_wake(r->t);
	assert_int_equal(turn(r), READY_READ);
	r->room = 10;
	carrier_wake(r->t);
	assert_int_equal(turn(r), READY_READ | READY_WRITE);
	transport_watch(r->t, READY_WRITE);
	assert_int_equal(turn(r), READY_WRITE);
	/* Nothing is waited for: silence, but for a break. */
	transport_watch(r->t, 0);
	carrier_wake(r->t);
	assert_int_equal(turn(r), 0);
	r->s.error = ERR_cancelled;
	carrier_wake(r->t);
	assert_int_equal(turn(r), READY_READ);
}

static void test_end_is_readable(void **state)
{
	struct rig *r = *state;

	transport_watch(r->t, READY_READ);
	assert_int_equal(turn(r), 0);
	r->s.in_end = true;
	carrier_wake(r->t);
	assert_int_equal(turn(r), READY_READ);
}

static void test_closed_in_order(void **state)
{
	struct rig *r = *state;

	transport_shut(r->t);
	transport_shut(r->t);
	assert_int_equal(r->ends, 1);
	transport_watch(r->t, READY_READ);
	bufq_append_str(&r->s.in, STR("x"));
	carrier_wake(r->t);
	transport_close(r->t, false);
	assert_int_equal(r->ends, 1);
	assert_int_equal(r->closes, 1);
	assert_false(r->is_aborted);
	assert_int_equal(turn(r), 0);
}

static void test_close_ends_the_stream(void **state)
{
	struct rig *r = *state;

	transport_close(r->t, false);
	assert_int_equal(r->ends, 1);
	assert_int_equal(r->closes, 1);
}

static void test_aborted(void **state)
{
	struct rig *r = *state;

	transport_close(r->t, true);
	assert_int_equal(r->ends, 0);
	assert_true(r->is_aborted);
}

/* The stream goes first: whoever stands on the carrier is told, and nothing reaches the stream any more. */
static void test_cut(void **state)
{
	struct rig *r = *state;
	struct bufq q;
	size_t n = 0;

	bufq_init(&q, r->pool);
	bufq_append_str(&q, STR("x"));
	carrier_cut(r->t);
	memset(&r->s.ops, 0, sizeof(r->s.ops));
	assert_int_equal(turn(r), READY_READ);
	assert_int_equal(transport_read(r->t, &q, 10, &n), IO_FAILED);
	assert_int_equal(transport_write(r->t, &q, &n), IO_FAILED);
	assert_int_equal(transport_queued(r->t), 0);
	transport_shut(r->t);
	transport_close(r->t, false);
	r->t = NULL;
	assert_int_equal(r->closes, 0);
	bufq_clear(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writes_as_far_as_there_is_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tells_what_is_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_is_readable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_ends_the_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(test_aborted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
