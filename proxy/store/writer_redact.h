/* Secrets taken out of a flow before it is written. Not for bodies: writer_held.h. */
#ifndef VIADUCT_STORE_WRITER_REDACT_H
#define VIADUCT_STORE_WRITER_REDACT_H

#include "base/arena.h"
#include "core/observer.h"
#include "store/redact/redact.h"

/* More than a flow can hold. */
enum { WRITER_REDACT_BYTES = 256 * 1024 * 1024 };

/* The facts with URLs, targets and fields as the redactor shows them; what needs no change is shared with x. NULL when the arena
 * is full. */
const struct exchange_facts *writer_redact(const struct redactor *r, struct arena *a, const struct exchange_facts *x);
/* The same for words beside the facts; false when the arena is full. */
bool writer_redact_words(const struct redactor *r, struct arena *a, struct str *words);

#endif
