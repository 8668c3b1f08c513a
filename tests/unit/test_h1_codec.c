/* The server codec: order, versions, back-pressure, persistence, ends. What is hostile stands in test_h1_guards.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "h1_asserts.h"

static const struct body_plan plan_chunked = {.kind = BODY_CHUNKED};

static void server_with(struct wire *w)
{
	struct codec_limits l = limits_small();

	wire_server(w, &l);
}

/* Answers with a body of known length. */
static void answer(struct wire *w, int status, struct str body)
{
	struct body_plan plan = {.kind = BODY_LENGTH, .length = body.len};

	stream_send_head(w->stream, wire_response(w->stream->arena, status), &plan);
	assert_int_equal(wire_send(w, body), body.len);
	stream_end(w->stream, NULL);
}

static void server_takes_requests_in_any_pieces(void **state)
{
	struct str text = STR("POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n"
			      "5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nT: 1\r\nU: 2\r\n\r\n");

	(void)state;
	for (size_t piece = 1; piece <= text.len; piece++) {
		struct wire w;

		server_with(&w);
		assert_true(codec_is_idle(w.codec));
		wire_feed(&w, text, piece);
		assert_int_equal(w.streams, 1);
		assert_int_equal(w.stream->error, ERR_none);
		assert_true(str_eq(w.stream->head->target, STR("http://h/")));
		assert_true(w.stream->in_end);
		assert_int_equal(w.stream->in_bytes, 11);
		assert_int_equal(w.stream->head_in_bytes, 76);
		assert_true(w.stream->first_byte_us > 0 && w.stream->head_us >= w.stream->first_byte_us);
		assert_taken(&w.stream->in, "hello world");
		assert_int_equal(w.stream->head->trailers.n, 1);
		assert_true(str_eq(fields_value(&w.stream->head->trailers, STR("t")), STR("1")));
		assert_true(codec_wants_input(w.codec));
		assert_false(codec_is_idle(w.codec));
		answer(&w, 200, STR("ok"));
		assert_false(w.stream->is_sent);
		assert_flushed(&w, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
		assert_true(w.stream->is_sent && w.stream->wrote);
		assert_int_equal(w.stream->out_bytes, 2);
		wire_close(&w, false);
		assert_true(codec_is_idle(w.codec));
		assert_false(codec_is_done(w.codec));
		wire_free(&w);
	}
}

static void server_answers_in_order(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w, STR("GET http://a/1 HTTP/1.1\r\nHost: a\r\n\r\nGET http://a/2 HTTP/1.1\r\nHost: a\r\n\r\nGET http"), 0);
	assert_int_equal(w.streams, 1);
	assert_true(w.stream->in_end);
	assert_false(codec_wants_input(w.codec));
	answer(&w, 200, STR("1"));
	w.activities = 0;
	wire_close(&w, false);
	assert_true(w.activities > 0);
	assert_false(codec_wants_input(w.codec));
	codec_feed(w.codec, &w.in);
	assert_int_equal(w.streams, 2);
	assert_true(str_eq(w.stream->head->target, STR("http://a/2")));
	assert_false(w.stream->wrote);
	assert_flushed(&w, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
	assert_false(w.stream->wrote);
	answer(&w, 404, STR("2"));
	assert_flushed(&w, "HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n2");
	assert_true(w.stream->wrote);
	wire_close(&w, false);
	codec_feed(w.codec, &w.in);
	assert_true(codec_wants_input(w.codec));
	assert_true(w.codec->got_bytes);
	assert_false(codec_is_idle(w.codec));
	codec_eof(w.codec, ERR_none);
	assert_true(codec_is_done(w.codec));
	assert_int_equal(w.streams, 2);
	wire_free(&w);
}

static void server_ignores_empty_lines(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w, STR("\r\n\r\n"), 1);
	assert_int_equal(w.in.len, 0);
	assert_true(codec_is_idle(w.codec));
	wire_feed(&w, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 1);
	assert_int_equal(w.streams, 1);
	assert_int_equal(w.stream->error, ERR_none);
	assert_int_equal(w.stream->head_in_bytes, 27);
	wire_free(&w);
}

