/* Inside of form*.c. */
#ifndef VIADUCT_HTTP_FORM_PART_H
#define VIADUCT_HTTP_FORM_PART_H

#include "http/form.h"

/* Divides what stands between two delimiters into head and body, and reads the head. False when the arena is full. */
bool form_read_part(struct arena *a, struct str part, struct form_part *ret);

#endif
