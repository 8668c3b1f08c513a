/* The SHA-256 of a body that comes in pieces. */
#ifndef VIADUCT_STORE_BODY_HASH_H
#define VIADUCT_STORE_BODY_HASH_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum { BODY_HASH_BYTES = 32 };

struct body_hash;

/* Begun; NULL: there is no SHA-256, or no memory. */
struct body_hash *body_hash_new(void);
/* As far as the other has come; costs a fraction of a new one. NULL: no memory. */
struct body_hash *body_hash_copy(const struct body_hash *h);
void body_hash_free(struct body_hash *h); /* NULL is fine */
/* False on an error of the library: what it gives is of no use then. */
bool body_hash_begin(struct body_hash *h);
bool body_hash_add(struct body_hash *h, struct str piece);
/* Afterwards it may be begun anew. */
bool body_hash_end(struct body_hash *h, uint8_t ret[BODY_HASH_BYTES]);

#endif
