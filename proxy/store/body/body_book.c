/* What becomes of the bodies in records: which are written whole, which grow, and which are there already. Not for statements
 * (body_rows.c), and not for what can be taken back in memory (body_growth.c, body_known.c). */
#include "store/body/body_book.h"

#include "base/mem.h"
#include "store/body/body_growth.h"
#include "store/body/body_pack.h"
#include "store/body/body_rows.h"
#include "store/body/body_take_over.h"

#include <string.h>

enum { MAX_PIECES = 1 << BODY_PIECE_BITS };

struct body_book {
	struct body_rows rows;
	struct body_known *known; /* smaller than BODY_DEDUP_BYTES */
	struct body_growth growth;
	struct body_packer *packer;
	struct body_hash *hash; /* of bodies that are whole; those that grow have their own */
	int64_t last_id,
		committed_last_id; /* they go up through all databases, so that no other body is taken for one of ours */
	size_t lost;
	char whole[BODY_PART_BYTES]; /* where the parts of a body that is whole are put together */
};

/* Where a body ends, and for whom. */
struct body_end {
	uint64_t exchange_id;
	uint64_t bytes;
	const uint8_t *hash;
};

struct body_book *body_book_new(void)
{
	struct body_book *b = mem_calloc(1, sizeof(*b));

	body_growth_init(&b->growth);
	b->packer = body_packer_new();
	b->hash = body_hash_new();
	if (b->hash)
		return b;
	body_book_free(b);
	return NULL;
}

bool body_book_open(struct body_book *b, sqlite3 *db)
{
	int64_t last_id;

	if (body_take_over(db, &b->growth, &b->lost) != SQLITE_OK || !body_rows_init(&b->rows, db) ||
		body_rows_last_id(&b->rows, &last_id) != SQLITE_OK)
		return false;
	b->known = body_known_new(BODY_BOOK_KNOWN);
	b->last_id = last_id > b->last_id ? last_id : b->last_id;
	b->committed_last_id = b->last_id;
	return true;
}

void body_book_close(struct body_book *b)
{
	body_rows_fini(&b->rows);
	body_known_free(b->known);
	b->known = NULL;
}

size_t body_book_lost(const struct body_book *b)
{
	return b->lost;
}

void body_book_free(struct body_book *b)
{
	if (!b)
		return;
	body_book_close(b);
	body_growth_fini(&b->growth);
	body_packer_free(b->packer);
	body_hash_free(b->hash);
	mem_free(b);
}

/* For how many more flows a body is kept that came again. */
static int64_t ahead(uint64_t bytes)
{
	uint64_t n = bytes > 0 ? BODY_BOOK_AHEAD_BYTES / bytes : BODY_BOOK_AHEAD;

	return n < BODY_BOOK_AHEAD ? (int64_t)n : BODY_BOOK_AHEAD;
}

/* An equal body, which is kept for this flow too; ret_id 0: there is none. */
static int find_equal(struct body_book *b, const struct body_end *end, int64_t *ret_id)
{
	bool is_small = end->bytes < BODY_DEDUP_BYTES;
	struct body_row row = {0, 0};
	int rc = SQLITE_OK;

	if (!is_small)
		rc = body_rows_find(&b->rows, end->hash, end->bytes, &row);
	else if (!body_known_find(b->known, end->hash, &row))
		row.id = 0;
	if (rc == SQLITE_OK && row.id != 0 && row.used_until < (int64_t)end->exchange_id) {
		row.used_until = (int64_t)end->exchange_id + ahead(end->bytes);
		rc = body_rows_use(&b->rows, row);
		if (rc == SQLITE_OK && is_small)
			body_known_put(b->known, end->hash, row);
	}
	if (rc == SQLITE_OK)
		*ret_id = row.id;
	return rc;
}

/* A body has got its row. */
static void note_row(struct body_book *b, const struct body_end *end, int64_t id)
{
	if (end->bytes < BODY_DEDUP_BYTES)
		body_known_put(b->known, end->hash, (struct body_row){id, (int64_t)end->exchange_id});
}

/* A piece as it is to be stored; ret_pays: packing did not turn out useless. */
static struct stored_bytes store_piece(struct body_book *b, struct str piece, bool *ret_pays)
{
	struct str packed;

	if (piece.len < BODY_PACK_FROM_BYTES)
		return (struct stored_bytes){piece, NULL};
	*ret_pays = body_pack(b->packer, piece, &packed);
	return *ret_pays ? (struct stored_bytes){packed, body_pack_name} : (struct stored_bytes){piece, NULL};
}

