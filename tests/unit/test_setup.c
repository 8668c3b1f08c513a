/* setup.h: who gets which file and which page, at the proxy and at the inspector. The pages' content: test_setup_page.c. */
#include "admin/setup.h"

#include "admin/routes.h"
#include "heads.h"

#include <stdlib.h>

struct rig {
	struct arena *arena;
	struct bufpool *pool;
	struct ca *ca; /* NULL: it cannot be had */
	unsigned asked;
	struct stream *reply;
	char text[262144];
	size_t n;
};

static int set_up(void **state)
{
	struct ca_request request = {.common_name = "viaduct CA (<test>, 2026-11-22)", .now_s = 1800000000};
	struct rig *r = calloc(1, sizeof(*r));
	char why[200] = "";

	assert_non_null(r);
	r->arena = arena_new(1 << 20);
	r->pool = bufpool_new(1 << 20);
	r->ca = ca_make(&request, why, sizeof(why));
	assert_non_null(r->ca);
	*state = r;
	return 0;
}

static void drop_reply(struct rig *r)
{
	if (r->reply != NULL)
		stream_close(r->reply, false);
	r->reply = NULL;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	drop_reply(r);
	ca_unref(r->ca);
	bufpool_free(r->pool);
	arena_free(r->arena);
	free(r);
	return 0;
}

static struct ca *need(void *owner)
{
	struct rig *r = owner;

	r->asked++;
	return r->ca == NULL ? NULL : ca_ref(r->ca);
}

/* The answer's status; the rest is in r. */
static int ask_as(struct rig *r, bool is_inspector, const char *method, const char *path, const char *fields)
{
	struct setup_visit v = {
		.request = request_read(r->arena, method, path, fields),
		.path = str_of(path),
		.is_inspector = is_inspector,
		.proxy = STR("192.0.2.1:8080"),
		.intercept = INTERCEPT_NONE,
		.ca = {.need = need, .owner = r},
		.arena = r->arena,
		.pool = r->pool,
	};

	drop_reply(r);
	r->reply = setup_answer(&v);
	assert_non_null(r->reply);
	r->n = bufq_copy(&r->reply->in, 0, r->text, sizeof(r->text) - 1);
	r->text[r->n] = '\0';
	return r->reply->head->status;
}

static int ask(struct rig *r, const char *path)
{
	return ask_as(r, false, "GET", path, "");
}

static void expect_field(const struct rig *r, const char *name, const char *expected)
{
	struct str value = fields_value(&r->reply->head->fields, str_of(name));

	if (!str_eq(value, str_of(expected)))
		fail_msg("%s is \"%.*s\", not \"%s\"", name, STR_ARG(value), expected);
}

static void expect_body(const struct rig *r, struct str expected)
{
	assert_int_equal(r->n, expected.len);
	assert_memory_equal(r->text, expected.p, expected.len);
}

static void test_files(void **state)
{
	struct rig *r = *state;

	assert_int_equal(ask(r, "/ca.pem"), 200);
	expect_field(r, "Content-Type", "application/x-pem-file");
	expect_field(r, "Content-Disposition", "attachment; filename=\"viaduct-ca.pem\"");
	expect_body(r, ca_pem(r->ca));
	assert_int_equal(ask(r, "/ca.cer"), 200);
	expect_field(r, "Content-Type", "application/x-x509-ca-cert");
	expect_field(r, "Content-Disposition", "inline; filename=\"viaduct-ca.cer\"");
	expect_body(r, ca_der(r->ca));
	assert_int_equal(ask(r, "/ca.p12"), 200);
	expect_field(r, "Content-Type", "application/x-pkcs12");
	assert_int_equal(r->text[0], 0x30);
	assert_int_equal(ask(r, "/ca.mobileconfig"), 200);
	expect_field(r, "Content-Type", "application/x-apple-aspen-config");
}

/* Base64 without line ends. */
static void squeeze(char *text)
{
	char *to = text;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p != '\n')
			*to++ = *p;
	}
	*to = '\0';
}

