/* The settings: all options parsed and checked, immutable once made, shared between threads by counting. */
#ifndef VIADUCT_CONFIG_SETTINGS_H
#define VIADUCT_CONFIG_SETTINGS_H

#include "base/error.h"
#include "config/rule_set.h"
#include "config/users.h"
#include "http/codec.h"
#include "net/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The enumerated options, in the order of their choices in options.def. */
enum redirects_mode { REDIRECTS_AUTO, REDIRECTS_FOLLOW, REDIRECTS_PASS };
enum redirects_tell { REDIRECTS_TELL_OFF, REDIRECTS_TELL_HEADERS };
/* of upgrade, downgrade and unsafe_methods; of userinfo, where FOLLOW is drop */
enum redirects_other { REDIRECTS_OTHER_FOLLOW, REDIRECTS_OTHER_PASS };
enum intercept_mode { INTERCEPT_NONE, INTERCEPT_ALL, INTERCEPT_LIST };
enum intercept_host_mismatch { INTERCEPT_HOST_MISMATCH_ALLOW, INTERCEPT_HOST_MISMATCH_REFUSE };
enum access_format { ACCESS_JSON, ACCESS_COMBINED };
enum capture_overload { OVERLOAD_WAIT, OVERLOAD_SHED };
enum capture_redact { REDACT_OFF, REDACT_EXPORTS, REDACT_ALL };
enum terminal_mode { TERMINAL_AUTO, TERMINAL_ALWAYS, TERMINAL_NEVER };

struct text_list {
	char **v;
	size_t n;
};

struct settings {
	/* One field per row of options.def. BOOL: bool. INT, BYTES, MS, ENUM: int64_t. TEXT, PATH: char * (never NULL; PATHs of
	 * a file are relative to the file's folder). LIST: struct text_list. */
#define OPTION(name, field, type, def, min, max, reload, about) SETTINGS_FIELD_##type(field)
#define OPTION_ENUM(name, field, def, choices, reload, about) int64_t field;
#define SETTINGS_FIELD_BOOL(f) bool f;
#define SETTINGS_FIELD_INT(f) int64_t f;
#define SETTINGS_FIELD_BYTES(f) int64_t f;
#define SETTINGS_FIELD_MS(f) int64_t f;
#define SETTINGS_FIELD_TEXT(f) char *f;
#define SETTINGS_FIELD_PATH(f) char *f;
#define SETTINGS_FIELD_LIST(f) struct text_list f;
#include "config/options.def"
#undef OPTION
#undef OPTION_ENUM

	/* Made from the above. */
	struct address *listen_addresses; /* listen.n of them */
	bool has_inspector;
	struct address inspector_address;
	struct network *client_networks;
	size_t client_networks_n;
	bool clients_all;
	uint16_t *ports;
	size_t ports_n;
	bool ports_all;
	struct users *users; /* NULL: no authentication */
	struct codec_limits codec_limits;
	struct rule_set *rules;           /* NULL: none */
	unsigned redirects_targets_set;   /* bits 1u << enum address_class */
	unsigned access_deny_targets_set; /* the same */
	bool retry_error_set[ERR_count];
	bool retry_status_set[600];

	int refs; /* atomic */
};

/* Where settings come from, in rising precedence: defaults, the file, the environment, the command line. */
struct settings_source {
	const char *file;           /* NULL: none */
	const char *const *environ; /* NULL-terminated "NAME=value"; VIADUCT_REDIRECTS_MAX_HOPS is redirects.max_hops */
	const char *const *set;     /* "option=value", in order */
	size_t set_n;
};

/* Reads and checks everything. NULL on failure with one line in ret_why that names the file, line and option
 * ("conf/viaduct.yaml:12: timeouts.connect: …", "--set workers: …", "VIADUCT_WORKERS: workers: …"), an unknown option with the
 * nearest known name. Afterwards all paths are absolute, and data holds the default folder where none was given; the Via name
 * stays empty where none was given. */
struct settings *settings_load(const struct settings_source *source, char *ret_why, size_t size);
struct settings *settings_ref(struct settings *s);
void settings_unref(struct settings *s); /* NULL is fine; thread-safe */

/* Prints all options as YAML in the shape of conf/viaduct.yaml, with these values; with docs: each behind its comment. */
void settings_print(const struct settings *s, FILE *to, bool with_docs);
/* Prints the options whose names begin with the prefix, which are of one section, in the same shape. */
void settings_print_some(const struct settings *s, const char *prefix, FILE *to);
/* Names of RESTART options that differ between the two, comma-separated, into ret (of size bytes); "" if none. */
void settings_restart_needed(const struct settings *running, const struct settings *fresh, char *ret, size_t size);

bool settings_allows_client(const struct settings *s, const struct address *client);
/* connect.ports; the client's address matters. */
bool settings_allows_port(const struct settings *s, const struct address *client, uint16_t port);

#endif
