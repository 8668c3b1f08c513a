/* Reading hops, what belongs to them, and heads. Not for flows: query.c. */
#include "store/query.h"

#include "store/head_lines.h"
#include "store/heads.h"
#include "store/reader.h"
#include "store/row.h"

#include <stdio.h>
#include <string.h>

static const char sql_hops[] =
	"SELECT number, reason, url, peer, is_reused, is_reply, status, tls_version, tls_cipher, tls_resumed, started_us,"
	" queue_us, resolve_us, connect_us, tls_us, send_us, wait_us, receive_us, request_head_bytes, request_body_bytes,"
	" response_head_bytes, response_body_bytes, error, detail, decision, peer_class, delay_us, cookies_added,"
	" tls_alpn, tls_server_name, identity_id, tls_pin, tls_staple, tls_unverified, identity_change_id,"
	" request_body_id, request_body_cut, response_body_id, response_body_cut, extra FROM hops WHERE exchange_id = ? ORDER BY number";
static const char sql_drops[] = "SELECT name, why FROM drops WHERE exchange_id = ? AND hop = ? ORDER BY position";
static const char sql_cookies[] = "SELECT name, fate, client FROM cookies WHERE exchange_id = ? AND hop = ? ORDER BY position";

static struct hop_view read_hop(sqlite3_stmt *s)
{
	struct columns c = {s, 0};
	struct hop_view v;

	v.number = columns_i64(&c);
	v.reason = columns_str(&c);
	v.url = columns_str(&c);
	v.peer = columns_str(&c);
	v.is_reused = columns_i64(&c) > 0;
	v.is_reply = columns_i64(&c) > 0;
	v.status = columns_i64(&c);
	v.tls_version = columns_str(&c);
	v.tls_cipher = columns_str(&c);
	v.tls_resumed = columns_i64(&c) > 0;
	v.started_us = columns_i64(&c);
	for (int i = 0; i < HOP_PHASES; i++)
		v.times_us[i] = columns_i64(&c);
	v.request_head_bytes = columns_u64(&c);
	v.request_body_bytes = columns_u64(&c);
	v.response_head_bytes = columns_u64(&c);
	v.response_body_bytes = columns_u64(&c);
	v.error = columns_str(&c);
	v.detail = columns_str(&c);
	v.decision = columns_str(&c);
	v.peer_class = columns_str(&c);
	v.delay_us = columns_i64(&c);
	v.cookies_added = columns_str(&c);
	v.tls_alpn = columns_str(&c);
	v.tls_server_name = columns_str(&c);
	v.identity_id = columns_i64(&c);
	v.tls_pin = columns_str(&c);
	v.tls_staple = columns_str(&c);
	v.tls_unverified = columns_str(&c);
	v.identity_change_id = columns_i64(&c);
	v.request_body = columns_body(&c);
	v.response_body = columns_body(&c);
	v.extra = columns_str(&c);
	v.identity = NULL;
	v.identity_change = NULL;
	v.drops = (struct drop_rows){NULL, 0};
	v.cookies = (struct cookie_rows){NULL, 0};
	return v;
}

/* The part of a list that a query gives, row by row. */
struct listing {
	struct arena *arena;
	void *v; /* of item_bytes each */
	size_t n, cap, item_bytes;
};

/* The next item, zeroed; NULL when the arena is full. */
static void *listing_add(struct listing *l)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 8;
		void *v = arena_zalloc(l->arena, cap * l->item_bytes);

		if (!v)
			return NULL;
		if (l->n > 0)
			memcpy(v, l->v, l->n * l->item_bytes);
		l->v = v;
		l->cap = cap;
	}
	return (char *)l->v + l->n++ * l->item_bytes;
}

/* A text of a row into the arena; an empty one stays empty. False when the arena is full. */
static bool keep(struct listing *l, struct columns *c, struct str *ret)
{
	struct str s = columns_str(c);

	if (s.len == 0)
		return true;
	*ret = arena_str(l->arena, s);
	return ret->p != NULL;
}

static bool read_drop(struct listing *l, struct columns *c)
{
	struct drop_view *v = listing_add(l);

	return v && keep(l, c, &v->name) && keep(l, c, &v->why);
}

static bool read_cookie(struct listing *l, struct columns *c)
{
	struct cookie_view *v = listing_add(l);

	return v && keep(l, c, &v->name) && keep(l, c, &v->fate) && keep(l, c, &v->client);
}

