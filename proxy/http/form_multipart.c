/* A multipart body divided at its delimiters (RFC 2046 section 5.1.1). Lenient on the ends of lines, strict on what a
 * delimiter is: a whole line. Not for: what is inside of a part (form_part.c). */
#include "http/form_part.h"

#include <string.h>

/* A line that divides. */
struct delimiter {
	size_t at;   /* its first hyphen */
	size_t next; /* behind its line */
	bool is_last;
};

/* Printable ASCII, and not too long. More than RFC 2046 allows, but nothing that could be part of a line's end. */
static bool is_boundary(struct str s)
{
	if (s.len == 0 || s.len > FORM_BOUNDARY_BYTES)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	}
	return true;
}

/* The bytes of a line's end at the front; 0: there is none. */
static size_t line_end(struct str s)
{
	if (str_starts(s, STR("\n")))
		return 1;
	return str_starts(s, STR("\r\n")) ? 2 : 0;
}

/* True if what stands behind the boundary makes the line a delimiter: two hyphens for the last one, white space, the line's
 * end. The input may be cut there. */
static bool read_tail(struct str body, size_t at, struct delimiter *d)
{
	struct str rest = str_from(body, at);

	d->is_last = str_starts(rest, STR("--"));
	if (d->is_last)
		rest = str_from(rest, 2);
	while (rest.len > 0 && (rest.p[0] == ' ' || rest.p[0] == '\t'))
		rest = str_from(rest, 1);
	if (str_eq(rest, STR("\r")))
		rest = STR_NONE;
	if (rest.len > 0 && line_end(rest) == 0)
		return false;
	d->next = body.len - rest.len + line_end(rest);
	return true;
}

/* The first delimiter at from or later. mark: LF, two hyphens, the boundary; since no mark can begin inside of another, each
 * byte is looked at once, whatever the boundary is. */
static bool find_delimiter(struct str body, struct str mark, size_t from, struct delimiter *ret)
{
	for (size_t at = from; at <= body.len;) {
		struct str rest = str_from(body, at);
		struct delimiter d = {.at = at};
		const char *found;

		if ((at == 0 || body.p[at - 1] == '\n') && str_starts(rest, str_from(mark, 1)) &&
			read_tail(body, at + mark.len - 1, &d)) {
			*ret = d;
			return true;
		}
		found = rest.len > 0 ? memmem(rest.p, rest.len, mark.p, mark.len) : NULL;
		if (!found)
			return false;
		at = (size_t)(found - body.p) + 1;
	}
	return false;
}

/* What stands between two delimiters. The end of the line in front of the second one belongs to that. */
static struct str between(struct str body, size_t from, size_t to)
{
	if (to > from && body.p[to - 1] == '\n')
		to--;
	if (to > from && to < body.len && body.p[to] == '\n' && body.p[to - 1] == '\r')
		to--;
	return str_first(str_from(body, from), to - from);
}

/* The parts, from behind the first delimiter on. False when the arena is full. */
static bool each_part(struct arena *a, struct str body, struct str mark, size_t from,
	bool (*take)(void *owner, const struct form_part *p), void *owner)
{
	for (size_t i = 0; i < FORM_MAX_PARTS && from < body.len; i++) {
		struct delimiter d;
		bool is_cut = !find_delimiter(body, mark, from, &d);
		struct str text = is_cut ? str_from(body, from) : between(body, from, d.at);
		struct form_part part;

		if (!form_read_part(a, text, &part))
			return false;
		part.is_cut = is_cut;
		if (!take(owner, &part) || is_cut || d.is_last)
			break;
		from = d.next;
	}
	return true;
}

bool form_each_part(struct arena *a, struct str boundary, struct str body, bool (*take)(void *owner, const struct form_part *p),
	void *owner)
{
	char text[FORM_BOUNDARY_BYTES + 3] = "\n--";
	struct str mark = {text, boundary.len + 3};
	struct delimiter first;

	if (!is_boundary(boundary))
		return false;
	memcpy(text + 3, boundary.p, boundary.len);
	if (!find_delimiter(body, mark, 0, &first))
		return false;
	return first.is_last || each_part(a, body, mark, first.next, take, owner);
}
