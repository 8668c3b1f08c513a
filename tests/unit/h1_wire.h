/* For tests and fuzzers of the HTTP/1.1 codecs: a codec with a queue on each side instead of a transport. */
#ifndef VIADUCT_TESTS_H1_WIRE_H
#define VIADUCT_TESTS_H1_WIRE_H

#include "base/arena.h"
#include "base/bufq.h"
#include "http/h1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wire {
	struct bufpool *pool;
	struct codec *codec;
	struct bufq in; /* read from the transport, not taken by the codec yet */
	struct stream *stream;
	struct arena *arena; /* of the client role */
	int streams, changes, activities;
};

static void wire_on_change(void *owner)
{
	((struct wire *)owner)->changes++;
}

static void wire_on_stream(void *owner, struct stream *s)
{
	struct wire *w = owner;

	w->stream = s;
	w->streams++;
	s->owner = w;
	s->on_change = wire_on_change;
}

static void wire_on_activity(void *owner)
{
	((struct wire *)owner)->activities++;
}

static const struct codec_events wire_events = {.on_stream = wire_on_stream, .on_activity = wire_on_activity};

static inline void wire_init(struct wire *w)
{
	*w = (struct wire){.pool = bufpool_new(1 << 20)};
	bufq_init(&w->in, w->pool);
}

static inline void wire_server(struct wire *w, const struct codec_limits *limits)
{
	wire_init(w);
	w->codec = h1_server_new(w->pool, limits, &wire_events, w);
}

static inline void wire_client(struct wire *w, const struct codec_limits *limits)
{
	wire_init(w);
	w->codec = h1_client_new(w->pool, limits, &wire_events, w);
	w->arena = arena_new(limits->arena);
}

/* A stream of the client role. */
static inline struct stream *wire_open(struct wire *w)
{
	struct stream *s = codec_open(w->codec, w->arena);

	if (s)
		wire_on_stream(w, s);
	return s;
}

/* Ends the stream; the server role's arena goes with it. */
static inline void wire_close(struct wire *w, bool abort)
{
	struct arena *a = w->arena ? NULL : w->stream->arena;

	stream_close(w->stream, abort);
	arena_free(a);
	w->stream = NULL;
}

static inline void wire_free(struct wire *w)
{
	if (w->stream)
		wire_close(w, true);
	codec_free(w->codec);
	bufq_clear(&w->in);
	arena_free(w->arena);
	bufpool_free(w->pool);
}

/* Feeds in pieces of `piece` bytes; 0: whole. */
static inline void wire_feed(struct wire *w, struct str bytes, size_t piece)
{
	size_t at = 0;

	do {
		size_t n = piece > 0 && piece < bytes.len - at ? piece : bytes.len - at;

		bufq_append(&w->in, bytes.p + at, n);
		at += n;
		codec_feed(w->codec, &w->in);
	} while (at < bytes.len);
}

/* What is in a queue, as a C string that the caller frees; the queue is emptied. */
static inline char *wire_take(struct bufq *q)
{
	size_t n = q->len;
	char *text = malloc(n + 1);

	if (!text)
		abort();
	bufq_copy(q, 0, text, n);
	text[n] = '\0';
	bufq_drain(q, n);
	return text;
}

/* The owner wrote everything; returns it. */
static inline char *wire_flush(struct wire *w)
{
	char *text = wire_take(&w->codec->out);

	codec_flushed(w->codec);
	return text;
}

/* Body bytes for sending. */
static inline size_t wire_send(struct wire *w, struct str bytes)
{
	struct bufq q;
	size_t n;

	bufq_init(&q, w->pool);
	bufq_append_str(&q, bytes);
	n = stream_send(w->stream, &q, q.len);
	bufq_clear(&q);
	return n;
}

static inline struct message *wire_request(struct arena *a, enum method method, struct str name)
{
	struct message *m = arena_zalloc(a, sizeof(*m));

	if (!m || !fields_add(a, &m->fields, STR("Host"), STR("h")))
		abort();
	m->is_request = true;
	m->version = VERSION_1_1;
	m->method = method;
	m->method_name = name;
	m->target = STR("/");
	return m;
}

static inline struct message *wire_response(struct arena *a, int status)
{
	struct message *m = arena_zalloc(a, sizeof(*m));

	if (!m)
		abort();
	m->version = VERSION_1_1;
	m->status = status;
	return m;
}

/* Sends a bodiless GET and lets it leave. */
static inline void wire_ask(struct wire *w, enum method method, struct str name, const struct body_plan *plan)
{
	struct message *m = wire_request(w->arena, method, name);

	if (plan->is_upgrade && !fields_add(w->arena, &m->fields, STR("Upgrade"), STR("websocket")))
		abort();
	stream_send_head(w->stream, m, plan);
	stream_end(w->stream, NULL);
	free(wire_flush(w));
}

#endif
