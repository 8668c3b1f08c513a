/* setup_page.h and setup_recipes.h: what the set-up page says. */
#include "admin/setup_page.h"

#include "admin/setup_recipes.h"
#include "config/settings.h"
#include "heads.h"

#include <stdlib.h>

#define NOW_S INT64_C(1800000000) /* 2027-01-15 */
#define DAY_S INT64_C(86400)

static struct ca *make_ca(const char *name, const char *constraint)
{
	struct ca_request request = {
		.common_name = name,
		.name_constraints = &constraint,
		.name_constraints_n = constraint == NULL ? 0 : 1,
		.now_s = NOW_S,
	};
	char why[200] = "";
	struct ca *ca = ca_make(&request, why, sizeof(why));

	if (ca == NULL)
		fail_msg("%s", why);
	return ca;
}

/* Both forms of the page, terminated; to be freed. */
static char *page(const struct setup_facts *f, bool is_html)
{
	struct text t = {0};
	char *copy;

	if (is_html)
		setup_page_write_html(&t, f);
	else
		setup_page_write_text(&t, f);
	copy = strndup(t.p, t.len);
	assert_non_null(copy);
	text_fini(&t);
	return copy;
}

static void expect(const struct setup_facts *f, const char *words)
{
	for (int i = 0; i < 2; i++) {
		char *p = page(f, i == 1);

		if (strstr(p, words) == NULL)
			fail_msg("\"%s\" is not in the page:\n%s", words, p);
		free(p);
	}
}

static void test_facts(void **state)
{
	struct ca *ca = make_ca("viaduct CA (host, 2026-11-22)", "example.com");
	struct setup_facts f = {.ca = ca, .now_s = NOW_S, .proxy = STR("192.0.2.1:8080"), .intercept = INTERCEPT_NONE};

	(void)state;
	expect(&f, ca_fingerprint(ca));
	expect(&f, "viaduct CA (host, 2026-11-22)");
	expect(&f, "2027-01-14 08:00 UTC to 20");
	expect(&f, "example.com");
	expect(&f, "off: HTTPS is tunnelled unopened");
	expect(&f, "viaduct --set intercept=all");
	f.intercept = INTERCEPT_ALL;
	expect(&f, "on: every tunnel is opened");
	expect(&f, "viaduct --set intercept=none");
	f.intercept = INTERCEPT_LIST;
	expect(&f, "on: the tunnels that a rule lists");
	ca_unref(ca);
}

static void test_end_of_the_ca(void **state)
{
	struct ca *ca = make_ca("x", NULL);
	struct setup_facts f = {.ca = ca, .now_s = ca_not_after_s(ca) - (CA_WARN_DAYS + 1) * DAY_S, .proxy = STR("a:1")};
	char *p = page(&f, false);

	(void)state;
	assert_null(strstr(p, "viaduct ca renew"));
	free(p);
	f.now_s = ca_not_after_s(ca) - (CA_WARN_DAYS - 1) * DAY_S;
	expect(&f, "(soon: viaduct ca renew");
	f.now_s = ca_not_after_s(ca);
	expect(&f, "(it has ended: viaduct ca renew)");
	expect(&f, "any name");
	ca_unref(ca);
}

/* Each block is one recipe: what is copied is run as a whole. */
static void test_bundle_is_two_recipes(void **state)
{
	const struct recipe_group *groups;
	size_t n, makers = 0;

	(void)state;
	groups = recipe_groups(&n);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < groups[i].n; k++) {
			const char *lines = groups[i].recipes[k].lines,
				   *first = lines == NULL ? NULL : strstr(lines, "bundle=$");

			if (first == NULL)
				continue;
			makers++;
			assert_null(strstr(first + 1, "bundle=$"));
		}
	}
	assert_int_equal(makers, 2);
}

/* What people look for, each in both forms. */
static void test_recipes(void **state)
{
	static const char *const words[] = {"update-ca-certificates", "update-ca-trust", "trust anchor", "add-trusted-cert",
		"certutil -user -addstore Root", "Firefox", ".pki/nssdb", "NODE_EXTRA_CA_CERTS", "keytool -importcert",
		"JAVA_TOOL_OPTIONS", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "PIP_CERT",
		"npm config set cafile", "CARGO_HTTP_CAINFO", "AWS_CA_BUNDLE", "openssl.cafile", "BUNDLE_SSL_CA_CERT",
		"docker run", "Certificate Trust Settings", "Install a certificate", "viaduct ca bundle", "viaduct ca install",
		"viaduct ca uninstall", "http://viaduct.proxy/ca.mobileconfig", "viaduct passthrough"};
	struct ca *ca = make_ca("x", NULL);
	struct setup_facts f = {.ca = ca, .now_s = NOW_S, .proxy = STR("192.0.2.1:8080")};

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++)
		expect(&f, words[i]);
	expect(&f, "curl -x http://192.0.2.1:8080 -o viaduct-ca.pem http://viaduct.proxy/ca.pem");
	expect(&f, "192.0.2.1, port 8080");
	ca_unref(ca);
}

static void test_html_is_escaped(void **state)
{
	struct ca *ca = make_ca("<script>alert('x')</script>", NULL);
	struct setup_facts f = {.ca = ca, .now_s = NOW_S, .proxy = STR("<b>:1")};
	char *p = page(&f, true);

	(void)state;
	assert_null(strstr(p, "<script"));
	assert_null(strstr(p, "<b>"));
	assert_non_null(strstr(p, "&lt;script&gt;"));
	assert_non_null(strstr(p, "&lt;network-security-config&gt;"));
	assert_null(strstr(p, " src=\""));
	assert_null(strstr(p, "@proxy@"));
	free(p);
	ca_unref(ca);
}

/* Words are broken for a terminal; lines to be copied are not. */
static void test_text_is_wrapped(void **state)
{
	struct ca *ca = make_ca("x", NULL);
	struct setup_facts f = {.ca = ca, .now_s = NOW_S, .proxy = STR("192.0.2.1:8080")};
	char *p = page(&f, false);
	bool is_head = true;

	(void)state;
	for (const char *line = p; *line != '\0';) {
		size_t n = strcspn(line, "\n");

		is_head = is_head && strncmp(line, "Whoever", 7) != 0;
		if (!is_head && n > 80 && strncmp(line, "    ", 4) != 0)
			fail_msg("a line of %zu: %.*s", n, (int)n, line);
		line += n + (line[n] == '\n');
	}
	free(p);
	ca_unref(ca);
}

static void expect_filled(const char *lines, const char *proxy, const char *expected)
{
	struct text t = {0};

	recipe_put(&t, lines, str_of(proxy));
	text_byte(&t, '\0');
	assert_string_equal(t.p, expected);
	text_fini(&t);
}

static void test_places(void **state)
{
	(void)state;
	expect_filled("", "h:1", "");
	expect_filled("none", "h:1", "none");
	expect_filled("@proxy@", "h:1", "h:1");
	expect_filled("a @host@ b @port@", "[::1]:80", "a [::1] b 80");
	expect_filled("me@example.com @proxy@", "h:1", "me@example.com h:1");
	expect_filled("@@proxy@@ @", "h:1", "@h:1@ @");
	expect_filled("@nothing@", "h:1", "@nothing@");
	expect_filled("@proxy", "h:1", "@proxy");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_end_of_the_ca),
		cmocka_unit_test(test_bundle_is_two_recipes),
		cmocka_unit_test(test_recipes),
		cmocka_unit_test(test_html_is_escaped),
		cmocka_unit_test(test_text_is_wrapped),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
