/* The client codec: requests, responses, back-pressure, and when a transport can be used again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "h1_asserts.h"

static const struct body_plan plan_none = {.kind = BODY_NONE};
static const struct body_plan plan_chunked = {.kind = BODY_CHUNKED};

static void client_with(struct wire *w)
{
	struct codec_limits l = limits_small();

	wire_client(w, &l);
}

static void client_asks_and_is_kept(void **state)
{
	struct str text = STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello");

	(void)state;
	for (size_t piece = 1; piece <= text.len; piece++) {
		struct wire w;

		client_with(&w);
		assert_true(codec_is_idle(w.codec));
		for (int i = 0; i < 2; i++) {
			assert_non_null(wire_open(&w));
			assert_null(codec_open(w.codec, w.arena));
			stream_send_head(w.stream, wire_request(w.arena, METHOD_GET, STR("GET")), &plan_none);
			stream_end(w.stream, NULL);
			assert_false(w.stream->wrote);
			assert_flushed(&w, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
			assert_true(w.stream->wrote && w.stream->is_sent);
			wire_feed(&w, text, piece);
			assert_int_equal(w.stream->error, ERR_none);
			assert_int_equal(w.stream->head->status, 200);
			assert_int_equal(w.stream->head_in_bytes, 44);
			assert_true(w.stream->in_end);
			assert_true(w.stream->first_byte_us > 0);
			assert_taken(&w.stream->in, "hello");
			wire_close(&w, false);
			assert_true(codec_is_idle(w.codec));
		}
		wire_free(&w);
	}
}

static void client_sends_bodies(void **state)
{
	struct body_plan length = {.kind = BODY_LENGTH, .length = 5, .close = true};
	struct wire w;

	(void)state;
	client_with(&w);
	wire_open(&w);
	stream_send_head(w.stream, wire_request(w.arena, METHOD_PUT, STR("PUT")), &plan_chunked);
	wire_send(&w, STR("hello"));
	wire_send(&w, STR("you"));
	stream_end(w.stream, NULL);
	assert_flushed(&w,
		"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n");
	wire_feed(&w, STR("HTTP/1.1 204 No\r\n\r\n"), 0);
	wire_close(&w, false);
	assert_non_null(wire_open(&w));
	stream_send_head(w.stream, wire_request(w.arena, METHOD_PUT, STR("PUT")), &length);
	assert_int_equal(wire_send(&w, STR("hello, you")), 5);
	stream_end(w.stream, NULL);
	assert_flushed(&w, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
	wire_feed(&w, STR("HTTP/1.1 204 No\r\n\r\n"), 0);
	wire_close(&w, false);
	assert_true(w.codec->wants_close);
	assert_null(wire_open(&w));
	wire_free(&w);
}

static void client_takes_every_framing(void **state)
{
	static const struct {
		const char *response, *body;
		enum method method;
		bool needs_eof, is_kept;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde", METHOD_GET,
			false, true},
		{"HTTP/1.1 200 OK\r\n\r\nabcde", "abcde", METHOD_GET, true, false},
		{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab", METHOD_GET, false, false},
		{"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab", "ab", METHOD_GET, false, true},
		{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab", "ab", METHOD_GET, false, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "", METHOD_HEAD, false, true},
		{"HTTP/1.1 200 OK\r\n\r\n", "", METHOD_HEAD, false, true},
		{"HTTP/1.1 204 OK\r\nContent-Length: 2\r\n\r\n", "", METHOD_GET, false, true},
		{"HTTP/1.1 304 OK\r\nContent-Length: 2\r\n\r\n", "", METHOD_GET, false, true},
		{"HTTP/1.1 205 OK\r\nContent-Length: 0\r\n\r\n", "", METHOD_GET, false, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", METHOD_GET, false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (size_t piece = 0; piece < 2; piece++) {
			bool is_head = cases[i].method == METHOD_HEAD;
			struct wire w;

			client_with(&w);
			wire_open(&w);
			wire_ask(&w, cases[i].method, is_head ? STR("HEAD") : STR("GET"), &plan_none);
			wire_feed(&w, str_of(cases[i].response), piece);
			assert_int_equal(w.stream->error, ERR_none);
			assert_int_equal(w.stream->in_end, !cases[i].needs_eof);
			if (cases[i].needs_eof)
				codec_eof(w.codec, ERR_none);
			assert_true(w.stream->in_end);
			assert_int_equal(w.stream->error, ERR_none);
			assert_taken(&w.stream->in, cases[i].body);
			wire_close(&w, false);
			assert_int_equal(codec_is_idle(w.codec), cases[i].is_kept);
			assert_int_equal(codec_is_done(w.codec), !cases[i].is_kept);
			assert_false(w.codec->wants_abort);
			wire_free(&w);
		}
	}
}

static void client_hands_over_interim_responses(void **state)
{
	struct wire w;

	(void)state;
	client_with(&w);
	wire_open(&w);
	wire_ask(&w, METHOD_GET, STR("GET"), &plan_none);
	wire_feed(&w,
		STR("HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
		0);
	assert_int_equal(w.stream->interim->status, 100);
	assert_null(w.stream->head);
	assert_false(codec_wants_input(w.codec));
	w.activities = 0;
	w.stream->interim = NULL;
	stream_took(w.stream);
	assert_true(w.activities > 0);
	codec_feed(w.codec, &w.in);
	assert_int_equal(w.stream->interim->status, 103);
	assert_int_equal(w.stream->interim->fields.n, 1);
	w.stream->interim = NULL;
	stream_took(w.stream);
	codec_feed(w.codec, &w.in);
	assert_int_equal(w.stream->head->status, 200);
	assert_true(w.stream->in_end);
	wire_close(&w, false);
	assert_true(codec_is_idle(w.codec));
	wire_free(&w);
}

static void client_names_the_end(void **state)
{
	static const struct {
		const char *response;
		enum error eof, error;
	} cases[] = {
		{"", ERR_none, ERR_origin_closed},
		{"", ERR_tunnel_broken, ERR_origin_closed},
		{"H", ERR_none, ERR_response_incomplete},
		{"HTTP/1.1 200 OK\r\nA: b\r\n", ERR_none, ERR_response_incomplete},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", ERR_none, ERR_response_incomplete},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", ERR_none, ERR_response_incomplete},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", ERR_none, ERR_response_incomplete},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", ERR_none, ERR_response_incomplete},
		{"HTTP/1.1 200 OK\r\n\r\nabc", ERR_tunnel_broken, ERR_response_incomplete},
		{"HTTP/1.1 200 OK\r\n\r\nabc", ERR_none, ERR_none},
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", ERR_tunnel_broken, ERR_none},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct wire w;

		client_with(&w);
		wire_open(&w);
		wire_ask(&w, METHOD_GET, STR("GET"), &plan_none);
		wire_feed(&w, str_of(cases[i].response), 0);
		codec_eof(w.codec, cases[i].eof);
		assert_int_equal(w.stream->error, cases[i].error);
		wire_close(&w, false);
		assert_true(codec_is_done(w.codec));
		wire_free(&w);
	}
}

static void client_is_done_when_idle_and_spoken_to(void **state)
{
	struct wire w;

	(void)state;
	client_with(&w);
	wire_feed(&w, STR("HTTP/1.1 408 Bye\r\n\r\n"), 0);
	assert_true(codec_is_done(w.codec));
	assert_null(wire_open(&w));
	wire_free(&w);
	client_with(&w);
	codec_eof(w.codec, ERR_none);
	assert_true(codec_is_done(w.codec));
	wire_free(&w);
	/* opened, but nothing of the request has left: it cannot be an answer to it */
	client_with(&w);
	wire_open(&w);
	stream_send_head(w.stream, wire_request(w.arena, METHOD_GET, STR("GET")), &plan_none);
	wire_feed(&w, STR("HTTP/1.1 408 Bye\r\nContent-Length: 0\r\n\r\n"), 0);
	assert_int_equal(w.stream->error, ERR_origin_closed);
	assert_false(w.stream->wrote);
	assert_null(w.stream->head);
	wire_free(&w);
}

