/* Records to rows. Flows wait in a queue until there are enough for statements that write several rows: writer_queue.h.
 * Most flows are written once, so each is inserted, and one that was written before is deleted first: INSERT OR REPLACE would
 * make SQLite keep a copy of every page that a row touches, for all rows, which doubles the cost. The record says which
 * those are; where it is wrong the insert fails, and the flow is then deleted and written alone.
 * Values are bound without a copy: nothing outlives the step. What only some flows have (tunnels, drops, cookies) is a table of
 * its own, and costs the others nothing. Not for the columns: writer_exchange.c, writer_hops.c; nor for transactions: sqlite.c. */
#include "store/writer.h"

#include "base/mem.h"
#include "store/writer_held.h"
#include "store/writer_part.h"
#include "store/writer_redact.h"

#include <string.h>

static const char exchange_columns[] =
	"id, change, run, worker, client_id, client_request, client, listener, user, started_us, ended_us, duration_us, method, url,"
	" scheme, host, port, path, query, status, content_type, outcome, error, detail, request_head_bytes, request_body_bytes,"
	" response_head_bytes, response_body_bytes, hops, is_tunnel, final_url, final_host, redirects, retries, parent_id,"
	" client_tls_version, client_tls_cipher, client_tls_alpn, client_tls_server_name, client_tls_resumed, session_id,"
	" request_length_bytes, response_length_bytes, response_body_id, response_body_cut, request_line, request_fields,"
	" request_trailers, response_line, response_fields, response_trailers, comment";

static const char hop_columns[] =
	"exchange_id, number, reason, url, peer, is_reused, is_reply, status, tls_version, tls_cipher, tls_resumed, started_us,"
	" queue_us, resolve_us, connect_us, tls_us, send_us, wait_us, receive_us, request_head_bytes, request_body_bytes,"
	" response_head_bytes, response_body_bytes, error, detail, decision, peer_class, delay_us, cookies_added, tls_alpn,"
	" tls_server_name, identity_id, tls_pin, tls_staple, tls_unverified, identity_change_id, request_body_id, request_body_cut,"
	" response_body_id, response_body_cut, request_line, request_fields, request_trailers, response_line, response_fields,"
	" response_trailers, extra";

static const char *const sql_of[STATEMENTS] = {
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

int writer_delete(struct writer *w, uint64_t id)
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

/* Facts and comment without secrets, in an arena of their own. What an import brought along is left out: it tells the whole flow in
 * words of its own. */
static bool redact(struct queued_flow *f, const struct redactor *redactor)
{
	f->arena = arena_new(WRITER_REDACT_BYTES);
	f->x = writer_redact(redactor, f->arena, f->x);
	f->extras = NULL;
	return f->x && writer_redact_words(redactor, f->arena, &f->comment);
}

/* What was written of the flow before goes, and so must not be waiting. */
static int make_way(struct writer *w, uint64_t id)
{
	int rc = writer_queue_has(&w->queue, id) ? writer_flush(w) : SQLITE_OK;

	return rc == SQLITE_OK ? writer_delete(w, id) : rc;
}

static int put_flow(struct writer *w, const struct record *record, int64_t change, const struct redactor *redactor)
{
	struct queued_flow f = {
		.x = &record->facts,
		.change = change,
		.session_id = record->session_id != 0 ? record->session_id : w->session_id,
		.comment = record->comment,
		.extras = record->extras,
	};
	int rc = SQLITE_OK;

	if (redactor && !redact(&f, redactor))
		rc = SQLITE_TOOBIG;
	if (rc == SQLITE_OK && record->is_again)
		rc = make_way(w, f.x->id);
	if (rc == SQLITE_OK)
		rc = writer_enqueue(w, &f);
	if (rc != SQLITE_OK)
		arena_free(f.arena);
	return rc == SQLITE_OK && writer_queue_is_full(&w->queue) ? writer_flush(w) : rc;
}

/* What is at fault itself is left out, and what is there of its flow. */
static int lose(struct writer *w, const struct record *record)
{
	int rc;

	w->sum.lost++;
	if (record->kind != RECORD_FLOW)
		return SQLITE_OK;
	rc = make_way(w, record->facts.id);
	body_book_done(w->bodies, record->facts.id, record->facts.outcome != OUTCOME_PENDING);
	return rc;
}

int writer_put(struct writer *w, const struct record *record, int64_t change, const struct redactor *redactor)
{
	const struct exchange_facts *x = &record->facts;
	bool is_flow = record->kind == RECORD_FLOW;
	const struct body_part *parts = record->parts;
	int rc;

	if (redactor || held_bodies_any(w->held))
		parts = held_bodies_pass(w->held, redactor, record);
	rc = body_book_take(w->bodies, x->id, parts, is_flow && x->outcome != OUTCOME_PENDING);
	if (is_flow && rc == SQLITE_OK)
		rc = put_flow(w, record, change, redactor);
	return writer_is_record_fault(rc) ? lose(w, record) : rc;
}

int writer_end(struct writer *w, struct writer_sum *ret)
{
	int rc = writer_flush(w);

	if (rc == SQLITE_OK)
		rc = identity_book_flush(w->identities);
	if (rc == SQLITE_OK)
		rc = body_book_end(w->bodies);
	if (rc == SQLITE_OK)
		*ret = w->sum;
	return rc;
}

void writer_commit(struct writer *w)
{
	w->sum = (struct writer_sum){0};
	body_book_commit(w->bodies);
	held_bodies_commit(w->held);
}

void writer_undo(struct writer *w)
{
	writer_queue_clear(&w->queue);
	w->sum = (struct writer_sum){0};
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
	if (!rows_open(&w->exchanges, db, "exchanges", exchange_columns) || !rows_open(&w->hops, db, "hops", hop_columns))
		return false;
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
	rows_close(&w->exchanges);
	rows_close(&w->hops);
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
	writer_queue_fini(&w->queue);
	body_book_free(w->bodies);
	held_bodies_free(w->held);
	for (int i = 0; i < ROWS_AT_ONCE; i++) {
		head_text_fini(&w->texts[i].request);
		head_text_fini(&w->texts[i].response);
	}
	mem_free(w);
}
