/* Records to rows.
 * Most flows are written once, so each is inserted, and only one that is there already is deleted before: INSERT OR REPLACE would
 * make SQLite keep a copy of every page that a row touches, for all rows, which doubles the cost.
 * Values are bound without a copy: nothing outlives the step. In JSON, what is no UTF-8 becomes {"hex":…}. What only some flows
 * have (tunnels, drops, cookies) is a table of its own, and costs the others nothing. Not for transactions: sqlite.c. */
#include "store/writer.h"

#include "base/mem.h"
#include "store/json.h"
#include "store/origin_text.h"
#include "store/row.h"

enum statement {
	PUT_EXCHANGE,
	PUT_HOP,
	PUT_HEAD,
	PUT_TUNNEL,
	PUT_DROP,
	PUT_COOKIE,
	DELETE_EXCHANGE,
	DELETE_HOPS,
	DELETE_HEADS,
	DELETE_TUNNEL,
	DELETE_DROPS,
	DELETE_COOKIES,
	STATEMENTS
};

static const char *const sql_of[STATEMENTS] = {
	[PUT_EXCHANGE] = "INSERT INTO exchanges (id, change, run, worker, client_id, client_request, client, listener,"
			 " user, started_us, ended_us, duration_us, method, url, scheme, host, port, path, query, status,"
			 " content_type, outcome, error, detail, request_head_bytes, request_body_bytes, response_head_bytes,"
			 " response_body_bytes, hops, is_tunnel, final_url, final_host, redirects, retries)"
			 " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[PUT_HOP] =
		"INSERT INTO hops (exchange_id, number, reason, url, peer, is_reused, is_reply, status, tls_version,"
		" tls_cipher, tls_resumed, started_us, queue_us, resolve_us, connect_us, tls_us, send_us, wait_us, receive_us,"
		" request_head_bytes, request_body_bytes, response_head_bytes, response_body_bytes, error, detail, decision,"
		" peer_class, delay_us, cookies_added)"
		" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[PUT_HEAD] = "INSERT INTO heads (exchange_id, hop, direction, start_line, fields, trailers)"
		     " VALUES (?,?,?,?,?,?)",
	[PUT_TUNNEL] = "INSERT INTO tunnels (exchange_id, up_bytes, down_bytes, sni, alpn, tls_version, has_ech, ja4)"
		       " VALUES (?,?,?,?,?,?,?,?)",
	[PUT_DROP] = "INSERT INTO drops (exchange_id, hop, position, name, why) VALUES (?,?,?,?,?)",
	[PUT_COOKIE] = "INSERT INTO cookies (exchange_id, hop, position, name, fate, client) VALUES (?,?,?,?,?,?)",
	[DELETE_EXCHANGE] = "DELETE FROM exchanges WHERE id = ?",
	[DELETE_HOPS] = "DELETE FROM hops WHERE exchange_id = ?",
	[DELETE_HEADS] = "DELETE FROM heads WHERE exchange_id = ?",
	[DELETE_TUNNEL] = "DELETE FROM tunnels WHERE exchange_id = ?",
	[DELETE_DROPS] = "DELETE FROM drops WHERE exchange_id = ?",
	[DELETE_COOKIES] = "DELETE FROM cookies WHERE exchange_id = ?",
};

struct writer {
	sqlite3_stmt *statements[STATEMENTS];
	int64_t run;
	/* Kept from record to record for their memory. */
	struct text start_line, fields, trailers;
};

static struct row row_of(struct writer *w, enum statement statement)
{
	return (struct row){w->statements[statement], 0};
}

static const char *error_text(enum error e)
{
	return e == ERR_none ? NULL : error_name(e);
}

static void put_status(struct row *r, const struct message *response)
{
	row_i64_if(r, response != NULL, response ? response->status : 0);
}

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

static void put_sizes(struct row *r, uint64_t request_head, uint64_t request_body, uint64_t response_head,
	uint64_t response_body)
{
	row_i64(r, (int64_t)request_head);
	row_i64(r, (int64_t)request_body);
	row_i64(r, (int64_t)response_head);
	row_i64(r, (int64_t)response_body);
}

static int put_exchange(struct writer *w, const struct exchange_facts *x, int64_t change)
{
	struct row r = row_of(w, PUT_EXCHANGE);
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
	put_status(&r, x->response);
	row_opt(&r, content_type(x));
	row_own(&r, outcome_name(x->outcome));
	row_own(&r, error_text(x->error));
	row_opt(&r, str_of(x->detail));
	put_sizes(&r, x->request_head_bytes, x->request_body_bytes, x->response_head_bytes, x->response_body_bytes);
	row_i64(&r, x->hops_n);
	row_i64(&r, x->is_tunnel);
	row_opt(&r, x->final_url);
	row_opt(&r, origin_text_host(x->final_url));
	row_i64(&r, x->redirects);
	row_i64(&r, x->retries);
	return row_end(&r);
}

static int put_hop(struct writer *w, uint64_t id, const struct hop_facts *h)
{
	struct row r = row_of(w, PUT_HOP);
	char peer[ADDRESS_TEXT_BYTES];
	const int64_t times[] = {h->times.queue_us, h->times.resolve_us, h->times.connect_us, h->times.tls_us, h->times.send_us,
		h->times.wait_us, h->times.receive_us};

	row_i64(&r, (int64_t)id);
	row_i64(&r, h->number);
	row_own(&r, hop_reason_name(h->reason));
	row_bytes(&r, h->url);
	row_own(&r, address_format(&h->peer, peer));
	row_i64(&r, h->is_reused);
	row_i64(&r, h->is_reply);
	put_status(&r, h->response);
	row_own(&r, h->tls_version);
	row_own(&r, h->tls_cipher);
	row_i64(&r, h->tls_resumed);
	row_i64(&r, h->started_us);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		row_i64_if(&r, times[i] >= 0, times[i]);
	put_sizes(&r, h->request_head_bytes, h->request_body_bytes, h->response_head_bytes, h->response_body_bytes);
	row_own(&r, error_text(h->error));
	row_opt(&r, str_of(h->detail));
	row_opt(&r, str_of(h->decision));
	row_own(&r, h->peer_class);
	row_i64(&r, h->delay_us);
	row_opt(&r, h->cookies);
	return row_end(&r);
}

