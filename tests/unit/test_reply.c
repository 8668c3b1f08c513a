/* Replies: responses made here, as streams; the form that a client asks for, and Proxy-Status (RFC 9209). */
#include "core/reply.h"

#include "heads.h"

/* The body, taken out. */
static struct str body_take(struct arena *a, struct stream *s)
{
	char *text = arena_alloc(a, s->in.len + 1);
	size_t n = s->in.len;

	assert_non_null(text);
	assert_int_equal(bufq_copy(&s->in, 0, text, n), n);
	bufq_drain(&s->in, n);
	return (struct str){text, n};
}

static void test_a_reply_is_a_whole_response(void **state)
{
	struct bufpool *pool = bufpool_new(0);
	struct arena *a = arena_new(1 << 16);
	struct stream *s = reply_new(a, pool, 404, STR("text/plain"), STR("nothing here"));

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->head->status, 404);
	str_expect(s->head->reason, "Not Found");
	assert_int_equal(s->framing.kind, BODY_LENGTH);
	assert_int_equal(s->framing.length, 12);
	assert_true(s->in_end);
	assert_int_equal(s->in_bytes, 12);
	assert_int_equal(s->error, ERR_none);
	assert_true(reply_field(s, STR("X-A"), STR("1")));
	fields_expect_dated(&s->head->fields, "Content-Type: text/plain\nX-A: 1\n");
	str_expect(body_take(a, s), "nothing here");
	stream_took(s);
	stream_close(s, false);
	arena_free(a);
	bufpool_free(pool);
}

static void test_a_reply_swallows_what_is_sent_to_it(void **state)
{
	struct bufpool *pool = bufpool_new(0);
	struct arena *a = arena_new(1 << 16);
	struct stream *s = reply_new(a, pool, 200, STR_NONE, STR("body"));
	struct bufq from;

	(void)state;
	assert_non_null(s);
	fields_expect_dated(&s->head->fields, "");
	bufq_init(&from, pool);
	bufq_append_str(&from, STR("0123456789"));
	assert_true(stream_room(s) > 10);
	assert_int_equal(stream_send(s, &from, 4), 4);
	assert_int_equal(stream_send(s, &from, 100), 6);
	assert_int_equal(from.len, 0);
	stream_end(s, NULL);
	assert_true(s->is_sent);
	/* Closed with its body in it, it holds nothing. */
	stream_close(s, true);
	assert_int_equal(bufpool_used(pool), 0);
	arena_free(a);
	bufpool_free(pool);
}

static void test_the_form_asked_for(void **state)
{
	static const struct {
		const char *fields;
		enum reply_form form;
	} cases[] = {
		{"", REPLY_TEXT},
		{"Accept: */*\n", REPLY_TEXT},
		{"Accept:\n", REPLY_TEXT},
		{"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\n", REPLY_HTML},
		{"Accept: application/xhtml+xml\n", REPLY_HTML},
		{"accept: TEXT/HTML ;level=1\n", REPLY_HTML},
		{"Accept: application/json\n", REPLY_JSON},
		{"Accept: application/problem+json, text/html\n", REPLY_JSON},
		{"Accept: image/png, application/vnd.api+JSON;q=0.5\n", REPLY_JSON},
		{"Accept: text/plain, text/html\n", REPLY_TEXT},
		{"Accept: text/htmlx, xapplication/json\n", REPLY_TEXT},
		{"Accept: ,, ;q=1, text/html\n", REPLY_HTML},
	};
	struct arena *a = arena_new(1 << 16);

	(void)state;
	assert_int_equal(reply_form_of(NULL), REPLY_TEXT);
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (reply_form_of(request_read(a, "GET", "http://a/", cases[i].fields)) != cases[i].form)
			fail_msg("%s", cases[i].fields);
	}
	arena_free(a);
}

static void expect_error(enum error error, const char *detail, enum reply_form form, int status, const char *fields)
{
	struct bufpool *pool = bufpool_new(0);
	struct arena *a = arena_new(1 << 16);
	struct stream *s = reply_error(a, pool, error, detail, STR("a.example"), form);

	assert_non_null(s);
	assert_int_equal(s->head->status, status);
	fields_expect_dated(&s->head->fields, fields);
	assert_true(s->in.len > 0 && s->in.len == s->framing.length);
	stream_close(s, false);
	arena_free(a);
	bufpool_free(pool);
}

static void test_errors(void **state)
{
	(void)state;
	expect_error(ERR_connect_refused, "192.0.2.1:80: no", REPLY_TEXT, 502,
		"Content-Type: text/plain; charset=utf-8\n"
		"Proxy-Status: viaduct; error=connection_refused; details=\"192.0.2.1:80: no\"\n"
		"Cache-Control: no-store\nX-Content-Type-Options: nosniff\n");
	expect_error(ERR_connect_timeout, NULL, REPLY_JSON, 504,
		"Content-Type: application/json\n"
		"Proxy-Status: viaduct; error=connection_timeout; details=\"no address of the origin answered within timeouts.connect\"\n"
		"Cache-Control: no-store\nX-Content-Type-Options: nosniff\n");
	expect_error(ERR_redirect_loop, "", REPLY_HTML, 502,
		"Content-Type: text/html; charset=utf-8\n"
		"Proxy-Status: viaduct; error=proxy_loop_detected; details=\"the chain of redirects came back to where it was\"\n"
		"Cache-Control: no-store\nX-Content-Type-Options: nosniff\n"
		"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\n");
}

/* A field value is one line of visible ASCII whatever the words are (RFC 8941 section 3.3.3). */
static void test_details_are_quoted(void **state)
{
	(void)state;
	expect_error(ERR_internal, "say \"hi\\\" \r\nSet-Cookie: a=b\t\x7f\xc3\xa9", REPLY_JSON, 500,
		"Content-Type: application/json\n"
		"Proxy-Status: viaduct; error=proxy_internal_error; details=\"say \\\"hi\\\\\\\" Set-Cookie: a=b?\"\n"
		"Cache-Control: no-store\nX-Content-Type-Options: nosniff\n");
}

/* A reply that could not be finished holds no slab of the pool. */
static void test_a_full_arena(void **state)
{
	struct bufpool *pool = bufpool_new(0);
	bool fits = false;
	size_t failed = 0;

	(void)state;
	for (size_t limit = 0; limit < 16384 && !fits; limit += 8) {
		struct arena *a = arena_new(limit);
		struct stream *s = reply_error(a, pool, ERR_internal, "in words", STR("a.example"), REPLY_HTML);

		fits = s != NULL;
		failed += !fits;
		if (fits)
			stream_close(s, false);
		assert_int_equal(bufpool_used(pool), 0);
		arena_free(a);
	}
	assert_true(fits);
	assert_true(failed > 50);
	bufpool_free(pool);
}

static void test_a_field_too_many(void **state)
{
	struct bufpool *pool = bufpool_new(0);
	struct arena *a = arena_new(4096);
	struct stream *s = reply_new(a, pool, 200, STR_NONE, STR("body"));

	(void)state;
	assert_non_null(s);
	while (reply_field(s, STR("X"), STR("1")))
		;
	assert_int_equal(bufpool_used(pool), 0);
	arena_free(a);
	bufpool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_reply_is_a_whole_response),
		cmocka_unit_test(test_a_reply_swallows_what_is_sent_to_it),
		cmocka_unit_test(test_the_form_asked_for),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_details_are_quoted),
		cmocka_unit_test(test_a_full_arena),
		cmocka_unit_test(test_a_field_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
