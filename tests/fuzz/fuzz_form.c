/* Forms taken apart. The first line is the boundary, the rest the body; all of it is pairs too. Whatever is shown as a part
 * of the input is one, in its order; the limits hold. */
#include "http/form.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

struct seen {
	const char *at, *end; /* what is left of the input */
	size_t n;
	bool is_cut;
};

/* A slice of the input, behind the last one. */
static void require_next(struct seen *s, struct str slice)
{
	require(slice.p >= s->at && slice.p <= s->end && slice.len <= (size_t)(s->end - slice.p));
	s->at = slice.p + slice.len;
}

static bool take_pair(void *owner, const struct form_pair *p)
{
	struct seen *s = owner;

	require_next(s, p->raw_name);
	require_next(s, p->raw_value);
	require(p->name.len <= p->raw_name.len && p->value.len <= p->raw_value.len);
	require(p->has_value || p->raw_value.len == 0);
	require(str_find(p->raw_name, '=') == p->raw_name.len && str_find(p->raw_value, '&') == p->raw_value.len);
	s->n++;
	return true;
}

static bool take_part(void *owner, const struct form_part *p)
{
	struct seen *s = owner;

	require(!s->is_cut && ++s->n <= FORM_MAX_PARTS);
	require(p->fields.n <= FORM_MAX_PART_FIELDS);
	require_next(s, p->body);
	s->is_cut = p->is_cut;
	require(!p->is_cut || s->at == s->end);
	for (size_t i = 0; i < p->fields.n; i++) {
		struct str value = p->fields.v[i].value;

		require(str_is_token(p->fields.v[i].name));
		require(str_find(value, '\n') == value.len && str_eq(value, str_trim(value)));
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct str text = {(const char *)bytes, size}, boundary = str_first(text, str_find(text, '\n'));
	struct str body = str_from(text, boundary.len < size ? boundary.len + 1 : size);
	struct arena *a = arena_new(64 << 20), *small = arena_new(300);
	struct seen pairs = {text.p, text.p + size, 0, false}, parts = {body.p, body.p + body.len, 0, false}, few = parts;

	if (size > 0) {
		require(form_each_pair(a, text, take_pair, &pairs));
		form_each_part(a, boundary, body, take_part, &parts);
		form_each_part(small, boundary, body, take_part, &few);
		require(few.n <= parts.n);
	}
	arena_free(a);
	arena_free(small);
	return 0;
}
