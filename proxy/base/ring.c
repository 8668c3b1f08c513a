/* The queue between two threads. Indices only grow; a slot is index modulo slots. Not for more than one pusher or popper.
 *
 * Sleeping: the popper announces sleep and then looks at the ring; the pusher publishes and then looks at the announcement.
 * All four steps are sequentially consistent, so at least one of the two sees the other's: no wake-up is lost. (Operations
 * rather than a fence between relaxed ones: ThreadSanitizer does not know fences.) */
#include "base/ring.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

enum { CACHE_LINE_BYTES = 64 };

struct ring {
	size_t mask;
	int wake_fd;

	/* Each side writes a cache line of its own, and looks at the other's index only when its last look does not suffice. */
	char pad_pusher[CACHE_LINE_BYTES];
	atomic_size_t pushed;
	size_t popped_seen;

	char pad_popper[CACHE_LINE_BYTES];
	atomic_size_t popped;
	size_t pushed_seen;

	char pad_sleep[CACHE_LINE_BYTES];
	atomic_bool is_sleeping;

	char pad_slots[CACHE_LINE_BYTES];
	void *slots[];
};

struct ring *ring_new(size_t slots, int wake_fd)
{
	struct ring *r;

	assert(slots != 0 && (slots & (slots - 1)) == 0 && slots <= SIZE_MAX / 2 / sizeof(r->slots[0]));
	r = mem_calloc(1, sizeof(*r) + slots * sizeof(r->slots[0]));
	r->mask = slots - 1;
	r->wake_fd = wake_fd;
	atomic_init(&r->pushed, 0);
	atomic_init(&r->popped, 0);
	atomic_init(&r->is_sleeping, false);
	return r;
}

void ring_free(struct ring *r)
{
	mem_free(r);
}

/* Makes the eventfd readable. Full (EAGAIN) means that it is readable already. */
static void wake(int fd)
{
	const uint64_t one = 1;
	ssize_t n;

	do {
		n = write(fd, &one, sizeof(one));
	} while (n < 0 && errno == EINTR);
}

bool ring_push(struct ring *r, void *item)
{
	size_t at = atomic_load_explicit(&r->pushed, memory_order_relaxed);

	if (at - r->popped_seen > r->mask) {
		r->popped_seen = atomic_load_explicit(&r->popped, memory_order_acquire);
		if (at - r->popped_seen > r->mask)
			return false;
	}
	r->slots[at & r->mask] = item;
	atomic_store(&r->pushed, at + 1);
	if (atomic_load(&r->is_sleeping) && atomic_exchange(&r->is_sleeping, false))
		wake(r->wake_fd);
	return true;
}

size_t ring_room(const struct ring *r)
{
	size_t pushed = atomic_load_explicit(&r->pushed, memory_order_relaxed);
	size_t popped = atomic_load_explicit(&r->popped, memory_order_acquire);

	return r->mask + 1 - (pushed - popped);
}

void *ring_pop(struct ring *r)
{
	size_t at = atomic_load_explicit(&r->popped, memory_order_relaxed);
	void *item;

	if (at == r->pushed_seen) {
		r->pushed_seen = atomic_load_explicit(&r->pushed, memory_order_acquire);
		if (at == r->pushed_seen)
			return NULL;
	}
	item = r->slots[at & r->mask];
	atomic_store_explicit(&r->popped, at + 1, memory_order_release);
	return item;
}

bool ring_sleep(struct ring *r)
{
	atomic_store(&r->is_sleeping, true);
	if (atomic_load(&r->pushed) == atomic_load_explicit(&r->popped, memory_order_relaxed))
		return true;
	atomic_store(&r->is_sleeping, false);
	return false;
}
