/* Records to rows.
 * Most flows are written once, so each is inserted, and only one that is there already is deleted before: INSERT OR REPLACE
 * would make SQLite keep a copy of every page that a row touches, for all rows, which doubles the cost.
 * Values are bound without a copy: nothing outlives the step. What only some flows have (tunnels, drops, cookies) is a table of
 * its own, and costs the others nothing. Not for the columns: writer_exchange.c, writer_hops.c; nor for transactions: sqlite.c. */
#include "store/writer.h"

#include "base/mem.h"
#include "store/writer_held.h"
#include "store/writer_part.h"
#include "store/writer_redact.h"

#include <string.h>

static const char *const sql_of[STATEMENTS] = {
	[PUT_EXCHANGE] =
		"INSERT INTO exchanges (id, change, run, worker, client_id, client_request, client, listener, user, started_us,"
		" ended_us, duration_us, method, url, scheme, host, port, path, query, status, content_type, outcome, error, detail,"
		" request_head_bytes, request_body_bytes, response_head_bytes, response_body_bytes, hops, is_tunnel, final_url,"
		" final_host, redirects, retries, parent_id, client_tls_version, client_tls_cipher, client_tls_alpn,"
		" client_tls_server_name, client_tls_resumed, session_id, request_length_bytes, response_length_bytes,"
		" response_body_id, response_body_cut, request_line, request_fields, request_trailers, response_line,"
		" response_fields, response_trailers, comment) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
		"?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[PUT_HOP] =
		"INSERT INTO hops (exchange_id, number, reason, url, peer, is_reused, is_reply, status, tls_version, tls_cipher,"
		" tls_resumed, started_us, queue_us, resolve_us, connect_us, tls_us, send_us, wait_us, receive_us,"
		" request_head_bytes, request_body_bytes, response_head_bytes, response_body_bytes, error, detail, decision,"
		" peer_class, delay_us, cookies_added, tls_alpn, tls_server_name, identity_id, tls_pin, tls_staple, tls_unverified,"
		" identity_change_id, request_body_id, request_body_cut, response_body_id, response_body_cut, request_line,"
		" request_fields, request_trailers, response_line, response_fields, response_trailers, extra)"
		" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[PUT_TUNNEL] = ("INSERT INTO tunnels (exchange_id, up_bytes, down_bytes, sni, alpn, tls_version, has_ech, ja4,"
			" handling, why) VALUES (?,?,?,?,?,?,?,?,?,?)"),
	[PUT_DROP] = "INSERT INTO drops (exchange_id, hop, position, name, why) VALUES (?,?,?,?,?)",
	[PUT_COOKIE] = "INSERT INTO cookies (exchange_id, hop, position, name, fate, client) VALUES (?,?,?,?,?,?)",
	[DELETE_EXCHANGE] = "DELETE FROM exchanges WHERE id = ? RETURNING hops, is_tunnel",
	[DELETE_HOPS] = "DELETE FROM hops WHERE exchange_id = ?",
	[DELETE_DROPS] = "DELETE FROM drops WHERE exchange_id = ?",
	[DELETE_COOKIES] = "DELETE FROM cookies WHERE exchange_id = ?",
	[DELETE_TUNNEL] = "DELETE FROM tunnels WHERE exchange_id = ?",
};

struct row writer_row(struct writer *w, enum statement statement)
{
	return (struct row){w->statements[statement], 0};
}

void writer_put_error(struct row *r, enum error error, const char *detail)
{
	row_own(r, error == ERR_none ? NULL : error_name(error));
	row_opt(r, str_of(detail));
}

void writer_put_sizes(struct row *r, uint64_t request_head, uint64_t request_body, uint64_t response_head,
	uint64_t response_body)
{
	row_i64(r, (int64_t)request_head);
	row_i64(r, (int64_t)request_body);
	row_i64(r, (int64_t)response_head);
	row_i64(r, (int64_t)response_body);
}

void writer_put_status(struct row *r, const struct message *response)
{
	row_i64_if(r, response != NULL, response ? response->status : 0);
}

void writer_put_address(struct row *r, const struct address *a, struct address_text *kept)
{
	if (kept->address.len != a->len || memcmp(&kept->address.ss, &a->ss, a->len) != 0) {
		kept->address = *a;
		address_format(a, kept->text);
	}
	row_own(r, kept->text);
}

void writer_put_body(struct row *r, const struct body_ref *ref)
{
	row_i64_if(r, ref->id != 0, ref->id);
	row_own(r, body_cut_name(ref->cut));
}

/* Deletes the rows of a flow in one table. */
static int delete_rows(struct writer *w, enum statement statement, uint64_t id)
{
	struct row r = writer_row(w, statement);

	row_i64(&r, (int64_t)id);
	return row_end(&r);
}

/* Takes away what was written of a flow before: only where it can have rows. What is left out of a response, and cookies, are
 * told of flows with hops only. */
static int delete_flow(struct writer *w, uint64_t id)
{
	struct row r = writer_row(w, DELETE_EXCHANGE);
	bool has_hops, is_tunnel;
	int rc;

	row_i64(&r, (int64_t)id);
	rc = sqlite3_step(r.s);
	has_hops = rc == SQLITE_ROW && sqlite3_column_int64(r.s, 0) > 0;
	is_tunnel = rc == SQLITE_ROW && sqlite3_column_int64(r.s, 1) > 0;
	rc = sqlite3_reset(r.s);
	for (int i = DELETE_HOPS; has_hops && i <= DELETE_COOKIES && rc == SQLITE_OK; i++)
		rc = delete_rows(w, (enum statement)i, id);
	return is_tunnel && rc == SQLITE_OK ? delete_rows(w, DELETE_TUNNEL, id) : rc;
}

