/* Statements on bodies and body_pieces. */
#include "store/body/body_rows.h"

#include "store/database.h"
#include "store/row.h"

#include <stddef.h>
#include <string.h>

/* The partial index is used where the condition stands in the statement as it stands in the schema. */
#define IS_INDEXED "bytes >= 16384"

struct statement_of {
	size_t at; /* in struct body_rows */
	const char *sql;
};

static const struct statement_of statements[] = {
	{offsetof(struct body_rows, find),
		"SELECT id, used_until FROM bodies WHERE sha256 = ? AND bytes = ?"
		" AND " IS_INDEXED " LIMIT 1"},
	{offsetof(struct body_rows, use), "UPDATE bodies SET used_until = ? WHERE id = ?"},
	{offsetof(struct body_rows, add),
		"INSERT INTO bodies (id, used_until, bytes, stored_bytes, sha256, compression, content)"
		" VALUES (?,?,?,?,?,?,?)"},
	{offsetof(struct body_rows, add_piece),
		"INSERT INTO body_pieces (id, from_byte, bytes, compression, content) VALUES (?,?,?,?,?)"},
	{offsetof(struct body_rows, note), "UPDATE bodies SET bytes = ?, stored_bytes = ? WHERE id = ?"},
	{offsetof(struct body_rows, end),
		"UPDATE bodies SET bytes = ?, stored_bytes = ?, sha256 = ?, used_until = ? WHERE id = ?"},
	{offsetof(struct body_rows, drop), "UPDATE bodies SET sha256 = NULL, used_until = ? WHERE id = ?"},
};
enum { STATEMENTS = sizeof(statements) / sizeof(statements[0]) };

static sqlite3_stmt **statement_at(struct body_rows *r, size_t i)
{
	return (sqlite3_stmt **)(void *)((char *)r + statements[i].at);
}

bool body_rows_init(struct body_rows *r, sqlite3 *db)
{
	memset(r, 0, sizeof(*r));
	r->db = db;
	for (size_t i = 0; i < STATEMENTS; i++) {
		if (sqlite3_prepare_v3(db, statements[i].sql, -1, SQLITE_PREPARE_PERSISTENT, statement_at(r, i), NULL) !=
			SQLITE_OK)
			return false;
	}
	return true;
}

void body_rows_fini(struct body_rows *r)
{
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(*statement_at(r, i));
	memset(r, 0, sizeof(*r));
}

int body_rows_last_id(struct body_rows *r, int64_t *ret)
{
	sqlite3_int64 id;

	if (!database_number(r->db, "SELECT max(id) FROM bodies", 0, &id))
		return sqlite3_extended_errcode(r->db);
	*ret = id;
	return SQLITE_OK;
}

/* Always a BLOB, be it text or not; NULL where p is. */
static void put_blob(struct row *r, const void *p, size_t len)
{
	sqlite3_bind_blob64(r->s, ++r->at, p, len, SQLITE_STATIC);
}

static void put_stored(struct row *r, struct stored_bytes stored)
{
	row_own(r, stored.compression);
	put_blob(r, stored.content.p, stored.content.len);
}

int body_rows_find(struct body_rows *r, const uint8_t hash[BODY_HASH_BYTES], uint64_t bytes, struct body_row *ret)
{
	struct row row = {r->find, 0};
	struct body_row found = {0, 0};
	int rc;

	put_blob(&row, hash, BODY_HASH_BYTES);
	row_i64(&row, (int64_t)bytes);
	rc = sqlite3_step(r->find);
	if (rc == SQLITE_ROW)
		found = (struct body_row){sqlite3_column_int64(r->find, 0), sqlite3_column_int64(r->find, 1)};
	sqlite3_reset(r->find);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return rc;
	*ret = found;
	return SQLITE_OK;
}

int body_rows_use(struct body_rows *r, struct body_row used)
{
	struct row row = {r->use, 0};

	row_i64(&row, used.used_until);
	row_i64(&row, used.id);
	return row_end(&row);
}

int body_rows_add(struct body_rows *r, struct body_row added, uint64_t bytes, const uint8_t hash[BODY_HASH_BYTES],
	struct stored_bytes stored)
{
	struct row row = {r->add, 0};

	row_i64(&row, added.id);
	row_i64(&row, added.used_until);
	row_i64(&row, (int64_t)bytes);
	row_i64(&row, (int64_t)stored.content.len);
	put_blob(&row, hash, BODY_HASH_BYTES);
	put_stored(&row, stored);
	return row_end(&row);
}

int body_rows_add_growing(struct body_rows *r, int64_t id)
{
	struct row row = {r->add, 0};

	row_i64(&row, id);
	row_i64(&row, BODY_USED_GROWING);
	row_i64(&row, 0);
	row_i64(&row, 0);
	row_null(&row);
	put_stored(&row, (struct stored_bytes){STR_NONE, NULL});
	return row_end(&row);
}

int body_rows_add_piece(struct body_rows *r, int64_t id, uint64_t number, uint64_t from, size_t bytes,
	struct stored_bytes stored)
{
	struct row row = {r->add_piece, 0};

	row_i64(&row, (int64_t)((uint64_t)id << BODY_PIECE_BITS | number));
	row_i64(&row, (int64_t)from);
	row_i64(&row, (int64_t)bytes);
	put_stored(&row, stored);
	return row_end(&row);
}

int body_rows_note(struct body_rows *r, int64_t id, uint64_t bytes, uint64_t stored_bytes)
{
	struct row row = {r->note, 0};

	row_i64(&row, (int64_t)bytes);
	row_i64(&row, (int64_t)stored_bytes);
	row_i64(&row, id);
	return row_end(&row);
}

int body_rows_end(struct body_rows *r, struct body_row ended, uint64_t bytes, uint64_t stored_bytes,
	const uint8_t hash[BODY_HASH_BYTES])
{
	struct row row = {r->end, 0};

	row_i64(&row, (int64_t)bytes);
	row_i64(&row, (int64_t)stored_bytes);
	put_blob(&row, hash, BODY_HASH_BYTES);
	row_i64(&row, ended.used_until);
	row_i64(&row, ended.id);
	return row_end(&row);
}

int body_rows_drop(struct body_rows *r, int64_t id)
{
	struct row row = {r->drop, 0};

	row_i64(&row, BODY_USED_NEVER);
	row_i64(&row, id);
	return row_end(&row);
}
