/* Secrets replaced in bodies: JSON, forms, coded ones; what cannot be looked through. */
#include "redact_rig.h"

static void check_body(struct rig *rig, const char *type, const char *body, const char *expected)
{
	enum redact_end end = redact_body(rig->r, &rig->out, str_of(type), STR_NONE, str_of(body));

	if (!expected) {
		assert_int_equal(end, REDACT_BLIND);
		assert_int_equal(rig->out.len, 0);
		return;
	}
	if (end == REDACT_NOTHING) {
		assert_int_equal(rig->out.len, 0);
		assert_string_equal(body, expected);
		return;
	}
	assert_int_equal(end, REDACT_REPLACED);
	check(rig, true, body, expected);
}

static void check_json(struct rig *rig, const char *body, const char *expected)
{
	check_body(rig, "application/json; charset=utf-8", body, expected);
}

static void test_json(void **state)
{
	struct rig *rig = *state;

	check_json(rig, "{\"a\": 1, \"password\" : \"x\" , \"b\":[]}", "{\"a\": 1, \"password\" : \"#\" , \"b\":[]}");
	check_json(rig, "{\"PassWord\":\"a\\\"b\"}", "{\"PassWord\":\"#\"}");
	check_json(rig, "{\"\\u0070assword\":\"x\"}", "{\"\\u0070assword\":\"#\"}");
	check_json(rig, "{\"password\":-1.5e3,\"x\":{\"accesstoken\":true}}",
		"{\"password\":\"#\",\"x\":{\"accesstoken\":\"#\"}}");
	check_json(rig, "{\"password\":null,\"accessToken\":\"\"}", "{\"password\":null,\"accessToken\":\"\"}");
	check_json(rig, "{\"password\":{\"a\":[\"x\",1,{\"b\":\"y\"}]},\"c\":\"z\"}",
		"{\"password\":{\"a\":[\"#\",\"#\",{\"b\":\"#\"}]},\"c\":\"z\"}");
	check_json(rig, "[\"password\",\"x\"]", "[\"password\",\"x\"]");
	check_json(rig, "{\"passwords\":\"x\",\"a\":\"password\"}", "{\"passwords\":\"x\",\"a\":\"password\"}");
	check_json(rig, "\"text\"", "\"text\"");
	check_json(rig, "{\"x\":1}\n{\"password\":\"x\"}\n{\"password\":\"y\"}\n",
		"{\"x\":1}\n{\"password\":\"#\"}\n{\"password\":\"#\"}\n");
	check_json(rig, ")]}',\n{\"password\":\"x\"}", ")]}',\n{\"password\":\"#\"}");
	check_json(rig, "\xef\xbb\xbf{\"password\":\"x\",}", "\xef\xbb\xbf{\"password\":\"#\",}");
}

static void test_json_cut(void **state)
{
	struct rig *rig = *state;

	check_json(rig, "{\"password\":\"abc", "{\"password\":\"#");
	check_json(rig, "{\"password\":\"abc\\", "{\"password\":\"#");
	check_json(rig, "{\"password\":12", "{\"password\":\"#\"");
	check_json(rig, "{\"password\":", "{\"password\":");
	check_json(rig, "{\"passwo", "{\"passwo");
	check_json(rig, "{\"a\":{\"password\":\"x\"},\"b\":[1,", "{\"a\":{\"password\":\"#\"},\"b\":[1,");
}

