/* One-shot timers in a binary heap, so that libevent sees one timer per loop. Time-outs are moved far more often than they
 * strike; moving one to a later time therefore only notes the time and leaves the heap as it is. */
#include "base/mem.h"
#include "net/loop.h"
#include "net/loop_internal.h"

enum { HEAP_ROOM = 64 };

/* Puts a timer into a slot. */
static void put(struct timer_heap *h, size_t slot, struct timer *t)
{
	h->slots[slot] = t;
	t->slot = slot;
}

/* Moves a timer towards the top as far as it belongs there. */
static void sift_up(struct timer_heap *h, size_t slot)
{
	struct timer *t = h->slots[slot];

	while (slot > 0) {
		size_t parent = (slot - 1) / 2;

		if (h->slots[parent]->armed_us <= t->armed_us)
			break;
		put(h, slot, h->slots[parent]);
		slot = parent;
	}
	put(h, slot, t);
}

/* Moves a timer away from the top as far as it belongs there. */
static void sift_down(struct timer_heap *h, size_t slot)
{
	struct timer *t = h->slots[slot];

	for (;;) {
		size_t child = 2 * slot + 1;

		if (child >= h->n)
			break;
		if (child + 1 < h->n && h->slots[child + 1]->armed_us < h->slots[child]->armed_us)
			child++;
		if (t->armed_us <= h->slots[child]->armed_us)
			break;
		put(h, slot, h->slots[child]);
		slot = child;
	}
	put(h, slot, t);
}

static void heap_push(struct timer_heap *h, struct timer *t)
{
	if (h->n == h->room) {
		h->room = h->room == 0 ? HEAP_ROOM : h->room * 2;
		h->slots = mem_realloc(h->slots, h->room * sizeof(struct timer *));
	}
	h->n++;
	put(h, h->n - 1, t);
	sift_up(h, h->n - 1);
}

static void heap_remove(struct timer_heap *h, struct timer *t)
{
	size_t slot = t->slot;
	struct timer *last = h->slots[--h->n];

	t->armed_us = 0;
	if (last == t)
		return;
	put(h, slot, last);
	sift_up(h, slot);
	sift_down(h, last->slot);
}

void timer_init(struct timer *t, struct loop *l, void (*on_due)(void *owner), void *owner)
{
	*t = (struct timer){.loop = l, .on_due = on_due, .owner = owner};
}

void timer_set(struct timer *t, int64_t ms)
{
	struct timer_heap *h = &t->loop->timers;
	int64_t now_us = loop_now_us(t->loop);

	if (ms < 0)
		ms = 0;
	/* At least 1 us ahead: a timer that sets itself anew with 0 ms comes in the next turn, not for ever in this one. */
	t->due_us = ms > (INT64_MAX - now_us) / 1000 ? INT64_MAX : now_us + (ms == 0 ? 1 : ms * 1000);
	if (t->armed_us == 0) {
		t->armed_us = t->due_us;
		heap_push(h, t);
	} else if (t->due_us < t->armed_us) {
		t->armed_us = t->due_us;
		sift_up(h, t->slot);
	}
}

void timer_stop(struct timer *t)
{
	t->due_us = 0;
	if (t->armed_us != 0)
		heap_remove(&t->loop->timers, t);
}

void timer_heap_run(struct loop *l)
{
	struct timer_heap *h = &l->timers;

	while (h->n != 0 && h->slots[0]->armed_us <= l->now_us) {
		struct timer *t = h->slots[0];

		if (t->due_us > t->armed_us) {
			t->armed_us = t->due_us;
			sift_down(h, 0);
			continue;
		}
		heap_remove(h, t);
		t->due_us = 0;
		t->on_due(t->owner);
	}
}

int64_t timer_heap_next_us(const struct timer_heap *h)
{
	return h->n != 0 ? h->slots[0]->armed_us : 0;
}

void timer_heap_free(struct timer_heap *h)
{
	mem_free(h->slots);
}
