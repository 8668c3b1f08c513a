/* Records to rows.
 * Most flows are written once, so each is inserted, and only one that is there already is deleted before: INSERT OR REPLACE
 * would make SQLite keep a copy of every page that a row touches, for all rows, which doubles the cost.
 * Values are bound without a copy: nothing outlives the step. In JSON, what is no UTF-8 becomes {"hex":…}. What only some
 * flows have (tunnels, drops, cookies) is a table of its own, and costs the others nothing. Not for transactions: sqlite.c. */
#include "store/writer.h"

#include "base/mem.h"
#include "store/origin_text.h"
#include "store/writer_part.h"

static const char *const sql_of[STATEMENTS] = {
	[PUT_EXCHANGE] = "INSERT INTO exchanges (id, change, run, worker, client_id, client_request, client, listener,"
			 " user, started_us, ended_us, duration_us, method, url, scheme, host, port, path, query, status,"
			 " content_type, outcome, error, detail, request_head_bytes, request_body_bytes, response_head_bytes,"
			 " response_body_bytes, hops, is_tunnel, final_url, final_host, redirects, retries, parent_id,"
			 " client_tls_version, client_tls_cipher, client_tls_alpn, client_tls_server_name,"
			 " client_tls_resumed)"
			 " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[PUT_HOP] =
		"INSERT INTO hops (exchange_id, number, reason, url, peer, is_reused, is_reply, status, tls_version,"
		" tls_cipher, tls_resumed, started_us, queue_us, resolve_us, connect_us, tls_us, send_us, wait_us, receive_us,"
		" request_head_bytes, request_body_bytes, response_head_bytes, response_body_bytes, error, detail, decision,"
		" peer_class, delay_us, cookies_added, tls_alpn, tls_server_name, identity_id, tls_pin, tls_staple,"
		" tls_unverified, identity_change_id)"
		" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[PUT_HEAD] = "INSERT INTO heads (exchange_id, hop, direction, start_line, fields, trailers)"
		     " VALUES (?,?,?,?,?,?)",
	[PUT_TUNNEL] = "INSERT INTO tunnels (exchange_id, up_bytes, down_bytes, sni, alpn, tls_version, has_ech, ja4,"
		       " handling, why) VALUES (?,?,?,?,?,?,?,?,?,?)",
	[PUT_DROP] = "INSERT INTO drops (exchange_id, hop, position, name, why) VALUES (?,?,?,?,?)",
	[PUT_COOKIE] = "INSERT INTO cookies (exchange_id, hop, position, name, fate, client) VALUES (?,?,?,?,?,?)",
	[DELETE_EXCHANGE] = "DELETE FROM exchanges WHERE id = ?",
	[DELETE_HOPS] = "DELETE FROM hops WHERE exchange_id = ?",
	[DELETE_HEADS] = "DELETE FROM heads WHERE exchange_id = ?",
	[DELETE_TUNNEL] = "DELETE FROM tunnels WHERE exchange_id = ?",
	[DELETE_DROPS] = "DELETE FROM drops WHERE exchange_id = ?",
	[DELETE_COOKIES] = "DELETE FROM cookies WHERE exchange_id = ?",
};

/* Host and port of a CONNECT whose target was not kept parsed. */
static void put_connect_target(struct row *r, struct str url)
{
	size_t colon = url.len;
	uint64_t port;

	while (colon > 0 && url.p[colon - 1] != ':')
		colon--;
	if (colon == 0 || !str_to_u64(str_from(url, colon), UINT16_MAX, &port)) {
		row_opt(r, url);
		row_null(r);
		return;
	}
	row_opt(r, str_first(url, colon - 1));
	row_i64(r, (int64_t)port);
}

/* scheme, host, port, path, query; a CONNECT has only host and port. */
static void put_target(struct row *r, const struct exchange_facts *x)
{
	const struct url *u = &x->target;
	bool is_connect = x->request && x->request->method == METHOD_CONNECT;
	bool has_path = x->has_target && !is_connect;
	size_t mark = has_path ? str_find(u->path, '?') : 0;

	row_own(r, has_path ? scheme_name(u->scheme) : NULL);
	if (x->has_target) {
		row_opt(r, u->authority.host);
		row_i64(r, u->authority.port);
	} else {
		put_connect_target(r, is_connect ? x->url : STR_NONE);
	}
	row_opt(r, has_path ? str_first(u->path, mark) : STR_NONE);
	if (has_path && mark < u->path.len)
		row_bytes(r, str_from(u->path, mark + 1));
	else
		row_null(r);
}

/* What the response says of its body's type: as delivered, else as the last hop received it. */
static struct str content_type(const struct exchange_facts *x)
{
	const struct message *m = x->response;

	for (const struct hop_facts *h = x->hops; !x->response && h; h = h->next)
		m = h->response;
	return m ? fields_value(&m->fields, STR("content-type")) : STR_NONE;
}

/* Of the client's side; NULL throughout where there was no TLS. */
static void put_client_leg(struct row *r, const struct tls_leg *leg)
{
	row_own(r, leg ? leg->version : NULL);
	row_own(r, leg ? leg->cipher : NULL);
	row_opt(r, str_of(leg ? leg->alpn : NULL));
	row_opt(r, str_of(leg ? leg->server_name : NULL));
	row_i64_if(r, leg != NULL, leg && leg->is_resumed);
}

