/* The option table: the rows of options.def and the ways to find one. Pure. */
#include "config/option_table.h"

#include <stdio.h>

/* A mistyped reload column does not compile. */
enum { RELOAD_RESTART, RELOAD_LIVE };

static const struct option option_rows[OPTION_COUNT] = {
#define OPTION(name, field, type, def, min, max, reload, about)                                                                \
	{#name, VALUE_##type, offsetof(struct settings, field), def, min, max, NULL, RELOAD_##reload == RELOAD_LIVE, about},
#define OPTION_ENUM(name, field, def, choices, reload, about)                                                                  \
	{#name, VALUE_ENUM, offsetof(struct settings, field), def, 0, 0, choices, RELOAD_##reload == RELOAD_LIVE, about},
#include "config/options.def"
#undef OPTION
#undef OPTION_ENUM
};

const struct option *option_row(enum option_id id)
{
	return &option_rows[id];
}

enum option_id option_of_name(struct str name)
{
	for (int id = 0; id < OPTION_COUNT; id++) {
		if (str_eq(name, str_of(option_rows[id].name)))
			return (enum option_id)id;
	}
	return OPTION_COUNT;
}

/* One character of an option's name as it stands in a variable's name; not toupper, which follows the locale. */
static char env_char(char c)
{
	if (c == '.')
		return '_';
	return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

const char *option_env_name(enum option_id id, char to[OPTION_ENV_BYTES])
{
	int len = snprintf(to, OPTION_ENV_BYTES, "%s%s", OPTION_ENV_PREFIX, option_rows[id].name);

	for (int i = sizeof(OPTION_ENV_PREFIX) - 1; i < len && i < OPTION_ENV_BYTES - 1; i++)
		to[i] = env_char(to[i]);
	return to;
}

enum option_id option_of_env(struct str name)
{
	char env[OPTION_ENV_BYTES];

	for (int id = 0; id < OPTION_COUNT; id++) {
		if (str_eq(name, str_of(option_env_name((enum option_id)id, env))))
			return (enum option_id)id;
	}
	return OPTION_COUNT;
}

bool option_is_section(struct str name)
{
	if (option_of_name(name) != OPTION_COUNT)
		return false;
	for (int id = 0; id < OPTION_COUNT; id++) {
		struct str full = str_of(option_rows[id].name);

		if (str_starts(full, name) && full.len > name.len && full.p[name.len] == '.')
			return name.len != 0;
	}
	return false;
}

void *option_field(enum option_id id, struct settings *s)
{
	return (char *)s + option_rows[id].offset;
}

const void *option_field_const(enum option_id id, const struct settings *s)
{
	return (const char *)s + option_rows[id].offset;
}
