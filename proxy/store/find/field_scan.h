/* Stored fields read element by element: a JSON array of ids of head_fields and [name,value], in which {"hex":…} stands for
 * bytes that are no UTF-8. Made for passing over a million of them; nothing is copied that need not be. Not for reading a
 * whole head: heads.h. */
#ifndef VIADUCT_STORE_FIELD_SCAN_H
#define VIADUCT_STORE_FIELD_SCAN_H

#include "store/text.h"

#include <stdbool.h>
#include <stdint.h>

/* A string as it stands there. */
struct field_raw {
	struct str inside; /* between its quotes */
	bool is_hex;
};

struct field_element {
	int64_t id; /* of head_fields; 0: the two that follow */
	struct field_raw name, value;
};

/* Takes the next element off the rest, which is the whole array at first. False at its end, and where it is damaged. */
bool field_scan(struct str *rest, struct field_element *ret);
/* The bytes that a string stands for: of the array itself, or put into scratch, which is cleared before. */
struct str field_bytes(const struct field_raw *raw, struct text *scratch);
/* Whether a string is that token (RFC 9110 section 5.6.2), without case. */
bool field_is_named(const struct field_raw *raw, struct str token);

#endif