static int put_exchange(struct writer *w, const struct exchange_facts *x, int64_t change)
{
	struct row r = writer_row(w, PUT_EXCHANGE);
	char client[ADDRESS_TEXT_BYTES], listener[ADDRESS_TEXT_BYTES];
	bool has_ended = x->outcome != OUTCOME_PENDING;

	row_i64(&r, (int64_t)x->id);
	row_i64(&r, change);
	row_i64(&r, w->run);
	row_i64(&r, x->worker);
	row_i64(&r, (int64_t)x->client_id);
	row_i64(&r, x->client_request);
	row_own(&r, address_format(&x->client, client));
	row_own(&r, address_format(&x->listener, listener));
	row_opt(&r, x->user);
	row_i64(&r, x->started_us);
	row_i64_if(&r, has_ended, x->ended_us);
	row_i64_if(&r, has_ended, x->duration_us);
	row_opt(&r, x->request ? x->request->method_name : STR_NONE);
	row_opt(&r, x->url);
	put_target(&r, x);
	writer_put_status(&r, x->response);
	row_opt(&r, content_type(x));
	row_own(&r, outcome_name(x->outcome));
	writer_put_error(&r, x->error, x->detail);
	writer_put_sizes(&r, x->request_head_bytes, x->request_body_bytes, x->response_head_bytes, x->response_body_bytes);
	row_i64(&r, x->hops_n);
	row_i64(&r, x->is_tunnel);
	row_opt(&r, x->final_url);
	row_opt(&r, origin_text_host(x->final_url));
	row_i64(&r, x->redirects);
	row_i64(&r, x->retries);
	row_i64_if(&r, x->parent_id != 0, (int64_t)x->parent_id);
	put_client_leg(&r, x->client_tls);
	return row_end(&r);
}

static const char *tls_version_text(uint16_t version)
{
	switch (version) {
	case 0x0304:
		return "TLS 1.3";
	case 0x0303:
		return "TLS 1.2";
	case 0x0302:
		return "TLS 1.1";
	case 0x0301:
		return "TLS 1.0";
	case 0x0300:
		return "SSL 3.0";
	default:
		return NULL;
	}
}

static int put_tunnel(struct writer *w, uint64_t id, const struct tunnel_facts *t)
{
	struct row r = writer_row(w, PUT_TUNNEL);
	const struct clienthello *hello = t->has_hello ? &t->hello : NULL;

	row_i64(&r, (int64_t)id);
	row_i64(&r, (int64_t)t->up_bytes);
	row_i64(&r, (int64_t)t->down_bytes);
	row_opt(&r, str_of(hello ? hello->server_name : NULL));
	row_opt(&r, str_of(hello ? hello->alpn : NULL));
	row_own(&r, hello ? tls_version_text(hello->version) : NULL);
	row_i64_if(&r, hello != NULL, hello && hello->has_ech);
	row_own(&r, hello ? hello->ja4 : NULL);
	row_own(&r, tunnel_handling_name(t->handling));
	row_opt(&r, str_of(t->why));
	return row_end(&r);
}

/* Takes away what was written of a flow before. */
static int delete_flow(struct writer *w, uint64_t id)
{
	int rc = SQLITE_OK;

	for (int i = DELETE_EXCHANGE; i <= DELETE_COOKIES && rc == SQLITE_OK; i++) {
		struct row r = writer_row(w, (enum statement)i);

		row_i64(&r, (int64_t)id);
		rc = row_end(&r);
	}
	return rc;
}

int writer_put(struct writer *w, const struct record *record, int64_t change)
{
	const struct exchange_facts *x = &record->facts;
	int rc = put_exchange(w, x, change);

	if ((rc & 0xff) == SQLITE_CONSTRAINT) {
		rc = delete_flow(w, x->id);
		if (rc == SQLITE_OK)
			rc = put_exchange(w, x, change);
	}
	if (rc == SQLITE_OK)
		rc = writer_put_messages(w, x->id, 0, x->request, x->response, x->drops);
	if (rc == SQLITE_OK)
		rc = writer_put_hops(w, x);
	if (rc == SQLITE_OK && x->is_tunnel)
		rc = put_tunnel(w, x->id, &x->tunnel);
	return rc;
}

int writer_end(struct writer *w)
{
	return identity_book_flush(w->identities);
}

void writer_undo(struct writer *w)
{
	identity_book_forget(w->identities);
}

struct writer *writer_new(sqlite3 *db, int64_t run)
{
	struct writer *w = mem_calloc(1, sizeof(*w));

	w->run = run;
	for (int i = 0; i < STATEMENTS; i++) {
		if (sqlite3_prepare_v3(db, sql_of[i], -1, SQLITE_PREPARE_PERSISTENT, &w->statements[i], NULL) != SQLITE_OK) {
			writer_free(w);
			return NULL;
		}
	}
	w->identities = identity_book_new(db);
	if (w->identities)
		return w;
	writer_free(w);
	return NULL;
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(w->statements[i]);
	identity_book_free(w->identities);
	text_fini(&w->start_line);
	text_fini(&w->fields);
	text_fini(&w->trailers);
	mem_free(w);
}
