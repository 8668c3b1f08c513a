/* A writer on a file of its own, with a redactor at hand, and flows with bodies for it. */
#ifndef VIADUCT_TESTS_WRITER_RIG_H
#define VIADUCT_TESTS_WRITER_RIG_H

#include "base/mem.h"
#include "flow_fixture.h"
#include "store/body/body_read.h"
#include "store/reader.h"
#include "store/redact/redact.h"
#include "store/schema.h"
#include "store/writer.h"
#include "store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECRET "hunter2-secret"
#define JSON_BODY "{\"user\":\"alice\",\"password\":\"" SECRET "\"}"

enum { SMALL = 7, PIECE = 50000 };

struct rig {
	struct folder folder;
	sqlite3 *db;
	struct writer *writer;
	struct redactor *redactor;
	struct text text;
	int64_t change;
	struct writer_sum sum; /* of the last transaction that was committed */
};

static char *rig_fields[] = {(char *)"X-Api-Key"};
static char *rig_query[] = {(char *)"token"};
static char *rig_json[] = {(char *)"password"};
static const struct text_list field_list = {rig_fields, 1}, query_list = {rig_query, 1}, json_list = {rig_json, 1};

static inline void exec(struct rig *r, const char *sql)
{
	assert_int_equal(sqlite3_exec(r->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static inline int setup(void **state)
{
	struct rig *r = mem_calloc(1, sizeof(*r));
	struct redact_options o = {.fields = &field_list, .query = &query_list, .json = &json_list};
	char deep[128], why[256];

	*state = r;
	if (folder_make(&r->folder) != 0)
		return -1;
	snprintf(deep, sizeof(deep), "%s/deep", r->folder.path);
	if (mkdir(deep, 0700) != 0 || mkdir(r->folder.data, 0700) != 0 || sqlite3_open(r->folder.db, &r->db) != SQLITE_OK)
		return -1;
	for (int i = 0; i < SCHEMA_VERSION; i++)
		exec(r, schema_step(i));
	o.folder = r->folder.data;
	r->redactor = redactor_new(&o, why, sizeof(why));
	r->writer = writer_new();
	if (!r->writer || !writer_open(r->writer, r->db, 1) || !r->redactor)
		return -1;
	writer_set_session(r->writer, 5);
	return 0;
}

static inline int teardown(void **state)
{
	struct rig *r = *state;

	writer_free(r->writer);
	redactor_unref(r->redactor);
	sqlite3_close(r->db);
	text_fini(&r->text);
	folder_remove(&r->folder);
	mem_free(r);
	return 0;
}

/* The first column of the first row. */
static inline const char *ask(struct rig *r, const char *sql)
{
	sqlite3_stmt *s = NULL;

	assert_int_equal(sqlite3_prepare_v2(r->db, sql, -1, &s, NULL), SQLITE_OK);
	text_clear(&r->text);
	if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_text(s, 0))
		text_put(&r->text, str_of((const char *)sqlite3_column_text(s, 0)));
	sqlite3_finalize(s);
	text_byte(&r->text, '\0');
	return r->text.p;
}

static inline int64_t ask_number(struct rig *r, const char *sql)
{
	sqlite3_stmt *s = NULL;
	int64_t n = 0;

	assert_int_equal(sqlite3_prepare_v2(r->db, sql, -1, &s, NULL), SQLITE_OK);
	if (sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

#define assert_asked(r, sql, expected) assert_string_equal(ask(r, sql), expected)

/* One hop, whose response has that type. */
static inline void fixture_typed(struct flow_fixture *f, uint64_t id, const char *type)
{
	fixture_init(f, id);
	f->response_fields[0].value = str_of(type);
	f->hops[0].next = NULL;
	f->hops[0].response = &f->response;
	f->x.hops_n = 1;
}

static inline void add_part(struct record *record, unsigned hop, uint64_t offset, struct str bytes, enum body_cut cut)
{
	struct body_part *p = body_part_new(hop, BODY_DOWN, offset, bytes.len);

	memcpy(p->bytes, bytes.p, bytes.len);
	p->len = bytes.len;
	p->cut = cut;
	record_add_part(record, p);
}

/* Adds bytes in pieces from an offset on. */
static inline void add_parts(struct record *record, struct str bytes, uint64_t from, size_t step)
{
	while (bytes.len > 0) {
		size_t n = bytes.len < step ? bytes.len : step;

		add_part(record, 1, from, str_first(bytes, n), CUT_NONE);
		from += n;
		bytes = str_from(bytes, n);
	}
}

static inline void put_only(struct rig *r, const struct record *record, bool is_redacted)
{
	assert_int_equal(writer_put(r->writer, record, ++r->change, is_redacted ? r->redactor : NULL), SQLITE_OK);
}

static inline void begin(struct rig *r)
{
	exec(r, "BEGIN IMMEDIATE");
}

static inline void commit(struct rig *r)
{
	assert_int_equal(writer_end(r->writer, &r->sum), SQLITE_OK);
	exec(r, "COMMIT");
	writer_commit(r->writer);
}

static inline void roll_back(struct rig *r)
{
	exec(r, "ROLLBACK");
	writer_undo(r->writer);
}

/* Puts a record in a transaction of its own and frees it; twice, the first time in one that is rolled back. */
static inline void put(struct rig *r, struct record *record, bool is_redacted)
{
	begin(r);
	put_only(r, record, is_redacted);
	roll_back(r);
	begin(r);
	put_only(r, record, is_redacted);
	commit(r);
	record_free(record);
}

static inline struct record *flow_record(struct flow_fixture *f, enum outcome outcome)
{
	f->x.outcome = outcome;
	return record_new(&f->x);
}

static inline struct record *body_record(uint64_t id, struct str bytes, uint64_t from)
{
	struct record *record = record_new_body(id);

	add_parts(record, bytes, from, BODY_PART_BYTES);
	return record;
}

/* The body of the first hop's response, terminated. */
static inline const char *body(struct rig *r)
{
	struct reader reader = {.db = r->db};
	int64_t id = ask_number(r, "SELECT coalesce(response_body_id, 0) FROM hops ORDER BY exchange_id DESC");

	text_clear(&r->text);
	if (id > 0)
		assert_true(reader_body_text(&reader, id, 0, UINT64_MAX, &r->text));
	text_byte(&r->text, '\0');
	return r->text.p;
}

static const char cut_sql[] = "SELECT response_body_cut FROM hops ORDER BY exchange_id DESC";

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