/* hop 0: response fields that were left out for the client. */
static int put_drops(struct writer *w, uint64_t id, unsigned hop, const struct drop *first)
{
	int rc = SQLITE_OK;
	unsigned position = 1;

	for (const struct drop *d = first; d && rc == SQLITE_OK; d = d->next) {
		struct row r = row_of(w, PUT_DROP);

		row_i64(&r, (int64_t)id);
		row_i64(&r, hop);
		row_i64(&r, position++);
		row_bytes(&r, d->name);
		row_own(&r, d->why);
		rc = row_end(&r);
	}
	return rc;
}

static int put_cookies(struct writer *w, uint64_t id, const struct hop_facts *h)
{
	int rc = SQLITE_OK;
	unsigned position = 1;

	for (const struct cookie_fate *f = h->fates; f && rc == SQLITE_OK; f = f->next) {
		struct row r = row_of(w, PUT_COOKIE);

		row_i64(&r, (int64_t)id);
		row_i64(&r, h->number);
		row_i64(&r, position++);
		row_opt(&r, f->name);
		row_opt(&r, str_of(f->words));
		row_opt(&r, str_of(f->client_words));
		rc = row_end(&r);
	}
	return rc;
}

static void format_start_line(struct text *t, const struct message *m)
{
	text_clear(t);
	if (m->is_request) {
		text_put(t, m->method_name);
		text_byte(t, ' ');
		text_put(t, m->target);
		text_byte(t, ' ');
		text_put(t, str_of(version_name(m->version)));
		return;
	}
	text_put(t, str_of(version_name(m->version)));
	text_byte(t, ' ');
	text_i64(t, m->status);
	text_byte(t, ' ');
	text_put(t, m->reason);
}

/* hop 0: the client's side. A head that there was not is no row. */
static int put_head(struct writer *w, uint64_t id, unsigned hop, const struct message *m)
{
	struct row r = row_of(w, PUT_HEAD);

	if (!m)
		return SQLITE_OK;
	format_start_line(&w->start_line, m);
	text_clear(&w->fields);
	json_fields(&w->fields, &m->fields);
	row_i64(&r, (int64_t)id);
	row_i64(&r, hop);
	row_own(&r, m->is_request ? "request" : "response");
	row_bytes(&r, text_str(&w->start_line));
	sqlite3_bind_text64(r.s, ++r.at, w->fields.p, w->fields.len, SQLITE_STATIC, SQLITE_UTF8);
	if (m->trailers.n > 0) {
		text_clear(&w->trailers);
		json_fields(&w->trailers, &m->trailers);
		sqlite3_bind_text64(r.s, ++r.at, w->trailers.p, w->trailers.len, SQLITE_STATIC, SQLITE_UTF8);
	} else {
		row_null(&r);
	}
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
	struct row r = row_of(w, PUT_TUNNEL);
	const struct clienthello *hello = t->has_hello ? &t->hello : NULL;

	row_i64(&r, (int64_t)id);
	row_i64(&r, (int64_t)t->up_bytes);
	row_i64(&r, (int64_t)t->down_bytes);
	row_opt(&r, str_of(hello ? hello->server_name : NULL));
	row_opt(&r, str_of(hello ? hello->alpn : NULL));
	row_own(&r, hello ? tls_version_text(hello->version) : NULL);
	row_i64_if(&r, hello != NULL, hello && hello->has_ech);
	row_own(&r, hello ? hello->ja4 : NULL);
	return row_end(&r);
}

static int put_hops(struct writer *w, const struct exchange_facts *x)
{
	int rc = SQLITE_OK;

	for (const struct hop_facts *h = x->hops; h && rc == SQLITE_OK; h = h->next) {
		rc = put_hop(w, x->id, h);
		if (rc == SQLITE_OK)
			rc = put_head(w, x->id, h->number, h->request);
		if (rc == SQLITE_OK)
			rc = put_head(w, x->id, h->number, h->response);
		if (rc == SQLITE_OK)
			rc = put_drops(w, x->id, h->number, h->drops);
		if (rc == SQLITE_OK)
			rc = put_cookies(w, x->id, h);
	}
	return rc;
}

/* Takes away what was written of a flow before. */
static int delete_flow(struct writer *w, uint64_t id)
{
	int rc = SQLITE_OK;

	for (int i = DELETE_EXCHANGE; i <= DELETE_COOKIES && rc == SQLITE_OK; i++) {
		struct row r = row_of(w, (enum statement)i);

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
		rc = put_head(w, x->id, 0, x->request);
	if (rc == SQLITE_OK)
		rc = put_head(w, x->id, 0, x->response);
	if (rc == SQLITE_OK)
		rc = put_drops(w, x->id, 0, x->drops);
	if (rc == SQLITE_OK)
		rc = put_hops(w, x);
	if (rc == SQLITE_OK && x->is_tunnel)
		rc = put_tunnel(w, x->id, &x->tunnel);
	return rc;
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
	return w;
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(w->statements[i]);
	text_fini(&w->start_line);
	text_fini(&w->fields);
	text_fini(&w->trailers);
	mem_free(w);
}
