/* The writer without a redactor: what is in the database of flows and bodies that come in records of all kinds. */
#include "writer_rig.h"

/* Without a redactor bytes are as they came, growing or whole; with the session, lengths and references that belong to it. */
static void test_plain(void **state)
{
	struct rig *r = *state;
	struct flow_fixture f;
	struct record *record;

	fixture_typed(&f, 1, "application/json");
	f.request_fields[3] = (struct field){STR("content-length"), STR("12")};
	put(r, body_record(1, STR("{\"password\":"), 0), false);
	put(r, flow_record(&f, OUTCOME_PENDING), false);
	assert_string_equal(body(r), "{\"password\":");
	record = flow_record(&f, OUTCOME_DELIVERED);
	add_part(record, 1, 12, STR("\"x\"}"), CUT_LIMIT);
	add_part(record, 0, 0, STR("made here"), CUT_NONE);
	put(r, record, false);
	assert_string_equal(body(r), "{\"password\":\"x\"}");
	assert_asked(r, cut_sql, "limit");
	assert_asked(r,
		"SELECT session_id || ' ' || request_length_bytes || ' ' || (response_length_bytes IS NULL) FROM exchanges",
		"5 12 1");
	assert_asked(r, "SELECT b.bytes FROM exchanges e JOIN bodies b ON b.id = e.response_body_id", "9");
	assert_asked(r, "SELECT count(*) FROM exchanges", "1");
}

/* A body that a head tells of but that there is not. */
static void test_lengths(void **state)
{
	static const struct {
		int status;
		enum method method;
		const char *length, *expected;
	} cases[] = {{200, METHOD_GET, "17", "17"}, {200, METHOD_HEAD, "17", "null"}, {304, METHOD_GET, "17", "null"},
		{200, METHOD_GET, "0", "0"}, {200, METHOD_GET, "-1", "null"}, {200, METHOD_GET, "1, 1", "null"},
		{200, METHOD_GET, "9223372036854775807", "9223372036854775807"},
		{200, METHOD_GET, "9223372036854775808", "null"}};
	struct rig *r = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct flow_fixture f;

		fixture_typed(&f, 1, "text/plain");
		f.request.method = cases[i].method;
		f.response.status = cases[i].status;
		f.response_fields[2] = (struct field){STR("Content-Length"), str_of(cases[i].length)};
		put(r, flow_record(&f, OUTCOME_DELIVERED), false);
		assert_asked(r, "SELECT coalesce(response_length_bytes, 'null') FROM exchanges", cases[i].expected);
	}
}

/* A flow that is written again leaves nothing of what it was. */
static void test_written_again(void **state)
{
	static const char count_sql[] =
		"SELECT (SELECT count(*) FROM exchanges) || (SELECT count(*) FROM hops) ||"
		" (SELECT count(*) FROM drops) || (SELECT count(*) FROM cookies) || (SELECT count(*) FROM tunnels)";
	struct rig *r = *state;
	struct flow_fixture f;

	for (int i = 0; i < 3; i++) {
		fixture_init(&f, 1);
		put(r, flow_record(&f, OUTCOME_PENDING), false);
		assert_asked(r, count_sql, "12320");
	}
	fixture_tunnel(&f);
	put(r, flow_record(&f, OUTCOME_PENDING), false);
	assert_asked(r, count_sql, "10001");
	put(r, flow_record(&f, OUTCOME_DELIVERED), false);
	assert_asked(r, count_sql, "10001");
	fixture_init(&f, 1);
	put(r, flow_record(&f, OUTCOME_DELIVERED), false);
	assert_asked(r, count_sql, "12320");
}

/* What an import brings along. */
static void test_imported(void **state)
{
	const struct hop_extra second = {2, STR("{\"entry\":2}"), NULL},
			       first = {1, STR("{\"entry\":\"" SECRET "\"}"), &second};
	struct rig *r = *state;
	struct flow_fixture f;

	fixture_init(&f, 1);
	put(r, record_new_imported(&f.x, 9, STR("a comment"), &first), false);
	assert_asked(r, "SELECT session_id || comment FROM exchanges", "9a comment");
	assert_asked(r, "SELECT group_concat(extra, '') FROM (SELECT extra FROM hops ORDER BY number)",
		"{\"entry\":\"" SECRET "\"}{\"entry\":2}");
	put(r, record_new_imported(&f.x, 9, STR("a comment"), &first), true);
	assert_asked(r, "SELECT count(*) FROM hops WHERE extra IS NOT NULL", "0");
	assert_asked(r, "SELECT session_id || comment FROM exchanges", "9a comment");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_plain),
		RIG_TEST(test_lengths),
		RIG_TEST(test_written_again),
		RIG_TEST(test_imported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
