/* Reading the flow database. Not for writing it, and not for showing what was read. */
#include "store/query.h"

#include "base/mem.h"
#include "store/database.h"
#include "store/heads.h"

#include <stdio.h>

#define FLOW_COLUMNS                                                                                                           \
	"e.id, e.change, e.run, e.worker, e.client_id, e.client_request, e.client, e.listener, e.user, e.started_us,"          \
	" e.ended_us, e.duration_us, e.method, e.url, e.scheme, e.host, e.port, e.path, e.query, e.status, e.content_type,"    \
	" e.outcome, e.error, e.detail, e.request_head_bytes, e.request_body_bytes, e.response_head_bytes,"                    \
	" e.response_body_bytes, e.hops, e.is_tunnel, t.up_bytes, t.down_bytes, t.sni, t.alpn, t.tls_version, t.has_ech, t.ja4"
#define FLOW_TABLES " FROM exchanges e LEFT JOIN tunnels t ON t.exchange_id = e.id"

struct reader {
	sqlite3 *db;
	sqlite3_int64 data_version; /* 0: not asked yet */
	char error[256];
};

struct reader *reader_open(const char *folder, bool *ret_is_absent, char *ret_why, size_t size)
{
	char *path = database_path(folder);
	sqlite3 *db = database_open_reader(path, ret_is_absent, ret_why, size);
	struct reader *r = NULL;

	if (db) {
		r = mem_calloc(1, sizeof(*r));
		r->db = db;
	}
	mem_free(path);
	return r;
}

void reader_close(struct reader *r)
{
	if (!r)
		return;
	sqlite3_close(r->db);
	mem_free(r);
}

const char *reader_error(const struct reader *r)
{
	return r->error;
}

static bool fail(struct reader *r)
{
	snprintf(r->error, sizeof(r->error), "%s", sqlite3_errmsg(r->db));
	return false;
}

bool reader_begin(struct reader *r)
{
	return database_exec(r->db, "BEGIN", r->error, sizeof(r->error));
}

void reader_end(struct reader *r)
{
	sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
}

/* The row of a statement, column by column. */
struct columns {
	sqlite3_stmt *s;
	int at;
};

static int64_t next_i64(struct columns *c)
{
	int at = c->at++;

	return sqlite3_column_type(c->s, at) == SQLITE_NULL ? -1 : sqlite3_column_int64(c->s, at);
}

static uint64_t next_u64(struct columns *c)
{
	return (uint64_t)sqlite3_column_int64(c->s, c->at++);
}

/* TEXT and BLOB alike: the bytes. */
static struct str next_str(struct columns *c)
{
	int at = c->at++;
	const char *p = sqlite3_column_blob(c->s, at);

	return (struct str){p, p ? (size_t)sqlite3_column_bytes(c->s, at) : 0};
}

static struct tunnel_view read_tunnel(struct columns *c)
{
	struct tunnel_view v = {.up_bytes = next_u64(c), .down_bytes = 0};
	int64_t has_ech;

	v.down_bytes = next_u64(c);
	v.sni = next_str(c);
	v.alpn = next_str(c);
	v.tls_version = next_str(c);
	has_ech = next_i64(c);
	v.has_hello = has_ech >= 0;
	v.has_ech = has_ech > 0;
	v.ja4 = next_str(c);
	return v;
}

static void read_flow_head(struct columns *c, struct flow_view *v)
{
	v->id = next_u64(c);
	v->change = next_i64(c);
	v->run = next_i64(c);
	v->worker = next_i64(c);
	v->client_id = next_i64(c);
	v->client_request = next_i64(c);
	v->client = next_str(c);
	v->listener = next_str(c);
	v->user = next_str(c);
	v->started_us = next_i64(c);
	v->ended_us = next_i64(c);
	v->duration_us = next_i64(c);
}

/* In the order of FLOW_COLUMNS. */
static struct flow_view read_flow(sqlite3_stmt *s)
{
	struct columns c = {s, 0};
	struct flow_view v;

	read_flow_head(&c, &v);
	v.method = next_str(&c);
	v.url = next_str(&c);
	v.scheme = next_str(&c);
	v.host = next_str(&c);
	v.port = next_i64(&c);
	v.path = next_str(&c);
	v.query = next_str(&c);
	v.status = next_i64(&c);
	v.content_type = next_str(&c);
	v.outcome = next_str(&c);
	v.error = next_str(&c);
	v.detail = next_str(&c);
	v.request_head_bytes = next_u64(&c);
	v.request_body_bytes = next_u64(&c);
	v.response_head_bytes = next_u64(&c);
	v.response_body_bytes = next_u64(&c);
	v.hops = next_i64(&c);
	v.is_tunnel = next_i64(&c) > 0;
	v.tunnel = read_tunnel(&c);
	return v;
}

/* Ends a statement; rc is what the last step gave. */
static bool finish(struct reader *r, sqlite3_stmt *s, int rc)
{
	bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE || fail(r);

	sqlite3_finalize(s);
	return ok;
}

/* Visits the flows of a statement with one parameter. */
static bool visit_flows(struct reader *r, const char *sql, int64_t parameter, flow_visit *visit, void *owner)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(r->db, sql, -1, &s, NULL);

	if (rc != SQLITE_OK)
		return fail(r);
	sqlite3_bind_int64(s, 1, parameter);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct flow_view v = read_flow(s);

		if (!visit(owner, &v))
			break;
	}
	return finish(r, s, rc);
}