/* What is not JSON is let pass only where it cannot hold a covered member. */
static void test_json_faults(void **state)
{
	struct rig *rig = *state;

	check_json(rig, "{password:\"x\"}", NULL);
	check_json(rig, "{'password':'x'}", NULL);
	check_json(rig, "{\"password\" = \"x\"}", NULL);
	check_json(rig, "{\"password\":<x>}", NULL);
	check_json(rig, "{\"password\":[\"x\" \"y\"]}", NULL);
	check_json(rig, "{\"a\":1} <p\\u0061ssword>", NULL);
	check_json(rig, "<html>no</html>", "<html>no</html>");
	check_json(rig, "{\"password\":\"x\"}<html>", NULL); /* which may be the rest of the password */
	check_json(rig, "{\"password\":\"x\\\",\"a\":\"x\"}", NULL);
	check_json(rig, "\"password\":\"x\"", NULL);
	check_json(rig, "{\"password\":\"x\"}<accesstoken>", NULL);
	check_body(rig, "text/plain", "[info] the password is old", "[info] the password is old");
	check_body(rig, "text/plain;charset=UTF-8", " {\"password\":\"x\"}", " {\"password\":\"#\"}");
	check_body(rig, "", "{\"password\":\"x\"}", "{\"password\":\"#\"}");
	check_body(rig, "application/vnd.api+json", "{\"password\":\"x\"}", "{\"password\":\"#\"}");
	assert_int_equal(redact_body(rig->r, &rig->out, STR("application/json"), STR_NONE, (struct str){"{\0\"\0p\0", 6}),
		REDACT_BLIND);
}

/* A text that began as JSON is JSON, whatever becomes of it. */
static void test_nearly_json(void **state)
{
	static const char *const types[] = {"text/plain", "", "application/octet-stream", "application/json5"};
	struct rig *rig = *state;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		check_body(rig, types[i], "{\"a\":1},{\"password\":\"x\"}", NULL);
		check_body(rig, types[i], "{'password':'x'}", NULL);
		check_body(rig, types[i], "{ password : 'x'}", NULL);
		check_body(rig, types[i], "{\"password\" = 1}", NULL);
		check_body(rig, types[i], "{\"a\":1},{\"b\":\"x\"}", "{\"a\":1},{\"b\":\"x\"}");
	}
	check_body(rig, "text/plain", "[2024] password changed", "[2024] password changed");
	check_body(rig, "text/plain", "{{password}}", "{{password}}");
	check_body(rig, "text/plain",
		"42[\"a\",{\"password\":\"x\"}]\x1e"
		"43[]",
		"42[\"a\",{\"password\":\"#\"}]\x1e"
		"43[]");
}

static void test_json_of_other_types(void **state)
{
	static const char *const types[] = {"application/x-amz-json-1.1", "application/csp-report", "application/json5",
		"application/octet-stream", "text/html; charset=utf-8", "application/x-www-form-urlencoded", "no type", "x/y"};
	struct rig *rig = *state;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		check_body(rig, types[i], " {\"password\":\"x\"}", " {\"password\":\"#\"}");
	check_body(rig, "image/png", "{\"password\":\"x\"}", "{\"password\":\"x\"}");
	check_body(rig, "text/html", "<a href=?password=x>", "<a href=?password=x>");
	check_body(rig, "application/javascript", "password=x", "password=x");
	check_body(rig, "text/css", "[hidden]{password:x}", "[hidden]{password:x}");
}

static void test_events(void **state)
{
	struct rig *rig = *state;
	static const char stream[] = "text/event-stream";

	check_body(rig, stream, "event: a\ndata: {\"password\":\"x\"}\n\ndata:{\"a\":1}\r\n\r\ndata: {\"password\":\"y\"}\r\n",
		"event: a\ndata: {\"password\":\"#\"}\n\ndata:{\"a\":1}\r\n\r\ndata: {\"password\":\"#\"}\r\n");
	check_body(rig, stream, "data: {\ndata:  \"password\":\ndata:  \"x\"}\n\ndata: [DONE]\n",
		"data: {\ndata:  \"password\":\ndata:  \"#\"}\n\ndata: [DONE]\n");
	check_body(rig, stream, "data: {\"password\":\"x", "data: {\"password\":\"#");
	check_body(rig, stream, "data: {\"password\":\"x\"}\n\ndata: {'password':1}\n", NULL);
	check_body(rig, stream, "data: password\n\ndata:\n:\n", "data: password\n\ndata:\n:\n");
	check_body(rig, "text/plain", "data: {\"password\":\"x\"}\n", "data: {\"password\":\"#\"}\n");
}

