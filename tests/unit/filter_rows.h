/* The flows of filter_cases.h as rows of a flow database in memory, and a reader on it. */
#ifndef VIADUCT_TESTS_FILTER_ROWS_H
#define VIADUCT_TESTS_FILTER_ROWS_H

#include "filter_cases.h"
#include "store/find/filter_sql.h"
#include "store/find/flow_set.h"
#include "store/head_lines.h"
#include "store/json.h"
#include "store/reader.h"
#include "store/row.h"
#include "store/schema.h"

#include <stdio.h>
#include <stdlib.h>

struct filter_rows {
	struct reader reader;
};

/* Nothing here may fail. */
static inline void rows_exec(struct filter_rows *r, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(r->reader.db, sql, NULL, NULL, &why) == SQLITE_OK)
		return;
	fprintf(stderr, "%s: %s\n", sql, why);
	abort();
}

/* Runs a statement with these parameters, a text and numbers; the rowid of what it inserted. */
static inline int64_t rows_put(struct filter_rows *r, const char *sql, struct str text, int64_t first, int64_t second)
{
	sqlite3_stmt *s = NULL;
	struct row row;

	if (sqlite3_prepare_v2(r->reader.db, sql, -1, &s, NULL) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(r->reader.db));
		abort();
	}
	row = (struct row){s, 0};
	row_bytes(&row, text);
	row_i64(&row, first);
	row_i64(&row, second);
	if (row_end(&row) != SQLITE_OK)
		abort();
	sqlite3_finalize(s);
	return sqlite3_last_insert_rowid(r->reader.db);
}

static inline void rows_open(struct filter_rows *r)
{
	*r = (struct filter_rows){.reader = {.db = NULL}};
	if (sqlite3_open(":memory:", &r->reader.db) != SQLITE_OK)
		abort();
	for (int i = 0; i < SCHEMA_VERSION; i++)
		rows_exec(r, schema_step(i));
	r->reader.lines = head_lines_new(r->reader.db);
}

static inline void rows_close(struct filter_rows *r)
{
	reader_drop_statements(&r->reader);
	head_lines_free(r->reader.lines);
	sqlite3_close(r->reader.db);
}

/* A flow of which nothing is known yet. */
static inline void rows_flow(struct filter_rows *r, int64_t id)
{
	rows_put(r,
		"INSERT INTO exchanges (outcome, id, change, run, worker, client_id, client_request,"
		" started_us, request_head_bytes,"
		" request_body_bytes, response_head_bytes, response_body_bytes, hops, is_tunnel)"
		" VALUES (?1, ?2, ?2 + 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1, ?3)",
		STR("pending"), id, 0);
}

/* An address with a port. */
static inline struct str rows_address(struct str host, char to[128])
{
	bool is_v6 = str_find(host, ':') != host.len;

	snprintf(to, 128, "%s%.*s%s:443", is_v6 ? "[" : "", STR_ARG(host), is_v6 ? "]" : "");
	return str_of(to);
}

/* Adds a field line to a head: every other one by reference. */
static inline void rows_header(struct filter_rows *r, int64_t id, bool is_request, const char *name, struct str value)
{
	struct text element = {NULL, 0, 0};
	int64_t line = 0;

	if (strlen(name) % 2 == 0 && is_plain_utf8(value)) {
		rows_put(r, "INSERT INTO head_fields (name, value, used_until) VALUES ('', ?1, ?2 + ?3)", value, INT32_MAX, 0);
		line = sqlite3_last_insert_rowid(r->reader.db);
		rows_put(r, "UPDATE head_fields SET name = ?1 WHERE id = ?2 AND ?3 = 0", str_of(name), line, 0);
		text_i64(&element, line);
	} else {
		text_byte(&element, '[');
		json_bytes(&element, str_of(name));
		text_byte(&element, ',');
		json_bytes(&element, value);
		text_byte(&element, ']');
	}
	rows_put(r,
		is_request ? "UPDATE exchanges SET request_line = 'GET / HTTP/1.1', request_fields ="
			     " iif(request_fields IS NULL, '[',"
			     " substr(request_fields, 1, length(request_fields) - 1) || ',') || ?1 || ']' WHERE id = ?2 + ?3"
			   : "UPDATE exchanges SET response_line = 'HTTP/1.1 200 OK', response_fields ="
			     " iif(response_fields IS NULL, '[',"
			     " substr(response_fields, 1, length(response_fields) - 1) || ',') || ?1 || ']' WHERE id = ?2 + ?3",
		text_str(&element), id, 0);
	text_fini(&element);
}

/* One more hop of the flow, its number. */
static inline int64_t rows_hop(struct filter_rows *r, int64_t id)
{
	rows_put(r,
		"INSERT INTO hops (exchange_id, number, reason, url, is_reused, is_reply, tls_resumed,"
		" started_us, request_head_bytes,"
		" request_body_bytes, response_head_bytes, response_body_bytes) SELECT ?2, 1 + count(*),"
		" 'first', ?1, 0, 0, 0, 0, 0, 0,"
		" ?3, 0 FROM hops WHERE exchange_id = ?2",
		STR("http://x/"), id, 0);
	return 0;
}

