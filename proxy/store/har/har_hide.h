/* Secrets in what an imported HAR file said beside its entries. For those who store it; entries: har_kept.c. */
#ifndef VIADUCT_STORE_HAR_HIDE_H
#define VIADUCT_STORE_HAR_HIDE_H

#include "store/redact/redact.h"

/* Appends the log, a JSON object, without its secrets; nothing where it is none. */
void har_hide_log(const struct redactor *r, struct text *to, struct str log);

#endif