bool reader_newest(struct reader *r, size_t n, flow_visit *visit, void *owner)
{
	return visit_flows(r,
		"SELECT " FLOW_COLUMNS FLOW_TABLES
		" WHERE e.id IN (SELECT id FROM exchanges ORDER BY id DESC LIMIT ?) ORDER BY e.id",
		n < INT64_MAX ? (int64_t)n : INT64_MAX, visit, owner);
}

bool reader_ended_after(struct reader *r, int64_t change, flow_visit *visit, void *owner)
{
	/* "+": the index on outcome is no help here. */
	return visit_flows(r,
		"SELECT " FLOW_COLUMNS FLOW_TABLES " WHERE e.change > ? AND +e.outcome <> 'pending' ORDER BY e.change", change,
		visit, owner);
}

bool reader_flow(struct reader *r, uint64_t id, flow_visit *visit, void *owner)
{
	if (id > INT64_MAX)
		return true;
	return visit_flows(r, "SELECT " FLOW_COLUMNS FLOW_TABLES " WHERE e.id = ?", (int64_t)id, visit, owner);
}

static struct hop_view read_hop(sqlite3_stmt *s)
{
	struct columns c = {s, 0};
	struct hop_view v;

	v.number = next_i64(&c);
	v.reason = next_str(&c);
	v.url = next_str(&c);
	v.peer = next_str(&c);
	v.is_reused = next_i64(&c) > 0;
	v.is_reply = next_i64(&c) > 0;
	v.status = next_i64(&c);
	v.tls_version = next_str(&c);
	v.tls_cipher = next_str(&c);
	v.tls_resumed = next_i64(&c) > 0;
	v.started_us = next_i64(&c);
	for (int i = 0; i < HOP_PHASES; i++)
		v.times_us[i] = next_i64(&c);
	v.request_head_bytes = next_u64(&c);
	v.request_body_bytes = next_u64(&c);
	v.response_head_bytes = next_u64(&c);
	v.response_body_bytes = next_u64(&c);
	v.error = next_str(&c);
	v.detail = next_str(&c);
	v.decision = next_str(&c);
	v.dropped = next_str(&c);
	return v;
}

bool reader_hops(struct reader *r, uint64_t id, hop_visit *visit, void *owner)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(r->db,
		"SELECT number, reason, url, peer, is_reused, is_reply, status, tls_version, tls_cipher, tls_resumed, started_us,"
		" queue_us, resolve_us, connect_us, tls_us, send_us, wait_us, receive_us, request_head_bytes, request_body_bytes,"
		" response_head_bytes, response_body_bytes, error, detail, decision, dropped"
		" FROM hops WHERE exchange_id = ? ORDER BY number",
		-1, &s, NULL);

	if (rc != SQLITE_OK)
		return fail(r);
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct hop_view v = read_hop(s);

		if (!visit(owner, &v))
			break;
	}
	return finish(r, s, rc);
}

/* A stored head into the arena; NULL when it is damaged or the arena full. */
static struct head_view *read_head(sqlite3_stmt *s, struct arena *a)
{
	struct head_view *v = arena_zalloc(a, sizeof(*v));
	struct columns c = {s, 0};
	struct str fields, trailers;

	if (!v)
		return NULL;
	v->start_line = arena_str(a, next_str(&c));
	fields = next_str(&c);
	trailers = next_str(&c);
	if (!v->start_line.p || !heads_parse_fields(a, fields, &v->fields))
		return NULL;
	if (trailers.len > 0 && !heads_parse_fields(a, trailers, &v->trailers))
		return NULL;
	return v;
}

bool reader_head(struct reader *r, uint64_t id, int64_t hop, bool is_request, struct arena *a, struct head_view **ret)
{
	struct head_view *head = NULL;
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(r->db,
		"SELECT start_line, fields, trailers FROM heads WHERE exchange_id = ? AND hop = ? AND direction = ?", -1, &s,
		NULL);

	if (rc != SQLITE_OK)
		return fail(r);
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	sqlite3_bind_int64(s, 2, hop);
	sqlite3_bind_text(s, 3, is_request ? "request" : "response", -1, SQLITE_STATIC);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		head = read_head(s, a);
		if (!head) {
			sqlite3_finalize(s);
			snprintf(r->error, sizeof(r->error), "a stored head cannot be read");
			return false;
		}
	}
	if (!finish(r, s, rc))
		return false;
	*ret = head;
	return true;
}

bool reader_last_change(struct reader *r, int64_t *ret)
{
	sqlite3_int64 change;

	if (!database_number(r->db, "SELECT max(change) FROM exchanges", 0, &change))
		return fail(r);
	*ret = change;
	return true;
}

bool reader_has_news(struct reader *r)
{
	sqlite3_int64 version = 0;
	bool has = !database_number(r->db, "PRAGMA data_version", 0, &version) || version != r->data_version;

	r->data_version = version;
	return has;
}

bool flow_view_is_pending(const struct flow_view *v)
{
	return str_eq(v->outcome, STR("pending"));
}

uint64_t flow_view_bytes(const struct flow_view *v)
{
	return v->is_tunnel ? v->tunnel.up_bytes + v->tunnel.down_bytes : v->response_body_bytes;
}

const char *hop_phase_name(size_t i)
{
	static const char *const names[HOP_PHASES] = {"queue", "resolve", "connect", "tls", "send", "wait", "receive"};

	return i < HOP_PHASES ? names[i] : "unknown";
}
