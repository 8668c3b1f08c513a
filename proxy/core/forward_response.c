/* Responses on their way to the client: see forward.h. */
#include "core/forward.h"

#include "core/forward_part.h"

static const struct field_row response_rows[] = {
	FIELD_ROWS_HOP_BY_HOP,
	FIELD_ROW("Viaduct-Hops", FIELD_OF_VIADUCT),
	FIELD_ROW("Viaduct-Final-URL", FIELD_OF_VIADUCT),
	FIELD_ROW("Set-Cookie", FIELD_SET_COOKIE),
	FIELD_ROW("Location", FIELD_REFERENCE),
	FIELD_ROW("Content-Location", FIELD_REFERENCE),
	FIELD_ROW("Strict-Transport-Security", FIELD_ORIGIN_WIDE),
	FIELD_ROW("Alt-Svc", FIELD_ORIGIN_WIDE),
	FIELD_ROW("Clear-Site-Data", FIELD_ORIGIN_WIDE),
	FIELD_ROW("Service-Worker-Allowed", FIELD_ORIGIN_WIDE),
	FIELD_ROW("Public-Key-Pins", FIELD_ORIGIN_WIDE),
	FIELD_ROW("Public-Key-Pins-Report-Only", FIELD_ORIGIN_WIDE),
	FIELD_ROW("Expect-CT", FIELD_ORIGIN_WIDE),
	FIELD_ROW("NEL", FIELD_ORIGIN_WIDE),
	FIELD_ROW("Report-To", FIELD_ORIGIN_WIDE),
	FIELD_ROW("Reporting-Endpoints", FIELD_ORIGIN_WIDE),
	FIELD_ROW("Accept-CH", FIELD_ORIGIN_WIDE),
	FIELD_ROW("Accept-CH-Lifetime", FIELD_ORIGIN_WIDE),
	FIELD_ROW("Critical-CH", FIELD_ORIGIN_WIDE),
	FIELD_ROW("Origin-Agent-Cluster", FIELD_ORIGIN_WIDE),
};

/* A response for the client while it is made. */
struct making {
	struct arena *a;
	const struct forward_response *f;
	struct message *m;
	struct drop_list drops;
	bool nominates;
	bool is_elsewhere; /* who answers is another origin than the one asked */
	bool is_cors;
};

/* Why a field of the origin is withheld from the client; NULL if it is not. */
static const char *why_withheld(const struct making *k, enum field_kind kind, struct str name)
{
	if (!k->is_elsewhere)
		return NULL;
	if (kind == FIELD_ORIGIN_WIDE)
		return "it is for another origin";
	if (k->is_cors && str_istarts(name, STR("Access-Control-")))
		return "it answers a CORS request for another origin";
	return NULL;
}

/* "x" and "//x" depend on the URL that they are found under; "http:x" does not. */
static bool is_relative(struct str reference)
{
	for (size_t i = 0; i < reference.len; i++) {
		char c = reference.p[i];

		if (c == ':')
			return false;
		if (c == '/' || c == '?' || c == '#')
			return true;
	}
	return reference.len > 0;
}

/* The client knows only the URL that it asked for: what the origin at the end of the chain says relative to its own is made
 * absolute. What cannot be resolved stays as it is. */
static bool add_reference(struct making *k, const struct field *field)
{
	struct str value = field->value;
	struct url u;

	if (k->f->final != NULL && is_relative(value) && url_resolve(k->a, k->f->final, value, false, &u) == LOCATION_OK) {
		value = url_report(k->a, &u);
		if (value.p == NULL)
			return false;
	}
	return fields_add(k->a, &k->m->fields, field->name, value);
}

/* True if a field ends here without a word. */
static bool ends_here(const struct making *k, enum field_kind kind, struct str name)
{
	if (kind == FIELD_HOP || kind == FIELD_OF_VIADUCT)
		return true;
	if (kind == FIELD_UPGRADE)
		return !k->f->keep_upgrade;
	if (kind == FIELD_SET_COOKIE && k->f->jar != NULL)
		return true;
	return k->nominates && forward_is_nominated(k->f->received, name);
}

static bool copy_field(struct making *k, const struct field *field)
{
	enum field_kind kind = forward_field_kind(field->name, response_rows, sizeof(response_rows) / sizeof(response_rows[0]));
	const char *why;

	if (ends_here(k, kind, field->name))
		return true;
	why = why_withheld(k, kind, field->name);
	if (why != NULL)
		return forward_drop(k->a, &k->drops, field->name, why);
	if (kind == FIELD_REFERENCE)
		return add_reference(k, field);
	return fields_add(k->a, &k->m->fields, field->name, field->value);
}

static bool copy_fields(struct making *k)
{
	const struct fields *from = &k->f->received->fields;

	k->nominates = forward_nominates(k->f->received);
	for (size_t i = 0; i < from->n; i++) {
		if (!copy_field(k, &from->v[i]))
			return false;
	}
	return true;
}

/* What the hops before have to say in it. */
static bool add_chain(const struct making *k)
{
	const struct forward_response *f = k->f;

	if (f->jar != NULL && f->first != NULL && !jar_give(f->jar, k->a, f->first, &k->m->fields))
		return false;
	return f->freshness == NULL || freshness_apply(f->freshness, k->a, k->m, f->now_s);
}

struct message *forward_response(struct arena *a, const struct forward_response *f, const struct drop **ret_drops)
{
	const struct message *received = f->received;
	struct making k = {.a = a, .f = f, .m = arena_zalloc(a, sizeof(*k.m))};
	struct message *m = k.m;

	if (m == NULL)
		return NULL;
	k.is_elsewhere = f->first != NULL && f->final != NULL && !url_same_origin(f->first, f->final);
	k.is_cors = k.is_elsewhere && f->request != NULL && fields_find(&f->request->fields, STR("Origin"), 0) != NULL;
	m->version = VERSION_1_1;
	m->status = received->status;
	m->reason = str_of(status_reason(received->status));
	if (!copy_fields(&k) || !add_chain(&k) || !forward_add_via(a, &m->fields, received->version, f->via))
		return NULL;
	if (ret_drops != NULL)
		*ret_drops = k.drops.first;
	return m;
}