static int add_whole(struct body_book *b, const struct body_end *end, struct str bytes, int64_t *ret_id)
{
	struct stored_bytes stored = {bytes, NULL};
	bool pays;
	int rc;

	if (!body_pack_is_vain(bytes))
		stored = store_piece(b, bytes, &pays);
	rc = body_rows_add(&b->rows, (struct body_row){b->last_id + 1, (int64_t)end->exchange_id}, end->bytes, end->hash,
		stored);
	if (rc == SQLITE_OK) {
		*ret_id = ++b->last_id;
		note_row(b, end, *ret_id);
	}
	return rc;
}

/* A body whose first record is its last. */
static int put_whole(struct body_book *b, uint64_t exchange_id, struct growing_body *body, struct str bytes)
{
	uint8_t hash[BODY_HASH_BYTES];
	struct body_end end = {exchange_id, bytes.len, hash};
	int rc;

	if (!body_hash_begin(b->hash) || !body_hash_add(b->hash, bytes) || !body_hash_end(b->hash, hash))
		return SQLITE_NOMEM;
	rc = find_equal(b, &end, &body->now.id);
	if (rc == SQLITE_OK && body->now.id == 0)
		rc = add_whole(b, &end, bytes, &body->now.id);
	body->now.bytes = bytes.len;
	body->now.has_ended = true;
	return rc;
}

/* The next part of the same body. */
static const struct body_part *next_part(const struct body_part *part)
{
	const struct body_part *p = part->next;

	while (p && (p->hop != part->hop || p->direction != part->direction))
		p = p->next;
	return p;
}

/* The parts of one body put together; false: some are missing, or there are too many. */
static bool gather(struct body_book *b, const struct body_part *first, struct str *ret, enum body_cut *ret_cut)
{
	bool is_alone = first->cut != CUT_NONE || !next_part(first);
	enum body_cut cut = CUT_NONE;
	size_t len = 0;

	for (const struct body_part *p = first; p && cut == CUT_NONE; p = next_part(p)) {
		if (p->offset != len || p->len > sizeof(b->whole) - len)
			return false;
		if (!is_alone)
			memcpy(b->whole + len, p->bytes, p->len);
		len += p->len;
		cut = p->cut;
	}
	*ret = (struct str){is_alone ? first->bytes : b->whole, len};
	*ret_cut = cut;
	return true;
}

/* Makes the row of a body that begins to grow. */
static int begin(struct body_book *b, struct growing_body *body, const struct body_part *first)
{
	int rc;

	body->now.hash = body_hash_copy(b->hash);
	if (!body->now.hash || !body_hash_begin(body->now.hash))
		return SQLITE_NOMEM;
	body->now.is_packing = !body_pack_is_vain((struct str){first->bytes, first->len});
	rc = body_rows_add_growing(&b->rows, b->last_id + 1);
	if (rc == SQLITE_OK)
		body->now.id = ++b->last_id;
	return rc;
}

static int add_piece(struct body_book *b, struct growing_body *body, struct str piece)
{
	struct growth *g = &body->now;
	struct stored_bytes stored = {piece, NULL};
	bool pays = true;
	int rc;

	if (g->is_packing)
		stored = store_piece(b, piece, &pays);
	rc = body_rows_add_piece(&b->rows, g->id, g->pieces, g->bytes, piece.len, stored);
	if (rc != SQLITE_OK)
		return rc;
	if (!body_hash_add(g->hash, piece))
		return SQLITE_NOMEM;
	g->is_packing = g->is_packing && (pays || g->pieces > 0);
	g->pieces++;
	g->bytes += piece.len;
	g->stored_bytes += stored.content.len;
	body->is_dirty = true;
	return SQLITE_OK;
}

static int grow(struct body_book *b, struct growing_body *body, const struct body_part *part)
{
	int rc = SQLITE_OK;

	if (body->now.has_ended || body->now.cut != CUT_NONE)
		return SQLITE_OK;
	if (!growing_body_keep(body))
		return SQLITE_NOMEM;
	if (part->offset != body->now.bytes || body->now.pieces >= MAX_PIECES) {
		body->now.cut = CUT_STORE;
		return SQLITE_OK;
	}
	if (part->len > 0) {
		if (body->now.id == 0)
			rc = begin(b, body, part);
		if (rc == SQLITE_OK)
			rc = add_piece(b, body, (struct str){part->bytes, part->len});
	}
	body->now.cut = part->cut;
	return rc;
}

