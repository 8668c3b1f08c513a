/* One part of a multipart body: its head read leniently (RFC 2046 section 5.1, RFC 7578 section 4), its name and file name
 * found (RFC 6266, RFC 8187). */
#include "http/form_part.h"

#include "http/charset.h"
#include "http/param.h"
#include "http/percent.h"

#include <string.h>

/* Takes the next line, without its end. False when nothing is left. */
static bool next_line(struct str *rest, struct str *ret_line)
{
	struct str line = str_first(*rest, str_find(*rest, '\n'));

	if (rest->len == 0)
		return false;
	*rest = str_from(*rest, line.len < rest->len ? line.len + 1 : line.len);
	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	*ret_line = line;
	return true;
}

/* Takes the head and the empty line behind it; all if there is no such line. */
static struct str take_head(struct str *part, bool *ret_has_end)
{
	struct str all = *part, line;
	bool has_end = false;

	while (!has_end && next_line(part, &line))
		has_end = line.len == 0;
	*ret_has_end = has_end;
	return str_first(all, all.len - part->len);
}

/* The front of a head that is too long, up to the end of a line. */
static struct str first_lines(struct str head)
{
	if (head.len <= FORM_PART_HEAD_BYTES)
		return head;
	head.len = FORM_PART_HEAD_BYTES;
	while (head.len > 0 && head.p[head.len - 1] != '\n')
		head.len--;
	return head;
}

/* A copy of a value that goes over several lines, without their ends. p NULL when the arena is full. */
static struct str unfold(struct arena *a, struct str value)
{
	char *to = arena_alloc(a, value.len);
	size_t n = 0;

	if (!to)
		return STR_NONE;
	for (size_t i = 0; i < value.len; i++) {
		if (value.p[i] != '\r' && value.p[i] != '\n')
			to[n++] = value.p[i];
	}
	return (struct str){to, n};
}

/* Takes a line and those that continue it. */
static bool next_field_text(struct str *rest, struct str *ret_text, bool *ret_is_folded)
{
	struct str line;

	if (!next_line(rest, ret_text))
		return false;
	*ret_is_folded = false;
	while (rest->len > 0 && (rest->p[0] == ' ' || rest->p[0] == '\t') && next_line(rest, &line)) {
		ret_text->len = (size_t)(line.p + line.len - ret_text->p);
		*ret_is_folded = true;
	}
	return true;
}

static bool read_fields(struct arena *a, struct str head, struct fields *f)
{
	struct str rest = first_lines(head), text;
	bool is_folded;

	while (f->n < FORM_MAX_PART_FIELDS && next_field_text(&rest, &text, &is_folded)) {
		struct str name = str_trim(str_first(text, str_find(text, ':')));
		struct str value;

		if (str_find(text, ':') == text.len || !str_is_token(name))
			continue;
		value = str_from(text, str_find(text, ':') + 1);
		if (is_folded) {
			value = unfold(a, value);
			if (!value.p)
				return false;
		}
		if (!fields_add(a, f, name, str_trim(value)))
			return false;
	}
	return true;
}

/* Text that is gathered in the arena. */
struct gathered {
	char *p;
	size_t n, size;
};

static bool gather(void *owner, struct str piece)
{
	struct gathered *g = owner;

	if (piece.len > g->size - g->n)
		return false;
	memcpy(g->p + g->n, piece.p, piece.len);
	g->n += piece.len;
	return true;
}

/* charset'language'text (RFC 8187 section 3.2), as UTF-8. Left as it is where it cannot be read. False when the arena is
 * full. */
static bool read_extended(struct arena *a, struct str value, struct str *filename)
{
	struct str label = str_first(value, str_find(value, '\'')), rest = str_from(value, label.len), bytes;
	struct gathered g = {0};

	if (rest.len == 0)
		return true;
	rest = str_from(rest, 1);
	if (str_find(rest, '\'') == rest.len)
		return true;
	rest = str_from(rest, str_find(rest, '\'') + 1);
	label = arena_str(a, label);
	bytes = percent_decode(a, rest, PERCENT_ONLY);
	if (!label.p || !bytes.p)
		return false;
	/* A byte becomes three bytes of UTF-8 at most; one more may be held back by a decoder. */
	g.size = bytes.len * 3 + 4;
	g.p = arena_alloc(a, g.size);
	if (!g.p)
		return false;
	if (charset_to_utf8(label.p, bytes, gather, &g))
		*filename = (struct str){g.p, g.n};
	return true;
}

/* Takes a parameter unless there was one of that name. False when the arena is full. */
static bool take_text(struct arena *a, const struct param *p, struct str *text)
{
	if (!text->p)
		*text = param_text(a, p, PARAM_ESCAPES_QUOTES);
	return text->p != NULL;
}

static bool read_disposition(struct arena *a, struct str value, struct form_part *part)
{
	struct str rest = str_from(value, str_find(value, ';')), extended = STR_NONE;
	struct param p;

	while (param_next(&rest, &p)) {
		bool is_fine = true;

		if (str_ieq(p.name, STR("name")))
			is_fine = take_text(a, &p, &part->name);
		else if (str_ieq(p.name, STR("filename")))
			is_fine = take_text(a, &p, &part->filename);
		else if (str_ieq(p.name, STR("filename*")))
			is_fine = read_extended(a, p.value, &extended);
		if (!is_fine)
			return false;
	}
	if (extended.p)
		part->filename = extended;
	return true;
}

bool form_read_part(struct arena *a, struct str part, struct form_part *ret)
{
	struct form_part p = {.body = part};
	bool has_end;
	struct str head = take_head(&p.body, &has_end);

	if (!read_fields(a, head, &p.fields))
		return false;
	/* Some leave the empty line away when there are no fields. */
	if (!has_end && p.fields.n == 0)
		p.body = part;
	p.content_type = fields_value(&p.fields, STR("Content-Type"));
	if (!read_disposition(a, fields_value(&p.fields, STR("Content-Disposition")), &p))
		return false;
	*ret = p;
	return true;
}
