/* A part looked for in a text, without (ASCII) case, in time linear in the text whatever both are. */
#ifndef VIADUCT_CONFIG_FILTER_SEARCH_H
#define VIADUCT_CONFIG_FILTER_SEARCH_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* For each byte of the part, of at most UINT16_MAX, where in the part to go on when the byte after it does not fit. In the
 * arena; NULL when that is full. */
const uint16_t *filter_search_table(struct arena *arena, struct str part);
bool filter_search(struct str part, const uint16_t *table, struct str text);

#endif
