/* For tests of uploads: a client's stream that is fed by the test, and hops' streams that keep what they were sent. */
#ifndef VIADUCT_TESTS_UPLOAD_RIG_H
#define VIADUCT_TESTS_UPLOAD_RIG_H

#include "core/upload.h"

#include "spool_rig.h"

enum { HOPS = 4, MEMORY_LIMIT = 50000, LIMIT = 4000000 };

struct sink {
	struct stream s;
	struct bufq got;
	size_t room; /* what it takes until it is given more */
	unsigned ends;
	const struct fields *trailers;
};

struct upload_rig {
	struct spool_rig spool;
	struct message head;
	struct stream d;
	unsigned took; /* calls of stream_took(d) */
	uint64_t fed;
	uint64_t shown; /* of the body, to on_piece, for the present hop */
	struct sink sinks[HOPS];
	struct upload u;
};

static struct sink *sink_of(const struct stream *s)
{
	return (struct sink *)(void *)(uintptr_t)s;
}

static size_t sink_room(const struct stream *s)
{
	return sink_of(s)->room;
}

static size_t sink_send(struct stream *s, struct bufq *from, size_t max)
{
	struct sink *k = sink_of(s);
	size_t n = bufq_move(&k->got, from, max < k->room ? max : k->room);

	k->room -= n;
	return n;
}

static void sink_end(struct stream *s, const struct fields *trailers)
{
	sink_of(s)->ends++;
	sink_of(s)->trailers = trailers;
}

static void source_took(struct stream *s)
{
	((struct upload_rig *)s->owner)->took++;
}

static const struct stream_ops sink_ops = {.room = sink_room, .send = sink_send, .end = sink_end};
static const struct stream_ops source_ops = {.took = source_took};

/* A client that sends a chunked body; the hops take all they are offered. */
static inline void upload_rig_up(struct upload_rig *r)
{
	*r = (struct upload_rig){.d.ops = &source_ops, .d.framing.kind = BODY_CHUNKED};
	spool_rig_up(&r->spool);
	r->d.owner = r;
	r->d.head = &r->head;
	bufq_init(&r->d.in, r->spool.pool);
	for (int i = 0; i < HOPS; i++) {
		r->sinks[i].s.ops = &sink_ops;
		r->sinks[i].room = SIZE_MAX;
		bufq_init(&r->sinks[i].got, r->spool.pool);
	}
}

/* Each byte is shown once, in order. The owner is the rig's first member. */
static inline void on_upload_piece(void *owner, struct str piece)
{
	struct upload_rig *r = owner;

	for (size_t i = 0; i < piece.len; i++) {
		if (piece.p[i] != pattern(r->shown + i))
			fail_msg("byte %llu was shown wrong", (unsigned long long)(r->shown + i));
	}
	r->shown += piece.len;
}

static inline struct upload_needs upload_rig_needs(struct upload_rig *r)
{
	return (struct upload_needs){
		.d = &r->d,
		.pool = r->spool.pool,
		.loop = r->spool.loop,
		.spooler = r->spool.spooler,
		.memory_limit = MEMORY_LIMIT,
		.limit = LIMIT,
		.on_change = on_spool_change,
		.on_piece = on_upload_piece,
		.owner = &r->spool,
	};
}

static inline void upload_rig_init(struct upload_rig *r)
{
	struct upload_needs needs = upload_rig_needs(r);

	upload_init(&r->u, &needs);
}

/* As most tests begin. */
static inline void upload_rig_begin(struct upload_rig *r)
{
	upload_rig_up(r);
	upload_rig_init(r);
}

static inline void upload_rig_down(struct upload_rig *r)
{
	upload_fini(&r->u);
	upload_fini(&r->u);
	bufq_clear(&r->d.in);
	for (int i = 0; i < HOPS; i++)
		bufq_clear(&r->sinks[i].got);
	spool_rig_down(&r->spool);
}

/* The client sends n bytes more. */
static inline void feed(struct upload_rig *r, size_t n)
{
	pattern_put(&r->d.in, r->fed, n);
	r->d.in_bytes += n;
	r->fed += n;
}

/* As feed, but a piece at a time that is taken at once where it can be; turns the loop when it cannot. */
static inline void feed_through(struct upload_rig *r, uint64_t n)
{
	while (n > 0) {
		size_t part = n < 100000 ? (size_t)n : 100000;

		feed(r, part);
		n -= part;
		upload_run(&r->u);
		while (r->u.to != NULL && r->d.in.len > 0) {
			loop_turn(r->spool.loop, 100);
			upload_run(&r->u);
		}
	}
}

/* The next hop takes it. */
static inline struct sink *begin_hop(struct upload_rig *r, unsigned i)
{
	r->shown = 0;
	upload_start(&r->u, &r->sinks[i].s);
	upload_run(&r->u);
	return &r->sinks[i];
}

/* As the exchange does: runs whenever the file has changed. */
#define RUN_UNTIL(r, condition) TURN_UNTIL((r)->spool.loop, (upload_run(&(r)->u), (condition)))

/* Turns until the file has all that it was given. */
static inline void settle(struct upload_rig *r)
{
	RUN_UNTIL(r, r->u.file == NULL || spool_file_unwritten(r->u.file) == 0);
}

/* The hop got the whole body and its end. */
static inline void expect_whole(const struct upload_rig *r, const struct sink *k)
{
	assert_true(r->u.is_ended);
	assert_int_equal(k->ends, 1);
	assert_ptr_equal(k->trailers, &r->head.trailers);
	assert_int_equal(r->u.moved_bytes, r->fed);
	assert_int_equal(r->shown, r->fed);
	pattern_expect(&k->got, 0, (size_t)r->fed);
}

/* The client ends its body, and the hop has it all at once. */
static inline void end_body(struct upload_rig *r, const struct sink *k)
{
	r->d.in_end = true;
	upload_run(&r->u);
	expect_whole(r, k);
}

#endif
