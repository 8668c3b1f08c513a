/* Reads back the JSON form in which heads are stored. */
#ifndef VIADUCT_STORE_HEADS_H
#define VIADUCT_STORE_HEADS_H

#include "http/message.h"

#include <stdint.h>

/* The line that an id refers to, valid until the next call; false: there is none. */
typedef bool heads_find(void *owner, int64_t id, struct field *ret);

/* An array of [name,value] and ids as head_book_put writes it; the bytes are those that were written. find NULL: there are no
 * ids. False if it is not that, an id leads nowhere, or the arena is full. */
bool heads_parse_fields(struct arena *a, struct str json, heads_find *find, void *owner, struct fields *ret) MUST_CHECK;

#endif
