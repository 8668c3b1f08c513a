/* Methods, versions and copies of message heads (RFC 9110 sections 2.5 and 9). */
#include "http/message.h"

#include <string.h>

static const struct {
	struct str name;
	bool is_safe, is_idempotent;
} methods[] = {
	[METHOD_UNKNOWN] = {{"", 0}, false, false},
#define METHOD_ROW(id, text, safe, idempotent) [METHOD_##id] = {{text, sizeof(text) - 1}, safe, idempotent},
#include "http/method.def"
#undef METHOD_ROW
};

enum method method_of(struct str name)
{
	for (size_t i = METHOD_UNKNOWN + 1; i < sizeof(methods) / sizeof(*methods); i++) {
		if (methods[i].name.len == name.len && memcmp(methods[i].name.p, name.p, name.len) == 0)
			return (enum method)i;
	}
	return METHOD_UNKNOWN;
}

bool method_is_safe(enum method m)
{
	return methods[m].is_safe;
}

bool method_is_idempotent(enum method m)
{
	return methods[m].is_idempotent;
}

const char *version_name(enum version v)
{
	switch (v) {
	case VERSION_1_0:
		return "HTTP/1.0";
	case VERSION_1_1:
		return "HTTP/1.1";
	case VERSION_2:
		return "HTTP/2";
	}
	return "HTTP/?";
}

/* Copies the array, not the strings. */
static bool fields_clone(struct arena *a, const struct fields *from, struct fields *to)
{
	*to = (struct fields){0};
	if (from->n == 0)
		return true;
	to->v = arena_alloc(a, from->n * sizeof(*to->v));
	if (!to->v)
		return false;
	memcpy(to->v, from->v, from->n * sizeof(*to->v));
	to->n = to->cap = from->n;
	return true;
}

struct message *message_clone(struct arena *a, const struct message *m)
{
	struct message *copy = arena_alloc(a, sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *m;
	if (!fields_clone(a, &m->fields, &copy->fields) || !fields_clone(a, &m->trailers, &copy->trailers))
		return NULL;
	return copy;
}
