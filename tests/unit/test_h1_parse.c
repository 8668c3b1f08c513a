/* Heads to messages: the scan of raw bytes, start lines, fields, and llhttp's second opinion. */
#include "http/h1.h"
#include "http/h1_parse.h"
#include "http/head_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct head_limits scan_limits = {.line = 100, .bytes = 1000, .lines = 20, .empty = 2};

/* Scans in pieces; the start line is taken as it is. */
static enum head_verdict scan(struct str text, size_t piece, struct head_scan *h, size_t *ret_left)
{
	struct bufpool *pool = bufpool_new(1 << 16);
	enum head_verdict v = HEAD_MORE;
	struct bufq in;

	bufq_init(&in, pool);
	head_scan_init(h, &scan_limits);
	for (size_t at = 0; at < text.len && (v == HEAD_MORE || v == HEAD_LINE); at += piece) {
		bufq_append(&in, text.p + at, piece < text.len - at ? piece : text.len - at);
		v = head_scan(h, &in);
		if (v == HEAD_LINE)
			v = head_scan(h, &in);
	}
	*ret_left = in.len;
	bufq_clear(&in);
	bufpool_free(pool);
	return v;
}

static void ends_of_heads_are_found(void **state)
{
	struct str text = STR("\r\nGET / HTTP/1.1\r\nHost: h\r\nA:b\tc\r\n\r\nrest");

	(void)state;
	for (size_t piece = 1; piece <= text.len; piece++) {
		struct head_scan h;
		size_t left;

		assert_int_equal(scan(text, piece, &h, &left), HEAD_WHOLE);
		assert_int_equal(h.taken, 34);
		assert_int_equal(h.lines, 3);
		assert_int_equal(h.first_line, 14);
		assert_int_equal(h.empty, 1);
		assert_false(h.has_controls);
		assert_true(left >= 34);
	}
}

static void scans_strike(void **state)
{
	char lines[200], line[201];
	struct head_scan h;
	size_t left;
	const struct {
		struct str text;
		enum head_verdict verdict;
	} cases[] = {
		{STR("\r\n\r\nGET / HTTP/1.1\r\n\r\n"), HEAD_WHOLE},
		{STR("\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n"), HEAD_EMPTY},
		{STR("GET / HTTP/1.1\nA: b\n\n"), HEAD_MALFORMED},
		{STR("GET / HTTP/1.1\r\nA: b\n\r\n"), HEAD_MALFORMED},
		{STR("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n"), HEAD_MALFORMED},
		{STR("GET / HTTP/1.1\r\r\nA: b\r\n\r\n"), HEAD_MALFORMED},
		{STR("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"), HEAD_MALFORMED},
		{STR("GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n"), HEAD_MALFORMED},
		{STR("GET / HTTP/1.1\r\n A: b\r\n\r\n"), HEAD_MALFORMED},
		{STR(" GET / HTTP/1.1\r\nA: b\r\n\r\n"), HEAD_MALFORMED},
		{STR("GET / HTTP/1.1\r\nA: \0\r\n\r\n"), HEAD_MALFORMED},
		{STR("GET / HTTP/1.1\r\nA: b\r\n\rX"), HEAD_MALFORMED},
		{STR("\n"), HEAD_MALFORMED},
		{STR("GET / HTTP/1.1\r\nA: b\r\n"), HEAD_MORE},
		{{line, sizeof(line)}, HEAD_LINE_LONG},
		{{lines, sizeof(lines)}, HEAD_MANY},
	};

	(void)state;
	memset(line, 'a', sizeof(line));
	for (size_t i = 0; i < sizeof(lines); i++)
		lines[i] = "a:\r\n"[i % 4];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (size_t piece = 1; piece <= cases[i].text.len; piece++)
			assert_int_equal(scan(cases[i].text, piece, &h, &left), cases[i].verdict);
	}
}

static void long_heads_strike_early(void **state)
{
	char text[3000];
	struct head_scan h;
	size_t left;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET / HTTP/1.1\r\n", 16);
	for (size_t piece = 1; piece < 1500; piece += 7) {
		assert_int_equal(scan((struct str){text, sizeof(text)}, piece, &h, &left), HEAD_LONG);
		assert_true(left <= 1001 + piece);
	}
	memcpy(text + 996, "\r\n\r\n", 4);
	assert_int_equal(scan((struct str){text, 1000}, 1, &h, &left), HEAD_WHOLE);
	assert_int_equal(scan((struct str){text, 1000}, 1000, &h, &left), HEAD_WHOLE);
}

/* Parses a whole head that the scan takes. */
static enum error parse(struct arena *a, const char *text, bool is_request, struct h1_parsed *ret)
{
	struct head_scan h;
	size_t left;

	assert_int_equal(scan(str_of(text), strlen(text), &h, &left), HEAD_WHOLE);
	struct h1_head head = {
		.text = {text, h.taken}, .lines = h.lines, .first_line = h.first_line, .has_controls = h.has_controls};
	return is_request ? h1_parse_request(a, &head, ret) : h1_parse_response(a, &head, ret);
}

