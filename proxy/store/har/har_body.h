/* Texts of a HAR to the bytes of bodies. */
#ifndef VIADUCT_STORE_HAR_BODY_H
#define VIADUCT_STORE_HAR_BODY_H

#include "capture/record.h"
#include "store/text.h"

#include <stdbool.h>

/* Undoes the escapes of a JSON string in place. Half of a surrogate pair becomes U+FFFD; an escape that is none stays. */
void har_unescape(struct text *t);
/* Undoes base64 (RFC 4648, both alphabets; white space and missing padding are let pass) in place. False, and nothing changed,
 * if it is none. */
bool har_unbase64(struct text *t);
/* The bytes as pieces, with a mark behind the last one; NULL if there is neither. */
struct body_part *har_parts(struct str bytes, unsigned hop, enum body_direction direction, enum body_cut cut);

#endif
