/* The codecs when HTTP ends and bytes begin: tunnels and upgrades in both roles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "h1_asserts.h"

static const struct body_plan plan_raw = {.kind = BODY_RAW};

static void server_with(struct wire *w)
{
	struct codec_limits l = limits_small();

	wire_server(w, &l);
}

static void client_with(struct wire *w)
{
	struct codec_limits l = limits_small();

	wire_client(w, &l);
}

/* Answers with a body of known length. */
static void answer(struct wire *w, int status, struct str body)
{
	struct body_plan plan = {.kind = BODY_LENGTH, .length = body.len};

	stream_send_head(w->stream, wire_response(w->stream->arena, status), &plan);
	assert_int_equal(wire_send(w, body), body.len);
	stream_end(w->stream, NULL);
}

static void server_tunnels(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w, STR("CONNECT h:443 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nearly"), 0);
	assert_int_equal(w.stream->head->method, METHOD_CONNECT);
	assert_false(codec_wants_input(w.codec));
	w.activities = 0;
	stream_send_head(w.stream, wire_response(w.stream->arena, 200), &plan_raw);
	assert_true(w.activities > 0 && w.stream->is_raw && !w.stream->in_end);
	codec_feed(w.codec, &w.in);
	assert_taken(&w.stream->in, "early");
	wire_feed(&w, STR(" late\0x"), 0);
	assert_int_equal(w.stream->in.len, 7);
	assert_int_equal(wire_send(&w, STR("down")), 4);
	assert_flushed(&w, "HTTP/1.1 200 OK\r\n\r\ndown");
	codec_eof(w.codec, ERR_none);
	assert_true(w.stream->in_end);
	assert_false(codec_is_done(w.codec));
	assert_int_equal(wire_send(&w, STR("more")), 4);
	stream_end(w.stream, NULL);
	assert_true(w.codec->wants_shut && w.codec->wants_close && codec_is_done(w.codec));
	assert_flushed(&w, "more");
	assert_true(w.stream->is_sent);
	wire_close(&w, false);
	assert_false(w.codec->wants_abort);
	wire_free(&w);
}

static void server_tunnel_with_half_close(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w, STR("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	stream_send_head(w.stream, wire_response(w.stream->arena, 200), &plan_raw);
	stream_end(w.stream, NULL);
	assert_true(w.codec->wants_shut);
	assert_false(codec_is_done(w.codec));
	wire_feed(&w, STR("still"), 0);
	assert_int_equal(w.stream->in.len, 5);
	codec_eof(w.codec, ERR_none);
	assert_true(codec_is_done(w.codec));
	wire_free(&w);
	/* eof with bytes that wait for the mark */
	server_with(&w);
	wire_feed(&w, STR("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	stream_send_head(w.stream, wire_response(w.stream->arena, 200), &plan_raw);
	char bytes[1500] = {0};
	wire_feed(&w, (struct str){bytes, sizeof(bytes)}, 0);
	codec_eof(w.codec, ERR_none);
	assert_false(w.stream->in_end);
	bufq_drain(&w.stream->in, 1000);
	stream_took(w.stream);
	codec_feed(w.codec, &w.in);
	assert_true(w.stream->in_end);
	assert_int_equal(w.stream->in.len, 500);
	wire_close(&w, true);
	assert_true(w.codec->wants_abort);
	wire_free(&w);
}

static void server_closes_after_a_refused_connect(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w, STR("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	answer(&w, 403, STR(""));
	assert_flushed(&w, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	wire_close(&w, false);
	codec_feed(w.codec, &w.in);
	assert_int_equal(w.streams, 1);
	assert_true(w.codec->wants_close);
	wire_free(&w);
}

static void server_upgrades(void **state)
{
	struct wire w;

	(void)state;
	server_with(&w);
	wire_feed(&w, STR("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81"), 0);
	assert_true(w.stream->framing.asks_upgrade);
	struct message *m = wire_response(w.stream->arena, 101);
	assert_true(fields_add(w.stream->arena, &m->fields, STR("Upgrade"), STR("websocket")));
	stream_send_head(w.stream, m, &plan_raw);
	assert_flushed(&w, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
	codec_feed(w.codec, &w.in);
	assert_taken(&w.stream->in, "\x81");
	wire_free(&w);
}

static void client_switches(void **state)
{
	struct body_plan plan = {.kind = BODY_NONE, .is_upgrade = true};
	struct wire w;

	(void)state;
	client_with(&w);
	wire_open(&w);
	struct message *m = wire_request(w.arena, METHOD_GET, STR("GET"));
	assert_true(fields_add(w.arena, &m->fields, STR("Upgrade"), STR("websocket")));
	stream_send_head(w.stream, m, &plan);
	stream_end(w.stream, NULL);
	assert_flushed(&w, "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
	wire_feed(&w, STR("HTTP/1.1 101 Switching\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\r\nraw"), 0);
	assert_int_equal(w.stream->framing.kind, BODY_RAW);
	assert_int_equal(w.stream->in.len, 0);
	wire_close(&w, true);
	wire_free(&w);
}

static void client_is_raw_after_a_switch(void **state)
{
	struct body_plan plan = {.kind = BODY_NONE, .is_upgrade = true};
	struct wire w;

	(void)state;
	client_with(&w);
	wire_open(&w);
	struct message *m = wire_request(w.arena, METHOD_GET, STR("GET"));
	assert_true(fields_add(w.arena, &m->fields, STR("Upgrade"), STR("websocket")));
	stream_send_head(w.stream, m, &plan);
	free(wire_flush(&w));
	wire_feed(&w, STR("HTTP/1.1 101 Switching\r\nUpgrade: WebSocket\r\n\r\nraw"), 0);
	stream_make_raw(w.stream);
	codec_feed(w.codec, &w.in);
	assert_taken(&w.stream->in, "raw");
	assert_int_equal(wire_send(&w, STR("up")), 2);
	assert_flushed(&w, "up");
	stream_end(w.stream, NULL);
	assert_true(w.codec->wants_shut);
	codec_eof(w.codec, ERR_none);
	assert_true(w.stream->in_end && codec_is_done(w.codec));
	wire_close(&w, false);
	wire_free(&w);
}

static void client_tunnels_at_once(void **state)
{
	struct wire w;

	(void)state;
	client_with(&w);
	wire_open(&w);
	stream_make_raw(w.stream);
	assert_int_equal(wire_send(&w, STR("hello")), 5);
	assert_flushed(&w, "hello");
	assert_true(w.stream->wrote);
	wire_feed(&w, STR("\0\1\2"), 0);
	assert_int_equal(w.stream->in.len, 3);
	codec_eof(w.codec, ERR_send_timeout);
	assert_int_equal(w.stream->error, ERR_tunnel_broken);
	wire_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_tunnels),
		cmocka_unit_test(server_tunnel_with_half_close),
		cmocka_unit_test(server_closes_after_a_refused_connect),
		cmocka_unit_test(server_upgrades),
		cmocka_unit_test(client_switches),
		cmocka_unit_test(client_is_raw_after_a_switch),
		cmocka_unit_test(client_tunnels_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