static void requests_are_read(void **state)
{
	struct arena *a = arena_new(1 << 16);
	struct h1_parsed p;

	(void)state;
	assert_int_equal(parse(a, "POST http://h/?a HTTP/1.0\r\nHost:  h \t\r\nX:\r\nx: a\xe4 b\r\ncontent-length: 3\r\n\r\n",
				 true, &p),
		ERR_none);
	assert_true(p.message->is_request);
	assert_int_equal(p.message->method, METHOD_POST);
	assert_int_equal(p.message->version, VERSION_1_0);
	assert_true(str_eq(p.message->method_name, STR("POST")));
	assert_true(str_eq(p.message->target, STR("http://h/?a")));
	assert_int_equal(p.message->fields.n, 4);
	assert_true(str_eq(p.message->fields.v[0].name, STR("Host")));
	assert_true(str_eq(p.message->fields.v[0].value, STR("h")));
	assert_true(str_eq(p.message->fields.v[1].name, STR("X")));
	assert_int_equal(p.message->fields.v[1].value.len, 0);
	assert_true(str_eq(p.message->fields.v[2].value, STR("a\xe4 b")));
	assert_true(p.has_length);
	assert_int_equal(p.length, 3);
	assert_int_equal(parse(a, "GET / HTTP/1.1\r\n\r\n", true, &p), ERR_none);
	assert_int_equal(p.message->fields.n, 0);
	assert_int_equal(parse(a, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
				 true, &p),
		ERR_none);
	assert_true(p.is_chunked);
	assert_int_equal(parse(a, "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", true, &p), ERR_none);
	assert_int_equal(p.message->method, METHOD_CONNECT);
	arena_free(a);
}

static void every_method_is_known_to_the_parser(void **state)
{
	static const char *const names[] = {
#define METHOD_ROW(id, text, safe, idempotent) text,
#include "http/method.def"
#undef METHOD_ROW
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char text[100];
		struct h1_parsed p;

		snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: h\r\n\r\n", names[i],
			i == METHOD_CONNECT - 1 ? "h:1" : "/");
		assert_int_equal(parse(a, text, true, &p), ERR_none);
		assert_int_equal(p.message->method, i + 1);
	}
	arena_free(a);
}

static void responses_are_read(void **state)
{
	struct arena *a = arena_new(1 << 16);
	struct h1_parsed p;

	(void)state;
	assert_int_equal(parse(a,
				 "HTTP/1.1 404 Not \x01 there\r\nA: b\x02\x7f"
				 "c\r\nTransfer-Encoding: chunked\r\n\r\n",
				 false, &p),
		ERR_none);
	assert_int_equal(p.message->status, 404);
	assert_true(str_eq(p.message->reason, STR("Not \x01 there")));
	assert_true(str_eq(p.message->fields.v[0].value,
		STR("b\x02\x7f"
		    "c")));
	assert_true(p.is_chunked);
	assert_int_equal(parse(a, "HTTP/1.0 200\r\n\r\n", false, &p), ERR_none);
	assert_int_equal(p.message->version, VERSION_1_0);
	assert_int_equal(p.message->reason.len, 0);
	assert_int_equal(parse(a, "HTTP/1.1 599 \r\n\r\n", false, &p), ERR_none);
	assert_int_equal(parse(a, "HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", false, &p), ERR_none);
	assert_int_equal(p.length, 5);
	arena_free(a);
}

static void a_full_arena_is_told(void **state)
{
	struct h1_parsed p;

	(void)state;
	for (size_t limit = 0; limit < 400; limit += 8) {
		struct arena *a = arena_new(limit);
		enum error error = parse(a, "GET / HTTP/1.1\r\nA: b\r\nB: c\r\n\r\n", true, &p);

		assert_true(error == ERR_head_too_large || error == ERR_none);
		assert_true(limit > 50 || error == ERR_head_too_large);
		arena_free(a);
		a = arena_new(limit);
		error = parse(a, "HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n", false, &p);
		assert_true(error == ERR_response_head_too_large || error == ERR_none);
		arena_free(a);
	}
}

static void the_parser_is_strict(void **state)
{
	(void)state;
	assert_true(h1_parser_is_strict());
	assert_non_null(strstr(h1_parser_version(), "llhttp "));
	assert_non_null(strstr(h1_parser_version(), "(strict)"));
}

static void both_readings_must_agree(void **state)
{
	struct message m = {.is_request = true};
	struct h1_parsed length = {.message = &m, .has_length = true, .length = 5},
			 chunked = {.message = &m, .is_chunked = true};
	struct h1_parsed nothing = {.message = &m}, blank = {.message = &m, .has_blank_coding = true};

	(void)state;
	assert_true(h1_parse_agrees(&blank, &(struct framing){.kind = BODY_CHUNKED}));
	assert_true(h1_parse_agrees(&length, &(struct framing){.kind = BODY_LENGTH, .length = 5}));
	assert_false(h1_parse_agrees(&length, &(struct framing){.kind = BODY_LENGTH, .length = 6}));
	assert_false(h1_parse_agrees(&length, &(struct framing){.kind = BODY_CHUNKED}));
	assert_false(h1_parse_agrees(&length, &(struct framing){.kind = BODY_NONE}));
	assert_false(h1_parse_agrees(&length, &(struct framing){.kind = BODY_CLOSE}));
	assert_true(h1_parse_agrees(&chunked, &(struct framing){.kind = BODY_CHUNKED}));
	assert_false(h1_parse_agrees(&chunked, &(struct framing){.kind = BODY_NONE}));
	assert_true(h1_parse_agrees(&nothing, &(struct framing){.kind = BODY_NONE}));
	assert_false(h1_parse_agrees(&nothing, &(struct framing){.kind = BODY_CHUNKED}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_of_heads_are_found),
		cmocka_unit_test(scans_strike),
		cmocka_unit_test(long_heads_strike_early),
		cmocka_unit_test(requests_are_read),
		cmocka_unit_test(every_method_is_known_to_the_parser),
		cmocka_unit_test(responses_are_read),
		cmocka_unit_test(a_full_arena_is_told),
		cmocka_unit_test(the_parser_is_strict),
		cmocka_unit_test(both_readings_must_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
