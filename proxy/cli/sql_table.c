/* Rows as text. The first rows of a table are held back until the widths of its columns are known; later ones keep to them. */
#include "cli/sql_table.h"

#include "base/mem.h"
#include "store/format.h"
#include "store/json.h"

#include <string.h>

enum { MEASURED_ROWS = 200, WIDEST_CELL = 60, MOST_BYTES = 5 * WIDEST_CELL };

struct sql_column {
	char *name;
	size_t width;    /* in characters */
	bool is_numbers; /* aligned to the right */
};

/* A value made legible, or a name. */
struct cell {
	size_t from, len; /* in cells */
	size_t width;
};

struct sql_table {
	enum sql_shape shape;
	bool has_colour;
	struct sql_column *columns;
	size_t n;
	struct text cells;
	struct cell *held; /* n of each row, MEASURED_ROWS rows */
	size_t rows_n;
	bool is_measured; /* the heading is written */
};

struct sql_table *sql_table_new(enum sql_shape shape, bool has_colour)
{
	struct sql_table *t = mem_calloc(1, sizeof(*t));

	t->shape = shape;
	t->has_colour = has_colour;
	return t;
}

static void forget_columns(struct sql_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		mem_free(t->columns[i].name);
	mem_free(t->columns);
	mem_free(t->held);
	t->columns = NULL;
	t->held = NULL;
	t->n = t->rows_n = 0;
	t->is_measured = false;
	text_clear(&t->cells);
}

void sql_table_free(struct sql_table *t)
{
	if (t == NULL)
		return;
	forget_columns(t);
	text_fini(&t->cells);
	mem_free(t);
}

