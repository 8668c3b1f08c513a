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
	check_json(rig, "{\"password\":\"x\"}<html>", "{\"password\":\"#\"}<html>");
	check_json(rig, "{\"password\":\"x\"}<accesstoken>", NULL);
	check_body(rig, "text/plain", "[info] the password is old", "[info] the password is old");
	check_body(rig, "text/plain;charset=UTF-8", " {\"password\":\"x\"}", " {\"password\":\"#\"}");
	check_body(rig, "", "{\"password\":\"x\"}", "{\"password\":\"#\"}");
	check_body(rig, "text/html", "{\"password\":\"x\"}", "{\"password\":\"x\"}");
	check_body(rig, "application/vnd.api+json", "{\"password\":\"x\"}", "{\"password\":\"#\"}");
	assert_int_equal(redact_body(rig->r, &rig->out, STR("application/json"), STR_NONE, (struct str){"{\0\"\0p\0", 6}),
		REDACT_BLIND);
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
	text_fini(&deep);
}

static void test_forms(void **state)
{
	struct rig *rig = *state;
	static const char form[] = "application/x-www-form-urlencoded";

	check_body(rig, form, "user=a&password=b%20c&x", "user=a&password=#&x");
	check_body(rig, form, "pass%77ord=b#c&x=1", "pass%77ord=#&x=1");
	check_body(rig, form, "user=a", "user=a");
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
		REDACT_TEST(test_json_depth),
		REDACT_TEST(test_forms),
		REDACT_TEST(test_too_large),
		REDACT_TEST(test_codings),
		REDACT_TEST(test_covers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
