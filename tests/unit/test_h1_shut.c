/* A client that shuts its side behind its request: the stream says so, and still can be answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "h1_asserts.h"

#define GET(n) "GET http://h/" n " HTTP/1.1\r\nHost: h\r\n\r\n"
#define POST "POST http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"

static void server_with(struct wire *w)
{
	struct codec_limits l = limits_small();

	wire_server(w, &l);
}

static void answer(struct wire *w)
{
	struct body_plan plan = {.kind = BODY_LENGTH, .length = 2};

	stream_send_head(w->stream, wire_response(w->stream->arena, 200), &plan);
	assert_int_equal(wire_send(w, STR("ok")), 2);
	stream_end(w->stream, NULL);
}

static void shut_is_told_once(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w, STR(GET("1")), 0);
	assert_true(w.stream->in_end);
	assert_false(w.stream->is_peer_shut);
	w.changes = 0;
	codec_eof(w.codec, ERR_none);
	assert_true(w.stream->is_peer_shut);
	assert_int_equal(w.changes, 1);
	assert_int_equal(w.stream->error, ERR_none);
	codec_feed(w.codec, &w.in);
	assert_int_equal(w.changes, 1);
	/* half-closed, not gone: the answer goes out, and is the last one */
	answer(&w);
	assert_flushed(&w, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
	wire_close(&w, false);
	assert_true(codec_is_done(w.codec));
	assert_false(w.codec->wants_abort);
	wire_free(&w);
}

static void shut_after_a_body_is_told(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w, STR(POST "hel"), 0);
	assert_false(w.stream->is_peer_shut);
	wire_feed(&w, STR("lo"), 0);
	assert_true(w.stream->in_end);
	assert_false(w.stream->is_peer_shut);
	codec_eof(w.codec, ERR_none);
	assert_true(w.stream->is_peer_shut);
	wire_free(&w);
}

static void shut_within_a_body_cancels(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w, STR(POST "hel"), 0);
	codec_eof(w.codec, ERR_none);
	assert_false(w.stream->is_peer_shut);
	assert_int_equal(w.stream->error, ERR_cancelled);
	wire_free(&w);
}

/* The whole body lies there, but the owner must make room for it first. */
static void shut_behind_a_waiting_body_is_told_later(void **state)
{
	char body[2500];
	struct wire w;

	(void)state;
	memset(body, 'b', sizeof(body));
	server_with(&w);
	wire_feed(&w, STR("POST http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 2500\r\n\r\n"), 0);
	wire_feed(&w, (struct str){body, sizeof(body)}, 0);
	assert_false(w.stream->in_end);
	codec_eof(w.codec, ERR_none);
	assert_false(w.stream->is_peer_shut);
	assert_int_equal(w.stream->error, ERR_none);
	for (int turn = 0; turn < 10 && !w.stream->in_end; turn++) {
		assert_false(w.stream->is_peer_shut);
		bufq_clear(&w.stream->in);
		stream_took(w.stream);
		w.changes = 0;
		codec_feed(w.codec, &w.in);
	}
	assert_int_equal(w.stream->in_bytes, sizeof(body));
	assert_true(w.stream->is_peer_shut);
	assert_true(w.changes > 0);
	wire_free(&w);
}

static void shut_reaches_every_pipelined_request(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w, STR(GET("1") POST "hello" GET("3")), 0);
	codec_eof(w.codec, ERR_none);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(w.streams, i);
		assert_true(w.stream->in_end);
		assert_true(w.stream->is_peer_shut);
		bufq_clear(&w.stream->in);
		answer(&w);
		assert_flushed(&w,
			i < 3 ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
			      : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
		wire_close(&w, false);
		w.changes = 0;
		codec_feed(w.codec, &w.in);
		assert_true(i == 3 || w.changes > 0);
	}
	assert_true(codec_is_done(w.codec));
	wire_free(&w);
}

/* A request that was cut off behind a whole one: the first is answered, the second never was one. */
static void shut_within_the_next_request_is_told(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w, STR(GET("1") "GET http"), 0);
	codec_eof(w.codec, ERR_none);
	assert_true(w.stream->is_peer_shut);
	answer(&w);
	free(wire_flush(&w));
	wire_close(&w, false);
	codec_feed(w.codec, &w.in);
	assert_int_equal(w.streams, 1);
	assert_true(codec_is_done(w.codec));
	wire_free(&w);
}

static void breaks_and_errors_are_no_shut(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w, STR(GET("1")), 0);
	codec_eof(w.codec, ERR_cancelled);
	assert_false(w.stream->is_peer_shut);
	assert_int_equal(w.stream->error, ERR_cancelled);
	codec_feed(w.codec, &w.in);
	assert_false(w.stream->is_peer_shut);
	wire_free(&w);

	server_with(&w);
	wire_feed(&w, STR("BREW http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	assert_int_equal(w.stream->error, ERR_method_unsupported);
	codec_eof(w.codec, ERR_none);
	assert_false(w.stream->is_peer_shut);
	wire_free(&w);
}

/* A tunnel has in_end for it; the request for one has not. */
static void shut_of_a_tunnel_is_its_end(void **state)
{
	const struct body_plan raw = {.kind = BODY_RAW};
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w, STR("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"), 0);
	stream_send_head(w.stream, wire_response(w.stream->arena, 200), &raw);
	assert_true(w.stream->is_raw);
	codec_eof(w.codec, ERR_none);
	assert_true(w.stream->in_end);
	assert_false(w.stream->is_peer_shut);
	wire_free(&w);

	server_with(&w);
	wire_feed(&w, STR("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"), 0);
	codec_eof(w.codec, ERR_none);
	assert_true(w.stream->is_peer_shut);
	stream_send_head(w.stream, wire_response(w.stream->arena, 200), &raw);
	assert_true(w.stream->in_end);
	wire_free(&w);
}

/* Streams of the client role never have it. */
static void origins_do_not_tell(void **state)
{
	const struct body_plan none = {.kind = BODY_NONE};
	struct codec_limits l = limits_small();
	struct wire w;

	(void)state;
	wire_client(&w, &l);
	assert_non_null(wire_open(&w));
	wire_ask(&w, METHOD_GET, STR("GET"), &none);
	wire_feed(&w, STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), 0);
	assert_true(w.stream->in_end);
	codec_eof(w.codec, ERR_none);
	assert_false(w.stream->is_peer_shut);
	wire_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shut_is_told_once),
		cmocka_unit_test(shut_after_a_body_is_told),
		cmocka_unit_test(shut_within_a_body_cancels),
		cmocka_unit_test(shut_behind_a_waiting_body_is_told_later),
		cmocka_unit_test(shut_reaches_every_pipelined_request),
		cmocka_unit_test(shut_within_the_next_request_is_told),
		cmocka_unit_test(breaks_and_errors_are_no_shut),
		cmocka_unit_test(shut_of_a_tunnel_is_its_end),
		cmocka_unit_test(origins_do_not_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
