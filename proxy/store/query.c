/* Reading the flow database. Not for hops and heads: query_hops.c; not for
 * writing it, and not for showing what was read. */
#include "store/query.h"

#include "base/mem.h"
#include "store/database.h"
#include "store/head_lines.h"
#include "store/reader.h"
#include "store/row.h"

#include <stdio.h>

#define FLOW_COLUMNS                                                                                                           \
	"e.id, e.change, e.run, e.worker, e.client_id, e.client_request, e.client, e.listener, e.user, e.started_us,"          \
	" e.ended_us, e.duration_us, e.method, e.url, e.scheme, e.host, e.port, e.path, e.query, e.status, e.content_type,"    \
	" e.outcome, e.error, e.detail, e.request_head_bytes, e.request_body_bytes, e.response_head_bytes,"                    \
	" e.response_body_bytes, e.hops, e.is_tunnel, e.final_url, e.final_host, e.redirects, e.retries,"                      \
	" e.parent_id, e.client_tls_version, e.client_tls_cipher, e.client_tls_alpn, e.client_tls_server_name,"                \
	" e.client_tls_resumed, e.session_id, e.request_length_bytes, e.response_length_bytes, e.response_body_id,"            \
	" e.response_body_cut, e.comment, t.up_bytes, t.down_bytes, t.sni, t.alpn, t.tls_version, t.has_ech, t.ja4,"           \
	" t.handling, t.why"
#define FLOW_TABLES " FROM exchanges e LEFT JOIN tunnels t ON t.exchange_id = e.id"

const char reader_flow_columns[] = FLOW_COLUMNS;
const char reader_flow_tables[] = FLOW_TABLES;

bool reader_is_live(const char *folder)
{
	return database_is_in_use(folder);
}

struct reader *reader_open(const char *folder, bool *ret_is_absent, char *ret_why, size_t size)
{
	char *path = database_path(folder);
	sqlite3 *db = database_open_reader(path, ret_is_absent, ret_why, size);
	struct reader *r = NULL;

	if (db) {
		r = mem_calloc(1, sizeof(*r));
		r->db = db;
		r->lines = head_lines_new(db);
	}
	mem_free(path);
	return r;
}

void reader_close(struct reader *r)
{
	if (!r)
		return;
	head_lines_free(r->lines);
	reader_drop_statements(r);
	sqlite3_close(r->db);
	mem_free(r);
}

const char *reader_error(const struct reader *r)
{
	return r->error;
}

bool reader_fail(struct reader *r)
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

static struct tunnel_view read_tunnel(struct columns *c)
{
	struct tunnel_view v = {.up_bytes = columns_u64(c), .down_bytes = 0};
	int64_t has_ech;

	v.down_bytes = columns_u64(c);
	v.sni = columns_str(c);
	v.alpn = columns_str(c);
	v.tls_version = columns_str(c);
	has_ech = columns_i64(c);
	v.has_hello = has_ech >= 0;
	v.has_ech = has_ech > 0;
	v.ja4 = columns_str(c);
	v.handling = columns_str(c);
	v.why = columns_str(c);
	return v;
}

static struct leg_view read_leg(struct columns *c)
{
	struct leg_view v;

	v.version = columns_str(c);
	v.cipher = columns_str(c);
	v.alpn = columns_str(c);
	v.server_name = columns_str(c);
	v.resumed = columns_i64(c);
	return v;
}

static void read_flow_head(struct columns *c, struct flow_view *v)
{
	v->id = columns_u64(c);
	v->change = columns_i64(c);
	v->run = columns_i64(c);
	v->worker = columns_i64(c);
	v->client_id = columns_i64(c);
	v->client_request = columns_i64(c);
	v->client = columns_str(c);
	v->listener = columns_str(c);
	v->user = columns_str(c);
	v->started_us = columns_i64(c);
	v->ended_us = columns_i64(c);
	v->duration_us = columns_i64(c);
}

/* In the order of FLOW_COLUMNS. */
static struct flow_view read_flow(sqlite3_stmt *s)
{
	struct columns c = {s, 0};
	struct flow_view v;

