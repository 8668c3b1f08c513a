/* A growing piece of text: lines and JSON for the database, the logs and the terminal. Whoever fills it bounds it. */
#ifndef VIADUCT_STORE_TEXT_H
#define VIADUCT_STORE_TEXT_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is empty and valid. */
struct text {
	char *p;
	size_t len, cap;
};

void text_fini(struct text *t);
static inline void text_clear(struct text *t)
{
	t->len = 0;
}
static inline struct str text_str(const struct text *t)
{
	return (struct str){t->p, t->len};
}
/* Room for n more bytes; returns where they go. The caller adds to len what it wrote. */
char *text_room(struct text *t, size_t n);
void text_put(struct text *t, struct str s);
void text_byte(struct text *t, char c);
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3), nonnull));
void text_i64(struct text *t, int64_t n);
/* As str_escape, without a limit: for bytes from outside that a person will see. */
void text_escaped(struct text *t, struct str s);
/* The same, but quotes stay as they are: where nothing is quoted. */
void text_visible(struct text *t, struct str s);
/* Words for a person, which may have been made legible before: as utf8_legible. */
void text_legible(struct text *t, struct str s);
/* Takes the first n bytes away. */
void text_drop(struct text *t, size_t n);

/* Valid UTF-8 (RFC 3629) without a NUL: what SQLite and JSON can hold as text. */
bool is_plain_utf8(struct str s);

#endif
