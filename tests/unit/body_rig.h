/* A flow database with flows and bodies, written without the writer: for the tests of what keeps, reads and deletes bodies. */
#ifndef VIADUCT_TESTS_BODY_RIG_H
#define VIADUCT_TESTS_BODY_RIG_H

#include "base/mem.h"
#include "store/body/body_book.h"
#include "store/body/body_read.h"
#include "store/reader.h"
#include "store/schema.h"
#include "store/sqlite_prune.h"
#include "store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct body_rig {
	struct folder folder;
	sqlite3 *db;
	struct body_book *book;
	struct sqlite_pruner *pruner;
};

static inline void rig_exec(struct body_rig *r, const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(r->db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
}

static inline int64_t rig_number(struct body_rig *r, const char *sql)
{
	sqlite3_stmt *s = NULL;
	int64_t n = -1;

	assert_int_equal(sqlite3_prepare_v2(r->db, sql, -1, &s, NULL), SQLITE_OK);
	if (sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

static inline int body_rig_setup(void **state)
{
	struct body_rig *r = mem_calloc(1, sizeof(*r));
	char deep[128];

	*state = r;
	if (folder_make(&r->folder) != 0)
		return -1;
	snprintf(deep, sizeof(deep), "%s/deep", r->folder.path);
	if (mkdir(deep, 0700) != 0 || mkdir(r->folder.data, 0700) != 0 || sqlite3_open(r->folder.db, &r->db) != SQLITE_OK)
		return -1;
	rig_exec(r,
		"PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;"
		"PRAGMA synchronous = OFF");
	for (int i = 0; i < SCHEMA_VERSION; i++)
		rig_exec(r, schema_step(i));
	r->pruner = sqlite_pruner_new(r->db);
	r->book = body_book_new();
	return r->book && body_book_open(r->book, r->db) ? 0 : -1;
}

static inline int body_rig_teardown(void **state)
{
	struct body_rig *r = *state;

	body_book_free(r->book);
	sqlite_pruner_free(r->pruner);
	sqlite3_close(r->db);
	folder_remove(&r->folder);
	mem_free(r);
	return 0;
}

/* As a kill -9 and a new start do. */
static inline void rig_restart(struct body_rig *r)
{
	body_book_free(r->book);
	sqlite_pruner_free(r->pruner);
	assert_int_equal(sqlite3_close(r->db), SQLITE_OK);
	assert_int_equal(sqlite3_open(r->folder.db, &r->db), SQLITE_OK);
	rig_exec(r, "PRAGMA synchronous = OFF");
	r->pruner = sqlite_pruner_new(r->db);
	r->book = body_book_new();
	assert_non_null(r->book);
	assert_true(body_book_open(r->book, r->db));
	rig_exec(r, "UPDATE exchanges SET outcome = 'interrupted' WHERE outcome = 'pending'");
}

/* The database is opened anew while the proxy runs. */
static inline void rig_renew(struct body_rig *r)
{
	body_book_close(r->book);
	sqlite_pruner_free(r->pruner);
	assert_int_equal(sqlite3_close(r->db), SQLITE_OK);
	assert_int_equal(sqlite3_open(r->folder.db, &r->db), SQLITE_OK);
	r->pruner = sqlite_pruner_new(r->db);
	assert_true(body_book_open(r->book, r->db));
}

/* A part in front of the list. */
static inline struct body_part *part(struct body_part *next, unsigned hop, enum body_direction direction, uint64_t offset,
	struct str bytes, enum body_cut cut)
{
	struct body_part *p = mem_alloc(sizeof(*p) + bytes.len);

	*p = (struct body_part){
		.next = next, .hop = hop, .direction = direction, .cut = cut, .offset = offset, .len = bytes.len};
	if (bytes.len > 0)
		memcpy(p->bytes, bytes.p, bytes.len);
	return p;
}

static inline void parts_free(struct body_part *p)
{
	while (p) {
		struct body_part *next = p->next;

		mem_free(p);
		p = next;
	}
}

/* The pieces of a body from `from` to `until`, of at most so many bytes each. */
static inline struct body_part *parts_of(struct str body, size_t from, size_t until, size_t piece, unsigned hop)
{
	size_t end = until - from > piece ? from + piece : until;

	if (from >= until)
		return NULL;
	return part(parts_of(body, end, until, piece, hop), hop, BODY_DOWN, from, (struct str){body.p + from, end - from},
		CUT_NONE);
}

/* Takes the parts, and frees them. */
static inline void rig_take(struct body_rig *r, uint64_t id, struct body_part *parts, bool is_last)
{
	assert_int_equal(body_book_take(r->book, id, parts, is_last), SQLITE_OK);
	parts_free(parts);
}

/* The rows of a flow with one hop, in place of what is there of it. */
static inline void rig_flow(struct body_rig *r, uint64_t id, bool is_last)
{
	struct body_ref down = body_book_ref(r->book, id, 1, BODY_DOWN), up = body_book_ref(r->book, id, 1, BODY_UP);
	char sql[640];

	snprintf(sql, sizeof(sql),
		"DELETE FROM hops WHERE exchange_id = %llu;"
		"INSERT OR REPLACE INTO exchanges (id, change, run, worker, client_id,"
		" client_request, started_us, outcome, request_head_bytes, request_body_bytes, response_head_bytes,"
		" response_body_bytes, hops, is_tunnel) VALUES (%llu, %llu, 1, 0, 1, 1, %llu, '%s', 0, 0, 0, 0, 1, 0);"
		"INSERT INTO hops (exchange_id, number, reason, url, is_reused, is_reply, tls_resumed, started_us,"
		" request_head_bytes, request_body_bytes, response_head_bytes, response_body_bytes, response_body_id,"
		" request_body_id)"
		" VALUES (%llu, 1, 'first', '', 0, 0, 0, 0, 0, 0, 0, 0, nullif(%lld, 0), nullif(%lld, 0))",
		(unsigned long long)id, (unsigned long long)id, (unsigned long long)id, (unsigned long long)id * 1000000,
		is_last ? "delivered" : "pending", (unsigned long long)id, (long long)down.id, (long long)up.id);
	rig_exec(r, sql);
	body_book_done(r->book, id, is_last);
}

static inline void rig_begin(struct body_rig *r)
{
	rig_exec(r, "BEGIN IMMEDIATE");
}

static inline void rig_commit(struct body_rig *r)
{
	assert_int_equal(body_book_end(r->book), SQLITE_OK);
	rig_exec(r, "COMMIT");
	body_book_commit(r->book);
}

static inline void rig_undo(struct body_rig *r)
{
	rig_exec(r, "ROLLBACK");
	body_book_undo(r->book);
}

/* One record, with the body of the response of hop 1, in a transaction of its own. */
static inline struct body_ref rig_put(struct body_rig *r, uint64_t id, struct body_part *parts, bool is_last)
{
	struct body_ref ref;

	rig_begin(r);
	rig_take(r, id, parts, is_last);
	ref = body_book_ref(r->book, id, 1, BODY_DOWN);
	rig_flow(r, id, is_last);
	rig_commit(r);
	return ref;
}

static inline struct body_ref rig_put_whole(struct body_rig *r, uint64_t id, struct str body)
{
	return rig_put(r, id, parts_of(body, 0, body.len, BODY_PART_BYTES, 1), true);
}

static inline void rig_read(struct body_rig *r, int64_t id, uint64_t from, uint64_t max, struct text *to)
{
	struct reader reader = {.db = r->db};

	text_clear(to);
	if (!reader_body_text(&reader, id, from, max, to))
		fail_msg("body %lld: %s", (long long)id, reader.error);
}

static inline void assert_body(struct body_rig *r, int64_t id, struct str expected)
{
	struct text t = {NULL, 0, 0};

	rig_read(r, id, 0, UINT64_MAX, &t);
	assert_int_equal(t.len, expected.len);
	if (t.len > 0)
		assert_memory_equal(t.p, expected.p, t.len);
	text_fini(&t);
}

/* Text that packs well; of each seed another one. */
static inline struct str make_text(char *to, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (char)('a' + (i / 7 + seed) % 23);
	for (size_t i = 0; i < sizeof(seed) && i < len; i++)
		to[i] = (char)('0' + (seed >> (8 * i)) % 64);
	return (struct str){to, len};
}

/* Bytes that do not pack. */
static inline struct str make_noise(char *to, size_t len, uint64_t seed)
{
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		to[i] = (char)(x >> 32);
	}
	return (struct str){to, len};
}

#define BODY_TEST(name) cmocka_unit_test_setup_teardown(name, body_rig_setup, body_rig_teardown)

#endif