/* The row of the exchange, in place of one that is there. */
static int put_exchange(struct writer *w, const struct record *record, const struct exchange_facts *x, int64_t change)
{
	int rc = writer_make_heads(w, x->id, x->request, x->response);

	if (rc == SQLITE_OK)
		rc = writer_put_exchange(w, record, x, change);
	if ((rc & 0xff) != SQLITE_CONSTRAINT)
		return rc;
	rc = delete_flow(w, x->id);
	return rc == SQLITE_OK ? writer_put_exchange(w, record, x, change) : rc;
}

/* What stands in other tables. */
static int put_belongings(struct writer *w, const struct record *record, const struct exchange_facts *x)
{
	int rc = writer_put_drops(w, x->id, 0, x->drops);

	if (rc == SQLITE_OK)
		rc = writer_put_hops(w, x, record->extras);
	if (rc == SQLITE_OK && x->is_tunnel)
		rc = writer_put_tunnel(w, x->id, &x->tunnel);
	return rc;
}

/* Of a flow that is too large no half stays. */
static int put_flow(struct writer *w, const struct record *record, const struct exchange_facts *x, int64_t change)
{
	int rc = put_exchange(w, record, x, change);

	if (rc != SQLITE_OK)
		return rc;
	rc = put_belongings(w, record, x);
	if ((rc & 0xff) == SQLITE_TOOBIG)
		(void)delete_flow(w, x->id);
	return rc;
}

/* The same without secrets. What an import brought along is left out: it tells the whole flow in words of its own. */
static int put_redacted(struct writer *w, const struct record *record, int64_t change, const struct redactor *redactor)
{
	struct arena *a = arena_new(WRITER_REDACT_BYTES);
	const struct exchange_facts *x = writer_redact(redactor, a, &record->facts);
	struct record shown = *record;
	int rc = SQLITE_TOOBIG;

	shown.extras = NULL;
	if (x && writer_redact_words(redactor, a, &shown.comment))
		rc = put_flow(w, &shown, x, change);
	arena_free(a);
	return rc;
}

int writer_put(struct writer *w, const struct record *record, int64_t change, const struct redactor *redactor)
{
	const struct exchange_facts *x = &record->facts;
	bool is_flow = record->kind == RECORD_FLOW;
	bool is_last = is_flow && x->outcome != OUTCOME_PENDING;
	const struct body_part *parts = record->parts;
	int rc;

	if (redactor || held_bodies_any(w->held))
		parts = held_bodies_pass(w->held, redactor, record);
	rc = body_book_take(w->bodies, x->id, parts, is_last);
	if (!is_flow)
		return rc;
	if (rc == SQLITE_OK)
		rc = redactor ? put_redacted(w, record, change, redactor) : put_flow(w, record, x, change);
	body_book_done(w->bodies, x->id, is_last);
	return rc;
}

int writer_end(struct writer *w)
{
	int rc = identity_book_flush(w->identities);

	return rc == SQLITE_OK ? body_book_end(w->bodies) : rc;
}

void writer_commit(struct writer *w)
{
	body_book_commit(w->bodies);
	held_bodies_commit(w->held);
}

void writer_undo(struct writer *w)
{
	identity_book_forget(w->identities);
	head_book_undo(w->heads);
	body_book_undo(w->bodies);
	held_bodies_undo(w->held);
}

void writer_pruned(struct writer *w, uint64_t first_kept)
{
	head_book_pruned(w->heads, first_kept);
	body_book_pruned(w->bodies, first_kept);
}

void writer_set_session(struct writer *w, int64_t session_id)
{
	w->session_id = session_id;
}

struct writer *writer_new(void)
{
	struct writer *w = mem_calloc(1, sizeof(*w));

	w->held = held_bodies_new();
	w->bodies = body_book_new();
	if (w->bodies)
		return w;
	writer_free(w);
	return NULL;
}

bool writer_open(struct writer *w, sqlite3 *db, int64_t run)
{
	w->run = run;
	w->session_id = 0;
	for (int i = 0; i < STATEMENTS; i++) {
		if (sqlite3_prepare_v3(db, sql_of[i], -1, SQLITE_PREPARE_PERSISTENT, &w->statements[i], NULL) != SQLITE_OK)
			return false;
	}
	w->identities = identity_book_new(db);
	w->heads = w->identities ? head_book_new(db) : NULL;
	return w->heads && body_book_open(w->bodies, db);
}

void writer_close(struct writer *w)
{
	for (int i = 0; i < STATEMENTS; i++) {
		sqlite3_finalize(w->statements[i]);
		w->statements[i] = NULL;
	}
	identity_book_free(w->identities);
	w->identities = NULL;
	head_book_free(w->heads);
	w->heads = NULL;
	body_book_close(w->bodies);
}

size_t writer_bodies_lost(const struct writer *w)
{
	return body_book_lost(w->bodies);
}

static void head_text_fini(struct head_text *h)
{
	text_fini(&h->line);
	text_fini(&h->fields);
	text_fini(&h->trailers);
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	if (w->bodies)
		writer_close(w);
	body_book_free(w->bodies);
	held_bodies_free(w->held);
	head_text_fini(&w->request);
	head_text_fini(&w->response);
	mem_free(w);
}
