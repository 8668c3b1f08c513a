/* For tests of queues of bytes: a pool for each test, bytes to put in, and what a queue must hold. */
#ifndef VIADUCT_TESTS_BUFQ_RIG_H
#define VIADUCT_TESTS_BUFQ_RIG_H

#include "base/bufq.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SLAB = BUFQ_SLAB_BYTES };

/* Bytes that differ from slab to slab. */
static char big[SLAB * 6];

static inline int fill_big(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 256);
	return 0;
}

static inline int make_pool(void **state)
{
	*state = bufpool_new(SLAB * 4);
	return 0;
}

/* Also checks that no test leaves a slab in use. */
static inline int drop_pool(void **state)
{
	struct bufpool *pool = *state;

	if (bufpool_used(pool) != 0)
		return -1;
	bufpool_free(pool);
	return 0;
}

/* The queue must hold exactly these bytes, in whatever way they are read. */
static inline void check(const struct bufq *q, const char *want, size_t n)
{
	const struct piece *cursor = NULL;
	struct str span;
	size_t at = 0;

	assert_int_equal(q->len, n);
	while (bufq_each(q, &cursor, &span)) {
		assert_true(span.len > 0 && span.len <= n - at);
		assert_memory_equal(span.p, want + at, span.len);
		at += span.len;
	}
	assert_int_equal(at, n);
	assert_true(n != 0 || bufq_front(q).len == 0);
}

static inline size_t count_spans(const struct bufq *q)
{
	const struct piece *cursor = NULL;
	struct str span;
	size_t n = 0;

	while (bufq_each(q, &cursor, &span))
		n++;
	return n;
}

#define POOL_TEST(f) cmocka_unit_test_setup_teardown(f, make_pool, drop_pool)

#endif
