/* Sets of ids that lie near each other: a bit for each. */
#ifndef VIADUCT_STORE_ID_SET_H
#define VIADUCT_STORE_ID_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_set;

/* An empty one for ids from first to last, both included; last is not less. */
struct id_set *id_set_new(uint64_t first, uint64_t last);
void id_set_free(struct id_set *s); /* NULL is fine */
/* An id out of its range is passed over. */
void id_set_add(struct id_set *s, uint64_t id);
void id_set_add_range(struct id_set *s, uint64_t first, uint64_t last);
/* Both of one range. */
void id_set_unite(struct id_set *s, const struct id_set *other);
void id_set_intersect(struct id_set *s, const struct id_set *other);
void id_set_invert(struct id_set *s);
size_t id_set_count(const struct id_set *s);
/* The next range with ids of the set from an id on, upwards or downwards; where they are many, others may be among them.
 * False: there are no more. */
bool id_set_next(const struct id_set *s, uint64_t from, bool is_up, uint64_t *ret_first, uint64_t *ret_last);

#endif
