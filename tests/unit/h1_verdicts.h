/* For the tests of the guards: an input, whole and byte by byte, and the verdict that it must meet. Include after cmocka.h. */
#ifndef VIADUCT_TESTS_H1_VERDICTS_H
#define VIADUCT_TESTS_H1_VERDICTS_H

#include "h1_wire.h"

#define HEAD "GET http://h/ HTTP/1.1\r\nHost: h\r\n"
#define POST "POST http://h/ HTTP/1.1\r\nHost: h\r\n"

static inline struct codec_limits limits_default(void)
{
	struct codec_limits l;

	codec_limits_default(&l);
	return l;
}

/* A request, and the error that it must meet; nothing of it may be taken for another request. */
static inline void refuse(struct str text, enum error error)
{
	struct codec_limits l = limits_default();

	for (size_t piece = 0; piece < 2; piece++) {
		struct body_plan plan = {.kind = BODY_NONE};
		struct wire w;

		wire_server(&w, &l);
		wire_feed(&w, text, piece);
		if (w.streams != 1 || w.stream->error != error)
			fail_msg("%.*s (piece %zu): %d streams, %s", STR_ARG(text), piece, w.streams,
				w.stream ? error_name(w.stream->error) : "-");
		assert_false(codec_wants_input(w.codec));
		assert_int_equal(w.in.len, 0);
		wire_feed(&w, STR(HEAD "\r\n"), 0);
		stream_send_head(w.stream, wire_response(w.stream->arena, 400), &plan);
		stream_end(w.stream, NULL);
		char *answer = wire_flush(&w);
		assert_string_equal(answer, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
		free(answer);
		wire_close(&w, false);
		assert_true(w.codec->wants_close);
		assert_int_equal(w.streams, 1);
		wire_free(&w);
	}
}

/* A request that is fine, and its body. */
static inline void take(struct str text, struct str body)
{
	struct codec_limits l = limits_default();

	for (size_t piece = 0; piece < 2; piece++) {
		struct wire w;

		wire_server(&w, &l);
		wire_feed(&w, text, piece);
		if (w.streams != 1 || w.stream->error != ERR_none || !w.stream->in_end)
			fail_msg("%.*s: %s", STR_ARG(text), w.stream ? error_name(w.stream->error) : "-");
		char *got = wire_take(&w.stream->in);
		assert_true(str_eq(str_of(got), body));
		free(got);
		wire_free(&w);
	}
}

struct asked {
	enum method method;
	bool upgrade;
	size_t interims; /* taken on the way */
};

/* A response, and what becomes of it; is_kept: the transport can be used again. */
static inline void answered(struct asked asked, struct str text, enum error error, struct str body, bool is_kept)
{
	struct codec_limits l = limits_default();

	for (size_t piece = 0; piece < 2; piece++) {
		struct body_plan plan = {.kind = BODY_NONE, .is_upgrade = asked.upgrade};
		struct wire w;
		size_t before;

		wire_client(&w, &l);
		assert_non_null(wire_open(&w));
		wire_ask(&w, asked.method, asked.method == METHOD_HEAD ? STR("HEAD") : STR("GET"), &plan);
		wire_feed(&w, text, piece);
		do {
			before = w.in.len;
			w.stream->interim = NULL;
			stream_took(w.stream);
			codec_feed(w.codec, &w.in);
		} while (w.in.len != before);
		if (w.stream->error != error)
			fail_msg("%.*s (piece %zu): %s %s", STR_ARG(text), piece, error_name(w.stream->error),
				w.stream->detail);
		char *got = wire_take(&w.stream->in);
		if (error == ERR_none)
			assert_true(str_eq(str_of(got), body));
		else
			assert_true(w.stream->head == NULL || w.stream->in_bytes > 0 || error == ERR_response_chunk);
		free(got);
		wire_close(&w, false);
		assert_int_equal(codec_is_idle(w.codec), is_kept);
		assert_int_equal(codec_is_done(w.codec), !is_kept);
		wire_free(&w);
	}
}

static const struct asked get = {.method = METHOD_GET};

static inline void bad_response(struct str text, enum error error)
{
	answered(get, text, error, STR(""), false);
}

/* prefix, then n times the pattern, then suffix; the caller frees p. */
static inline struct str repeat(const char *prefix, const char *pattern, size_t n, const char *suffix)
{
	size_t one = strlen(pattern), len = strlen(prefix);
	char *p = malloc(len + n * one + strlen(suffix) + 1);

	assert_non_null(p);
	memcpy(p, prefix, len);
	for (size_t i = 0; i < n; i++, len += one)
		memcpy(p + len, pattern, one);
	memcpy(p + len, suffix, strlen(suffix));
	return (struct str){p, len + strlen(suffix)};
}

#endif
