/* What may stand in a configured text: one line of readable UTF-8. */
#ifndef VIADUCT_CONFIG_PRINTABLE_H
#define VIADUCT_CONFIG_PRINTABLE_H

#include "base/str.h"

#include <stdbool.h>

/* True if s is UTF-8 (RFC 3629) without control characters and line separators. Such a text can go into a log line or a
 * field, and a YAML file can hold it as it is. */
bool printable_is(struct str s);

enum { PRINTABLE_BYTES = 80 };
/* s for a message: escaped and cut to fit; (empty) if it is empty. Returns to. */
const char *printable_show(struct str s, char to[PRINTABLE_BYTES]);

#endif
