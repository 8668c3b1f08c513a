/* Bodies out of the database: a row that holds all of it, or pieces, of which only those are read that are asked for. Not for
 * writing them: body_book.c; and not for content codings: http/coding.h. */
#include "store/body/body_read.h"

#include "capture/record.h"
#include "store/body/body_pack.h"
#include "store/body/body_rows.h"
#include "store/reader.h"

#include <stdio.h>
#include <string.h>

/* One reading. */
struct reading {
	struct reader *reader;
	struct body_unpacker *unpacker;
	uint64_t from, until;
	bool (*take)(void *owner, struct str piece);
	void *owner;
	bool is_enough; /* the owner wants no more */
};

static bool fail_damaged(struct reader *r)
{
	snprintf(r->error, sizeof(r->error), "a stored body is damaged");
	return false;
}

/* A statement with one number bound; NULL with the reason. */
static sqlite3_stmt *prepare(struct reader *r, const char *sql, int64_t number)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(r->db, sql, -1, &s, NULL) != SQLITE_OK) {
		(void)reader_fail(r);
		return NULL;
	}
	sqlite3_bind_int64(s, 1, number);
	return s;
}

static void put_hex(struct body_view *v, const uint8_t *hash, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		v->sha256_text[2 * i] = digits[hash[i] >> 4];
		v->sha256_text[2 * i + 1] = digits[hash[i] & 15];
	}
	v->sha256_text[2 * len] = '\0';
	v->sha256 = (struct str){v->sha256_text, 2 * len};
}

bool reader_body(struct reader *r, int64_t id, struct body_view *ret)
{
	sqlite3_stmt *s;
	bool is_there;
	int rc;

	r->error[0] = '\0'; /* which tells "there is none" from an error */
	s = prepare(r, "SELECT bytes, sha256 FROM bodies WHERE id = ?", id);
	if (!s)
		return false;
	rc = sqlite3_step(s);
	is_there = rc == SQLITE_ROW;
	if (is_there) {
		const uint8_t *hash = sqlite3_column_blob(s, 1);
		size_t len = (size_t)sqlite3_column_bytes(s, 1);

		ret->id = id;
		ret->bytes = (uint64_t)sqlite3_column_int64(s, 0);
		put_hex(ret, hash, hash && len == BODY_HASH_BYTES ? len : 0);
	}
	return reader_finish(r, s, rc) && is_there;
}

/* Gives the part of a piece that was asked for; from_byte, bytes, compression and content are the columns of the row. */
static bool give_row(struct reading *g, sqlite3_stmt *s)
{
	uint64_t begin = (uint64_t)sqlite3_column_int64(s, 0), len = (uint64_t)sqlite3_column_int64(s, 1);
	bool is_packed = sqlite3_column_type(s, 2) != SQLITE_NULL;
	const char *p = sqlite3_column_blob(s, 3);
	struct str piece = {p, (size_t)sqlite3_column_bytes(s, 3)};
	uint64_t skip = g->from > begin ? g->from - begin : 0;

	if (is_packed && (len > BODY_PART_BYTES || !body_unpack(g->unpacker, piece, (size_t)len, &piece)))
		return fail_damaged(g->reader);
	if (piece.len != len)
		return fail_damaged(g->reader);
	if (skip >= len || begin >= g->until)
		return true;
	if (len > g->until - begin)
		len = g->until - begin;
	if (len > skip)
		g->is_enough = !g->take(g->owner, (struct str){piece.p + skip, (size_t)(len - skip)});
	return true;
}