static void client_gives_a_stream_back_unused(void **state)
{
	struct wire w;

	(void)state;
	client_with(&w);
	wire_open(&w);
	wire_close(&w, false);
	assert_true(codec_is_idle(w.codec));
	wire_open(&w);
	wire_close(&w, true);
	assert_true(w.codec->wants_abort);
	wire_free(&w);
}

static void client_is_not_kept_after_an_early_answer(void **state)
{
	struct body_plan plan = {.kind = BODY_LENGTH, .length = 5};
	struct wire w;

	(void)state;
	client_with(&w);
	wire_open(&w);
	stream_send_head(w.stream, wire_request(w.arena, METHOD_PUT, STR("PUT")), &plan);
	free(wire_flush(&w));
	wire_feed(&w, STR("HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n"), 0);
	assert_true(w.stream->in_end);
	wire_close(&w, false);
	assert_true(codec_is_done(w.codec));
	wire_free(&w);
}

static void client_stops_at_the_mark(void **state)
{
	struct wire w;
	static char body[4000];

	(void)state;
	memset(body, 'b', sizeof(body));
	client_with(&w);
	wire_open(&w);
	wire_ask(&w, METHOD_GET, STR("GET"), &plan_none);
	wire_feed(&w, STR("HTTP/1.1 200 OK\r\n\r\n"), 0);
	wire_feed(&w, (struct str){body, sizeof(body)}, 0);
	assert_int_equal(w.stream->in.len, 1000);
	assert_false(codec_wants_input(w.codec));
	codec_eof(w.codec, ERR_none);
	assert_false(w.stream->in_end);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(w.stream->in.len, 1000);
		bufq_drain(&w.stream->in, 1000);
		stream_took(w.stream);
		codec_feed(w.codec, &w.in);
	}
	assert_true(w.stream->in_end);
	assert_int_equal(w.stream->in_bytes, 4000);
	wire_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_asks_and_is_kept),
		cmocka_unit_test(client_sends_bodies),
		cmocka_unit_test(client_takes_every_framing),
		cmocka_unit_test(client_hands_over_interim_responses),
		cmocka_unit_test(client_names_the_end),
		cmocka_unit_test(client_is_done_when_idle_and_spoken_to),
		cmocka_unit_test(client_gives_a_stream_back_unused),
		cmocka_unit_test(client_is_not_kept_after_an_early_answer),
		cmocka_unit_test(client_stops_at_the_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