/* A body of one more hop, with the fields of its head as JSON. */
static inline void rows_body(struct filter_rows *r, int64_t id, bool is_request, struct str bytes, const char *fields)
{
	int64_t body = rows_put(r,
		"INSERT INTO bodies (bytes, stored_bytes, content, used_until) "
		" VALUES (length(CAST(?1 AS BLOB)), length(CAST(?1 AS BLOB)), CAST(?1 AS BLOB), ?2 + ?3)",
		bytes, INT32_MAX, 0);

	rows_hop(r, id);
	rows_put(r,
		is_request ? "UPDATE hops SET request_line = 'GET / HTTP/1.1', request_fields = ?1, request_body_id = ?2"
			     " WHERE exchange_id = ?3 AND number = (SELECT max(number) FROM hops WHERE exchange_id = ?3)"
			   : "UPDATE hops SET response_line = 'HTTP/1.1 200 OK', response_fields = ?1, response_body_id = ?2"
			     " WHERE exchange_id = ?3 AND number = (SELECT max(number) FROM hops WHERE exchange_id = ?3)",
		str_of(fields), body, id);
}

static inline void rows_peer(struct filter_rows *r, int64_t id, struct str host)
{
	char address[128];

	rows_hop(r, id);
	rows_put(r,
		"UPDATE hops SET peer = ?1 WHERE exchange_id = ?2 + ?3 AND number = (SELECT max(number) FROM"
		" hops WHERE exchange_id = ?2)",
		rows_address(host, address), id, 0);
}

static inline void rows_number(struct filter_rows *r, int64_t id, enum filter_field field, int64_t number)
{
	static const char *const columns[FILTER_FIELD_COUNT] = {[FILTER_port] = "port",
		[FILTER_status] = "status",
		[FILTER_size] = "response_body_bytes",
		[FILTER_time] = "started_us",
		[FILTER_duration] = "duration_us",
		[FILTER_hops] = "hops",
		[FILTER_redirects] = "redirects",
		[FILTER_retries] = "retries",
		[FILTER_parent] = "parent_id"};
	bool is_ms = field == FILTER_time || field == FILTER_duration;
	char sql[128];

	if (columns[field] == NULL)
		return;
	snprintf(sql, sizeof(sql), "UPDATE exchanges SET %s = ?3 WHERE id = ?2 AND ?1 = ''", columns[field]);
	rows_put(r, sql, STR(""), id, is_ms ? number * 1000 + 999 : number);
}

static inline void rows_text(struct filter_rows *r, int64_t id, const struct case_value *v)
{
	struct str text = str_of(v->text);
	char sql[128], changed[128];

	if (filter_field_is_named(v->field)) {
		rows_header(r, id, v->field == FILTER_req_header, v->name, text);
	} else if (filter_field_is_body(v->field)) {
		rows_body(r, id, v->field == FILTER_req_body, text, "[[\"Content-Type\",\"application/json\"]]");
	} else if (v->field == FILTER_peer) {
		rows_peer(r, id, text);
	} else if (v->field == FILTER_session) {
		rows_put(r,
			"INSERT INTO sessions (name, started_us) SELECT ?1, ?2 + ?3 WHERE ?1 NOT IN (SELECT"
			" name FROM sessions)",
			text, 1, 0);
		rows_put(r, "UPDATE exchanges SET session_id = (SELECT id FROM sessions WHERE name = ?1) WHERE id = ?2 + ?3",
			text, id, 0);
	} else {
		if (v->field == FILTER_client)
			text = rows_address(text, changed);
		if (v->field == FILTER_type)
			text = (struct str){changed, (size_t)snprintf(changed, sizeof(changed), "%s ; charset=utf-8", v->text)};
		snprintf(sql, sizeof(sql), "UPDATE exchanges SET %s = ?1 WHERE id = ?2 + ?3", filter_sql_column(v->field) + 2);
		rows_put(r, sql, text, id, 0);
		if (v->field == FILTER_method && str_eq(text, STR("CONNECT")))
			rows_put(r, "UPDATE exchanges SET is_tunnel = 1 WHERE id = ?2 + ?3 AND ?1 <> ''", text, id, 0);
	}
}

/* A bit for each id that the indexes leave, asked about one part of the filter or about all; false on an error. */
static inline bool rows_set(struct filter_rows *r, const struct filter *f, bool is_whole, uint64_t *ret)
{
	struct flow_set *s = flow_set_new(&r->reader, f, 0, 1, 63);
	bool ok = s != NULL;
	uint64_t bits = 0;

	while (ok && is_whole && !flow_set_is_final(s))
		ok = flow_set_refine(s);
	for (uint64_t id = 1, first, last; ok && id < 64; id++) {
		if (flow_set_ids(s) == NULL || (id_set_next(flow_set_ids(s), id, true, &first, &last) && first == id))
			bits |= UINT64_C(1) << id;
	}
	flow_set_free(s);
	*ret = bits;
	return ok;
}

/* All flows of the cases, by the ids they have there. */
static inline void rows_put_cases(struct filter_rows *r)
{
	for (int flow = 0; flow < CASE_FLOWS; flow++) {
		int64_t id = case_flows[flow][0].number;

		rows_flow(r, id);
		for (size_t i = 1; i < CASE_VALUES_MAX; i++) {
			const struct case_value *v = &case_flows[flow][i];

			if (v->text != NULL)
				rows_text(r, id, v);
			else if (v->field != FILTER_id)
				rows_number(r, id, v->field, v->number);
		}
	}
}

#endif
