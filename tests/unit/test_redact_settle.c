/* What was replaced once stays as it is, and a secret is not seen, where a text can be read in several ways. */
#include "redact_rig.h"
#include "store/redact/redact_part.h"

static bool link_field(const struct redactor *r, struct text *to, struct str s)
{
	return redact_field(r, to, STR("Link"), s);
}

static bool any_field(const struct redactor *r, struct text *to, struct str s)
{
	return redact_field(r, to, STR("X-Other"), s);
}

struct test_case {
	bool (*redact)(const struct redactor *r, struct text *to, struct str s);
	const char *from, *to;
};

/* Redacts it, and what came of it again. */
static void check_case(struct rig *rig, const struct test_case *c)
{
	struct text again = {NULL, 0, 0};
	bool is_replaced = c->redact(rig->r, &rig->out, str_of(c->from));

	assert_false(c->redact(rig->r, &again, text_str(&rig->out)));
	assert_true(str_eq(text_str(&again), text_str(&rig->out)));
	text_fini(&again);
	check(rig, is_replaced, c->from, c->to);
}

static void check_cases(struct rig *rig, const struct test_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_case(rig, &cases[i]);
}

#define CHECK_CASES(rig, cases) check_cases(rig, cases, sizeof(cases) / sizeof((cases)[0]))

/* What makes it a URL, or ends one, stands in a secret. */
static void test_signs_in_secrets(void **state)
{
	static const struct test_case cases[] = {
		{any_field, "</&token=a[%://b&c:d@>;/?k@", "</&token=#>;/?k@"},
		{any_field, "token=a/b?c", "token=#"},
		{any_field, "token=a?b u:p;x=c@h/?y", "token=# #@h/?y"},
		{link_field, "</&token=a?b@c/d>", "</&token=#>"},
		{redact_url, "/?a=b%3Btoken=c://d", "/?a=b%3Btoken%3D#"},
		{redact_url, "/?a=b@c/%3Btoken=d://e@f", "/?a=#%40c/%3Btoken%3D#"},
		{redact_url, "token=a/b&c@d/e", "#"},
		{redact_start_line, "GET /?a=b@c/ %5B1%5Dtoken=p://d/ x", "GET /?a=#%40c/%20%5B1%5Dtoken%3D#"},
		{redact_start_line, "GET /?a=b@c/ %25[1]token=p://d:e@f/ x", "GET /?a=#%40c/%20%25%5B1%5Dtoken%3D#"},
		{redact_url, "/?a=b@c/%25[1]token=p://d:e@f/", "/?a=#%40c/%25%5B1%5Dtoken%3D#"},
		{redact_start_line, "GET /?token=a b", "GET /?token=#"},
		{redact_start_line, "GET /?token=a b HTTP/1.1", "GET /?token=# HTTP/1.1"},
		{redact_start_line, "GET /?token=a HTTP/b", "GET /?token=#"},
		{redact_start_line, "GET HTTP/1.1", "GET HTTP/1.1"},
	};

	CHECK_CASES(*state, cases);
}

/* What is encoded again is divided in other places. */
static void test_encoded_again(void **state)
{
	static const struct test_case cases[] = {
		{redact_url, "/to/http%3A%2F%2Fu%3Ap%40x%2Ftoken%3Dabc", "/to/http://#%40x/token%3D#"},
		{redact_url, "/?next=token%3Dabc%26u%3Dhttp://x/", "/?next=token%3D#%26u%3Dhttp://x/"},
		{redact_query, "next=http%3A%2F%2Fx%3Btoken%3Dab%2Fcd&b", "next=http://x%3Btoken%3D#&b"},
		{redact_query, "%3Btoken%3Da=b&c", "%3Btoken%3D#=b&c"},
	};

	CHECK_CASES(*state, cases);
}

