/* How much captured memory is on its way to the store: records that were pushed and not freed yet, over all workers. Shared by the
 * recorders, which add, and the store, which frees (record_free subtracts). Thread-safe. */
#ifndef VIADUCT_CAPTURE_BACKLOG_H
#define VIADUCT_CAPTURE_BACKLOG_H

#include <stdatomic.h>
#include <stddef.h>

struct backlog {
	atomic_size_t bytes;
	/* For metrics. */
	atomic_uint_fast64_t bodies_cut_limit, bodies_cut_overload, bodies_cut_store;
};

static inline size_t backlog_bytes(struct backlog *b)
{
	return atomic_load_explicit(&b->bytes, memory_order_relaxed);
}

#endif
