/* Settings in the making: where each value came from, so that a message can name its place. Inside config/ only. */
#ifndef VIADUCT_CONFIG_SETTINGS_BUILD_H
#define VIADUCT_CONFIG_SETTINGS_BUILD_H

#include "config/option_table.h"
#include "config/settings.h"

#include <stdbool.h>
#include <stddef.h>

/* In rising precedence. */
enum origin_kind { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT, ORIGIN_SET };

struct origin {
	enum origin_kind kind;
	int line; /* ORIGIN_FILE */
};

struct settings_build {
	struct settings *s;
	const struct settings_source *source;
	struct origin origins[OPTION_COUNT];
	char *why;
	size_t why_size;
};

/* Writes the one-line message: where the option's value came from, its name, the reason. Returns false. */
bool build_fail(struct settings_build *b, enum option_id id, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same for a place that is no option. */
bool build_fail_at(struct settings_build *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The one of two options that was set with the higher precedence: where two clash, it is to blame. */
enum option_id build_later(const struct settings_build *b, enum option_id a, enum option_id c);

/* Takes over the values of the file, the environment and the command line. */
bool build_read(struct settings_build *b);
/* Checks what the types cannot, and fills in what is made from the options. */
bool build_check(struct settings_build *b);

/* The part of build_check that is about redirects, retries and what addresses may be reached. */
bool build_check_follow(struct settings_build *b);

/* The part that is about opening tunnels and the CA. */
bool build_check_intercept(struct settings_build *b);

/* The part that is about capture and the HAR file. */
bool build_check_capture(struct settings_build *b);

/* All defaults, nothing checked, nothing made from them; one reference. */
struct settings *settings_new_defaults(void);

#endif
