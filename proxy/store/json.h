/* Writing JSON (RFC 8259) into a text. A member puts its own comma. */
#ifndef VIADUCT_STORE_JSON_H
#define VIADUCT_STORE_JSON_H

#include "http/message.h"
#include "store/text.h"

/* A JSON string. Bytes that are no UTF-8, and NUL, become the four characters \xNN, so that the type of a value does not hang
 * on what a peer sent; where nothing may be lost, see json_bytes. */
void json_string(struct text *t, struct str s);
/* A JSON string; or, for what is not plain UTF-8, an object {"hex":"00ff"}: nothing is lost. */
void json_bytes(struct text *t, struct str s);
/* Fields in order as [[name,value],...], each as json_bytes writes it. */
void json_fields(struct text *t, const struct fields *f);

/* `"key":`, behind a comma unless it is the first of its object; the value is the caller's. */
void json_key(struct text *t, const char *key);
/* The comma before an element of an array. */
void json_next(struct text *t);
void json_str(struct text *t, const char *key, struct str s);
/* Absent (null) when empty. */
void json_opt(struct text *t, const char *key, struct str s);
/* A list of names that are separated by commas, as an array of strings. */
void json_names(struct text *t, const char *key, struct str names);
void json_i64(struct text *t, const char *key, int64_t n);
/* null when n is negative: "not reached", "not known". */
void json_opt_i64(struct text *t, const char *key, int64_t n);
void json_bool(struct text *t, const char *key, bool b);

#endif