/* The last piece that begins at `from` or before it: pieces are numbered from 0 on, without gaps. */
static bool find_piece(struct reader *r, int64_t body, uint64_t from, int64_t *ret_id)
{
	int64_t low = (int64_t)((uint64_t)body << BODY_PIECE_BITS), high = low + (1 << BODY_PIECE_BITS) - 1;
	sqlite3_stmt *s = prepare(r, "SELECT max(id) FROM body_pieces WHERE id <= ?", high);
	int rc = s ? sqlite3_step(s) : SQLITE_ERROR;

	if (rc == SQLITE_ROW && sqlite3_column_int64(s, 0) < high)
		high = sqlite3_column_int64(s, 0);
	if (!s || !reader_finish(r, s, rc))
		return false;
	s = prepare(r, "SELECT from_byte FROM body_pieces WHERE id = ?", 0);
	rc = SQLITE_ROW;
	while (s && low < high && rc == SQLITE_ROW) {
		int64_t middle = low + (high - low + 1) / 2;

		sqlite3_bind_int64(s, 1, middle);
		rc = sqlite3_step(s);
		if (rc == SQLITE_ROW && (uint64_t)sqlite3_column_int64(s, 0) <= from)
			low = middle;
		else
			high = middle - 1;
		sqlite3_reset(s);
	}
	*ret_id = low;
	return s && reader_finish(r, s, rc);
}

static bool give_pieces(struct reading *g, int64_t body)
{
	struct reader *r = g->reader;
	sqlite3_stmt *s;
	int64_t first;
	int rc;

	if (!find_piece(r, body, g->from, &first))
		return false;
	s = prepare(r, "SELECT from_byte, bytes, compression, content FROM body_pieces WHERE id BETWEEN ? AND ? ORDER BY id",
		first);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 2, (int64_t)((uint64_t)body << BODY_PIECE_BITS | ((1 << BODY_PIECE_BITS) - 1)));
	while (!g->is_enough && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		if ((uint64_t)sqlite3_column_int64(s, 0) >= g->until)
			break;
		if (!give_row(g, s)) {
			sqlite3_finalize(s);
			return false;
		}
	}
	return reader_finish(r, s, g->is_enough ? SQLITE_DONE : rc);
}

/* A body in its row, or in pieces. */
static bool give_body(struct reading *g, int64_t id)
{
	sqlite3_stmt *s = prepare(g->reader,
		"SELECT 0, bytes, compression, content FROM bodies WHERE id = ? AND content IS NOT NULL", id);
	int rc = s ? sqlite3_step(s) : SQLITE_ERROR;
	bool is_row = rc == SQLITE_ROW;

	if (!s)
		return false;
	if (is_row && !give_row(g, s)) {
		sqlite3_finalize(s);
		return false;
	}
	return reader_finish(g->reader, s, rc) && (is_row || give_pieces(g, id));
}

bool reader_body_bytes(struct reader *r, int64_t id, uint64_t from, uint64_t max, bool (*take)(void *owner, struct str piece),
	void *owner)
{
	struct reading g = {.reader = r,
		.from = from,
		.until = max < UINT64_MAX - from ? from + max : UINT64_MAX,
		.take = take,
		.owner = owner};
	bool is_alone = sqlite3_get_autocommit(r->db) != 0; /* then all statements must see one state */
	bool ok;

	if (is_alone && !reader_begin(r))
		return false;
	g.unpacker = body_unpacker_new();
	ok = give_body(&g, id);
	body_unpacker_free(g.unpacker);
	if (is_alone)
		reader_end(r);
	return ok;
}

static bool take_text(void *owner, struct str piece)
{
	text_put(owner, piece);
	return true;
}

bool reader_body_text(struct reader *r, int64_t id, uint64_t from, uint64_t max, struct text *to)
{
	return reader_body_bytes(r, id, from, max, take_text, to);
}

static bool take_coded(void *owner, struct str piece)
{
	return coding_put(owner, piece);
}

bool reader_body_decoded(struct reader *r, int64_t id, struct str codings, const struct coding_limits *limits, struct text *to,
	enum coding_end *ret_end)
{
	enum coding_end end = CODING_UNKNOWN;
	struct coding *c = coding_new(codings, limits, take_text, to, &end);
	bool ok = true;

	if (c) {
		ok = reader_body_bytes(r, id, 0, UINT64_MAX, take_coded, c);
		end = coding_end(c);
	}
	if (ok)
		*ret_end = end;
	return ok;
}
