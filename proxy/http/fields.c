/* Ordered lists of fields (RFC 9110 section 5). Not for: what a field means. */
#include "http/message.h"

#include <string.h>

enum { FIRST_FIELDS = 16 };

/* Doubles the array in the arena; the old one stays there until the arena goes. */
static bool grow(struct arena *a, struct fields *f)
{
	size_t cap = f->cap ? f->cap * 2 : FIRST_FIELDS;
	struct field *v;

	if (cap > SIZE_MAX / sizeof(*v))
		return false;
	v = arena_alloc(a, cap * sizeof(*v));
	if (!v)
		return false;
	if (f->n > 0)
		memcpy(v, f->v, f->n * sizeof(*v));
	f->v = v;
	f->cap = cap;
	return true;
}

bool fields_add(struct arena *a, struct fields *f, struct str name, struct str value)
{
	if (f->n == f->cap && !grow(a, f))
		return false;
	f->v[f->n++] = (struct field){name, value};
	return true;
}

/* The lengths differ nearly always: the call is spared then. */
static bool has_name(const struct field *f, struct str name)
{
	return f->name.len == name.len && str_ieq(f->name, name);
}

const struct field *fields_find(const struct fields *f, struct str name, size_t from)
{
	for (size_t i = from; i < f->n; i++) {
		if (has_name(&f->v[i], name))
			return &f->v[i];
	}
	return NULL;
}

struct str fields_value(const struct fields *f, struct str name)
{
	const struct field *found = fields_find(f, name, 0);

	return found ? found->value : STR_NONE;
}

size_t fields_count(const struct fields *f, struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += has_name(&f->v[i], name);
	return n;
}

bool fields_list_has(const struct fields *f, struct str name, struct str item)
{
	for (size_t i = 0; i < f->n; i++) {
		if (has_name(&f->v[i], name) && str_list_has(f->v[i].value, item))
			return true;
	}
	return false;
}

size_t fields_remove(struct fields *f, struct str name)
{
	size_t kept = 0, removed;

	for (size_t i = 0; i < f->n; i++) {
		if (!has_name(&f->v[i], name))
			f->v[kept++] = f->v[i];
	}
	removed = f->n - kept;
	f->n = kept;
	return removed;
}
