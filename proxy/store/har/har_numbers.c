/* See har_numbers.h. A table with open addressing, at most half full. */
#include "store/har/har_numbers.h"

#include "base/mem.h"

enum { FIRST_CAP = 64 };

struct har_number {
	uint64_t theirs, ours; /* theirs 0: free */
};

/* Where it is, or would be. */
static struct har_number *slot_of(const struct har_numbers *h, uint64_t theirs)
{
	size_t i = (size_t)(theirs * UINT64_C(0x9e3779b97f4a7c15) >> 32);

	for (;; i++) {
		struct har_number *slot = &h->v[i & (h->cap - 1)];

		if (slot->theirs == theirs || slot->theirs == 0)
			return slot;
	}
}

uint64_t har_numbers_find(const struct har_numbers *h, uint64_t theirs)
{
	return h->cap == 0 ? 0 : slot_of(h, theirs)->ours;
}

static void grow(struct har_numbers *h)
{
	struct har_numbers wider = {.n = h->n, .cap = h->cap == 0 ? FIRST_CAP : 2 * h->cap};

	wider.v = mem_calloc(wider.cap, sizeof(*wider.v));
	for (size_t i = 0; i < h->cap; i++) {
		if (h->v[i].theirs != 0)
			*slot_of(&wider, h->v[i].theirs) = h->v[i];
	}
	mem_free(h->v);
	*h = wider;
}

void har_numbers_add(struct har_numbers *h, uint64_t theirs, uint64_t ours)
{
	if (h->n == HAR_NUMBERS_MAX)
		return;
	if (2 * (h->n + 1) > h->cap)
		grow(h);
	*slot_of(h, theirs) = (struct har_number){theirs, ours};
	h->n++;
}

void har_numbers_fini(struct har_numbers *h)
{
	mem_free(h->v);
	*h = (struct har_numbers){NULL, 0, 0};
}