	read_flow_head(&c, &v);
	v.method = columns_str(&c);
	v.url = columns_str(&c);
	v.scheme = columns_str(&c);
	v.host = columns_str(&c);
	v.port = columns_i64(&c);
	v.path = columns_str(&c);
	v.query = columns_str(&c);
	v.status = columns_i64(&c);
	v.content_type = columns_str(&c);
	v.outcome = columns_str(&c);
	v.error = columns_str(&c);
	v.detail = columns_str(&c);
	v.request_head_bytes = columns_u64(&c);
	v.request_body_bytes = columns_u64(&c);
	v.response_head_bytes = columns_u64(&c);
	v.response_body_bytes = columns_u64(&c);
	v.hops = columns_i64(&c);
	v.is_tunnel = columns_i64(&c) > 0;
	v.final_url = columns_str(&c);
	v.final_host = columns_str(&c);
	v.redirects = columns_i64(&c);
	v.retries = columns_i64(&c);
	v.parent_id = columns_i64(&c);
	v.client_tls = read_leg(&c);
	v.session_id = columns_i64(&c);
	v.request_length_bytes = columns_i64(&c);
	v.response_length_bytes = columns_i64(&c);
	v.response_body = columns_body(&c);
	v.comment = columns_str(&c);
	v.tunnel = read_tunnel(&c);
	return v;
}

bool reader_finish(struct reader *r, sqlite3_stmt *s, int rc)
{
	bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE || reader_fail(r);

	sqlite3_finalize(s);
	return ok;
}

sqlite3_stmt *reader_borrow(struct reader *r, const char *sql)
{
	sqlite3_stmt *s = NULL;

	for (size_t i = 0; i < READER_STATEMENTS && !s; i++) {
		if (r->kept[i].sql == sql) {
			s = r->kept[i].s;
			r->kept[i].s = NULL;
		}
	}
	if (!s && sqlite3_prepare_v3(r->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
		(void)reader_fail(r);
	return s;
}

bool reader_give_back(struct reader *r, const char *sql, sqlite3_stmt *s, int rc)
{
	bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE || reader_fail(r);

	sqlite3_reset(s);
	for (size_t i = 0; i < READER_STATEMENTS; i++) {
		if (!r->kept[i].s && (r->kept[i].sql == sql || !r->kept[i].sql)) {
			r->kept[i] = (struct reader_statement){sql, s};
			return ok;
		}
	}
	sqlite3_finalize(s);
	return ok;
}

void reader_drop_statements(struct reader *r)
{
	for (size_t i = 0; i < READER_STATEMENTS; i++) {
		sqlite3_finalize(r->kept[i].s);
		r->kept[i] = (struct reader_statement){NULL, NULL};
	}
}

bool reader_visit_flows(struct reader *r, sqlite3_stmt *s, flow_visit *visit, void *owner)
{
	int rc;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct flow_view v = read_flow(s);

		if (!visit(owner, &v))
			break;
	}
	return reader_finish(r, s, rc);
}

/* Visits the flows of a statement with one parameter. */
static bool visit_flows(struct reader *r, const char *sql, int64_t parameter, flow_visit *visit, void *owner)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(r->db, sql, -1, &s, NULL);

	if (rc != SQLITE_OK)
		return reader_fail(r);
	sqlite3_bind_int64(s, 1, parameter);
	return reader_visit_flows(r, s, visit, owner);
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

bool reader_children(struct reader *r, uint64_t id, id_visit *visit, void *owner)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(r->db, "SELECT id FROM exchanges WHERE parent_id = ? ORDER BY id", -1, &s, NULL);

	if (rc != SQLITE_OK)
		return reader_fail(r);
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		if (!visit(owner, (uint64_t)sqlite3_column_int64(s, 0)))
			break;
	}
	return reader_finish(r, s, rc);
}

bool reader_last_change(struct reader *r, int64_t *ret)
{
	sqlite3_int64 change;

	if (!database_number(r->db, "SELECT max(change) FROM exchanges", 0, &change))
		return reader_fail(r);
	*ret = change;
	return true;
}

bool reader_newest_id(struct reader *r, uint64_t *ret)
{
	sqlite3_int64 id;

	if (!database_number(r->db, "SELECT max(id) FROM exchanges", 0, &id))
		return reader_fail(r);
	*ret = (uint64_t)id;
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