static void test_json_depth(void **state)
{
	struct rig *rig = *state;
	struct text deep = {NULL, 0, 0};

	for (int i = 0; i < 199; i++)
		text_byte(&deep, '[');
	text_put(&deep, STR("{\"password\":\"x\"}"));
	assert_int_equal(redact_body(rig->r, &rig->out, STR("application/json"), STR_NONE, text_str(&deep)), REDACT_REPLACED);
	text_clear(&rig->out);
	text_clear(&deep);
	for (int i = 0; i < 200000; i++)
		text_byte(&deep, '[');
	text_put(&deep, STR("{\"password\":\"x\"}"));
	assert_int_equal(redact_body(rig->r, &rig->out, STR("application/json"), STR_NONE, text_str(&deep)), REDACT_BLIND);
	assert_int_equal(redact_body(rig->r, &rig->out, STR("text/plain"), STR_NONE, text_str(&deep)), REDACT_BLIND);
	text_fini(&deep);
}

/* A part of a form whose body is x. */
static void check_part(struct rig *rig, const char *disposition, const char *expected)
{
	static const char format[] = "--B\r\nContent-Disposition: %s\r\n\r\n%s\r\n--B--\r\n";
	char from[512], to[512];

	snprintf(from, sizeof(from), format, disposition, "x");
	snprintf(to, sizeof(to), format, disposition, expected);
	check_body(rig, "multipart/form-data; boundary=B", from, to);
}

static void test_forms(void **state)
{
	struct rig *rig = *state;
	static const char form[] = "application/x-www-form-urlencoded";

	check_body(rig, form, "user=a&password=b%20c&x", "user=a&password=#&x");
	check_body(rig, form, "pass%77ord=b#c&x=1", "pass%77ord=#&x=1");
	check_body(rig, form, "user=a", "user=a");
	check_body(rig, form, "next=https%3A%2F%2Fx%2F%3Ftoken%3DS&a", "next=https://x/%3Ftoken%3D#&a");
	check_body(rig, form, "a=1\r\npassword=x\r\n", "a=1\r\npassword=#");
	check_body(rig, "text/plain;charset=UTF-8", "a=b&password=x&c", "a=b&password=#&c");
	check_body(rig, "", "user%5Bpassword%5D=x", "user%5Bpassword%5D=#");
	check_body(rig, "text/plain", "if the password=x", "if the password=x");
	check_body(rig, "multipart/form-data; boundary=B",
		"--B\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\na\r\n"
		"--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nline\r\nline\r\n"
		"--B\r\nContent-Disposition: form-data; name=\"j\"\r\nContent-Type: application/json\r\n\r\n"
		"{\"password\":\"x\"}\r\n"
		"--B--\r\n",
		"--B\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\na\r\n"
		"--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n#\r\n"
		"--B\r\nContent-Disposition: form-data; name=\"j\"\r\nContent-Type: application/json\r\n\r\n"
		"{\"password\":\"#\"}\r\n"
		"--B--\r\n");
	check_body(rig, "multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=token\r\n\r\nabc",
		"--B\r\nContent-Disposition: form-data; name=token\r\n\r\n#");
	check_part(rig, "form-data; name*=UTF-8''password", "#");
	check_part(rig, "form-data; name=a; name*0=\"pass\"; name*1=\"word\"", "#");
	check_part(rig, "form-data; name=\"pass\\word\"", "#");
	check_part(rig, "form-data; name=a; name=password", "#");
	check_part(rig, "form-data", "#");
	check_part(rig, "form-data; name=a; filename*=UTF-8''password", "x");
	check_body(rig, "multipart/mixed; boundary=B", "--B\r\n\r\nabc\r\n--B--", "--B\r\n\r\nabc\r\n--B--");
	check_body(rig, "multipart/form-data; boundary=B", "--C\r\n\r\npassword", NULL);
	check_body(rig, "multipart/form-data", "--B\r\n\r\npassword", NULL);
}

