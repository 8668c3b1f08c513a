/* What the files share that take imported HAR entries up again: jansson values. Not for those who want HAR: har_write.h. */
#ifndef VIADUCT_STORE_HAR_JSON_H
#define VIADUCT_STORE_HAR_JSON_H

#include "base/arena.h"
#include "store/query.h"
#include "store/redact/redact.h"
#include "store/text.h"

#include <jansson.h>

/* NULL: it cannot be read. */
json_t *har_json_load(struct str text);
/* Appends the value, in the order of its members. */
void har_json_put(struct text *t, const json_t *value);
/* The text of a string; empty for anything else. */
struct str har_json_str(const json_t *value);
/* Sets a member of an object; nothing if the text is no plain UTF-8. */
void har_json_set(json_t *object, const char *key, struct str s);

/* True for the holder of a text, postData or content, that is base64. */
bool har_json_is_base64(const json_t *holder);

/* har_hide.c: replaces the secrets in an entry, or in a log without entries, wherever they stand. */
void har_hide(const struct redactor *r, json_t *entry);

/* har_imports.c: an imported session before this one has a page of that id; what its own is to be called then. */
bool har_page_is_taken(struct reader *r, int64_t session_id, struct str page);
struct str har_page_name(struct arena *a, int64_t session_id, struct str page);

#endif
