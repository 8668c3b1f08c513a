/* A configuration file as a flat list of names and values: "timeouts: {connect: 5s}" and "timeouts.connect: 5s" are the same.
 * The one place that knows libyaml. Not for: what names exist and what values mean (settings.c). */
#ifndef VIADUCT_CONFIG_YAML_READ_H
#define VIADUCT_CONFIG_YAML_READ_H

#include "base/str.h"

#include <stddef.h>

enum {
	YAML_FILE_MAX_BYTES = 1 << 20,
	YAML_MAX_DEPTH = 8,        /* of nested maps */
	YAML_MAX_ENTRIES = 1000,   /* names; of one map of a list too */
	YAML_MAX_ITEMS = 10000,    /* of all lists together, maps among them */
	YAML_NAME_MAX_BYTES = 128, /* of a name with its sections */
};

enum entry_kind {
	ENTRY_TEXT,
	ENTRY_LIST,
	ENTRY_MAPS,  /* a list of maps */
	ENTRY_EMPTY, /* nothing behind the colon, null, or a map without members */
};

struct yaml_map;

struct yaml_entry {
	char *name; /* "timeouts.connect"; not empty */
	int line;   /* of the name, from 1 */
	enum entry_kind kind;
	char *text;   /* ENTRY_TEXT */
	char **items; /* ENTRY_LIST */
	size_t items_n;
	struct yaml_map *maps; /* ENTRY_MAPS */
	size_t maps_n;
};

/* In the order of the file, each name once. */
struct yaml_entries {
	struct yaml_entry *v;
	size_t n;
};

/* One map of a list. */
struct yaml_map {
	int line;                    /* where it begins, from 1 */
	struct yaml_entries entries; /* no ENTRY_MAPS among them; may be none */
};

/* NULL on failure, with "FILE:LINE: what is wrong" in ret_why: not YAML; no mapping; more than one document; a name twice,
 * whichever way it is written; an anchor, an alias or a tag beyond YAML's own; a list within a list or within a map of a list; a
 * list of both maps and other values; a limit passed. */
struct yaml_entries *yaml_read_file(const char *file, char *ret_why, size_t size);
/* The same for text that was read already; name stands for the file in messages. */
struct yaml_entries *yaml_read_text(struct str text, const char *name, char *ret_why, size_t size);
void yaml_entries_free(struct yaml_entries *entries); /* NULL is fine */

#endif
