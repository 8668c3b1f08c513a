/* SQL functions over what is stored in a form that SQL alone cannot read. */
#include "store/find/sql_functions.h"

#include "config/filter_regex.h"
#include "store/body/body_read.h"
#include "store/body/body_text.h"
#include "store/find/field_scan.h"
#include "store/head_lines.h"
#include "store/reader.h"

#include <stdio.h>

enum { WHY_BYTES = 300 };

static struct str argument(sqlite3_value *v)
{
	const char *p = sqlite3_value_blob(v);

	return (struct str){p, p != NULL ? (size_t)sqlite3_value_bytes(v) : 0};
}

/* Bytes: TEXT if they are that, else a BLOB. */
static void give(sqlite3_context *c, struct str s, bool may_be_text)
{
	const char *p = s.len > 0 ? s.p : "";

	if (may_be_text && is_plain_utf8(s))
		sqlite3_result_text64(c, p, s.len, SQLITE_TRANSIENT, SQLITE_UTF8);
	else
		sqlite3_result_blob64(c, p, s.len, SQLITE_TRANSIENT);
}

/* The body that the first argument names. NULL is the result, or an error, where there is none. */
static bool is_body(sqlite3_context *c, struct reader *r, sqlite3_value *id, struct body_view *ret)
{
	if (sqlite3_value_type(id) == SQLITE_NULL)
		return false;
	if (reader_body(r, sqlite3_value_int64(id), ret))
		return true;
	if (*reader_error(r) != '\0')
		sqlite3_result_error(c, reader_error(r), -1);
	return false;
}

/* body(id): the bytes of a body as they were sent. */
static void body(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct reader *r = sqlite3_user_data(c);
	struct text bytes = {NULL, 0, 0};
	struct body_view view;

	(void)n;
	if (!is_body(c, r, v[0], &view))
		return;
	if (view.bytes > (uint64_t)sqlite3_limit(r->db, SQLITE_LIMIT_LENGTH, -1))
		sqlite3_result_error_toobig(c);
	else if (reader_body_text(r, view.id, 0, UINT64_MAX, &bytes))
		give(c, text_str(&bytes), false);
	else
		sqlite3_result_error(c, reader_error(r), -1);
	text_fini(&bytes);
}

/* body_text(id, coding, type, cut): the body with that Content-Encoding undone, text as UTF-8; all but the first may be NULL or
 * left out. */
static void body_text(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct reader *r = sqlite3_user_data(c);
	const struct kept_body kept = {.cut = n > 3 ? argument(v[3]) : STR_NONE};
	struct body_form form = {
		kept_body_codings(&kept, n > 1 ? argument(v[1]) : STR_NONE), n > 2 ? argument(v[2]) : STR_NONE};
	struct text text = {NULL, 0, 0};
	bool is_part, is_text;
	struct body_view view;

	if (n < 1 || n > 4) {
		sqlite3_result_error(c, "body_text takes the id of a body, its Content-Encoding and Content-Type, and its cut",
			-1);
		return;
	}
	if (!is_body(c, r, v[0], &view))
		return;
	if (reader_body_search_text(r, view.id, &form, &text, &is_part, &is_text))
		give(c, text_str(&text), is_text);
	else
		sqlite3_result_error(c, reader_error(r), -1);
	text_fini(&text);
}

/* Appends the element's value if it has that name. */
static void add_value(struct reader *r, const struct field_element *e, struct str name, struct text *scratch, struct text *to,
	bool *is_any)
{
	struct field line;
	struct str value;

	if (e->id != 0) {
		if (!head_lines_find(r->lines, e->id, &line) || !str_ieq(line.name, name))
			return;
		value = line.value;
	} else {
		if (!field_is_named(&e->name, name))
			return;
		value = field_bytes(&e->value, scratch);
	}
	if (*is_any)
		text_put(to, STR(", "));
	text_put(to, value);
	*is_any = true;
}

/* header(fields, name): the values of the fields of that name in a column of fields, combined by commas; NULL if there are
 * none. */
static void header(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct reader *r = sqlite3_user_data(c);
	struct str fields = argument(v[0]), name = argument(v[1]);
	struct text scratch = {NULL, 0, 0}, value = {NULL, 0, 0};
	struct field_element e;
	bool is_any = false;

	(void)n;
	while (field_scan(&fields, &e))
		add_value(r, &e, name, &scratch, &value, &is_any);
	if (is_any)
		give(c, text_str(&value), true);
	text_fini(&scratch);
	text_fini(&value);
}

static void regex_free(void *r)
{
	filter_regex_free(r);
}

/* The pattern, compiled once for a statement; NULL after making the error the result. */
static const struct filter_regex *compiled(sqlite3_context *c, struct str pattern)
{
	struct filter_regex *r = sqlite3_get_auxdata(c, 0);
	char why[WHY_BYTES], words[WHY_BYTES + 64];
	size_t position = 0;

	if (r != NULL)
		return r;
	r = filter_regex_new(pattern, false, &position, why, sizeof(why));
	if (r != NULL) {
		sqlite3_set_auxdata(c, 0, r, regex_free);
		return sqlite3_get_auxdata(c, 0);
	}
	snprintf(words, sizeof(words), "not a regular expression that can be used, at its byte %zu: %s", position, why);
	sqlite3_result_error(c, words, -1);
	return NULL;
}

/* regexp(pattern, text): whether the pattern, as in filters, is found in the text; NULL where that takes too many steps. */
static void regexp(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct filter_budget budget = {FILTER_BUDGET_STEPS};
	const struct filter_regex *r;
	enum filter_answer answer;

	(void)n;
	if (sqlite3_value_type(v[0]) == SQLITE_NULL || sqlite3_value_type(v[1]) == SQLITE_NULL)
		return;
	r = compiled(c, argument(v[0]));
	if (r == NULL)
		return;
	answer = filter_regex_finds(r, argument(v[1]), &budget);
	if (answer != FILTER_UNDECIDED)
		sqlite3_result_int(c, answer == FILTER_YES);
}

bool sql_functions_add(struct reader *r)
{
	static const struct {
		const char *name;
		int arguments;
		void (*call)(sqlite3_context *c, int n, sqlite3_value **v);
	} functions[] = {{"body", 1, body}, {"body_text", -1, body_text}, {"header", 2, header}, {"regexp", 2, regexp}};

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (sqlite3_create_function_v2(r->db, functions[i].name, functions[i].arguments,
			    SQLITE_UTF8 | SQLITE_DIRECTONLY, r, functions[i].call, NULL, NULL, NULL) != SQLITE_OK)
			return reader_fail(r);
	}
	return true;
}
