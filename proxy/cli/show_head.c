/* How a head looks to people, with marks for what changed on the way. All bytes from outside are escaped. */
#include "cli/cli_show.h"

#include "base/mem.h"
#include "cli/show_parts.h"

static bool is_same(const struct field *a, const struct field *b)
{
	return str_eq(a->name, b->name) && str_eq(a->value, b->value);
}

static void put_line(struct text *t, const struct field *f, char mark, struct show_style style)
{
	enum colour c = COLOUR_NONE;

	if (style.has_colour && mark != ' ')
		c = mark == '+' ? COLOUR_GREEN : COLOUR_RED;
	format_colour(t, c);
	text_printf(t, "  %c ", mark);
	text_visible(t, f->name);
	text_put(t, STR(": "));
	text_visible(t, f->value);
	format_colour_end(t, c);
	text_byte(t, '\n');
}

/* Each line of before stands for one of v at most: takes one that is the same; false if there is none left. */
static bool take_same(const struct fields *before, bool *taken, const struct field *f)
{
	for (size_t i = 0; i < before->n; i++) {
		if (!taken[i] && is_same(&before->v[i], f)) {
			taken[i] = true;
			return true;
		}
	}
	return false;
}

static void put_fields(struct text *t, const struct fields *f, const struct fields *before, struct show_style style)
{
	bool *taken = before ? mem_calloc(before->n + 1, sizeof(*taken)) : NULL;

	for (size_t i = 0; i < f->n; i++)
		put_line(t, &f->v[i], !before || take_same(before, taken, &f->v[i]) ? ' ' : '+', style);
	for (size_t i = 0; before && i < before->n; i++) {
		if (!taken[i])
			put_line(t, &before->v[i], '-', style);
	}
	mem_free(taken);
}

static void put_start_line(struct text *t, struct str line, char mark, struct show_style style)
{
	enum colour c = COLOUR_NONE;

	if (style.has_colour && mark != ' ')
		c = mark == '+' ? COLOUR_GREEN : COLOUR_RED;
	format_colour(t, c);
	text_printf(t, "  %c ", mark);
	text_visible(t, line);
	format_colour_end(t, c);
	text_byte(t, '\n');
}

void show_head(struct text *t, const char *title, const struct head_view *v, const struct head_view *before,
	struct show_style style)
{
	bool is_changed;

	if (!v)
		return;
	is_changed = before && !str_eq(v->start_line, before->start_line);
	text_put(t, STR("\n  "));
	show_title(t, title, style);
	text_byte(t, '\n');
	put_start_line(t, v->start_line, is_changed ? '+' : ' ', style);
	if (is_changed)
		put_start_line(t, before->start_line, '-', style);
	put_fields(t, &v->fields, before ? &before->fields : NULL, style);
	if (v->trailers.n > 0) {
		text_put(t, STR("  trailers\n"));
		put_fields(t, &v->trailers, NULL, style);
	}
}
