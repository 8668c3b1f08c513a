/* Via as the sign that a message has been here before (RFC 9110 section 7.6.3). */
#include "core/forward.h"

#include "heads.h"

static void test_own_name(void **state)
{
	static const struct {
		const char *fields;
		bool is_loop;
	} cases[] = {
		{"", false},
		{"Via: 1.1 other\n", false},
		{"Via: 1.1 viaduct-1\n", true},
		{"via: 1.1 VIADUCT-1\n", true},
		{"Via: 1.0 other, 1.1 viaduct-1\n", true},
		{"Via: 1.0 other\nVia: 1.1 viaduct-1\n", true},
		{"Via: HTTP/1.1 viaduct-1 (a comment)\n", true},
		{"Via: 1.1   viaduct-1\n", true},
		{"Via: 1.1\tviaduct-1\t(x)\n", true},
		{"Via: 1.1 viaduct-12\n", false},
		{"Via: 1.1 x-viaduct-1\n", false},
		{"Via: 1.1 viaduct\n", false},
		{"Via: viaduct-1\n", false},
		{"Via: 1.1\n", false},
		{"Via: ,, ,\n", false},
		{"X-Via: 1.1 viaduct-1\n", false},
		{"Via: 1.1 other (viaduct-1)\n", false},
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct message *m = request_read(a, "GET", "http://a.example/", cases[i].fields);

		if (forward_has_via(m, STR("viaduct-1")) != cases[i].is_loop)
			fail_msg("%s", cases[i].fields);
	}
	arena_free(a);
}

/* What we write we know again, in any version and behind others. */
static void test_what_was_written_is_found(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct url url = url_read(a, "http://a.example/");
	struct message *m = request_read(a, "GET", "http://a.example/", "Via: 1.1 first, 1.0 second\n");

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct forward_request f = {.original = m, .url = &url, .method = METHOD_GET, .via = STR("viaduct-1")};
		const struct message *sent;
		struct forwarded out;

		m->version = i == 0 ? VERSION_1_0 : VERSION_1_1;
		assert_true(forward_request(a, &f, &out));
		sent = out.message;
		assert_false(forward_has_via(m, STR("viaduct-1")));
		assert_true(forward_has_via(sent, STR("viaduct-1")));
		assert_false(forward_has_via(sent, STR("viaduct-2")));
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_name),
		cmocka_unit_test(test_what_was_written_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
