/* See passthrough.h. Lessons are copied under the lock of the table, which workers ask for each tunnel, and written after it. */
#include "admin/passthrough.h"

#include "admin/html.h"
#include "base/mem.h"
#include "http/percent.h"
#include "store/format.h"
#include "store/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_BYTES = 256, JA4_BYTES = 64, TABLE_ROWS = 100 };

struct row {
	char client[ADDRESS_TEXT_BYTES], ja4[JA4_BYTES], name[NAME_BYTES], why[LEARNED_WHY_BYTES];
	unsigned refusals;
	uint64_t passed;
	int64_t left_us;
};

struct rows {
	struct row *v;
	size_t n, cap;
};

static void on_lesson(void *owner, const struct lesson *l)
{
	struct rows *rows = owner;
	struct row *r;

	if (rows->n == rows->cap) {
		rows->cap = rows->cap == 0 ? 16 : 2 * rows->cap;
		rows->v = mem_realloc(rows->v, rows->cap * sizeof(*rows->v));
	}
	r = &rows->v[rows->n++];
	snprintf(r->client, sizeof(r->client), "%s", l->client);
	snprintf(r->ja4, sizeof(r->ja4), "%s", l->ja4);
	snprintf(r->name, sizeof(r->name), "%.*s", STR_ARG(l->name));
	snprintf(r->why, sizeof(r->why), "%s", l->why);
	r->refusals = l->refusals;
	r->passed = l->passed;
	r->left_us = l->left_us;
}

/* The latest lesson has the most time left. */
static int by_left(const void *a, const void *b)
{
	int64_t left_a = ((const struct row *)a)->left_us, left_b = ((const struct row *)b)->left_us;

	return left_a > left_b ? -1 : left_a < left_b;
}

static struct rows rows_take(struct learned *learned, int64_t now_us)
{
	struct rows rows = {0};

	if (learned != NULL)
		learned_each(learned, now_us, on_lesson, &rows);
	if (rows.n > 1)
		qsort(rows.v, rows.n, sizeof(*rows.v), by_left);
	return rows;
}

static void write_object(struct text *t, const struct row *r)
{
	json_next(t);
	text_byte(t, '{');
	json_str(t, "client", str_of(r->client));
	json_str(t, "ja4", str_of(r->ja4));
	json_str(t, "name", str_of(r->name));
	json_str(t, "why", str_of(r->why));
	json_i64(t, "refusals", r->refusals);
	json_i64(t, "passed", (int64_t)r->passed);
	json_i64(t, "left_s", (r->left_us + 999999) / 1000000);
	text_byte(t, '}');
}

void passthrough_write_json(struct text *t, struct learned *learned, int64_t now_us)
{
	struct rows rows = rows_take(learned, now_us);

	text_byte(t, '[');
	for (size_t i = 0; i < rows.n; i++)
		write_object(t, &rows.v[i]);
	text_put(t, STR("]\n"));
	mem_free(rows.v);
}

static void write_row(struct text *t, const struct row *r)
{
	text_put(t, STR("<tr><td>"));
	html_code(t, str_of(r->name));
	text_put(t, STR("</td><td>"));
	html_code(t, str_of(r->client));
	text_put(t, STR("</td><td>"));
	html_put(t, str_of(r->why));
	text_printf(t, "</td><td>%" PRIu64 "</td><td>", r->passed);
	format_duration(t, r->left_us);
	text_put(t, STR("</td></tr>\n"));
}

void passthrough_write_table(struct text *t, struct learned *learned, int64_t now_us)
{
	struct rows rows = rows_take(learned, now_us);

	if (rows.n > 0)
		text_put(t,
			STR("<table>\n<tr><th scope=\"col\">Name</th><th scope=\"col\">Client</th><th scope=\"col\">Why</th>"
			    "<th scope=\"col\">Passed</th><th scope=\"col\">Opened again in</th></tr>\n"));
	for (size_t i = 0; i < rows.n && i < TABLE_ROWS; i++)
		write_row(t, &rows.v[i]);
	if (rows.n > 0)
		text_put(t, STR("</table>\n"));
	if (rows.n > TABLE_ROWS)
		text_printf(t, "<p>And %zu more.</p>\n", rows.n - TABLE_ROWS);
	mem_free(rows.v);
}

static void on_counted(void *owner, const struct lesson *l)
{
	(void)l;
	++*(size_t *)owner;
}

size_t passthrough_count(struct learned *learned, int64_t now_us)
{
	size_t n = 0;

	if (learned != NULL)
		learned_each(learned, now_us, on_counted, &n);
	return n;
}

/* Takes one byte, "%41" being one. False on a malformed escape. */
static bool take_byte(struct str *rest, char *ret)
{
	bool is_escape = rest->p[0] == '%';
	int byte = is_escape ? percent_byte(*rest) : (unsigned char)rest->p[0];

	if (byte < 0)
		return false;
	*ret = (char)byte;
	*rest = str_from(*rest, is_escape ? 3 : 1);
	return true;
}

bool passthrough_parse_query(struct str query, char *room, size_t size, struct str *ret_name)
{
	struct str rest = query, name = STR("name=");
	size_t n = 0;
	char c;

	if (query.len == 0) {
		*ret_name = STR("");
		return true;
	}
	if (!str_starts(query, name) || query.len == name.len || str_find(query, '&') < query.len)
		return false;
	for (rest = str_from(query, name.len); rest.len > 0;) {
		if (n == size || !take_byte(&rest, &c))
			return false;
		room[n++] = (char)tolower((unsigned char)c);
	}
	*ret_name = (struct str){room, n};
	return true;
}