static void test_profile(void **state)
{
	struct rig *r = *state;
	char *first, *pem;

	ask(r, "/ca.mobileconfig");
	assert_memory_equal(r->text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", 39);
	assert_non_null(strstr(r->text, "<string>com.apple.security.root</string>"));
	assert_non_null(strstr(r->text, "viaduct CA (&lt;test&gt;, 2026-11-22)"));
	assert_null(strstr(r->text, "<test>"));
	assert_null(strstr(r->text, "-----"));
	first = strdup(r->text);
	assert_non_null(first);
	/* The same again at every download: so that it is replaced and not doubled. */
	ask(r, "/ca.mobileconfig");
	assert_string_equal(first, r->text);
	free(first);
	pem = strndup(ca_pem(r->ca).p + 28, ca_pem(r->ca).len - 28 - 26);
	assert_non_null(pem);
	squeeze(pem);
	squeeze(r->text);
	assert_non_null(strstr(r->text, pem));
	free(pem);
}

/* The value behind the n-th key of that name. */
static const char *entry(const char *text, const char *key, unsigned n)
{
	for (; n > 0 && text != NULL; n--) {
		text = strstr(text, key);
		text = text == NULL ? NULL : strstr(text, "<string>");
		text = text == NULL ? NULL : text + 8;
	}
	assert_non_null(text);
	return text;
}

static void test_profile_ids(void **state)
{
	struct rig *r = *state;
	const char *one, *two, *fingerprint = ca_fingerprint(r->ca);

	ask(r, "/ca.mobileconfig");
	one = entry(r->text, "<key>PayloadUUID</key>", 1);
	two = entry(r->text, "<key>PayloadUUID</key>", 2);
	assert_memory_not_equal(one, two, 36);
	for (int i = 0; i < 2; i++) {
		const char *id = i == 0 ? one : two;

		assert_int_equal(strspn(id, "0123456789ABCDEF-"), 36);
		assert_true(id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-');
		/* RFC 9562: version 8, variant 10 */
		assert_int_equal(id[14], '8');
		assert_non_null(strchr("89AB", id[19]));
		assert_memory_equal(id, fingerprint + 48 * i, 2);
	}
}

static void test_pages(void **state)
{
	struct rig *r = *state;

	assert_int_equal(ask_as(r, false, "GET", "/", "Accept: text/html,*/*;q=0.8\n"), 200);
	expect_field(r, "Content-Type", "text/html; charset=utf-8");
	assert_memory_equal(r->text, "<!doctype html>", 15);
	assert_int_equal(ask_as(r, false, "GET", "/", "Accept: */*\n"), 200);
	expect_field(r, "Content-Type", "text/plain; charset=utf-8");
	assert_int_equal(ask_as(r, false, "GET", "/", ""), 200);
	expect_field(r, "Content-Type", "text/plain; charset=utf-8");
	assert_int_equal(ask_as(r, true, "GET", "/setup", "Accept: text/html\n"), 200);
	expect_field(r, "Content-Type", "text/html; charset=utf-8");
}

static void test_what_is_where(void **state)
{
	static const char *const nowhere[] = {"/x", "/ca.key", "/ca", "/ca.pem/", "/CA.PEM", "//ca.pem", "/%63a.pem", "*", ""};
	struct rig *r = *state;

	for (size_t i = 0; i < COUNT(nowhere); i++) {
		assert_int_equal(ask_as(r, false, "GET", nowhere[i], ""), 404);
		assert_int_equal(ask_as(r, true, "GET", nowhere[i], ""), 404);
		assert_false(setup_is_path(str_of(nowhere[i])));
	}
	assert_int_equal(r->asked, 0);
	assert_int_equal(ask_as(r, false, "GET", "/setup", ""), 404);
	assert_true(setup_is_path(STR("/setup")) && setup_is_path(STR("/ca.pem")));
	/* That of the inspector itself. */
	assert_false(setup_is_path(STR("/")));
}

static void test_methods(void **state)
{
	static const char *const paths[] = {"/", "/ca.pem", "/ca.cer", "/ca.p12", "/ca.mobileconfig"};
	struct rig *r = *state;

	for (size_t i = 0; i < COUNT(paths); i++) {
		assert_int_equal(ask_as(r, false, "HEAD", paths[i], ""), 200);
		assert_int_equal(ask_as(r, false, "POST", paths[i], ""), 405);
		expect_field(r, "Allow", "GET, HEAD");
		assert_int_equal(ask_as(r, false, "OPTIONS", paths[i], ""), 405);
	}
}

static void test_every_answer_is_guarded(void **state)
{
	static const char *const paths[] = {"/", "/ca.pem", "/x"};
	struct rig *r = *state;

	for (size_t i = 0; i < COUNT(paths); i++) {
		struct str policy;

		ask(r, paths[i]);
		policy = fields_value(&r->reply->head->fields, STR("Content-Security-Policy"));
		assert_true(str_starts(policy, STR("default-src 'none'; style-src 'unsafe-inline'")));
		expect_field(r, "X-Content-Type-Options", "nosniff");
		expect_field(r, "Referrer-Policy", "no-referrer");
		expect_field(r, "Cross-Origin-Resource-Policy", "same-origin");
		assert_null(fields_value(&r->reply->head->fields, STR("Access-Control-Allow-Origin")).p);
	}
}

/* The page explains all the same; what went wrong, paths among it, is for the log. */
static void test_without_a_ca(void **state)
{
	struct rig *r = *state;

	ca_unref(r->ca);
	r->ca = NULL;
	assert_int_equal(ask(r, "/ca.pem"), 503);
	assert_non_null(strstr(r->text, "what it logs"));
	assert_int_equal(ask_as(r, false, "GET", "/", "Accept: text/html\n"), 200);
	assert_non_null(strstr(r->text, "There is no CA"));
	assert_null(strstr(r->text, "href=\"/ca.pem\""));
	assert_int_equal(ask(r, "/"), 200);
	assert_non_null(strstr(r->text, "There is no CA"));
}

/* The key is not served, in no form. */
static void test_no_key(void **state)
{
	static const char *const paths[] = {"/", "/ca.pem", "/ca.cer", "/ca.p12", "/ca.mobileconfig"};
	struct rig *r = *state;
	char *key = ca_key_pem(r->ca), *inside, *p12;

	assert_non_null(key);
	inside = strndup(key + 28, 60);
	assert_non_null(inside);
	for (size_t i = 0; i < COUNT(paths); i++) {
		assert_int_equal(ask(r, paths[i]), 200);
		assert_null(memmem(r->text, r->n, "PRIVATE", 7));
		assert_null(memmem(r->text, r->n, inside, strlen(inside)));
	}
	/* In PKCS#12 it would be a shrouded or a plain key bag: 1.2.840.113549.1.12.10.1.1 and .2. */
	ask(r, "/ca.p12");
	p12 = memmem(r->text, r->n, "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x01", 11);
	assert_null(p12);
	assert_null(memmem(r->text, r->n, "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x02", 11));
	free(inside);
	ca_wipe(key);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_files),
		TEST(test_profile),
		TEST(test_profile_ids),
		TEST(test_pages),
		TEST(test_what_is_where),
		TEST(test_methods),
		TEST(test_every_answer_is_guarded),
		TEST(test_without_a_ca),
		TEST(test_no_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
