/* The values that HAR is made of, written into a text. Not for reading HAR: har_read.h. */
#ifndef VIADUCT_STORE_HAR_PUT_H
#define VIADUCT_STORE_HAR_PUT_H

#include "http/form.h"
#include "store/text.h"

/* A JSON string; what is no UTF-8 is read as ISO 8859-1, a NUL as U+FFFD: for people, not exact. */
void har_put_text(struct text *t, struct str s);
/* A member with such a string. */
void har_put_str(struct text *t, const char *key, struct str s);
/* The same, with the exact bytes in a member `_KEYHex` beside it where the string cannot hold them. */
void har_put_exact(struct text *t, const char *key, struct str s);
/* har_put_exact, or nothing if it is empty. */
void har_put_opt(struct text *t, const char *key, struct str s);
/* A member in milliseconds, exact; -1 for a negative time. */
void har_put_ms(struct text *t, const char *key, int64_t us);
/* A member with a date. */
void har_put_time(struct text *t, const char *key, int64_t us);
/* A member that stands only where it is true. */
void har_put_flag(struct text *t, const char *key, bool is_set);
/* An element of an array: `name` and `value`. owner: the struct text; true (for form_each_pair). */
bool har_put_pair(void *owner, const struct form_pair *p);
/* The inside of a JSON string: base64 (RFC 4648) with padding. */
void har_put_base64(struct text *t, struct str bytes);

#endif
