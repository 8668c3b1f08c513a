/* Character sets to UTF-8, for view and search: labels as in the WHATWG Encoding standard. UTF-8, UTF-16 and windows-1252 are
 * decoded here, the others by iconv, as far as the system has its modules. Pure. */
#ifndef VIADUCT_HTTP_CHARSET_H
#define VIADUCT_HTTP_CHARSET_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* The name of the encoding that a body of text is in: a byte order mark, else the label, else what its first 1,024 bytes say
 * (an HTML meta element, an XML declaration), else UTF-8 if it is valid UTF-8 (its last character may be cut), else
 * windows-1252. Static text: "UTF-8", "UTF-16LE", "windows-1252", … */
const char *charset_find(struct str label, struct str body);
/* Calls take with pieces of valid UTF-8, never empty, until it returns false; what is not valid in the encoding becomes
 * U+FFFD; a byte order mark is left out. encoding: a name or a label. False if it is not known, or the system lacks the
 * module for it. */
bool charset_to_utf8(const char *encoding, struct str body, bool (*take)(void *owner, struct str piece), void *owner);

#endif