/* User information of URLs that stand in others as they are. */
static void test_users(void **state)
{
	static const struct test_case cases[] = {
		{redact_url, "/?u=http://a:b@c/&d=e@f", "/?u=http://#@c/&d=e@f"},
		{redact_url, "/?u=http://a:b%2Fc@d/", "/?u=http://#@d/"},
		{redact_url, "/?u=http://a:b@c/%3Ftoken%3Dd", "/?u=http://#%40c/%3Ftoken%3D#"},
		{redact_url, "https://a@b/http://c:d@e/f@g", "https://#@b/http://#@e/f@g"},
		{redact_url, "http://a;token=b@c/d?e&f", "http://#&f"},
		{redact_url, "http://a%26token%3Db@c/d&e", "http://#&e"},
		{redact_url, "http://a[token]=b&c@d/e", "http://#"},
		{redact_url, "http://@a/http://@", "http://@a/http://@"},
		{redact_query, "u=http://a:b@c/=d&e=mailto:f@g", "u=http://#@c/=d&e=mailto:f@g"},
		{redact_words, "see \"x=http://a:b@c/\" d@e", "see \"x=http://#@c/\" d@e"},
	};

	CHECK_CASES(*state, cases);
}

/* User information in which a query would be divided. */
static void test_divided_users(void **state)
{
	static const struct test_case cases[] = {
		{redact_url, "/?u=http://a:b;c@d/", "/?u=http://#@d/"},
		{redact_query, "u=http://a:b;c@d/&e", "u=http://#@d/&e"},
		{redact_query, "u=http://a:b=c;d\r\ne@f/&g", "u=http://#@f/&g"},
		{redact_query, "x;http://a;b@c;d", "x;http://#@c;d"},
		{redact_query, "u=http://a;b@c/;token=d", "u=http://#@c/;token=#"},
		{redact_query, "u=http://a;token=b@c/&d", "u=http://#&d"},
		{redact_query, "u=http://a;[@]token=b&c", "u=http://#@]token=#&c"},
		{redact_query, "token=http://a:b@c/", "token=#"},
		{redact_words, "u=http://a:b;c@d/", "u=http://#@d/"},
	};

	CHECK_CASES(*state, cases);
}

/* Parameters in the segments of a path. */
static void test_segments(void **state)
{
	static const struct test_case cases[] = {
		{redact_url, "/a;next=token%3Db/c", "/a;next=token%3D#/c"},
		{redact_url, "/a/token=b/c", "/a/token=#/c"},
		{redact_url, "/a;b=c%20d/e=f", "/a;b=c%20d/e=f"},
		{redact_url, "/a;b=http%3A%2F%2Fc:d;e%40f/g", "/a%3Bb%3Dhttp://#%40f/g"},
		{redact_words, "detail:next=token%3Da&u=http://b/", "detail:next=token%3D#&u=http://b/"},
		{redact_words, "detail:next=token%3Da", "detail:next=token%3D#"},
	};

	CHECK_CASES(*state, cases);
}

/* Takes one byte away each time. */
static bool shorten(const struct redactor *r, struct text *to, struct str s)
{
	(void)r;
	text_put(to, s.len > 0 ? str_from(s, 1) : s);
	return s.len > 0;
}

/* What needs too many rounds, each of which uncovers something, is a secret as a whole. */
static void test_rounds(void **state)
{
	struct rig *rig = *state;

	text_put(&rig->out, STR("x="));
	assert_true(redact_settle_text(rig->r, &rig->out, STR("abc"), shorten));
	check(rig, true, "", "x=");
	text_put(&rig->out, STR("x="));
	assert_true(redact_settle_text(rig->r, &rig->out, STR("abcd"), shorten));
	check(rig, true, "", "x=#");
	assert_false(redact_settle_text(rig->r, &rig->out, STR_NONE, shorten));
	assert_int_equal(rig->out.len, 0);
}

/* Makes twice as much of what is not yet too large, and counts how often. */
static enum redact_end twice(const void *owner, const struct redactor *r, struct text *to, struct str s)
{
	(void)r;
	++*(unsigned *)owner;
	text_put(to, s);
	text_put(to, s);
	return REDACT_REPLACED;
}

