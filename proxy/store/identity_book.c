/* The identities that the writer has met of late, by host, port and certificate. The table in memory is bounded and holds
 * nothing that outlives a transaction but the ids of rows, so that it can be emptied whenever it may be wrong. */
#include "store/identity_book.h"

#include "base/mem.h"
#include "net/keymap.h"
#include "store/change_book.h"
#include "store/database.h"
#include "store/row.h"
#include "store/text.h"

#include <string.h>

enum { KNOWN_MAX = 4096 };

#define DAY_US (86400 * INT64_C(1000000))

enum statement { FIND, ADD, SEEN, STATEMENTS };

static const char *const sql_of[STATEMENTS] = {
	[FIND] = "SELECT id, shown_us FROM identities WHERE host = ? AND port = ? AND certificate_sha256 = ?",
	[ADD] = ("INSERT INTO identities (host, port, certificate_sha256, subject, issuer, chain, spki_sha256, not_before_s,"
		 " not_after_s, first_us, last_us, shown_us, first_exchange_id, flows, refused_flows)"
		 " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,0,0)"),
	[SEEN] = ("UPDATE identities SET last_us = max(last_us, ?), shown_us = max(shown_us, ?), flows = flows + ?,"
		  " refused_flows = refused_flows + ?, is_accepted = max(is_accepted, ?), is_verified = max(is_verified, ?)"
		  " WHERE id = ?"),
};

struct known {
	struct keymap_node node; /* its key is behind this struct */
	struct whereabouts *place;
	int64_t id;
	int64_t shown_us;  /* to a new connection, last; 0: never */
	int64_t change_id; /* the last change to it, and the flow that it was noted in; 0: none */
	uint64_t changed_in;
	/* Not written yet. */
	struct known *next_seen;
	bool is_seen;
	bool is_accepted, is_verified;
	int64_t last_us, flows, refused;
	uint64_t counted; /* the last flow in flows */
};

struct identity_book {
	sqlite3 *db;
	struct change_book *changes;
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
	return (struct place){
		.host = h->identity->host,
		.port = h->identity->port,
		.certificate = str_of(h->identity->certificate_sha256),
	};
}

/* The key of a place, in the book's buffer: that of its host and port, and behind it the certificate. A host name holds no
 * NUL, which therefore divides. */
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

