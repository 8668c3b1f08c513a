/* What the proxy answers itself: its own address, and TRACE and OPTIONS that end here. */
#include "core/local.h"

#include "core/exchange.h"
#include "core/reply.h"
#include "core/worker.h"
#include "heads.h"

struct rig {
	struct shared shared;
	struct worker worker;
	struct exchange x;
};

static void rig_up(struct rig *r, const char *method, const char *target, const char *fields)
{
	memset(r, 0, sizeof(*r));
	r->shared.inspector_url = STR("http://127.0.0.1:8081");
	r->worker.shared = &r->shared;
	r->worker.bufpool = bufpool_new(0);
	r->x.worker = &r->worker;
	r->x.arena = arena_new(1 << 16);
	r->x.facts.request = request_read(r->x.arena, method, target, fields);
	assert_true(address_parse(STR("127.0.0.1"), 8080, &r->x.facts.listener));
}

static void rig_down(struct rig *r)
{
	arena_free(r->x.arena);
	bufpool_free(r->worker.bufpool);
}

/* The answer: its status, its fields, and the beginning of its body. */
static void expect_answer(const char *method, const char *target, const char *asked, int status, const char *fields,
	const char *body)
{
	struct stream *s;
	char text[4096] = "";
	struct rig r;

	rig_up(&r, method, target, asked);
	assert_true(local_is_asked(r.x.facts.request));
	s = local_answer(&r.x);
	assert_non_null(s);
	assert_int_equal(s->head->status, status);
	fields_expect_dated(&s->head->fields, fields);
	assert_int_equal(s->framing.length, s->in.len);
	bufq_copy(&s->in, 0, text, sizeof(text) - 1);
	assert_memory_equal(text, body, strlen(body) + (body[0] == '\0'));
	stream_close(s, false);
	rig_down(&r);
}

static void test_what_is_meant_for_us(void **state)
{
	static const struct {
		const char *method, *target, *fields;
		bool is_asked;
	} cases[] = {
		{"GET", "/", "", true},
		{"POST", "/any/path?q", "", true},
		{"OPTIONS", "*", "", true},
		{"GET", "http://a.example/", "", false},
		{"GET", "http://a.example/", "Max-Forwards: 0\n", false},
		{"OPTIONS", "http://a.example/", "", false},
		{"OPTIONS", "http://a.example/", "Max-Forwards: 0\n", true},
		{"TRACE", "http://a.example/", "max-forwards: 00\n", true},
		{"TRACE", "http://a.example/", "Max-Forwards: 1\n", false},
		{"TRACE", "http://a.example/", "Max-Forwards: -0\n", false},
		{"TRACE", "http://a.example/", "Max-Forwards:\n", false},
		{"CONNECT", "a.example:443", "", false},
		{"CONNECT", "/", "", false},
	};
	struct arena *a = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (local_is_asked(request_read(a, cases[i].method, cases[i].target, cases[i].fields)) != cases[i].is_asked)
			fail_msg("%s %s %s", cases[i].method, cases[i].target, cases[i].fields);
	}
	arena_free(a);
}

static void test_options(void **state)
{
	(void)state;
	expect_answer("OPTIONS", "*", "Host: p\n", 200, "Allow: GET, HEAD, OPTIONS, CONNECT\n", "");
	expect_answer("OPTIONS", "http://a.example/", "Max-Forwards: 0\n", 200, "Allow: GET, HEAD, OPTIONS, CONNECT\n", "");
}

/* RFC 9110 section 9.3.8: nothing that is secret is sent back. */
static void test_trace(void **state)
{
	(void)state;
	expect_answer("TRACE", "http://a.example/x",
		"Host: a.example\nCookie: secret\nVia: 1.1 other\nAuthorization: x\nMax-Forwards: 0\n", 200,
		"Content-Type: message/http\n",
		"TRACE http://a.example/x HTTP/1.1\r\nHost: a.example\r\nVia: 1.1 other\r\nMax-Forwards: 0\r\n");
}

static void test_help(void **state)
{
	static const char text[] =
		"Content-Type: text/plain; charset=utf-8\nCache-Control: no-store\nX-Content-Type-Options: nosniff\n";

	(void)state;
	expect_answer("GET", "/", "", 200, text, "This is viaduct, an HTTP proxy.");
	expect_answer("GET", "/favicon.ico", "", 404, text, "This is viaduct, an HTTP proxy.");
	expect_answer("GET", "/", "Accept: application/json\n", 200,
		"Content-Type: application/json\nCache-Control: no-store\nX-Content-Type-Options: nosniff\n",
		"{\"name\":\"viaduct\",\"proxy\":\"127.0.0.1:8080\",\"inspector\":\"http://127.0.0.1:8081\"}\n");
}

static struct stream *answer(void *owner, struct exchange *x)
{
	++*(unsigned *)owner;
	return reply_new(x->arena, x->worker->bufpool, 204, STR_NONE, STR(""));
}

static void test_another_answerer(void **state)
{
	unsigned asked = 0;
	struct stream *s;
	struct rig r;

	(void)state;
	rig_up(&r, "GET", "/metrics", "");
	r.worker.answerer = (struct answerer){.answer = answer, .owner = &asked};
	s = local_answer(&r.x);
	assert_non_null(s);
	assert_int_equal(s->head->status, 204);
	assert_int_equal(asked, 1);
	stream_close(s, false);
	rig_down(&r);
}

/* Whatever the room, what could not be made holds nothing. */
static void test_a_full_arena(void **state)
{
	static const char *const methods[] = {"GET", "OPTIONS", "TRACE"};

	(void)state;
	for (size_t m = 0; m < COUNT(methods); m++) {
		struct arena *own;
		struct stream *s = NULL;
		struct rig r;

		rig_up(&r, methods[m], "/", "Via: 1.1 a\nVia: 1.1 b\n");
		own = r.x.arena;
		for (size_t limit = 0; limit < 16384 && s == NULL; limit += 8) {
			r.x.arena = arena_new(limit);
			s = local_answer(&r.x);
			if (s != NULL)
				stream_close(s, false);
			assert_int_equal(bufpool_used(r.worker.bufpool), 0);
			arena_free(r.x.arena);
		}
		assert_non_null(s);
		r.x.arena = own;
		rig_down(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_meant_for_us),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_another_answerer),
		cmocka_unit_test(test_a_full_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
