/* Fields, trailers and query strings of HAR messages. Not for cookies: har_cookies.c. */
#include "store/har/har_part.h"

#include "http/form.h"
#include "store/har/har_put.h"
#include "store/json.h"

/* What redact appended to the scratch, in the arena; when that is full, nothing. */
static struct str take_scratch(struct har_out *x)
{
	struct str kept = arena_str(x->arena, text_str(x->scratch));

	return kept.p ? kept : STR_NONE;
}

struct str har_shown_url(struct har_out *x, struct str url)
{
	if (!x->o->redactor)
		return url;
	text_clear(x->scratch);
	return redact_url(x->o->redactor, x->scratch, url) ? take_scratch(x) : url;
}

struct str har_shown_value(struct har_out *x, const struct field *f)
{
	if (!x->o->redactor)
		return f->value;
	text_clear(x->scratch);
	return redact_field(x->o->redactor, x->scratch, f->name, f->value) ? take_scratch(x) : f->value;
}

struct str har_shown_line(struct har_out *x, struct str line)
{
	if (!x->o->redactor)
		return line;
	text_clear(x->scratch);
	return redact_start_line(x->o->redactor, x->scratch, line) ? take_scratch(x) : line;
}

struct str har_shown_words(struct har_out *x, struct str words)
{
	if (!x->o->redactor)
		return words;
	text_clear(x->scratch);
	return redact_words(x->o->redactor, x->scratch, words) ? take_scratch(x) : words;
}

void har_put_fields(struct har_out *x, const char *key, const struct fields *f)
{
	json_key(x->t, key);
	text_byte(x->t, '[');
	for (size_t i = 0; i < f->n; i++) {
		json_next(x->t);
		text_byte(x->t, '{');
		har_put_exact(x->t, "name", f->v[i].name);
		har_put_exact(x->t, "value", har_shown_value(x, &f->v[i]));
		text_byte(x->t, '}');
	}
	text_byte(x->t, ']');
}

/* The URL is one that may be shown. */
void har_put_query(struct har_out *x, struct str url)
{
	struct str bare = str_first(url, str_find(url, '#'));
	size_t mark = str_find(bare, '?');

	json_key(x->t, "queryString");
	text_byte(x->t, '[');
	if (mark < bare.len)
		(void)form_each_pair(x->arena, str_from(bare, mark + 1), har_put_pair, x->t);
	text_byte(x->t, ']');
}

struct str har_combined(struct har_out *x, const struct fields *f, struct str name)
{
	struct str all = STR_NONE;

	for (size_t i = 0; i < f->n; i++) {
		if (!str_ieq(f->v[i].name, name))
			continue;
		if (all.len == 0)
			all = f->v[i].value;
		else
			all = arena_printf(x->arena, "%.*s, %.*s", STR_ARG(all), STR_ARG(f->v[i].value));
		if (!all.p)
			return STR_NONE;
	}
	return all;
}

bool har_fields_equal(const struct fields *a, const struct fields *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (!str_eq(a->v[i].name, b->v[i].name) || !str_eq(a->v[i].value, b->v[i].value))
			return false;
	}
	return true;
}