/* Characters: bytes that begin one. */
static size_t width_of(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

/* The bytes of the first n characters. */
static size_t bytes_of(struct str s, size_t n)
{
	size_t i = 0;

	for (; i < s.len; i++) {
		if (((unsigned char)s.p[i] & 0xc0) != 0x80 && n-- == 0)
			break;
	}
	return i;
}

/* Adds the cell's text; of several columns none may push the others out of sight. */
static struct cell add_cell(struct sql_table *t, const struct sql_value *v)
{
	struct cell c = {t->cells.len, 0, 0};
	size_t most = t->n > 1 ? MOST_BYTES : SIZE_MAX;
	struct str text = str_first(v->text, v->text.len < most ? v->text.len : most);

	if (v->type == SQL_BLOB)
		text_visible(&t->cells, text);
	else if (v->type != SQL_NULL)
		text_legible(&t->cells, text);
	text = str_from(text_str(&t->cells), c.from);
	c.width = width_of(text);
	if (c.width > WIDEST_CELL && t->n > 1) {
		t->cells.len = c.from + bytes_of(text, WIDEST_CELL - 1);
		text_put(&t->cells, STR("\xe2\x80\xa6"));
		c.width = WIDEST_CELL;
	}
	c.len = t->cells.len - c.from;
	return c;
}

static void put_blanks(struct text *out, size_t n)
{
	while (n-- > 0)
		text_byte(out, ' ');
}

/* The last column is not filled up. */
static void put_aligned(const struct sql_table *t, size_t column, struct str text, size_t width, struct text *out)
{
	const struct sql_column *c = &t->columns[column];
	size_t blanks = c->width > width ? c->width - width : 0;

	if (column > 0)
		text_put(out, STR("  "));
	if (c->is_numbers)
		put_blanks(out, blanks);
	text_put(out, text);
	if (!c->is_numbers && column + 1 < t->n)
		put_blanks(out, blanks);
}

static void put_heading(const struct sql_table *t, struct text *out)
{
	format_colour(out, t->has_colour ? COLOUR_BOLD : COLOUR_NONE);
	for (size_t i = 0; i < t->n; i++)
		put_aligned(t, i, str_of(t->columns[i].name), width_of(str_of(t->columns[i].name)), out);
	format_colour_end(out, t->has_colour ? COLOUR_BOLD : COLOUR_NONE);
	text_byte(out, '\n');
}

static void put_held(struct sql_table *t, struct text *out)
{
	if (!t->is_measured)
		put_heading(t, out);
	t->is_measured = true;
	for (size_t i = 0; i < t->rows_n * t->n; i++) {
		const struct cell *c = &t->held[i];

		put_aligned(t, i % t->n, str_first(str_from(text_str(&t->cells), c->from), c->len), c->width, out);
		if (i % t->n + 1 == t->n)
			text_byte(out, '\n');
	}
	t->rows_n = 0;
	text_clear(&t->cells);
}

void sql_table_begin(struct sql_table *t, const char *const *names, size_t n, struct text *out)
{
	sql_table_end(t, out);
	forget_columns(t);
	t->n = n;
	t->columns = mem_calloc(n, sizeof(*t->columns));
	t->held = mem_calloc(n, MEASURED_ROWS * sizeof(*t->held));
	for (size_t i = 0; i < n; i++) {
		struct text name = {NULL, 0, 0};

		text_legible(&name, str_of(names[i]));
		t->columns[i] = (struct sql_column){mem_strndup(t->shape == SQL_TABLE && name.p ? name.p : names[i],
							    t->shape == SQL_TABLE ? name.len : strlen(names[i])),
			width_of(text_str(&name)), true};
		text_fini(&name);
	}
}

/* Measures a row, and writes those that are held back as soon as they are many. */
static void hold_row(struct sql_table *t, const struct sql_value *values, struct text *out)
{
	for (size_t i = 0; i < t->n; i++) {
		struct sql_column *column = &t->columns[i];
		struct cell c = add_cell(t, &values[i]);

		t->held[t->rows_n * t->n + i] = c;
		if (t->is_measured)
			continue;
		column->is_numbers &= values[i].type == SQL_INTEGER || values[i].type == SQL_REAL || values[i].type == SQL_NULL;
		column->width = c.width > column->width ? c.width : column->width;
	}
	t->rows_n++;
	if (t->is_measured || t->rows_n == MEASURED_ROWS)
		put_held(t, out);
}

/* A value in one line: what divides lines and columns as an escape. */
static void put_escaped(const struct sql_value *v, struct text *out)
{
	struct str rest = v->text;

	while (rest.len > 0) {
		size_t plain = 0;

		while (plain < rest.len && rest.p[plain] != '\t' && rest.p[plain] != '\n' && rest.p[plain] != '\\')
			plain++;
		if (v->type == SQL_BLOB)
			text_visible(out, str_first(rest, plain));
		else
			text_legible(out, str_first(rest, plain));
		rest = str_from(rest, plain);
		if (rest.len == 0)
			return;
		text_put(out, rest.p[0] == '\t' ? STR("\\t") : rest.p[0] == '\n' ? STR("\\n") : STR("\\\\"));
		rest = str_from(rest, 1);
	}
}

static void put_tabs(const struct sql_table *t, const struct sql_value *values, struct text *out)
{
	for (size_t i = 0; i < t->n; i++) {
		if (i > 0)
			text_byte(out, '\t');
		put_escaped(&values[i], out);
	}
	text_byte(out, '\n');
}

/* Bytes, whatever they are: the type of a value does not hang on what a peer sent. */
static void put_hex(struct text *out, struct str s)
{
	static const char digits[] = "0123456789abcdef";

	text_put(out, STR("{\"hex\":\""));
	for (size_t i = 0; i < s.len; i++) {
		text_byte(out, digits[(unsigned char)s.p[i] >> 4]);
		text_byte(out, digits[(unsigned char)s.p[i] & 15]);
	}
	text_put(out, STR("\"}"));
}

/* What is a number to SQLite but none to JSON (an infinity) is null. */
static void put_json(const struct sql_table *t, const struct sql_value *values, struct text *out)
{
	text_byte(out, '{');
	for (size_t i = 0; i < t->n; i++) {
		struct str s = values[i].text;
		bool is_number = values[i].type == SQL_INTEGER || values[i].type == SQL_REAL;

		if (i > 0)
			text_byte(out, ',');
		json_string(out, str_of(t->columns[i].name));
		text_byte(out, ':');
		if (values[i].type == SQL_NULL || (is_number && s.len > 0 && (s.p[s.len - 1] == 'f' || s.p[s.len - 1] == 'N')))
			text_put(out, STR("null"));
		else if (is_number)
			text_put(out, s);
		else if (values[i].type == SQL_TEXT)
			json_bytes(out, s);
		else
			put_hex(out, s);
	}
	text_put(out, STR("}\n"));
}

void sql_table_row(struct sql_table *t, const struct sql_value *values, struct text *out)
{
	if (t->shape == SQL_TABLE)
		hold_row(t, values, out);
	else if (t->shape == SQL_TABS)
		put_tabs(t, values, out);
	else
		put_json(t, values, out);
}

void sql_table_end(struct sql_table *t, struct text *out)
{
	if (t->shape == SQL_TABLE && t->n > 0 && (t->rows_n > 0 || !t->is_measured))
		put_held(t, out);
}
