/* Queues of bytes: long random sequences of calls on several queues of one pool, against plain buffers. */
#include "base/bufq.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The queue must hold exactly these bytes, in whatever way they are read. */
static void check(const struct bufq *q, const char *want, size_t n)
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
}

enum { SLAB = BUFQ_SLAB_BYTES, QUEUES = 4, STEPS = 60000, MODEL_BYTES = SLAB * 8, SOURCE_BYTES = SLAB * 4 };

/* A queue and the bytes that it must hold; the offered room, if any. */
struct pair {
	struct bufq q;
	char bytes[MODEL_BYTES];
	size_t len;
	struct iovec iov[4];
	int iov_count;
};

/* All that a sequence changes. */
struct sequence {
	struct bufpool *pool;
	struct pair pairs[QUEUES];
	char source[SOURCE_BYTES];
	uint32_t seed;
};

/* Deterministic (xorshift), so that a failure can be run again. */
static uint32_t next_random(struct sequence *s)
{
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 17;
	s->seed ^= s->seed << 5;
	return s->seed;
}

/* Mostly few bytes, sometimes many. */
static size_t random_size(struct sequence *s)
{
	static const size_t limits[] = {4, 64, 512, 514, 2000, SLAB + 1, SLAB * 3};
	size_t limit = limits[next_random(s) % (sizeof(limits) / sizeof(limits[0]))];

	return next_random(s) % limit;
}

/* Where SLAB * 3 bytes can be taken from. */
static const char *random_bytes(struct sequence *s)
{
	return s->source + next_random(s) % SLAB;
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void model_append(struct pair *p, const char *bytes, size_t n)
{
	memcpy(p->bytes + p->len, bytes, n);
	p->len += n;
}

static void model_drain(struct pair *p, size_t n)
{
	p->len -= n;
	memmove(p->bytes, p->bytes + n, p->len);
}

static void random_append(struct sequence *s, struct pair *p)
{
	size_t n = min_size(random_size(s), MODEL_BYTES - p->len);
	const char *bytes = random_bytes(s);

	bufq_append(&p->q, bytes, n);
	model_append(p, bytes, n);
}

static void random_drain(struct sequence *s, struct pair *p)
{
	size_t n = min_size(random_size(s), p->len);

	bufq_drain(&p->q, n);
	model_drain(p, n);
}

static void random_move(struct sequence *s, struct pair *to, struct pair *from)
{
	size_t n = min_size(random_size(s), MODEL_BYTES - to->len), moved = min_size(n, from->len);

	assert_int_equal(bufq_move(&to->q, &from->q, n), moved);
	model_append(to, from->bytes, moved);
	model_drain(from, moved);
}

static void random_share(struct sequence *s, struct pair *to, const struct pair *from)
{
	size_t n = min_size(random_size(s), MODEL_BYTES - to->len), shared = min_size(n, from->len);

	assert_int_equal(bufq_share(&to->q, &from->q, n), shared);
	model_append(to, from->bytes, shared);
}

static void random_reserve(struct sequence *s, struct pair *p)
{
	size_t want = min_size(random_size(s), MODEL_BYTES - p->len), offered = 0;

	p->iov_count = bufq_reserve(&p->q, want, p->iov, 1 + (int)(next_random(s) % 4));
	for (int i = 0; i < p->iov_count; i++)
		offered += p->iov[i].iov_len;
	assert_true(offered <= want && (offered != 0 || want == 0));
}

/* Fills a part of what was offered some steps ago, when other queues may have been changed. */
static void random_commit(struct sequence *s, struct pair *p)
{
	size_t n = random_size(s), done = 0;

	for (int i = 0; i < p->iov_count; i++) {
		size_t part = min_size(p->iov[i].iov_len, n - done);
		const char *bytes = random_bytes(s);

		/* All that was offered may be written, whatever is then committed. */
		memset(p->iov[i].iov_base, 0, p->iov[i].iov_len);
		memcpy(p->iov[i].iov_base, bytes, part);
		model_append(p, bytes, part);
		done += part;
	}
	bufq_commit(&p->q, done);
	p->iov_count = 0;
}

static void random_copy(struct sequence *s, struct pair *p)
{
	static char to[MODEL_BYTES];
	size_t offset = p->len != 0 ? next_random(s) % p->len : 0, n = random_size(s);
	size_t want = min_size(n, p->len - offset);

	assert_int_equal(bufq_copy(&p->q, offset, to, n), want);
	assert_memory_equal(to, p->bytes + offset, want);
}

static void random_step(struct sequence *s)
{
	struct pair *p = &s->pairs[next_random(s) % QUEUES], *other = &s->pairs[next_random(s) % QUEUES];
	uint32_t dice = next_random(s) % 16;

	if (p->iov_count != 0) {
		random_commit(s, p);
	} else if (dice == 0) {
		bufq_clear(&p->q);
		p->len = 0;
	} else if (dice < 2) {
		random_copy(s, p);
	} else if (dice < 6) {
		random_append(s, p);
	} else if (dice < 9) {
		random_drain(s, p);
	} else if (dice < 11) {
		random_reserve(s, p);
	} else if (dice < 13 && p != other) {
		random_share(s, p, other);
	} else if (p != other && other->iov_count == 0) {
		random_move(s, p, other);
	}
}

/* Every queue, because what can go wrong is that one writes over the bytes of another. */
static void check_all(const struct sequence *s)
{
	for (int i = 0; i < QUEUES; i++)
		check(&s->pairs[i].q, s->pairs[i].bytes, s->pairs[i].len);
}

static void run(size_t keep_bytes, uint32_t seed)
{
	struct sequence *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->pool = bufpool_new(keep_bytes);
	s->seed = seed;
	for (size_t i = 0; i < SOURCE_BYTES; i++)
		s->source[i] = (char)(i * 7 + i / 256);
	for (int i = 0; i < QUEUES; i++)
		bufq_init(&s->pairs[i].q, s->pool);
	for (int step = 0; step < STEPS; step++) {
		random_step(s);
		if (step % 16 == 0)
			check_all(s);
	}
	check_all(s);
	for (int i = 0; i < QUEUES; i++)
		bufq_clear(&s->pairs[i].q);
	assert_int_equal(bufpool_used(s->pool), 0);
	bufpool_free(s->pool);
	free(s);
}

static void test_pool_that_keeps_slabs(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 4; seed++)
		run(SLAB * 4, seed * 2654435761U);
}

static void test_pool_that_keeps_nothing(void **state)
{
	(void)state;
	run(0, 77);
	bufpool_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool_that_keeps_slabs),
		cmocka_unit_test(test_pool_that_keeps_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
