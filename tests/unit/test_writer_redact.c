/* The writer with a redactor: no secret reaches the file, and what holds none is as it came. */
#include "store/writer_held.h"
#include "writer_rig.h"

/* True if the bytes are in the file or its log. */
static bool is_in_file(struct rig *r, const char *bytes)
{
	char path[256];
	bool has = false;

	exec(r, "PRAGMA wal_checkpoint(TRUNCATE)");
	for (int i = 0; i < 2; i++) {
		struct text t = {NULL, 0, 0};
		FILE *file;
		int c;

		snprintf(path, sizeof(path), "%s%s", r->folder.db, i == 0 ? "" : "-wal");
		file = fopen(path, "r");
		while (file && (c = getc(file)) != EOF)
			text_byte(&t, (char)c);
		if (file)
			fclose(file);
		has |= t.len > 0 && memmem(t.p, t.len, bytes, strlen(bytes));
		text_fini(&t);
	}
	return has;
}

/* No secret reaches the file: not in a field, a URL, a start line, a body, on any side. */
static void test_redacted_flow(void **state)
{
	struct rig *r = *state;
	struct flow_fixture f;
	struct record *record;

	exec(r, "PRAGMA secure_delete = ON");
	fixture_init(&f, 1);
	f.x.url = f.hops[0].url = STR("http://example.com/a?token=" SECRET "&b=c");
	f.hops[1].url = f.x.final_url = STR("https://u:" SECRET "@other.example/x?token=" SECRET);
	f.x.target.path = f.sent.target = STR("/a?token=" SECRET "&b=c");
	f.request.target = f.x.url;
	f.request_fields[2] = (struct field){STR("Authorization"), STR("Bearer " SECRET)};
	f.request_fields[3] = (struct field){STR("X-API-KEY"), STR(SECRET)};
	f.response_fields[1] = (struct field){STR("Set-Cookie"), STR("sid=" SECRET "; Path=/")};
	f.response_fields[0].value = STR("application/json");
	f.trailer = (struct field){STR("Location"), STR("/next?token=" SECRET)};
	f.x.detail = f.hops[1].detail = f.hops[0].decision = "at http://example.com/?token=" SECRET;
	record = flow_record(&f, OUTCOME_DELIVERED);
	record->comment = STR("see http://example.com/?token=" SECRET ", please");
	add_part(record, 2, 0, STR(JSON_BODY), CUT_NONE);
	begin(r);
	put_only(r, record, true);
	commit(r);
	record_free(record);
	assert_false(is_in_file(r, SECRET));
	assert_true(is_in_file(r, "redacted-"));
	assert_asked(r, "SELECT path || ' ' || host FROM exchanges", "/a example.com");
	assert_asked(r,
		"SELECT query LIKE 'token=redacted-%&b=c' AND url LIKE 'http://example.com/a?token=redacted-%&b=c'"
		" AND request_line LIKE 'GET http://example.com/a?token=redacted-%&b=c HTTP/1.1' FROM exchanges",
		"1");
	assert_asked(r, "SELECT request_line LIKE 'GET /a?token=redacted-%&b=c HTTP/1.1' FROM hops WHERE number = 1", "1");
	assert_asked(r, "SELECT count(*) FROM header_fields WHERE name = 'Authorization' AND value LIKE 'Bearer redacted-%'",
		"3");
	assert_asked(r, "SELECT count(DISTINCT value) FROM header_fields WHERE name IN ('X-API-KEY')", "1");
	assert_asked(r, "SELECT group_concat(response_body_cut) FROM hops", "redacted");
	/* The same without a redactor. */
	record = flow_record(&f, OUTCOME_DELIVERED);
	put(r, record, false);
	assert_true(is_in_file(r, SECRET));
}

/* JSON in pieces, of which the type is known late, or early: nothing of it is there before its end. */
static void test_pieces(void **state)
{
	struct rig *r = *state;

	for (uint64_t id = 1; id < 4; id++) {
		char text[128];
		struct str all = {
			text, (size_t)snprintf(text, sizeof(text), "{\"user\":%u,\"password\":\"" SECRET "\"}", (unsigned)id)};
		struct flow_fixture f;
		struct record *record;

		fixture_typed(&f, id, "application/json; charset=utf-8");
		put(r, body_record(id, str_first(all, SMALL), 0), true);
		if (id > 1)
			put(r, flow_record(&f, OUTCOME_PENDING), true);
		put(r, body_record(id, str_from(str_first(all, 2 * (size_t)SMALL), SMALL), SMALL), true);
		if (id > 2)
			put(r, flow_record(&f, OUTCOME_PENDING), true);
		assert_int_equal(ask_number(r, "SELECT count(*) FROM bodies"), id - 1);
		record = flow_record(&f, OUTCOME_DELIVERED);
		add_parts(record, str_from(all, 2 * (size_t)SMALL), 2 * (uint64_t)SMALL, SMALL);
		put(r, record, true);
		assert_non_null(strstr(body(r), ",\"password\":\"redacted-"));
		assert_asked(r, cut_sql, "redacted");
	}
}

/* A body in which nothing is to be replaced is as it came, cut and all. */
static void test_harmless(void **state)
{
	struct rig *r = *state;
	struct flow_fixture f;
	struct record *record;

	fixture_typed(&f, 1, "application/json");
	record = flow_record(&f, OUTCOME_DELIVERED);
	add_part(record, 1, 0, STR("{\"a\" : 1"), CUT_LIMIT);
	put(r, record, true);
	assert_string_equal(body(r), "{\"a\" : 1");
	assert_asked(r, cut_sql, "limit");
}