static void server_writes_for_the_version_of_the_client(void **state)
{
	static const struct {
		const char *request, *response;
		enum body_kind kind;
		bool close, ends;
	} cases[] = {
		{"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", BODY_CHUNKED, false,
			false},
		{"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nab\r\n0\r\n\r\n",
			BODY_CHUNKED, false, true},
		{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab",
			BODY_LENGTH, true, true},
		{"GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nab", BODY_CHUNKED, false, true},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nab",
			BODY_CHUNKED, false, true},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nab", BODY_LENGTH, false, false},
		{"GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nab", BODY_LENGTH, false, false},
		{"GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab", BODY_LENGTH,
			false, true},
		{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", BODY_NONE, false, false},
		{"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", BODY_LENGTH, false,
			false},
		{"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", BODY_CHUNKED,
			false, false},
		{"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", BODY_NONE, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct body_plan plan = {.kind = cases[i].kind, .length = 2, .close = cases[i].close};
		struct wire w;

		server_with(&w);
		wire_feed(&w, str_of(cases[i].request), 0);
		stream_send_head(w.stream, wire_response(w.stream->arena, 200), &plan);
		wire_send(&w, STR("ab"));
		stream_end(w.stream, NULL);
		assert_flushed(&w, cases[i].response);
		assert_true(w.stream->is_sent);
		wire_close(&w, false);
		assert_int_equal(w.codec->wants_close, cases[i].ends);
		assert_int_equal(codec_is_done(w.codec), cases[i].ends);
		assert_false(w.codec->wants_abort);
		wire_free(&w);
	}
}

static void server_leaves_bodies_out_where_there_are_none(void **state)
{
	static const struct {
		int status;
		const char *response;
	} cases[] = {
		{204, "HTTP/1.1 204 No Content\r\n\r\n"},
		{304, "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct body_plan plan = {.kind = BODY_LENGTH, .length = 2};
		struct wire w;

		server_with(&w);
		wire_feed(&w, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
		stream_send_head(w.stream, wire_response(w.stream->arena, cases[i].status), &plan);
		assert_int_equal(wire_send(&w, STR("ab")), 0);
		stream_end(w.stream, NULL);
		assert_flushed(&w, cases[i].response);
		wire_close(&w, false);
		assert_true(codec_is_idle(w.codec));
		wire_free(&w);
	}
}

static void server_sends_trailers_only_with_chunks(void **state)
{
	struct fields trailers = {.n = 1, .cap = 1};
	struct field t = {STR("T"), STR("1")};
	struct wire w;

	(void)state;
	trailers.v = &t;
	server_with(&w);
	wire_feed(&w, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	struct message *m = wire_response(w.stream->arena, 200);
	assert_true(fields_add(w.stream->arena, &m->fields, STR("Trailer"), STR("T")));
	stream_send_head(w.stream, m, &plan_chunked);
	stream_end(w.stream, &trailers);
	assert_flushed(&w, "HTTP/1.1 200 OK\r\nTrailer: T\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: 1\r\n\r\n");
	wire_close(&w, false);
	wire_feed(&w, STR("GET / HTTP/1.0\r\nHost: h\r\n\r\n"), 0);
	m = wire_response(w.stream->arena, 200);
	assert_true(fields_add(w.stream->arena, &m->fields, STR("Trailer"), STR("T")));
	stream_send_head(w.stream, m, &plan_chunked);
	stream_end(w.stream, &trailers);
	assert_flushed(&w, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
	wire_free(&w);
}

static void server_relays_interim_responses(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w, STR("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"), 0);
	assert_true(w.stream->framing.expects_100);
	stream_send_interim(w.stream, wire_response(w.stream->arena, 100));
	stream_send_interim(w.stream, wire_response(w.stream->arena, 103));
	stream_send_interim(w.stream, wire_response(w.stream->arena, 101));
	assert_flushed(&w, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n");
	wire_feed(&w, STR("ab"), 0);
	assert_true(w.stream->in_end);
	answer(&w, 200, STR(""));
	assert_flushed(&w, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	wire_close(&w, false);
	wire_feed(&w, STR("GET / HTTP/1.0\r\nHost: h\r\n\r\n"), 0);
	stream_send_interim(w.stream, wire_response(w.stream->arena, 103));
	assert_flushed(&w, "");
	wire_free(&w);
}

/* It may now send the body or not: what follows cannot be told apart. */
static void server_closes_after_an_unmet_expectation(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w, STR("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"), 0);
	answer(&w, 403, STR(""));
	assert_flushed(&w, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	wire_close(&w, false);
	assert_true(w.codec->wants_close);
	wire_free(&w);
}

static void server_stops_reading_at_the_mark(void **state)
{
	struct wire w;
	char body[3000];

	(void)state;
	memset(body, 'b', sizeof(body));
	server_with(&w);
	wire_feed(&w, STR("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000\r\n\r\n"), 0);
	assert_true(codec_wants_input(w.codec));
	wire_feed(&w, (struct str){body, 3000}, 0);
	assert_int_equal(w.stream->in.len, 1000);
	assert_int_equal(w.in.len, 2000);
	assert_false(codec_wants_input(w.codec));
	bufq_drain(&w.stream->in, 400);
	stream_took(w.stream);
	codec_feed(w.codec, &w.in);
	assert_int_equal(w.stream->in.len, 600);
	w.activities = 0;
	bufq_drain(&w.stream->in, 200);
	stream_took(w.stream);
	assert_true(w.activities > 0);
	codec_feed(w.codec, &w.in);
	assert_int_equal(w.stream->in.len, 1000);
	while (w.in.len > 0) {
		bufq_drain(&w.stream->in, w.stream->in.len);
		stream_took(w.stream);
		codec_feed(w.codec, &w.in);
	}
	assert_true(w.stream->in_end);
	assert_int_equal(w.stream->in_bytes, 3000);
	wire_free(&w);
}

static void server_tells_when_there_is_room(void **state)
{
	struct wire w;
	char body[3000];

	(void)state;
	memset(body, 'b', sizeof(body));
	server_with(&w);
	wire_feed(&w, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	assert_int_equal(stream_room(w.stream), 0);
	struct body_plan plan = {.kind = BODY_LENGTH, .length = 2000};
	stream_send_head(w.stream, wire_response(w.stream->arena, 200), &plan);
	assert_true(stream_room(w.stream) > 0 && stream_room(w.stream) < 1000);
	assert_int_equal(wire_send(&w, (struct str){body, 1500}), 1500);
	assert_int_equal(stream_room(w.stream), 0);
	w.changes = 0;
	bufq_drain(&w.codec->out, 600);
	codec_flushed(w.codec);
	assert_int_equal(w.changes, 0);
	assert_int_equal(stream_room(w.stream), 0);
	bufq_drain(&w.codec->out, 500);
	codec_flushed(w.codec);
	assert_int_equal(w.changes, 1);
	assert_true(stream_room(w.stream) >= 500);
	/* not more than was declared */
	assert_int_equal(wire_send(&w, (struct str){body, 3000}), 500);
	assert_int_equal(wire_send(&w, (struct str){body, 1}), 0);
	w.changes = 0;
	stream_end(w.stream, NULL);
	assert_false(w.stream->is_sent);
	free(wire_flush(&w));
	assert_true(w.stream->is_sent);
	assert_true(w.changes > 0);
	wire_free(&w);
}

static void server_breaks_off_a_short_response(void **state)
{
	struct body_plan plan = {.kind = BODY_LENGTH, .length = 5};
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	stream_send_head(w.stream, wire_response(w.stream->arena, 200), &plan);
	wire_send(&w, STR("abc"));
	stream_end(w.stream, NULL);
	assert_true(w.codec->wants_abort);
	assert_int_equal(w.stream->error, ERR_internal);
	wire_free(&w);
	/* closed without an end */
	server_with(&w);
	wire_feed(&w, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	stream_send_head(w.stream, wire_response(w.stream->arena, 200), &plan_chunked);
	wire_send(&w, STR("abc"));
	wire_close(&w, false);
	assert_true(w.codec->wants_abort);
	assert_true(codec_is_done(w.codec));
	wire_free(&w);
}

static void server_drains_a_little(void **state)
{
	static const struct {
		const char *head;
		size_t sent;
		bool is_kept;
	} cases[] = {
		{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n", 60000, true},
		{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n", 0, false},
		{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n9c40\r\n", 40000, true},
		{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n", 70000, false},
		{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n9c40\r\n", 40001, false},
	};
	static char body[80000];

	(void)state;
	memset(body, 'b', sizeof(body));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool is_chunked = strstr(cases[i].head, "chunked") != NULL;
		struct wire w;

		server_with(&w);
		wire_feed(&w, str_of(cases[i].head), 0);
		answer(&w, 413, STR("no"));
		free(wire_flush(&w));
		wire_close(&w, false);
		if (cases[i].sent > 0)
			assert_false(w.codec->wants_close);
		wire_feed(&w, (struct str){body, cases[i].sent}, 4096);
		if (is_chunked)
			wire_feed(&w, STR("\r\n0\r\n\r\n"), 0);
		assert_int_equal(w.codec->wants_close, !cases[i].is_kept);
		assert_false(w.codec->wants_abort);
		wire_feed(&w, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
		assert_int_equal(w.streams, cases[i].is_kept ? 2 : 1);
		wire_free(&w);
	}
}

static void server_sees_clients_go(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	codec_eof(w.codec, ERR_none);
	assert_true(codec_is_done(w.codec));
	wire_free(&w);
	/* in a body */
	server_with(&w);
	wire_feed(&w, STR("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na"), 0);
	codec_eof(w.codec, ERR_none);
	assert_int_equal(w.stream->error, ERR_cancelled);
	assert_true(w.changes > 0);
	wire_free(&w);
	/* after a request: only half closed */
	server_with(&w);
	wire_feed(&w, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	codec_eof(w.codec, ERR_none);
	assert_int_equal(w.stream->error, ERR_none);
	assert_false(codec_wants_input(w.codec));
	answer(&w, 200, STR("a"));
	assert_flushed(&w, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na");
	wire_close(&w, false);
	assert_true(w.codec->wants_close && !w.codec->wants_abort);
	wire_free(&w);
	/* after two pipelined requests */
	server_with(&w);
	wire_feed(&w, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	codec_eof(w.codec, ERR_none);
	answer(&w, 200, STR("a"));
	assert_flushed(&w, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
	wire_close(&w, false);
	assert_false(codec_is_done(w.codec));
	codec_feed(w.codec, &w.in);
	assert_int_equal(w.streams, 2);
	answer(&w, 200, STR("a"));
	assert_flushed(&w, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na");
	wire_close(&w, false);
	assert_true(codec_is_done(w.codec));
	wire_free(&w);
	/* broken off */
	server_with(&w);
	wire_feed(&w, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	codec_eof(w.codec, ERR_origin_closed);
	assert_int_equal(w.stream->error, ERR_cancelled);
	assert_true(w.codec->wants_abort);
	wire_free(&w);
}

static void server_gives_up_on_a_slow_head(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	/* between requests there is nothing to give up on */
	codec_expire(w.codec, &w.in, ERR_request_head_timeout);
	assert_int_equal(w.streams, 0);
	wire_feed(&w, STR("GET / HTTP/1.1\r\nHo"), 0);
	codec_expire(w.codec, &w.in, ERR_request_head_timeout);
	assert_int_equal(w.streams, 1);
	assert_null(w.stream->head);
	assert_int_equal(w.stream->error, ERR_request_head_timeout);
	assert_true(str_eq(w.stream->rejected, STR("GET / HTTP/1.1\r\nHo")));
	answer(&w, 408, STR("slow"));
	assert_flushed(&w, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\nConnection: close\r\n\r\nslow");
	wire_close(&w, false);
	assert_true(w.codec->wants_close);
	wire_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_takes_requests_in_any_pieces),
		cmocka_unit_test(server_answers_in_order),
		cmocka_unit_test(server_ignores_empty_lines),
		cmocka_unit_test(server_writes_for_the_version_of_the_client),
		cmocka_unit_test(server_leaves_bodies_out_where_there_are_none),
		cmocka_unit_test(server_sends_trailers_only_with_chunks),
		cmocka_unit_test(server_relays_interim_responses),
		cmocka_unit_test(server_closes_after_an_unmet_expectation),
		cmocka_unit_test(server_stops_reading_at_the_mark),
		cmocka_unit_test(server_tells_when_there_is_room),
		cmocka_unit_test(server_breaks_off_a_short_response),
		cmocka_unit_test(server_drains_a_little),
		cmocka_unit_test(server_sees_clients_go),
		cmocka_unit_test(server_gives_up_on_a_slow_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
