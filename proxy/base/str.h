/* Byte slices: a pointer and a length, never owned, not terminated.
 * Not for: building strings (arena.h) or moving bodies (bufq.h). */
#ifndef VIADUCT_BASE_STR_H
#define VIADUCT_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	const char *p;
	size_t len;
};

#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* for printf: "%.*s", STR_ARG(s) */
#define STR_ARG(s) (int)(s).len, (s).p

/* A slice over a C string; NULL gives the empty slice. */
struct str str_of(const char *c);

bool str_eq(struct str a, struct str b);
/* ASCII case-insensitive; the only folding that protocols know. */
bool str_ieq(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_iends(struct str s, struct str suffix);
/* Index of the first c in s, or s.len. */
size_t str_find(struct str s, char c);
/* s from byte n on (n at most s.len). */
struct str str_from(struct str s, size_t n);
/* The first n bytes of s (n at most s.len). */
struct str str_first(struct str s, size_t n);
/* Without SP and HTAB at both ends (OWS, RFC 9110 section 5.6.3). */
struct str str_trim(struct str s);
/* One or more tchar (RFC 9110 section 5.6.2). */
bool str_is_token(struct str s);

/* Takes the next item of a comma-separated list (RFC 9110 section 5.6.1), trimmed; empty items are passed over; commas in
 * quoted strings do not divide. False when the list is used up. */
bool str_list_next(struct str *list, struct str *ret_item);
/* True if a list holds the item, compared without case. */
bool str_list_has(struct str list, struct str item);

/* Decimal digits only, at most max. False, and ret untouched, on anything else. */
bool str_to_u64(struct str s, uint64_t max, uint64_t *ret);

/* Writes s with control bytes, backslash, quote and bytes above 0x7e as \xNN, cut to fit; always terminated. For logs and
 * terminals: s is hostile. Returns the length written. */
size_t str_escape(struct str s, char *to, size_t size);

/* The value of a hexadecimal digit of either case; -1: it is none. */
int str_hex_digit(char c);

#endif