/* Bytes that are not all the same. */
static struct str long_body(struct text *t, size_t n)
{
	text_clear(t);
	while (t->len < n)
		text_printf(t, "line %zu ", t->len);
	return str_first(text_str(t), n);
}

/* What is no JSON and no form passes on as soon as that is known, byte by byte. */
static void test_other_type(void **state)
{
	enum { TOTAL = 10 * PIECE };
	struct rig *r = *state;
	struct text t = {NULL, 0, 0};
	struct str all = long_body(&t, TOTAL);
	struct flow_fixture f;
	struct record *record;

	fixture_typed(&f, 1, "image/png");
	for (uint64_t at = 0; at < TOTAL - PIECE; at += PIECE) {
		put(r, body_record(1, str_first(str_from(all, at), PIECE), at), true);
		if (at == 2 * PIECE)
			put(r, flow_record(&f, OUTCOME_PENDING), true);
		assert_asked(r, "SELECT coalesce(sum(bytes), 0) > 0 FROM bodies", at < 2 * PIECE ? "0" : "1");
	}
	record = flow_record(&f, OUTCOME_DELIVERED);
	add_parts(record, str_from(all, TOTAL - PIECE), TOTAL - PIECE, PIECE);
	put(r, record, true);
	assert_asked(r, "SELECT coalesce(response_body_cut, 'whole') FROM hops", "whole");
	body(r);
	assert_int_equal(r->text.len, TOTAL + 1);
	assert_memory_equal(r->text.p, all.p, TOTAL);
	text_fini(&t);
}

/* Too large to be looked through: not kept, and said so. So is what begins in the middle. */
static void test_not_kept(void **state)
{
	struct rig *r = *state;
	struct text t = {NULL, 0, 0};
	struct str all = long_body(&t, REDACT_MAX_BODY + PIECE);
	struct flow_fixture f;
	struct record *record;

	fixture_typed(&f, 1, "application/json");
	put(r, body_record(1, all, 0), true);
	put(r, flow_record(&f, OUTCOME_PENDING), true);
	assert_asked(r, cut_sql, "redacted");
	record = flow_record(&f, OUTCOME_DELIVERED);
	add_part(record, 1, all.len, STR(SECRET), CUT_NONE);
	put(r, record, true);
	assert_asked(r, cut_sql, "redacted");
	assert_string_equal(body(r), "");
	exec(r, "DELETE FROM exchanges; DELETE FROM hops");

	/* Redaction is switched on while a body passes. */
	fixture_typed(&f, 2, "application/json");
	put(r, body_record(2, STR("begin,"), 0), false);
	put(r, body_record(2, STR(SECRET), 6), true);
	put(r, flow_record(&f, OUTCOME_DELIVERED), true);
	assert_string_equal(body(r), "begin,");
	assert_asked(r, cut_sql, "redacted");
	text_fini(&t);
}

/* Redaction is switched off while a body is kept back: it is written as it came. */
static void test_switched_off(void **state)
{
	struct rig *r = *state;
	struct flow_fixture f;
	struct record *record;

	fixture_typed(&f, 1, "application/json");
	put(r, body_record(1, STR("{\"pass"), 0), true);
	put(r, body_record(1, STR("word\":"), 6), false);
	record = flow_record(&f, OUTCOME_DELIVERED);
	add_part(record, 1, 12, STR("\"x\"}"), CUT_NONE);
	put(r, record, false);
	assert_string_equal(body(r), "{\"password\":\"x\"}");
}

/* A record was lost: what comes behind the gap is left out, and the body marked. */
static void test_gap(void **state)
{
	struct rig *r = *state;
	struct flow_fixture f;
	struct record *record;

	fixture_typed(&f, 1, "application/json");
	put(r, body_record(1, STR("{\"a\":1,"), 0), true);
	record = flow_record(&f, OUTCOME_DELIVERED);
	add_part(record, 1, 100, STR("\"password\":\"x\"}"), CUT_NONE);
	put(r, record, true);
	assert_string_equal(body(r), "{\"a\":1,");
	assert_asked(r, cut_sql, "store");
}

/* More than there is room for in all: what is left out is marked, and nothing of it is there. */
static void test_bound(void **state)
{
	enum { FLOWS = HELD_BYTES / REDACT_MAX_BODY + 1 };
	struct rig *r = *state;
	struct text t = {NULL, 0, 0};
	struct str all = long_body(&t, REDACT_MAX_BODY);
	struct flow_fixture f;

	for (uint64_t id = 1; id <= FLOWS; id++) {
		struct record *record = body_record(id, all, 0);

		begin(r);
		put_only(r, record, true);
		commit(r);
		record_free(record);
	}
	for (uint64_t id = 1; id <= FLOWS; id++) {
		fixture_typed(&f, id, "image/png");
		put(r, flow_record(&f, OUTCOME_DELIVERED), true);
	}
	assert_asked(r, "SELECT count(*) FROM hops WHERE response_body_cut = 'redacted' AND exchange_id = 17", "1");
	assert_asked(r, "SELECT count(*) FROM hops WHERE response_body_cut IS NULL AND response_body_id IS NOT NULL", "16");
	text_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_redacted_flow),
		RIG_TEST(test_pieces),
		RIG_TEST(test_harmless),
		RIG_TEST(test_other_type),
		RIG_TEST(test_not_kept),
		RIG_TEST(test_switched_off),
		RIG_TEST(test_gap),
		RIG_TEST(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
