/* Reads back the JSON form in which heads are stored. */
#ifndef VIADUCT_STORE_HEADS_H
#define VIADUCT_STORE_HEADS_H

#include "http/message.h"

/* [[name,value],…] as json_fields writes it; the bytes are those that were written. False if it is not that, or the arena
 * full. */
bool heads_parse_fields(struct arena *a, struct str json, struct fields *ret) MUST_CHECK;

#endif
