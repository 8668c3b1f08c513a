/* QUERY, a safe method with content that one of the supported versions of llhttp does not know: taken and framed like any other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "h1_asserts.h"

static void server_with(struct wire *w)
{
	struct codec_limits l = limits_small();

	wire_server(w, &l);
}

static void answer(struct wire *w, struct str body)
{
	struct body_plan plan = {.kind = BODY_LENGTH, .length = body.len};

	stream_send_head(w->stream, wire_response(w->stream->arena, 200), &plan);
	assert_int_equal(wire_send(w, body), body.len);
	stream_end(w->stream, NULL);
}

static void query_is_safe_and_idempotent(void **state)
{
	(void)state;
	assert_int_equal(method_of(STR("QUERY")), METHOD_QUERY);
	assert_int_equal(method_of(STR("query")), METHOD_UNKNOWN);
	assert_true(method_is_safe(METHOD_QUERY));
	assert_true(method_is_idempotent(METHOD_QUERY));
}

static void query_comes_in_any_pieces(void **state)
{
	static const struct {
		struct str text;
		const char *body;
		size_t fields;
	} cases[] = {
		{STR("QUERY http://h/q HTTP/1.1\r\nHost: h\r\nContent-Type: x/y\r\nContent-Length: 5\r\n\r\nhello"), "hello",
			3},
		{STR("QUERY http://h/q HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"),
			"hello", 2},
		{STR("QUERY http://h/q HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"), "", 2},
		{STR("QUERY http://h/q HTTP/1.1\r\nHost: h\r\n\r\n"), "", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (size_t piece = 1; piece <= cases[i].text.len; piece++) {
			struct wire w;

			server_with(&w);
			wire_feed(&w, cases[i].text, piece);
			assert_int_equal(w.streams, 1);
			assert_int_equal(w.stream->error, ERR_none);
			assert_int_equal(w.stream->head->method, METHOD_QUERY);
			assert_true(str_eq(w.stream->head->method_name, STR("QUERY")));
			assert_true(str_eq(w.stream->head->target, STR("http://h/q")));
			assert_int_equal(w.stream->head->fields.n, cases[i].fields);
			assert_true(str_eq(w.stream->head->fields.v[0].name, STR("Host")));
			assert_true(str_eq(w.stream->head->fields.v[0].value, STR("h")));
			assert_true(w.stream->in_end);
			assert_taken(&w.stream->in, cases[i].body);
			wire_free(&w);
		}
	}
}

/* Nothing of one request is taken for the next one. */
static void queries_are_pipelined(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w,
		STR("QUERY http://h/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nGET"
		    "QUERY http://h/2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
		    "GET http://h/3 HTTP/1.1\r\nHost: h\r\n\r\n"),
		0);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(w.streams, i);
		assert_int_equal(w.stream->head->method, i < 3 ? METHOD_QUERY : METHOD_GET);
		assert_int_equal(w.stream->head->target.p[9], '0' + i);
		assert_true(w.stream->in_end);
		bufq_clear(&w.stream->in);
		answer(&w, STR("x"));
		assert_flushed(&w, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
		wire_close(&w, false);
		codec_feed(w.codec, &w.in);
	}
	assert_int_equal(w.in.len, 0);
	wire_free(&w);
}

static void framing_of_queries_is_guarded(void **state)
{
	static const struct {
		struct str text;
		enum error error;
	} cases[] = {
		{STR("QUERY http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
			ERR_bad_framing},
		{STR("QUERY http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n"), ERR_bad_framing},
		{STR("QUERY http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 3x\r\n\r\n"), ERR_bad_framing},
		{STR("QUERY http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n"), ERR_coding_unsupported},
		{STR("QUERY http://h/ HTTP/1.1\r\nHost : h\r\n\r\n"), ERR_bad_request},
		{STR("QUERY http://h/ HTTP/1.1\r\nHo st: h\r\n\r\n"), ERR_bad_request},
		{STR("QUERY http://h/\xff HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_bad_target},
		{STR("QUERY  http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_bad_target},
		{STR("QUERY http://h/ HTTP/1.2\r\nHost: h\r\n\r\n"), ERR_version_unsupported},
		{STR("Query http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_method_unsupported},
		{STR("QUERYX http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_method_unsupported},
		{STR("QUER http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_method_unsupported},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct wire w;

		server_with(&w);
		wire_feed(&w, cases[i].text, 0);
		assert_int_equal(w.streams, 1);
		if (w.stream->error != cases[i].error)
			fail_msg("%s: %s", cases[i].text.p, error_name(w.stream->error));
		wire_free(&w);
	}
}

/* A QUERY goes out as it came, with its length. */
static void query_is_sent(void **state)
{
	const struct body_plan plan = {.kind = BODY_LENGTH, .length = 2};
	struct codec_limits l = limits_small();
	struct wire w;

	(void)state;
	wire_client(&w, &l);
	assert_non_null(wire_open(&w));
	stream_send_head(w.stream, wire_request(w.arena, METHOD_QUERY, STR("QUERY")), &plan);
	assert_int_equal(wire_send(&w, STR("ab")), 2);
	stream_end(w.stream, NULL);
	assert_flushed(&w, "QUERY / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab");
	wire_feed(&w, STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), 0);
	assert_true(w.stream->in_end);
	assert_taken(&w.stream->in, "ok");
	wire_free(&w);
}

/* Whatever llhttp is linked, it takes each method of the list, or another that stands in for it. */
static void every_method_is_taken(void **state)
{
	static const char *const names[] = {
#define METHOD_ROW(id, text, safe, idempotent) text,
#include "http/method.def"
#undef METHOD_ROW
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		bool is_connect = strcmp(names[i], "CONNECT") == 0;
		char text[200];
		struct wire w;

		snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: h:80\r\n\r\n", names[i],
			is_connect ? "h:80" : "http://h:80/");
		server_with(&w);
		wire_feed(&w, str_of(text), 0);
		if (w.streams != 1 || w.stream->error != ERR_none)
			fail_msg("%s", names[i]);
		assert_true(str_eq(w.stream->head->method_name, str_of(names[i])));
		wire_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(query_is_safe_and_idempotent),
		cmocka_unit_test(query_comes_in_any_pieces),
		cmocka_unit_test(queries_are_pipelined),
		cmocka_unit_test(framing_of_queries_is_guarded),
		cmocka_unit_test(query_is_sent),
		cmocka_unit_test(every_method_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
