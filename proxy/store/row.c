/* Columns of statements. Not for what they mean: writer.c, query.c, query_hops.c. */
#include "store/row.h"

#include "store/text.h"

void row_null(struct row *r)
{
	sqlite3_bind_null(r->s, ++r->at);
}

void row_i64(struct row *r, int64_t n)
{
	sqlite3_bind_int64(r->s, ++r->at, n);
}

void row_i64_if(struct row *r, bool is_known, int64_t n)
{
	if (is_known)
		row_i64(r, n);
	else
		row_null(r);
}

void row_bytes(struct row *r, struct str s)
{
	const char *p = s.len > 0 ? s.p : "";

	if (is_plain_utf8(s))
		sqlite3_bind_text64(r->s, ++r->at, p, s.len, SQLITE_STATIC, SQLITE_UTF8);
	else
		sqlite3_bind_blob64(r->s, ++r->at, p, s.len, SQLITE_STATIC);
}

void row_opt(struct row *r, struct str s)
{
	if (s.len == 0)
		row_null(r);
	else
		row_bytes(r, s);
}

void row_own(struct row *r, const char *text)
{
	if (!text || *text == '\0')
		row_null(r);
	else
		sqlite3_bind_text(r->s, ++r->at, text, -1, SQLITE_STATIC);
}

void row_json(struct row *r, struct str json)
{
	if (json.len == 0)
		row_null(r);
	else
		sqlite3_bind_text64(r->s, ++r->at, json.p, json.len, SQLITE_STATIC, SQLITE_UTF8);
}

int row_end(struct row *r)
{
	int rc = sqlite3_step(r->s);

	sqlite3_reset(r->s);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int64_t columns_i64(struct columns *c)
{
	int at = c->at++;

	return sqlite3_column_type(c->s, at) == SQLITE_NULL ? -1 : sqlite3_column_int64(c->s, at);
}

uint64_t columns_u64(struct columns *c)
{
	return (uint64_t)sqlite3_column_int64(c->s, c->at++);
}

struct str columns_str(struct columns *c)
{
	int at = c->at++;
	const char *p = sqlite3_column_blob(c->s, at);

	return (struct str){p, p ? (size_t)sqlite3_column_bytes(c->s, at) : 0};
}

struct kept_body columns_body(struct columns *c)
{
	struct kept_body b = {.id = columns_i64(c)};

	b.cut = columns_str(c);
	return b;
}
