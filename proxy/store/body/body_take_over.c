/* Closing bodies that nobody will write to any more. Only flows that were in flight can refer to them, which the index on
 * outcome finds. Not for dedup: these are few, and mostly cut. */
#include "store/body/body_take_over.h"

#include "base/mem.h"
#include "store/body/body_pack.h"
#include "store/body/body_rows.h"

#include <stdlib.h>

struct left {
	int64_t id;
	int64_t flow; /* the last one that refers to it; 0: none does */
	uint64_t bytes;
	bool is_ours; /* it goes on growing */
};

struct take_over {
	sqlite3 *db;
	struct body_rows rows;
	sqlite3_stmt *pieces;
	struct body_unpacker *unpacker;
	struct body_hash *hash;
	struct left *left;
	size_t left_n, left_room;
};

/* The second condition lets the index be used; CROSS: in this order, since few flows are found by it. */
#define IN_FLIGHT "e.outcome IN ('pending', 'interrupted') AND e.outcome <> 'delivered'"
static const char left_sql[] =
	"SELECT b.id, max(r.flow), b.bytes FROM bodies b LEFT JOIN ("
	"SELECT h.request_body_id AS body_id, e.id AS flow FROM exchanges e CROSS JOIN hops h ON h.exchange_id = e.id"
	" WHERE " IN_FLIGHT
	" UNION ALL SELECT h.response_body_id, e.id FROM exchanges e CROSS JOIN hops h ON h.exchange_id = e.id WHERE " IN_FLIGHT
	" UNION ALL SELECT e.response_body_id, e.id FROM exchanges e WHERE " IN_FLIGHT
	") r ON r.body_id = b.id WHERE b.used_until = ? GROUP BY b.id ORDER BY b.id";

static const char pieces_sql[] = "SELECT compression IS NOT NULL, bytes, content FROM body_pieces"
				 " WHERE id BETWEEN ?1 << 20 AND (?1 << 20) + 0xfffff ORDER BY id";

static void add_left(struct take_over *t, struct left left)
{
	if (t->left_n == t->left_room) {
		t->left_room = t->left_room ? t->left_room * 2 : 16;
		t->left = mem_realloc(t->left, t->left_room * sizeof(*t->left));
	}
	t->left[t->left_n++] = left;
}

/* They are changed afterwards, not while the index is being read. */
static int list_left(struct take_over *t)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(t->db, left_sql, -1, &s, NULL);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(s, 1, BODY_USED_GROWING);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW)
		add_left(t,
			(struct left){sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
				(uint64_t)sqlite3_column_int64(s, 2), false});
	sqlite3_finalize(s);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int compare_left(const void *a, const void *b)
{
	int64_t x = ((const struct left *)a)->id, y = ((const struct left *)b)->id;

	return (x > y) - (x < y);
}

/* A body in flight that the file has as it was left. */
static bool goes_on(void *of, const struct growth *g)
{
	struct take_over *t = of;
	struct left key = {.id = g->id}, *left = NULL;

	if (t->left_n > 0)
		left = bsearch(&key, t->left, t->left_n, sizeof(key), compare_left);
	if (!left || left->bytes != g->bytes)
		return false;
	left->is_ours = true;
	return true;
}

/* One piece into the hash. One that is damaged ends the body: SQLITE_DONE. */
static int add_piece(struct take_over *t, uint64_t *bytes, uint64_t *stored_bytes)
{
	bool is_packed = sqlite3_column_int(t->pieces, 0) != 0;
	sqlite3_int64 len = sqlite3_column_int64(t->pieces, 1);
	const char *p = sqlite3_column_blob(t->pieces, 2);
	struct str stored = {p, (size_t)sqlite3_column_bytes(t->pieces, 2)}, piece = stored;

	if (len < 0 || (is_packed && !body_unpack(t->unpacker, stored, (size_t)len, &piece)))
		return SQLITE_DONE;
	if (!body_hash_add(t->hash, piece))
		return SQLITE_NOMEM;
	*bytes += piece.len;
	*stored_bytes += stored.len;
	return SQLITE_OK;
}

static int end_body(struct take_over *t, const struct left *left)
{
	uint64_t bytes = 0, stored_bytes = 0;
	uint8_t hash[BODY_HASH_BYTES];
	int rc = SQLITE_OK;

	if (!body_hash_begin(t->hash))
		return SQLITE_NOMEM;
	sqlite3_bind_int64(t->pieces, 1, left->id);
	while (rc == SQLITE_OK) {
		rc = sqlite3_step(t->pieces);
		if (rc == SQLITE_ROW)
			rc = add_piece(t, &bytes, &stored_bytes);
	}
	sqlite3_reset(t->pieces);
	if (rc != SQLITE_DONE)
		return rc;
	if (!body_hash_end(t->hash, hash))
		return SQLITE_NOMEM;
	return body_rows_end(&t->rows, (struct body_row){left->id, left->flow}, bytes, stored_bytes, hash);
}

static int end_all(struct take_over *t)
{
	int rc = SQLITE_OK;

	if (!body_rows_init(&t->rows, t->db))
		return sqlite3_extended_errcode(t->db);
	rc = sqlite3_prepare_v2(t->db, pieces_sql, -1, &t->pieces, NULL);
	t->unpacker = body_unpacker_new();
	t->hash = body_hash_new();
	if (rc == SQLITE_OK && !t->hash)
		rc = SQLITE_NOMEM;
	for (size_t i = 0; i < t->left_n && rc == SQLITE_OK; i++) {
		if (!t->left[i].is_ours)
			rc = t->left[i].flow != 0 ? end_body(t, &t->left[i]) : body_rows_drop(&t->rows, t->left[i].id);
	}
	return rc;
}

static void fini(struct take_over *t)
{
	body_rows_fini(&t->rows);
	sqlite3_finalize(t->pieces);
	body_unpacker_free(t->unpacker);
	body_hash_free(t->hash);
	mem_free(t->left);
}

int body_take_over(sqlite3 *db, struct body_growth *ours, size_t *ret_lost)
{
	struct take_over t = {.db = db};
	int rc = sqlite3_exec(db, "SAVEPOINT take_over", NULL, NULL, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = list_left(&t);
	if (rc == SQLITE_OK)
		*ret_lost += body_growth_lose(ours, goes_on, &t);
	if (rc == SQLITE_OK && t.left_n > 0)
		rc = end_all(&t);
	fini(&t);
	return rc == SQLITE_OK ? sqlite3_exec(db, "RELEASE take_over", NULL, NULL, NULL) : rc;
}
