/* The rows of filter_fields.def and the ways to find one. Pure. */
#include "config/filter_fields.h"

#include "config/suggest.h"

#include <string.h>

struct field_row {
	const char *name;
	enum filter_type type;
	bool is_early;
};

static const struct field_row rows[FILTER_FIELD_COUNT] = {
#define FILTER_FIELD(id, name, type, is_known_early, about) {name, FILTER_##type, is_known_early},
#include "config/filter_fields.def"
#undef FILTER_FIELD
};

static const struct filter_unit counts[] = {{"", 1}, {NULL, 0}};
static const struct filter_unit sizes[] = {{"", 1}, {"k", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {NULL, 0}};
static const struct filter_unit times[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {NULL, 0}};

const char *filter_field_name(enum filter_field f)
{
	return rows[f].name;
}

enum filter_type filter_field_type(enum filter_field f)
{
	return rows[f].type;
}

bool filter_field_is_for(enum filter_field f, bool early)
{
	return early ? rows[f].is_early : f != FILTER_hop;
}

bool filter_field_is_named(enum filter_field f)
{
	return strchr(rows[f].name, '[') != NULL;
}

bool filter_field_is_address(enum filter_field f)
{
	return f == FILTER_client || f == FILTER_peer;
}

bool filter_field_is_body(enum filter_field f)
{
	return f == FILTER_req_body || f == FILTER_res_body;
}

bool filter_field_is_caseless(enum filter_field f)
{
	return f == FILTER_method || f == FILTER_scheme || f == FILTER_host || f == FILTER_type;
}

const struct filter_unit *filter_field_units(enum filter_field f)
{
	if (f == FILTER_size)
		return sizes;
	return f == FILTER_time || f == FILTER_duration ? times : counts;
}

/* The name without the brackets that say that it takes one itself. */
static struct str bare_name(enum filter_field f)
{
	struct str name = str_of(rows[f].name);

	return str_first(name, str_find(name, '['));
}

enum filter_field filter_field_of_name(struct str name)
{
	for (int f = 0; f < FILTER_FIELD_COUNT; f++) {
		if (str_eq(name, bare_name((enum filter_field)f)))
			return (enum filter_field)f;
	}
	return FILTER_FIELD_COUNT;
}

static const char *late_name_at(size_t i)
{
	return filter_field_is_for((enum filter_field)i, false) ? rows[i].name : "";
}

static const char *early_name_at(size_t i)
{
	return filter_field_is_for((enum filter_field)i, true) ? rows[i].name : "";
}

enum filter_field filter_field_suggest(struct str name, bool early)
{
	return (enum filter_field)suggest_word(name, early ? early_name_at : late_name_at, FILTER_FIELD_COUNT);
}