static void test_too_large(void **state)
{
	struct rig *rig = *state;
	struct text body = {NULL, 0, 0};

	text_put(&body, STR("{\"a\":\""));
	while (body.len <= REDACT_MAX_BODY)
		text_put(&body, STR("0123456789abcdef"));
	assert_int_equal(redact_body(rig->r, &rig->out, STR("application/json"), STR_NONE, text_str(&body)), REDACT_BLIND);
	assert_int_equal(redact_body(rig->r, &rig->out, STR("text/plain"), STR_NONE, text_str(&body)), REDACT_BLIND);
	body.p[0] = ' ';
	assert_int_equal(redact_body(rig->r, &rig->out, STR("text/plain"), STR_NONE, text_str(&body)), REDACT_NOTHING);
	assert_int_equal(redact_body(rig->r, &rig->out, STR("image/png"), STR_NONE, text_str(&body)), REDACT_NOTHING);
	text_fini(&body);
}

/* {"password":"x"} in gzip. */
static const unsigned char packed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0x2a, 0x48, 0x2c,
	0x2e, 0x2e, 0xcf, 0x2f, 0x4a, 0x51, 0xb2, 0x52, 0xaa, 0x50, 0xaa, 0x05, 0x00, 0xff, 0xb4, 0xb2, 0x3a, 0x10, 0x00, 0x00,
	0x00};

static void test_codings(void **state)
{
	struct rig *rig = *state;
	struct str body = {(const char *)packed, sizeof(packed)};

	assert_int_equal(redact_body(rig->r, &rig->out, STR("application/json"), STR("gzip"), body), REDACT_REPLACED);
	check(rig, true, "", "{\"password\":\"#\"}");
	assert_int_equal(redact_body(rig->r, &rig->out, STR("application/json"), STR("unheard-of"), body), REDACT_BLIND);
	assert_int_equal(redact_body(rig->r, &rig->out, STR("application/json"), STR("gzip"), STR("no gzip")), REDACT_BLIND);
	assert_int_equal(redact_body(rig->r, &rig->out, STR("image/png"), STR("unheard-of"), body), REDACT_NOTHING);
	assert_int_equal(rig->out.len, 0);
}

/* Whichever of the types is believed. */
static void test_several_types(void **state)
{
	struct rig *rig = *state;
	struct field lines[] = {
		{STR("Content-Type"), STR("image/png")}, {STR("X"), STR("y")}, {STR("content-type"), STR("application/json")}};
	struct fields f = {lines, 3, 3};
	struct redact_types types = {&f, STR_NONE};
	const struct str body = STR("{\"password\":\"x\"}");

	assert_int_equal(redact_typed_body(rig->r, &rig->out, &types, STR_NONE, body), REDACT_REPLACED);
	check(rig, true, "", "{\"password\":\"#\"}");
	f.n = 2;
	assert_int_equal(redact_typed_body(rig->r, &rig->out, &types, STR_NONE, body), REDACT_NOTHING);
	types.other = STR("application/json");
	assert_int_equal(redact_typed_body(rig->r, &rig->out, &types, STR_NONE, body), REDACT_REPLACED);
	check(rig, true, "", "{\"password\":\"#\"}");
	types.other = STR("application/x-www-form-urlencoded");
	lines[0].value = STR("application/json");
	assert_int_equal(redact_typed_body(rig->r, &rig->out, &types, STR_NONE, STR("{\"password\":\"x\"} &token=1")),
		REDACT_BLIND);
	assert_int_equal(redact_typed_body(rig->r, &rig->out, &types, STR_NONE, STR("[1,{\"password\":\"x&token=1\"}]")),
		REDACT_REPLACED);
	check(rig, true, "", "[1,{\"password\":\"#\"}]");
	f.n = 0;
	types.other = STR_NONE;
	assert_int_equal(redact_typed_body(rig->r, &rig->out, &types, STR_NONE, body), REDACT_REPLACED);
	check(rig, true, "", "{\"password\":\"#\"}");
}

