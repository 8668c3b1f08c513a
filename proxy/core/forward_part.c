/* See forward_part.h. */
#include "core/forward_part.h"

/* What Connection may not remove, however it names them: the message would mean something else. */
static const struct field_row never_nominated[] = {
	FIELD_ROW("Host", FIELD_HOST),
	FIELD_ROW("Via", FIELD_HOP),
	FIELD_ROW("Content-Length", FIELD_HOP),
	FIELD_ROW("Transfer-Encoding", FIELD_HOP),
};

enum field_kind forward_field_kind(struct str name, const struct field_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* The lengths or the first letters differ nearly always: the call is spared then. */
		if (rows[i].name.len == name.len && ((rows[i].name.p[0] ^ name.p[0]) & 0xdf) == 0 &&
			str_ieq(rows[i].name, name))
			return rows[i].kind;
	}
	return FIELD_PLAIN;
}

bool forward_nominates(const struct message *m)
{
	const struct fields *fields = &m->fields;

	for (size_t i = 0; i < fields->n; i++) {
		struct str value = fields->v[i].value;

		if (fields->v[i].name.len == sizeof("Connection") - 1 && str_ieq(fields->v[i].name, STR("Connection")) &&
			!str_ieq(value, STR("keep-alive")) && !str_ieq(value, STR("close")))
			return true;
	}
	return false;
}

bool forward_is_nominated(const struct message *m, struct str name)
{
	size_t n = sizeof(never_nominated) / sizeof(never_nominated[0]);

	return forward_field_kind(name, never_nominated, n) == FIELD_PLAIN &&
		fields_list_has(&m->fields, STR("Connection"), name);
}

bool forward_add_via(struct arena *a, struct fields *fields, enum version received, struct str via)
{
	struct str value = arena_printf(a, "%s %.*s", received == VERSION_1_0 ? "1.0" : "1.1", STR_ARG(via));

	return value.p != NULL && fields_add(a, fields, STR("Via"), value);
}

bool forward_drop(struct arena *a, struct drop_list *list, struct str name, const char *why)
{
	struct drop *drop = arena_alloc(a, sizeof(*drop));

	if (drop == NULL)
		return false;
	*drop = (struct drop){.name = name, .why = why};
	if (list->last == NULL)
		list->first = drop;
	else
		list->last->next = drop;
	list->last = drop;
	return true;
}
