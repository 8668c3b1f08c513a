/* JSON of careless writers made readable. */
#ifndef VIADUCT_STORE_HAR_MEND_H
#define VIADUCT_STORE_HAR_MEND_H

#include "store/text.h"

/* Appends the JSON with what strings must not hold replaced: bytes that are no UTF-8 and halves of surrogate pairs become
 * U+FFFD, control bytes are escaped. Numbers beyond what a number can be (1e999) become null. All else stays. */
void har_mend(struct text *to, struct str json);

#endif