/* How many types there are does not matter; how many of them ask for different things is bounded. */
static void test_many_types(void **state)
{
	enum { TYPES = 300, TOO_MANY = 9 };
	struct rig *rig = *state;
	struct field lines[TYPES];
	char other[TYPES][48];
	struct fields f = {lines, TYPES, TYPES};
	const struct redact_types types = {&f, STR("application/json")};
	const struct str body = STR("--B\r\n\r\nx\r\n--B--");
	const uint64_t met = redactor_met(rig->r);

	for (size_t i = 0; i < TYPES; i++) {
		snprintf(other[i], sizeof(other[i]), "multipart/mixed; boundary=B; x=%zu", i);
		lines[i].name = STR("Content-Type");
		lines[i].value = i % 2 ? STR("application/json") : STR("application/x-www-form-urlencoded");
	}
	assert_int_equal(redact_typed_body(rig->r, &rig->out, &types, STR_NONE, STR("[1,{\"password\":\"x\"}]")),
		REDACT_REPLACED);
	check(rig, true, "", "[1,{\"password\":\"#\"}]");
	assert_int_equal(redactor_met(rig->r) - met, 2); /* by each kind once */
	for (size_t i = 0; i < TYPES; i++)
		lines[i].value = str_of(other[0]);
	assert_int_equal(redact_typed_body(rig->r, &rig->out, &types, STR_NONE, body), REDACT_NOTHING);
	for (size_t i = 0; i < TYPES; i++)
		lines[i].value = str_of(other[i]);
	f.n = TOO_MANY - 1;
	assert_int_equal(redact_typed_body(rig->r, &rig->out, &(struct redact_types){&f, STR_NONE}, STR_NONE, body),
		REDACT_NOTHING);
	f.n = TOO_MANY;
	assert_int_equal(redact_typed_body(rig->r, &rig->out, &(struct redact_types){&f, STR_NONE}, STR_NONE, body),
		REDACT_BLIND);
	assert_int_equal(rig->out.len, 0);
}

static bool may_cover(const char *type, const char *codings, struct str start)
{
	const struct redact_types types = {NULL, str_of(type)};

	return redact_may_cover(&types, str_of(codings), start);
}

static void test_may_cover(void **state)
{
	(void)state;
	assert_true(may_cover("text/html", "", STR_NONE));
	assert_true(may_cover("text/html", "", STR(" \r\n")));
	assert_true(may_cover("text/html", "", STR("[")));
	assert_false(may_cover("text/html", "", STR("<!DOCTYPE html>")));
	assert_true(may_cover("application/json", "", STR("<!DOCTYPE html>")));
	assert_false(may_cover("image/png", "", STR_NONE));
	assert_true(may_cover("text/plain", "", STR("password")));
	assert_false(may_cover("text/html", "", STR("password=")));
	assert_false(may_cover("text/plain", "", STR("A text = x")));
	assert_true(may_cover("text/plain", "unheard-of", STR("A text = x")));
	assert_false(may_cover("text/html", "unheard-of", STR("{")));
	assert_true(may_cover("text/html", "gzip", (struct str){(const char *)packed, sizeof(packed)}));
	assert_true(may_cover("text/html", "gzip", (struct str){(const char *)packed, 5}));
}

static void test_covers(void **state)
{
	(void)state;
	assert_true(redact_covers(STR("application/json")));
	assert_true(redact_covers(STR("Application/X-NDJSON")));
	assert_true(redact_covers(STR("application/problem+json;x=y")));
	assert_true(redact_covers(STR("application/x-www-form-urlencoded")));
	assert_true(redact_covers(STR("multipart/form-data; boundary=x")));
	assert_true(redact_covers(STR("text/plain")));
	assert_true(redact_covers(STR("")));
	assert_false(redact_covers(STR("text/html")));
	assert_false(redact_covers(STR("application/octet-stream")));
	assert_false(redact_covers(STR("image/png")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REDACT_TEST(test_json),
		REDACT_TEST(test_json_cut),
		REDACT_TEST(test_json_faults),
		REDACT_TEST(test_nearly_json),
		REDACT_TEST(test_json_of_other_types),
		REDACT_TEST(test_events),
		REDACT_TEST(test_json_depth),
		REDACT_TEST(test_forms),
		REDACT_TEST(test_too_large),
		REDACT_TEST(test_codings),
		REDACT_TEST(test_several_types),
		REDACT_TEST(test_many_types),
		REDACT_TEST(test_may_cover),
		REDACT_TEST(test_covers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