/* The id of the row, if it is there, and when it was shown last; else 0. */
static int find_row(struct identity_book *b, const struct place *p, int64_t *ret_id, int64_t *ret_shown_us)
{
	struct row r = {b->statements[FIND], 0};
	int rc;

	put_place(&r, p);
	rc = sqlite3_step(r.s);
	*ret_id = rc == SQLITE_ROW ? sqlite3_column_int64(r.s, 0) : 0;
	*ret_shown_us = rc == SQLITE_ROW ? sqlite3_column_int64(r.s, 1) : 0;
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
	change_book_leave(b->changes, k->place);
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
		row_i64(&r, k->shown_us);
		row_i64(&r, k->flows);
		row_i64(&r, k->refused);
		row_i64(&r, k->is_accepted);
		row_i64(&r, k->is_verified);
		row_i64(&r, k->id);
		if (rc == SQLITE_OK)
			rc = row_end(&r);
		k->is_seen = false;
		k->flows = k->refused = 0;
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

/* Finds or makes the row of somebody, who is at a place that was entered. */
static int meet_row(struct identity_book *b, const struct place *p, uint64_t exchange_id, const struct hop_facts *h,
	struct known *k)
{
	int rc = find_row(b, p, &k->id, &k->shown_us);

	return rc == SQLITE_OK && k->id == 0 ? add_row(b, p, exchange_id, h, &k->id) : rc;
}

/* Takes a row that was not known into the table in memory; the row is made if there is none. What was shown there last is
 * read before that. */
static int meet(struct identity_book *b, struct str key, const struct place *p, uint64_t exchange_id, const struct hop_facts *h,
	struct known **ret)
{
	struct known met = {.id = 0}, *k;
	int rc = b->known.n < KNOWN_MAX ? SQLITE_OK : make_room(b);

	if (rc == SQLITE_OK)
		rc = change_book_enter(b->changes, str_first(key, key.len - p->certificate.len), p->host, p->port, &met.place);
	if (rc != SQLITE_OK)
		return rc;
	rc = meet_row(b, p, exchange_id, h, &met);
	if (rc != SQLITE_OK) {
		change_book_leave(b->changes, met.place);
		return rc;
	}
	k = mem_alloc(sizeof(*k) + key.len);
	*k = met;
	memcpy(k + 1, key.p, key.len);
	keymap_add(&b->known, &k->node, (struct str){(const char *)(k + 1), key.len});
	*ret = k;
	return SQLITE_OK;
}

/* A certificate that was refused is one that was checked; another handshake that failed says nothing of it. */
static bool is_refused(const struct hop_facts *h)
{
	return h->error == ERR_tls_certificate || h->error == ERR_pin_mismatch;
}

/* Seen in that flow, when the hop began. */
static void see(struct identity_book *b, struct known *k, uint64_t exchange_id, bool has_ended, const struct hop_facts *h)
{
	if (!k->is_seen) {
		k->is_seen = true;
		k->next_seen = b->seen;
		b->seen = k;
	}
	if (h->started_us > k->last_us)
		k->last_us = h->started_us;
	if (h->started_us > b->newest_us)
		b->newest_us = h->started_us;
	if (has_ended && k->counted != exchange_id) {
		k->counted = exchange_id;
		k->flows++;
		k->refused += is_refused(h);
	}
	if (h->tls) {
		k->is_accepted = true;
		k->is_verified |= str_of(h->identity->unverified).len == 0;
	}
	keymap_use(&b->known, &k->node);
}

/* Only a new connection with a whole handshake shows who is there now; but somebody who was never seen is news anyway. */
static bool is_shown(const struct known *k, const struct hop_facts *h)
{
	return k->shown_us == 0 || (!h->is_reused && !(h->tls && h->tls->is_resumed) && h->started_us > k->shown_us);
}

/* A hop that is noted again, as its flow goes on, has noted its change before. */
static int note_shown(struct identity_book *b, struct known *k, uint64_t exchange_id, const struct hop_facts *h)
{
	const struct showing s = {k->id, k->shown_us, h->started_us, exchange_id, h->tls != NULL};
	int64_t change_id = 0;
	int rc = change_book_note(b->changes, k->place, &s, &change_id);

	if (rc != SQLITE_OK)
		return rc;
	k->shown_us = h->started_us;
	if (change_id != 0) {
		k->change_id = change_id;
		k->changed_in = exchange_id;
	}
	return SQLITE_OK;
}

static int find_or_meet(struct identity_book *b, uint64_t exchange_id, const struct hop_facts *h, struct known **ret)
{
	struct place p = place_of(h);
	struct str key = key_of(b, &p);
	struct keymap_node *node = keymap_find(&b->known, key);

	if (!node)
		return meet(b, key, &p, exchange_id, h, ret);
	*ret = LIST_ITEM(node, struct known, node);
	return SQLITE_OK;
}

int identity_book_note(struct identity_book *b, uint64_t exchange_id, bool has_ended, const struct hop_facts *h,
	struct identity_noted *ret)
{
	struct known *k = NULL;
	int rc;

	*ret = (struct identity_noted){0, 0};
	if (!h->identity)
		return SQLITE_OK;
	rc = find_or_meet(b, exchange_id, h, &k);
	if (rc != SQLITE_OK)
		return rc;
	see(b, k, exchange_id, has_ended, h);
	if (is_shown(k, h))
		rc = note_shown(b, k, exchange_id, h);
	if (rc == SQLITE_OK)
		*ret = (struct identity_noted){k->id, k->changed_in == exchange_id ? k->change_id : 0};
	return rc;
}

static bool count_rows(struct identity_book *b)
{
	sqlite3_int64 rows;

	if (!database_number(b->db, "SELECT count(*) FROM identities", 0, &rows))
		return false;
	b->rows = rows;
	return true;
}

/* Time is that of the newest hop: a proxy that was off for long still knows whom it met before. Certificates that nobody
 * accepted are cheap to make: they must not drive out those of origins. */
static int trim(struct identity_book *b)
{
	char sql[320];
	int rc;

	sqlite3_snprintf(sizeof(sql), sql,
		"DELETE FROM identities WHERE last_us < %lld;"
		"DELETE FROM identities WHERE id IN"
		" (SELECT id FROM identities ORDER BY is_accepted DESC, last_us DESC, id DESC LIMIT -1 OFFSET %d)",
		(long long)(b->newest_us - IDENTITIES_DAYS * DAY_US), IDENTITIES_MAX);
	rc = sqlite3_exec(b->db, sql, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return rc;
	b->trimmed_us = b->newest_us;
	drop_all_known(b); /* it may be gone */
	return count_rows(b) ? change_book_trim(b->changes, b->newest_us) : sqlite3_errcode(b->db);
}

static bool needs_trim(const struct identity_book *b)
{
	return b->rows > IDENTITIES_MAX + IDENTITIES_SLACK || change_book_is_full(b->changes) ||
		b->newest_us - b->trimmed_us > DAY_US;
}

int identity_book_flush(struct identity_book *b)
{
	int rc;

	if (!b->seen)
		return SQLITE_OK;
	rc = write_seen(b);
	if (rc == SQLITE_OK && needs_trim(b))
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
	b->changes = change_book_new(db);
	if (b->changes && count_rows(b))
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
	change_book_free(b->changes);
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(b->statements[i]);
	text_fini(&b->key);
	mem_free(b);
}
