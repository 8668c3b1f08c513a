/* Which number a flow of a file has here: asked for by flows that came inside the tunnel of another one, which may stand before
 * or behind them in the file. Bounded: of a file with more tunnels than that, the last ones' flows lose their parent. */
#ifndef VIADUCT_STORE_HAR_NUMBERS_H
#define VIADUCT_STORE_HAR_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

enum { HAR_NUMBERS_MAX = 1 << 19 };

/* All zero is empty and valid. */
struct har_numbers {
	struct har_number *v;
	size_t n, cap; /* cap: a power of two, or 0 */
};

/* The number noted for one of the file; 0 if there is none. */
uint64_t har_numbers_find(const struct har_numbers *h, uint64_t theirs);
/* Notes it; nothing if the table is full. theirs and ours are not 0, and theirs is not there yet. */
void har_numbers_add(struct har_numbers *h, uint64_t theirs, uint64_t ours);
void har_numbers_fini(struct har_numbers *h);

#endif
