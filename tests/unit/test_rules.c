/* core/rules.h: what each field says of a hop, and of which hop. */
#include "core/rules.h"

#include "config/rule_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

/* A hop, and what it is made of. */
struct rig {
	struct arena *arena;
	struct exchange_facts facts;
	struct message request;
	struct url url;
	struct rules_subject subject;
};

static void rig_init(struct rig *r)
{
	*r = (struct rig){.arena = arena_new(1 << 20)};
	r->facts.id = 42;
	assert_true(address_parse(STR("192.0.2.7"), 4711, &r->facts.client));
	r->request = (struct message){.is_request = true, .method = METHOD_POST, .method_name = STR("POST")};
	assert_true(fields_add(r->arena, &r->request.fields, STR("Accept"), STR("text/html")));
	assert_true(fields_add(r->arena, &r->request.fields, STR("Host"), STR("first.example")));
	assert_true(fields_add(r->arena, &r->request.fields, STR("accept"), STR("image/png")));
	r->facts.request = &r->request;
	r->subject = (struct rules_subject){&r->facts, &r->request, &r->url, STR("GET"), 3};
}

static void rig_url(struct rig *r, const char *text)
{
	assert_int_equal(url_parse_target(r->arena, str_of(text), &r->url), ERR_none);
}

/* Whether a rule with that expression matches. */
static bool matches(const struct rig *r, const char *expression)
{
	char text[500], why[500] = "";
	struct settings s = {.refs = 1};
	struct yaml_entries *e;
	struct rule_verdict v;

	snprintf(text, sizeof(text), "rules:\n- block: true\n  when: >\n    %s\n", expression);
	e = yaml_read_text(str_of(text), "f.yaml", why, sizeof(why));
	assert_non_null(e);
	s.rules = rule_set_read(&e->v[0], "f.yaml", NULL, why, sizeof(why));
	assert_string_equal(why, "");
	rules_apply(&s, &r->subject, &v);
	yaml_entries_free(e);
	rule_set_free(s.rules);
	return v.block != NULL;
}

struct expectation {
	const char *expression;
	bool matches;
};

static void expect(const struct rig *r, const struct expectation *e, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (matches(r, e[i].expression) != e[i].matches)
			fail_msg("%s: it should be %s", e[i].expression, e[i].matches ? "true" : "false");
	}
}

static void test_fields(void **state)
{
	static const struct expectation all[] = {
		{"id == 42", true},
		{"method == \"GET\"", true}, /* the hop's, which a redirect may have changed */
		{"url == \"https://other.example:8443/a/b?x=1&y\"", true},
		{"url ~ \"^https:\" && url contains \"Other.Example\" && url !~ \"#\"", true},
		{"scheme == \"https\"", true},
		{"host == \"other.example\"", true},
		{"host == \"first.example\"", false},
		{"port == 8443", true},
		{"path == \"/a/b\"", true},
		{"query == \"x=1&y\"", true},
		{"client == \"192.0.2.7\"", true},
		{"client == \"192.0.2.0/24\"", true},
		{"client in [\"10.0.0.0/8\", \"2001:db8::/32\"]", false},
		{"user", false},
		{"hop == 3", true},
		{"req.header[\"ACCEPT\"] == \"image/png\"", true},
		{"req.header[\"Accept\"] == \"text/html\"", true},
		{"req.header[\"Accept\"] ~ \"plain\"", false},
		{"req.header[\"Host\"] == \"first.example\"", true},
		{"req.header[\"Cookie\"]", false},
	};
	struct rig r;

	(void)state;
	rig_init(&r);
	rig_url(&r, "https://other.example:8443/a/b?x=1&y");
	expect(&r, all, sizeof(all) / sizeof(all[0]));
	r.facts.user = STR("ann");
	assert_true(matches(&r, "user == \"ann\""));
	assert_true(address_parse(STR("2001:db8::1"), 1, &r.facts.client));
	assert_true(matches(&r, "client == \"2001:db8::1\""));
	arena_free(r.arena);
}

static void test_bare(void **state)
{
	static const struct expectation all[] = {
		{"url == \"http://[2001:db8::2]/\"", true},
		{"host == \"2001:db8::2\"", true},
		{"port == 80", true},
		{"path == \"/\"", true},
		{"query", false},
		{"query == \"\"", false},
		{"query != \"\"", true},
	};
	struct rig r;

	(void)state;
	rig_init(&r);
	rig_url(&r, "http://[2001:DB8::2]");
	expect(&r, all, sizeof(all) / sizeof(all[0]));
	rig_url(&r, "http://a.example/?");
	assert_true(matches(&r, "query == \"\" && !query"));
	arena_free(r.arena);
}

/* A CONNECT has a host and a port only. */
static void test_connect(void **state)
{
	static const struct expectation all[] = {
		{"method == \"CONNECT\"", true},
		{"url == \"mail.example:993\"", true},
		{"host == \"mail.example\" && port == 993", true},
		{"scheme", false},
		{"path", false},
		{"query", false},
	};
	struct rig r;

	(void)state;
	rig_init(&r);
	r.subject.method_name = STR("CONNECT");
	assert_int_equal(authority_parse(r.arena, STR("mail.example:993"), 0, &r.url.authority), ERR_none);
	expect(&r, all, sizeof(all) / sizeof(all[0]));
	assert_int_equal(authority_parse(r.arena, STR("[::1]:443"), 0, &r.url.authority), ERR_none);
	assert_true(matches(&r, "url == \"[::1]:443\" && host == \"::1\""));
	arena_free(r.arena);
}

/* Without rules nobody is asked anything. */
static void test_none(void **state)
{
	static const struct rules_subject nothing = {NULL, NULL, NULL, {NULL, 0}, 0};
	struct settings s = {.refs = 1};
	struct rule_verdict v;

	(void)state;
	memset(&v, 0xff, sizeof(v));
	rules_apply(&s, &nothing, &v);
	assert_true(v.redirects == NULL && v.targets == NULL && v.block == NULL && v.rate == NULL && v.retry == NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