/* What becomes too large goes through no further round. */
static void test_rounds_of_large(void **state)
{
	struct rig *rig = *state;
	struct text body = {NULL, 0, 0};
	unsigned rounds = 0;

	while (body.len <= REDACT_MAX_BODY / 4)
		text_put(&body, STR("0123456789abcdef"));
	text_put(&rig->out, STR("x="));
	assert_int_equal(redact_settle(rig->r, &rig->out, text_str(&body), twice, &rounds), REDACT_BLIND);
	assert_int_equal(rounds, 2);
	check(rig, true, "", "x=");
	text_fini(&body);
}

/* Only the first round counts. */
static void test_count(void **state)
{
	struct rig *rig = *state;
	const uint64_t met = redactor_met(rig->r);

	assert_true(redact_url(rig->r, &rig->out, STR("http://a@b/?token=c&u=http://d:e@f/&token=")));
	assert_int_equal(redactor_met(rig->r) - met, 3);
}

/* Redacts a body by its types, and what came of it again. */
static void check_typed(struct rig *rig, const struct redact_types *types, const char *from, const char *to)
{
	struct text again = {NULL, 0, 0};
	enum redact_end end = redact_typed_body(rig->r, &rig->out, types, STR_NONE, str_of(from));

	assert_int_equal(end, to ? REDACT_REPLACED : REDACT_BLIND);
	if (to) {
		assert_int_equal(redact_typed_body(rig->r, &again, types, STR_NONE, text_str(&rig->out)), REDACT_NOTHING);
		check(rig, true, from, to);
	}
	assert_int_equal(rig->out.len, 0);
	assert_int_equal(again.len, 0);
}

static void test_bodies(void **state)
{
	struct field lines[] = {{STR("Content-Type"), STR("application/json")},
		{STR("Content-Type"), STR("application/x-www-form-urlencoded")}};
	struct fields both = {lines, 2, 2};
	const struct redact_types form = {NULL, STR("application/x-www-form-urlencoded")}, types = {&both, STR_NONE};

	check_typed(*state, &form, "a={\"token\":1}&token={", "a={\"token\":1}&token=#");
	check_typed(*state, &form, "{\"password\":\"x\",\"u\":\"/?a&token=1\"}", "{\"password\":\"#\",\"u\":\"/?a&token=#");
	check_typed(*state, &form, "[{\"k\":\"&password=x\",\"b&a\":1}]", NULL);
	check_typed(*state, &types, "[1,{\"password\":\"x\"},\"&token=1\"]", "[1,{\"password\":\"#\"},\"&token=#");
	check_typed(*state, &types, "[1,{\"password\":\"x\"},\"&token=1\",\"a&b\":2]", NULL);
}

/* A body that would be too large to be looked through again is kept back. */
static void test_growth(void **state)
{
	static const struct redact_types types = {NULL, {"application/json", 16}};
	struct rig *rig = *state;
	struct text body = {NULL, 0, 0};

	text_byte(&body, '[');
	while (body.len < REDACT_MAX_BODY - 20)
		text_put(&body, STR("{\"password\":1},\n"));
	text_byte(&body, ']');
	assert_true(body.len <= REDACT_MAX_BODY);
	assert_int_equal(redact_typed_body(rig->r, &rig->out, &types, STR_NONE, text_str(&body)), REDACT_BLIND);
	assert_int_equal(rig->out.len, 0);
	text_fini(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REDACT_TEST(test_signs_in_secrets),
		REDACT_TEST(test_encoded_again),
		REDACT_TEST(test_users),
		REDACT_TEST(test_divided_users),
		REDACT_TEST(test_segments),
		REDACT_TEST(test_rounds),
		REDACT_TEST(test_rounds_of_large),
		REDACT_TEST(test_count),
		REDACT_TEST(test_bodies),
		REDACT_TEST(test_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
