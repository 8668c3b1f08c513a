/* UTF-8 (RFC 3629): what is valid, and what of hostile text a person may be shown. */
#ifndef VIADUCT_BASE_UTF8_H
#define VIADUCT_BASE_UTF8_H

#include "base/str.h"

/* Length of the sequence that s begins with, 1 to 4; 0 if it is not valid, or s is empty. */
size_t utf8_first(struct str s);

/* Writes s as a person can read it, cut to fit between characters; always terminated. Printable ASCII and valid UTF-8 stay as
 * they are, quotes and backslashes too; control characters (also those that turn the direction of writing, or cannot be
 * seen) and invalid bytes come out as \xNN. What is legible already stays the same: so each layer may make sure. For words that
 * are shown; where an escape must be told from a backslash of the text: str_escape. Returns the length written. */
size_t utf8_legible(struct str s, char *to, size_t size);

/* Takes a sequence away that a cut at the end left incomplete. */
void utf8_mend_cut(char *s);

#endif
