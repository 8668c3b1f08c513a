/* The rows of options.def as a constant table: names, types, places in struct settings, limits.
 * Not for: reading values (values.h) or sources (settings.c). */
#ifndef VIADUCT_CONFIG_OPTION_TABLE_H
#define VIADUCT_CONFIG_OPTION_TABLE_H

#include "base/str.h"
#include "config/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_type { VALUE_BOOL, VALUE_INT, VALUE_BYTES, VALUE_MS, VALUE_TEXT, VALUE_PATH, VALUE_LIST, VALUE_ENUM };

/* One per row, named after its field: OPT_dns_max_ttl_ms. */
enum option_id {
#define OPTION(name, field, type, def, min, max, reload, about) OPT_##field,
#define OPTION_ENUM(name, field, def, choices, reload, about) OPT_##field,
#include "config/options.def"
#undef OPTION
#undef OPTION_ENUM
	OPTION_COUNT
};

struct option {
	const char *name; /* "dns.max_ttl" */
	enum value_type type;
	size_t offset;       /* of the field in struct settings */
	const char *def;     /* the default, as it would be typed */
	int64_t min, max;    /* in the base unit; for a LIST its number of items */
	const char *choices; /* "auto|follow|pass" for an ENUM, else NULL */
	bool is_live;        /* SIGHUP takes it over */
	const char *about;
};

enum { OPTION_ENV_BYTES = 80 };
#define OPTION_ENV_PREFIX "VIADUCT_"

const struct option *option_row(enum option_id id);
/* OPTION_COUNT if there is none of that name. */
enum option_id option_of_name(struct str name);
/* The same for the name of an environment variable, prefix included. */
enum option_id option_of_env(struct str name);
/* The name of the option's environment variable: VIADUCT_DNS_MAX_TTL. Returns to. */
const char *option_env_name(enum option_id id, char to[OPTION_ENV_BYTES]);
/* True for "dns", which is no option but has some below it. False for "intercept", which has some too, but is one itself. */
bool option_is_section(struct str name);

/* Where the settings keep the option's value. */
void *option_field(enum option_id id, struct settings *s);
const void *option_field_const(enum option_id id, const struct settings *s);

#endif
