/* A link with a codec that records what it is told, over transports in memory. */
#ifndef VIADUCT_TESTS_LINK_RIG_H
#define VIADUCT_TESTS_LINK_RIG_H

#include "core/link.h"

#include "base/mem.h"
#include "heads.h"
#include "net/memory.h"

struct fake_codec {
	struct codec codec;
	char fed[256];
	size_t keep; /* bytes that it leaves in the queue, and wants no more then */
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

static inline void fake_feed(struct codec *c, struct bufq *in)
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

static inline void fake_eof(struct codec *c, enum error error)
{
	struct fake_codec *f = (struct fake_codec *)(void *)c;

	f->eofs++;
	f->eof_error = error;
}

static inline void fake_flushed(struct codec *c)
{
	((struct fake_codec *)(void *)c)->flushes++;
}

static inline bool fake_wants_input(const struct codec *c)
{
	return ((const struct fake_codec *)(const void *)c)->wants_input;
}

static inline bool fake_is_idle(const struct codec *c)
{
	return ((const struct fake_codec *)(const void *)c)->is_idle;
}

static inline bool fake_is_done(const struct codec *c)
{
	return ((const struct fake_codec *)(const void *)c)->is_done;
}

static inline void fake_free(struct codec *c)
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

static inline void on_update(void *owner)
{
	((struct rig *)owner)->updates++;
}

static inline void on_end(void *owner)
{
	((struct rig *)owner)->over++;
}

static const struct link_events events = {.on_update = on_update, .on_end = on_end};

static inline void rig_up(struct rig *r, enum link_role role, size_t room)
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

static inline void turns(struct rig *r)
{
	for (int i = 0; i < 8; i++)
		loop_turn(r->loop, 0);
}

static inline void far_close(struct rig *r, bool abort)
{
	transport_close(r->ends[1], abort);
	r->is_far_closed = true;
}

static inline void rig_down(struct rig *r)
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

static inline void far_write(struct rig *r, const char *text)
{
	struct bufq q;
	size_t n;

	bufq_init(&q, r->pool);
	bufq_append_str(&q, str_of(text));
	assert_int_equal(transport_write(r->ends[1], &q, &n), IO_DONE);
}

/* All that the link wrote. */
static inline void far_expect(struct rig *r, const char *expected, enum io last)
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

static inline void put_out(struct rig *r, const char *text)
{
	bufq_append_str(&r->codec->codec.out, str_of(text));
	link_wake(&r->link);
}

#endif
