/* A hash table with linear probing, at most half full; a removal moves later items up, so that no graves are left. */
#include "capture/open_set.h"

#include "base/mem.h"

enum { FIRST_SIZE = 64 };

void open_set_init(struct open_set *s)
{
	*s = (struct open_set){NULL, 0, 0};
}

void open_set_fini(struct open_set *s)
{
	mem_free(s->slots);
	open_set_init(s);
}

/* Where an id wants to be; ids of one worker may have a stride, hence the multiplication. */
static size_t home_of(const struct open_set *s, uint64_t id)
{
	return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (s->size - 1);
}

static void put(struct open_set *s, struct open_flow *f)
{
	size_t at = home_of(s, f->id);

	while (s->slots[at])
		at = (at + 1) & (s->size - 1);
	s->slots[at] = f;
}

static void grow(struct open_set *s)
{
	struct open_flow **old = s->slots;
	size_t old_size = s->size;

	s->size = old_size ? old_size * 2 : FIRST_SIZE;
	s->slots = mem_calloc(s->size, sizeof(struct open_flow *));
	for (size_t i = 0; i < old_size; i++) {
		if (old[i])
			put(s, old[i]);
	}
	mem_free(old);
}

void open_set_add(struct open_set *s, struct open_flow *f)
{
	if ((s->n + 1) * 2 > s->size)
		grow(s);
	put(s, f);
	s->n++;
}

/* Closes the gap at a slot: an item further on comes up unless its home lies behind the gap. */
static void close_gap(struct open_set *s, size_t gap)
{
	size_t mask = s->size - 1;

	for (size_t at = (gap + 1) & mask; s->slots[at]; at = (at + 1) & mask) {
		size_t home = home_of(s, s->slots[at]->id);

		if (((at - home) & mask) < ((at - gap) & mask))
			continue;
		s->slots[gap] = s->slots[at];
		gap = at;
	}
	s->slots[gap] = NULL;
}

/* The slot of that id, or a free one. Not for an empty set. */
static size_t slot_of(const struct open_set *s, uint64_t id)
{
	size_t at = home_of(s, id);

	while (s->slots[at] && s->slots[at]->id != id)
		at = (at + 1) & (s->size - 1);
	return at;
}

struct open_flow *open_set_find(const struct open_set *s, uint64_t id)
{
	return s->n == 0 ? NULL : s->slots[slot_of(s, id)];
}

struct open_flow *open_set_take(struct open_set *s, uint64_t id)
{
	struct open_flow *f;
	size_t at;

	if (s->n == 0)
		return NULL;
	at = slot_of(s, id);
	f = s->slots[at];
	if (!f)
		return NULL;
	close_gap(s, at);
	s->n--;
	return f;
}