/* Reads the rows that belong to one hop. */
static bool read_list(struct reader *r, const char *sql, uint64_t id, int64_t hop,
	bool (*read)(struct listing *l, struct columns *c), struct listing *l)
{
	sqlite3_stmt *s = reader_borrow(r, sql);
	int rc;

	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	sqlite3_bind_int64(s, 2, hop);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct columns c = {s, 0};

		if (read(l, &c))
			continue;
		(void)reader_give_back(r, sql, s, SQLITE_DONE);
		snprintf(r->error, sizeof(r->error), "a stored hop is too large to be read");
		return false;
	}
	return reader_give_back(r, sql, s, rc);
}

bool reader_drops(struct reader *r, uint64_t id, int64_t hop, struct arena *a, struct drop_rows *ret)
{
	struct listing l = {.arena = a, .item_bytes = sizeof(struct drop_view)};

	if (!read_list(r, sql_drops, id, hop, read_drop, &l))
		return false;
	*ret = (struct drop_rows){l.v, l.n};
	return true;
}

static bool read_cookies(struct reader *r, uint64_t id, int64_t hop, struct arena *a, struct cookie_rows *ret)
{
	struct listing l = {.arena = a, .item_bytes = sizeof(struct cookie_view)};

	if (!read_list(r, sql_cookies, id, hop, read_cookie, &l))
		return false;
	*ret = (struct cookie_rows){l.v, l.n};
	return true;
}

/* What stands in other tables. */
static bool read_belongings(struct reader *r, uint64_t id, struct arena *a, struct hop_view *v)
{
	return reader_drops(r, id, v->number, a, &v->drops) && read_cookies(r, id, v->number, a, &v->cookies) &&
		reader_identity(r, v->identity_id, a, &v->identity) &&
		reader_identity_change(r, v->identity_change_id, a, &v->identity_change);
}

bool reader_hops(struct reader *r, uint64_t id, struct arena *a, hop_visit *visit, void *owner)
{
	sqlite3_stmt *s = reader_borrow(r, sql_hops);
	int rc;

	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct hop_view v = read_hop(s);

		if (!read_belongings(r, id, a, &v)) {
			(void)reader_give_back(r, sql_hops, s, SQLITE_DONE);
			return false;
		}
		if (!visit(owner, &v))
			break;
	}
	return reader_give_back(r, sql_hops, s, rc);
}

static bool find_line(void *owner, int64_t id, struct field *ret)
{
	return head_lines_find(((struct reader *)owner)->lines, id, ret);
}

bool reader_fields(struct reader *r, struct str json, struct arena *a, struct fields *ret)
{
	struct fields fields = {NULL, 0, 0};

	if (json.len > 0 && !heads_parse_fields(a, json, find_line, r, &fields)) {
		snprintf(r->error, sizeof(r->error), "a stored head cannot be read");
		return false;
	}
	*ret = fields;
	return true;
}

/* The head of a row into the arena; NULL when that fails. */
static struct head_view *read_head(struct reader *r, struct columns *c, struct arena *a)
{
	struct head_view *v = arena_zalloc(a, sizeof(*v));
	struct str fields;

	if (!v) {
		snprintf(r->error, sizeof(r->error), "a stored head is too large to be read");
		return NULL;
	}
	v->start_line = arena_str(a, columns_str(c));
	fields = columns_str(c);
	if (v->start_line.p && reader_fields(r, fields, a, &v->fields) && reader_fields(r, columns_str(c), a, &v->trailers))
		return v;
	if (!v->start_line.p)
		snprintf(r->error, sizeof(r->error), "a stored head is too large to be read");
	return NULL;
}

#define HEAD_OF(direction) "SELECT " direction "_line, " direction "_fields, " direction "_trailers"

bool reader_head(struct reader *r, uint64_t id, int64_t hop, bool is_request, struct arena *a, struct head_view **ret)
{
	static const char *const sql_of[2][2] = {
		{HEAD_OF("response") " FROM exchanges WHERE id = ?", HEAD_OF("request") " FROM exchanges WHERE id = ?"},
		{HEAD_OF("response") " FROM hops WHERE exchange_id = ? AND number = ?",
			HEAD_OF("request") " FROM hops WHERE exchange_id = ? AND number = ?"}};
	const char *sql = sql_of[hop != 0][is_request];
	struct head_view *head = NULL;
	sqlite3_stmt *s = reader_borrow(r, sql);
	int rc;

	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	if (hop != 0)
		sqlite3_bind_int64(s, 2, hop);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL) {
		struct columns c = {s, 0};

		head = read_head(r, &c, a);
		if (!head) {
			(void)reader_give_back(r, sql, s, SQLITE_DONE);
			return false;
		}
	}
	if (!reader_give_back(r, sql, s, rc))
		return false;
	*ret = head;
	return true;
}
