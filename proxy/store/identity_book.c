/* The identities that the writer has met of late, by host, port and certificate. The table in memory is bounded and holds
 * nothing that outlives a transaction but the ids of rows, so that it can be emptied whenever it may be wrong. */
#include "store/identity_book.h"

#include "base/mem.h"
#include "net/keymap.h"
#include "store/database.h"
#include "store/origin_text.h"
#include "store/row.h"
#include "store/text.h"

#include <string.h>

enum { KNOWN_MAX = 4096 };

#define DAY_US (86400 * INT64_C(1000000))

enum statement { FIND, ADD, SEEN, STATEMENTS };

static const char *const sql_of[STATEMENTS] = {
	[FIND] = "SELECT id FROM identities WHERE host = ? AND port = ? AND certificate_sha256 = ?",
	[ADD] = ("INSERT INTO identities (host, port, certificate_sha256, subject, issuer, chain, spki_sha256, not_before_s,"
		 " not_after_s, first_us, last_us, first_exchange_id, flows) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,0)"),
	[SEEN] = "UPDATE identities SET last_us = max(last_us, ?), flows = flows + ? WHERE id = ?",
};

struct known {
	struct keymap_node node; /* its key is behind this struct */
	int64_t id;
	/* Not written yet. */
	struct known *next_seen;
	bool is_seen;
	int64_t last_us, flows;
	uint64_t counted; /* the last flow in flows */
};

struct identity_book {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	struct keymap known;
	struct known *seen; /* of this transaction */
	struct text key;    /* kept for its memory */
	int64_t newest_us;
	int64_t trimmed_us; /* newest_us at the last look for rows that are too old; 0: there was none */
	int64_t rows;
};

/* Where a hop led: what makes an identity one, together with its certificate. */
struct place {
	struct str host, certificate;
	uint16_t port;
};

static struct place place_of(const struct hop_facts *h)
{
	struct place p = {.certificate = str_of(h->identity->certificate_sha256)};

	origin_text_place(h->url, &p.host, &p.port);
	return p;
}

/* The key of a place, in the book's buffer. A host name holds no NUL, which therefore divides. */
static struct str key_of(struct identity_book *b, const struct place *p)
{
	text_clear(&b->key);
	text_put(&b->key, p->host);
	text_byte(&b->key, '\0');
	text_put(&b->key, (struct str){(const char *)&p->port, sizeof(p->port)});
	text_put(&b->key, p->certificate);
	return text_str(&b->key);
}

static void put_place(struct row *r, const struct place *p)
{
	row_bytes(r, p->host);
	row_i64(r, p->port);
	row_bytes(r, p->certificate);
}