static int take_part(struct body_book *b, struct growing_exchange *x, const struct body_part *part, bool is_last)
{
	struct growing_body *body = growing_body_find(x, part->hop, part->direction);
	enum body_cut cut;
	struct str whole;

	if (body || !is_last || !gather(b, part, &whole, &cut)) {
		if (!body)
			body = growing_body_add(x, part->hop, part->direction);
		return grow(b, body, part);
	}
	body = growing_body_add(x, part->hop, part->direction);
	body->now.cut = cut;
	body->now.has_ended = whole.len == 0;
	return whole.len == 0 ? SQLITE_OK : put_whole(b, x->id, body, whole);
}

/* The row of a body that has grown as far as it will; or of an equal one that was there before. */
static int settle(struct body_book *b, struct growing_body *body, const struct body_end *end)
{
	struct growth *g = &body->now;
	int64_t equal = 0;
	int rc = find_equal(b, end, &equal);

	if (rc != SQLITE_OK)
		return rc;
	if (equal != 0) {
		rc = body_rows_drop(&b->rows, g->id);
		g->id = equal;
		return rc;
	}
	rc = body_rows_end(&b->rows, (struct body_row){g->id, (int64_t)end->exchange_id}, g->bytes, g->stored_bytes, end->hash);
	if (rc == SQLITE_OK)
		note_row(b, end, g->id);
	return rc;
}

static int end_body(struct body_book *b, uint64_t exchange_id, struct growing_body *body)
{
	struct growth *g = &body->now;
	uint8_t hash[BODY_HASH_BYTES];
	int rc = SQLITE_OK;

	if (g->has_ended)
		return SQLITE_OK;
	if (!growing_body_keep(body))
		return SQLITE_NOMEM;
	if (g->id != 0) {
		if (!body_hash_end(g->hash, hash))
			return SQLITE_NOMEM;
		rc = settle(b, body, &(struct body_end){exchange_id, g->bytes, hash});
	}
	body_hash_free(g->hash);
	g->hash = NULL;
	g->has_ended = true;
	body->is_dirty = false;
	return rc;
}

int body_book_take(struct body_book *b, uint64_t exchange_id, const struct body_part *parts, bool is_last)
{
	struct growing_exchange *x;
	int rc = SQLITE_OK;

	if (!parts && (!is_last || !body_growth_find(&b->growth, exchange_id)))
		return SQLITE_OK;
	x = body_growth_touch(&b->growth, exchange_id);
	for (const struct body_part *p = parts; p && rc == SQLITE_OK; p = p->next)
		rc = take_part(b, x, p, is_last);
	for (struct growing_body *body = x->bodies; is_last && body && rc == SQLITE_OK; body = body->next)
		rc = end_body(b, exchange_id, body);
	return rc;
}

struct body_ref body_book_ref(struct body_book *b, uint64_t exchange_id, unsigned hop, enum body_direction direction)
{
	struct growing_exchange *x = body_growth_find(&b->growth, exchange_id);
	const struct growing_body *body = x ? growing_body_find(x, hop, direction) : NULL;

	return body ? (struct body_ref){body->now.id, body->now.cut} : (struct body_ref){0, CUT_NONE};
}

void body_book_done(struct body_book *b, uint64_t exchange_id, bool is_last)
{
	struct growing_exchange *x = is_last ? body_growth_find(&b->growth, exchange_id) : NULL;

	if (x)
		body_growth_over(&b->growth, x);
}

int body_book_end(struct body_book *b)
{
	int rc = SQLITE_OK;

	for (struct list *node = b->growth.touched.next; node != &b->growth.touched; node = node->next) {
		struct growing_exchange *x = LIST_ITEM(node, struct growing_exchange, touched);

		for (struct growing_body *body = x->bodies; body && rc == SQLITE_OK; body = body->next) {
			if (!body->is_dirty)
				continue;
			rc = body_rows_note(&b->rows, body->now.id, body->now.bytes, body->now.stored_bytes);
			body->is_dirty = false;
		}
	}
	return rc;
}

void body_book_commit(struct body_book *b)
{
	b->committed_last_id = b->last_id;
	body_known_commit(b->known);
	body_growth_commit(&b->growth, BODY_BOOK_EXCHANGES);
}

void body_book_undo(struct body_book *b)
{
	b->last_id = b->committed_last_id;
	body_known_undo(b->known);
	body_growth_undo(&b->growth);
}

void body_book_pruned(struct body_book *b, uint64_t first_kept)
{
	body_known_pruned(b->known, first_kept < INT64_MAX ? (int64_t)first_kept : INT64_MAX);
}
