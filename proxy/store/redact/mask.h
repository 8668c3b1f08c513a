/* URLs for logs: without the secrets that they may hold. */
#ifndef VIADUCT_STORE_MASK_H
#define VIADUCT_STORE_MASK_H

#include "store/text.h"

/* Puts a URL with userinfo, and the values of query parameters that are named like secrets (token, password, signature, …),
 * each replaced by "***". The URL may be anything; the result is as hostile as it was. */
void mask_url(struct text *t, struct str url);

#endif