/* The id of the row, if it is there; else 0. */
static int find_row(struct identity_book *b, const struct place *p, int64_t *ret_id)
{
	struct row r = {b->statements[FIND], 0};
	int rc;

	put_place(&r, p);
	rc = sqlite3_step(r.s);
	*ret_id = rc == SQLITE_ROW ? sqlite3_column_int64(r.s, 0) : 0;
	sqlite3_reset(r.s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int add_row(struct identity_book *b, const struct place *p, uint64_t exchange_id, const struct hop_facts *h,
	int64_t *ret_id)
{
	const struct peer_identity *i = h->identity;
	struct row r = {b->statements[ADD], 0};
	int rc;

	put_place(&r, p);
	row_opt(&r, str_of(i->subject));
	row_opt(&r, str_of(i->issuer));
	row_opt(&r, str_of(i->chain));
	row_opt(&r, str_of(i->spki_sha256));
	row_i64(&r, i->not_before_s);
	row_i64(&r, i->not_after_s);
	row_i64(&r, h->started_us);
	row_i64(&r, h->started_us);
	row_i64(&r, (int64_t)exchange_id);
	rc = row_end(&r);
	if (rc == SQLITE_OK) {
		*ret_id = sqlite3_last_insert_rowid(b->db);
		b->rows++;
	}
	return rc;
}

static void drop_known(struct identity_book *b, struct known *k)
{
	keymap_remove(&b->known, &k->node);
	mem_free(k);
}

static void drop_all_known(struct identity_book *b)
{
	struct keymap_node *node;

	b->seen = NULL;
	while ((node = keymap_oldest(&b->known)) != NULL)
		drop_known(b, LIST_ITEM(node, struct known, node));
}

/* Times and counts of this transaction into the rows. */
static int write_seen(struct identity_book *b)
{
	int rc = SQLITE_OK;

	for (struct known *k = b->seen; k; k = k->next_seen) {
		struct row r = {b->statements[SEEN], 0};

		row_i64(&r, k->last_us);
		row_i64(&r, k->flows);
		row_i64(&r, k->id);
		if (rc == SQLITE_OK)
			rc = row_end(&r);
		k->is_seen = false;
		k->flows = 0;
	}
	b->seen = NULL;
	return rc;
}

/* Room for one more: the least recently used goes, and before it what is to be written of it. */
static int make_room(struct identity_book *b)
{
	struct known *k = LIST_ITEM(keymap_oldest(&b->known), struct known, node);
	int rc = k->is_seen ? write_seen(b) : SQLITE_OK;

	if (rc == SQLITE_OK)
		drop_known(b, k);
	return rc;
}

/* Takes a row that was not known into the table in memory; the row is made if there is none. */
static int meet(struct identity_book *b, struct str key, const struct place *p, uint64_t exchange_id, const struct hop_facts *h,
	struct known **ret)
{
	struct known *k;
	int64_t id = 0;
	int rc = b->known.n < KNOWN_MAX ? SQLITE_OK : make_room(b);

	if (rc == SQLITE_OK)
		rc = find_row(b, p, &id);
	if (rc == SQLITE_OK && id == 0)
		rc = add_row(b, p, exchange_id, h, &id);
	if (rc != SQLITE_OK)
		return rc;
	k = mem_calloc(1, sizeof(*k) + key.len);
	memcpy(k + 1, key.p, key.len);
	k->id = id;
	keymap_add(&b->known, &k->node, (struct str){(const char *)(k + 1), key.len});
	*ret = k;
	return SQLITE_OK;
}

/* Seen at that time, in that flow. */
static void see(struct identity_book *b, struct known *k, uint64_t exchange_id, bool has_ended, int64_t at_us)
{
	if (!k->is_seen) {
		k->is_seen = true;
		k->next_seen = b->seen;
		b->seen = k;
	}
	if (at_us > k->last_us)
		k->last_us = at_us;
	if (at_us > b->newest_us)
		b->newest_us = at_us;
	if (has_ended && k->counted != exchange_id) {
		k->counted = exchange_id;
		k->flows++;
	}
	keymap_use(&b->known, &k->node);
}

int identity_book_note(struct identity_book *b, uint64_t exchange_id, bool has_ended, const struct hop_facts *h,
	int64_t *ret_id)
{
	struct keymap_node *node;
	struct known *k;
	struct place p;
	struct str key;
	int rc;

	*ret_id = 0;
	if (!h->identity)
		return SQLITE_OK;
	p = place_of(h);
	key = key_of(b, &p);
	node = keymap_find(&b->known, key);
	if (node) {
		k = LIST_ITEM(node, struct known, node);
	} else {
		rc = meet(b, key, &p, exchange_id, h, &k);
		if (rc != SQLITE_OK)
			return rc;
	}
	see(b, k, exchange_id, has_ended, h->started_us);
	*ret_id = k->id;
	return SQLITE_OK;
}

static bool count_rows(struct identity_book *b)
{
	sqlite3_int64 rows;

	if (!database_number(b->db, "SELECT count(*) FROM identities", 0, &rows))
		return false;
	b->rows = rows;
	return true;
}

/* Time is that of the newest hop: a proxy that was off for long still knows whom it met before. */
static int trim(struct identity_book *b)
{
	char sql[256];
	int rc;

	sqlite3_snprintf(sizeof(sql), sql,
		"DELETE FROM identities WHERE last_us < %lld;"
		"DELETE FROM identities WHERE id IN"
		" (SELECT id FROM identities ORDER BY last_us DESC, id DESC LIMIT -1 OFFSET %d)",
		(long long)(b->newest_us - IDENTITIES_DAYS * DAY_US), IDENTITIES_MAX);
	rc = sqlite3_exec(b->db, sql, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return rc;
	b->trimmed_us = b->newest_us;
	drop_all_known(b); /* it may be gone */
	return count_rows(b) ? SQLITE_OK : sqlite3_errcode(b->db);
}

int identity_book_flush(struct identity_book *b)
{
	int rc;

	if (!b->seen)
		return SQLITE_OK;
	rc = write_seen(b);
	if (rc == SQLITE_OK && (b->rows > IDENTITIES_MAX + IDENTITIES_SLACK || b->newest_us - b->trimmed_us > DAY_US))
		rc = trim(b);
	return rc;
}

void identity_book_forget(struct identity_book *b)
{
	drop_all_known(b);
	b->trimmed_us = 0; /* the rows are counted anew with the next trim */
}

struct identity_book *identity_book_new(sqlite3 *db)
{
	struct identity_book *b = mem_calloc(1, sizeof(*b));

	b->db = db;
	keymap_init(&b->known);
	for (int i = 0; i < STATEMENTS; i++) {
		if (sqlite3_prepare_v3(db, sql_of[i], -1, SQLITE_PREPARE_PERSISTENT, &b->statements[i], NULL) != SQLITE_OK) {
			identity_book_free(b);
			return NULL;
		}
	}
	if (count_rows(b))
		return b;
	identity_book_free(b);
	return NULL;
}

void identity_book_free(struct identity_book *b)
{
	if (!b)
		return;
	drop_all_known(b);
	keymap_fini(&b->known);
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(b->statements[i]);
	text_fini(&b->key);
	mem_free(b);
}
