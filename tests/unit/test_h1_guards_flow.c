/* Guards 10 to 14 around the HTTP parser: what follows a head, and what goes out. */
#include "http/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "h1_verdicts.h"

static void guard_10_connect(void **state)
{
	struct arena *a = arena_new(1 << 16);
	struct authority host;

	(void)state;
	refuse(STR("CONNECT h:443 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"), ERR_bad_framing);
	refuse(STR("CONNECT h:443 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"), ERR_bad_framing);
	refuse(STR("CONNECT h:443 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), ERR_bad_framing);
	assert_int_equal(authority_parse(a, STR("h"), 0, &host), ERR_bad_target);
	assert_int_equal(authority_parse(a, STR("h:443/x"), 0, &host), ERR_bad_target);
	assert_int_equal(authority_parse(a, STR("/x"), 0, &host), ERR_bad_target);
	assert_int_equal(authority_parse(a, STR("http://h:443"), 0, &host), ERR_bad_target);
	assert_int_equal(authority_parse(a, STR("h:443"), 0, &host), ERR_none);
	arena_free(a);
}

static void guard_10_early_bytes_go_into_the_tunnel(void **state)
{
	struct codec_limits l = limits_default();

	(void)state;
	for (size_t piece = 0; piece < 2; piece++) {
		struct body_plan plan = {.kind = BODY_RAW};
		struct wire w;

		wire_server(&w, &l);
		wire_feed(&w, STR("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n" HEAD "\r\n"), piece);
		assert_int_equal(w.streams, 1);
		stream_send_head(w.stream, wire_response(w.stream->arena, 200), &plan);
		codec_feed(w.codec, &w.in);
		char *got = wire_take(&w.stream->in);
		assert_string_equal(got, HEAD "\r\n");
		free(got);
		assert_int_equal(w.streams, 1);
		wire_free(&w);
	}
}

static void guard_11_responses_without_a_body(void **state)
{
	static const struct asked head = {.method = METHOD_HEAD};

	(void)state;
	answered(head, STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), ERR_none, STR(""), true);
	answered(get, STR("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n"), ERR_none, STR(""), true);
	answered(get, STR("HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n"), ERR_none, STR(""), true);
	answered(get, STR("HTTP/1.1 205 No\r\nContent-Length: 5\r\n\r\n"), ERR_none, STR(""), false);
	answered(get, STR("HTTP/1.1 100 Go\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
		ERR_none, STR("a"), true);
	answered(get, STR("HTTP/1.1 103 Go\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"), ERR_none, STR("a"), true);
}

static void guard_11_bytes_behind_a_response(void **state)
{
	static const struct asked head = {.method = METHOD_HEAD};

	(void)state;
	answered(get, STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabX"), ERR_none, STR("ab"), false);
	answered(get, STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
		ERR_none, STR("ab"), false);
	answered(get, STR("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello"), ERR_none, STR(""), false);
	answered(get, STR("HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\nhello"), ERR_none, STR(""), false);
	answered(head, STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), ERR_none, STR(""), false);
	answered(get, STR("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nabX"), ERR_none, STR("ab"), false);
	answered(get, STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX"), ERR_none, STR(""), false);
}

static void guard_11_switching_unasked(void **state)
{
	static const struct asked upgrade = {.method = METHOD_GET, .upgrade = true};

	(void)state;
	bad_response(STR("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nraw"),
		ERR_upgrade_unasked);
	answered(upgrade, STR("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n"), ERR_upgrade_unasked,
		STR(""), false);
	answered(upgrade, STR("HTTP/1.1 101 Switching\r\n\r\n"), ERR_upgrade_unasked, STR(""), false);
	answered(upgrade, STR("HTTP/1.1 101 Switching\r\nUpgrade: websocket, other\r\n\r\n"), ERR_upgrade_unasked, STR(""),
		false);
	answered(upgrade, STR("HTTP/1.0 101 Switching\r\nUpgrade: websocket\r\n\r\n"), ERR_upgrade_unasked, STR(""), false);
	answered(upgrade, STR("HTTP/1.1 426 No\r\nContent-Length: 1\r\n\r\na"), ERR_none, STR("a"), true);
}

static void guard_11_status_lines(void **state)
{
	static const char *const bad[] = {"HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 099 X\r\n\r\n", "HTTP/1.1 000 X\r\n\r\n",
		"HTTP/1.1 600 X\r\n\r\n", "HTTP/1.1 999 X\r\n\r\n", "HTTP/1.1 2000 X\r\n\r\n", "HTTP/1.1 +20 X\r\n\r\n",
		"HTTP/1.1 200X\r\n\r\n", "HTTP/1.1  200 X\r\n\r\n", "HTTP/1.1\t200 X\r\n\r\n", "HTTP/1.1200 X\r\n\r\n",
		"HTTP/1.1\r\n\r\n", "SSH-2.0-x\r\n", "220 ready\r\n", "<html>", "\x15\x03\x01", "\r\nHTTP/1.1 200 OK\r\n\r\n",
		"http/1.1 200 OK\r\n\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		bad_response(str_of(bad[i]), ERR_response_malformed);
	answered(get, STR("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), ERR_none, STR(""), true);
}

/* Whatever came in: what goes out is ours. */
static void guard_12_written_anew(void **state)
{
	struct codec_limits l = limits_default();
	struct body_plan plan = {.kind = BODY_CHUNKED};
	struct wire server, client;

	(void)state;
	wire_server(&server, &l);
	wire_client(&client, &l);
	wire_feed(&server,
		STR("POST http://h/ HTTP/1.1\r\nHost:   h  \r\nconnection: x\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n"
		    "0000000005;x=\"y\"\r\nhello\r\n00;z\r\nEvil: 1\r\n\r\n"),
		1);
	assert_non_null(wire_open(&client));
	server.stream->head->target = STR("/");
	stream_send_head(client.stream, server.stream->head, &plan);
	char *body = wire_take(&server.stream->in);
	wire_send(&client, str_of(body));
	free(body);
	stream_end(client.stream, &server.stream->head->trailers);
	char *text = wire_flush(&client);
	assert_string_equal(text, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
	free(text);
	wire_free(&client);
	wire_free(&server);
}

/* Nothing of one message colours the next on the same transport. */
static void guard_13_a_new_parser_for_each_head(void **state)
{
	static const char *const requests[] = {
		POST "Transfer-Encoding: chunked\r\nTrailer: A\r\n\r\n1;x\r\na\r\n0\r\nA: b\r\n\r\n",
		POST "Content-Length: 1\r\n\r\na",
		HEAD "Connection: keep-alive, x\r\nUpgrade: y\r\n\r\n",
		"GET http://h/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	};
	struct codec_limits l = limits_default();
	struct wire w;

	(void)state;
	wire_server(&w, &l);
	for (int i = 0; i < 40; i++) {
		struct body_plan plan = {.kind = BODY_LENGTH};

		wire_feed(&w, str_of(requests[(i * 7 + i / 4) % 4]), 0);
		assert_int_equal(w.streams, i + 1);
		assert_int_equal(w.stream->error, ERR_none);
		assert_true(w.stream->in_end);
		stream_send_head(w.stream, wire_response(w.stream->arena, 200), &plan);
		stream_end(w.stream, NULL);
		free(wire_flush(&w));
		wire_close(&w, false);
		assert_true(codec_is_idle(w.codec));
	}
	wire_free(&w);
}

static void guard_14_trailers(void **state)
{
	static const char *const dropped[] = {"Content-Length", "Transfer-Encoding", "Host", "Authorization",
		"Proxy-Authorization", "Cookie", "Set-Cookie", "Content-Type", "Content-Encoding", "Content-Range",
		"Cache-Control", "If-Match", "Range", "Expect", "Connection", "Upgrade", "TE", "Trailer", "Location",
		"X-Forwarded-For", "Via"};
	struct codec_limits l = limits_default();
	char text[400];
	struct wire w;

	(void)state;
	for (size_t i = 0; i < sizeof(dropped) / sizeof(*dropped); i++) {
		snprintf(text, sizeof(text),
			POST "Transfer-Encoding: chunked\r\nTrailer: %s, Fine\r\n\r\n0\r\n%s: 5\r\nFine: 1\r\nOther: 2\r\n\r\n",
			dropped[i], dropped[i]);
		wire_server(&w, &l);
		wire_feed(&w, str_of(text), i % 2);
		assert_int_equal(w.stream->error, ERR_none);
		assert_true(w.stream->in_end);
		assert_int_equal(w.stream->head->trailers.n, 1);
		assert_true(str_eq(w.stream->head->trailers.v[0].name, STR("Fine")));
		wire_free(&w);
	}
	refuse(STR(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nGET / HTTP/1.1\r\n\r\n"), ERR_bad_chunk);
	refuse(STR(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nA : b\r\n\r\n"), ERR_bad_chunk);
	refuse(STR(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n: b\r\n\r\n"), ERR_bad_chunk);
	refuse(STR(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n"), ERR_bad_chunk);
	refuse(STR(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nA: \x01\r\n\r\n"), ERR_bad_chunk);
}

static void expectations(void **state)
{
	(void)state;
	refuse(STR(POST "Content-Length: 1\r\nExpect: x\r\n\r\na"), ERR_expect_unsupported);
	refuse(STR(POST "Content-Length: 1\r\nExpect: y 100-continue\r\n\r\na"), ERR_expect_unsupported);
	refuse(STR(POST "Content-Length: 1\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n\r\na"), ERR_expect_unsupported);
	take(STR(POST "Content-Length: 1\r\nExpect: 100-continue\r\n\r\na"), STR("a"));
	take(STR(HEAD "Expect: 100-continue\r\n\r\n"), STR(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guard_10_connect),
		cmocka_unit_test(guard_10_early_bytes_go_into_the_tunnel),
		cmocka_unit_test(guard_11_responses_without_a_body),
		cmocka_unit_test(guard_11_bytes_behind_a_response),
		cmocka_unit_test(guard_11_switching_unasked),
		cmocka_unit_test(guard_11_status_lines),
		cmocka_unit_test(guard_12_written_anew),
		cmocka_unit_test(guard_13_a_new_parser_for_each_head),
		cmocka_unit_test(guard_14_trailers),
		cmocka_unit_test(expectations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
