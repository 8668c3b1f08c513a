/* The cache of leaves between threads: a flood of new names, the same names at once, and a CA that changes meanwhile. Runs under
 * ThreadSanitizer too. */
#include "core/leaves.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_WATCHED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_WATCHED 1
#endif

enum {
	THREADS = 2,
#ifdef IS_WATCHED
	MAX = 1024,
	FLOOD = 3000 /* a leaf takes several times as long */
#else
	MAX = 4096,
	FLOOD = 20000
#endif
};

struct side {
	pthread_t thread;
	struct leaves *leaves;
	struct ca *cas[2];
	unsigned number, failures;
	size_t most_held;
	struct tls_identity *got[64];
};

static struct ca *ca_today(void)
{
	struct ca_request request = {.common_name = "a CA", .now_s = time(NULL)};
	char why[200] = "";
	struct ca *ca = ca_make(&request, why, sizeof(why));

	assert_string_equal(why, "");
	return ca;
}

static struct tls_identity *ask(struct side *s, unsigned number)
{
	char host[40], why[200];
	struct leaf_ask ask = {.host = {host, (size_t)snprintf(host, sizeof(host), "n%u.test", number)}};

	return leaves_get(s->leaves, &ask, why, sizeof(why));
}

/* Names that nobody has asked for before, with one among them that is asked for all the time. */
static void *flood(void *arg)
{
	struct side *s = arg;
	struct leaves_counts counts;

	for (unsigned i = s->number; i < FLOOD; i += THREADS) {
		struct tls_identity *of_new = ask(s, i), *of_old = ask(s, FLOOD);

		s->failures += of_new == NULL || of_old == NULL;
		tls_identity_unref(of_new);
		tls_identity_unref(of_old);
		leaves_count(s->leaves, &counts);
		if (counts.held > s->most_held)
			s->most_held = counts.held;
	}
	return NULL;
}

/* The same names as the other side, at the same time. */
static void *compete(void *arg)
{
	struct side *s = arg;

	for (unsigned i = 0; i < sizeof(s->got) / sizeof(s->got[0]); i++)
		s->got[i] = ask(s, i);
	return NULL;
}

/* Two CAs take turns, as when the configuration is read again and again. */
static void *change(void *arg)
{
	struct side *s = arg;

	for (unsigned i = 0; i < 2000; i++) {
		struct tls_identity *identity = ask(s, i % 50);

		s->failures += identity == NULL;
		tls_identity_unref(identity);
		if (i % 20 == 0)
			leaves_set_ca(s->leaves, s->cas[i / 20 % 2]);
		if (i % 50 == 0)
			leaves_set_max(s->leaves, i % 100 == 0 ? 10 : MAX);
	}
	return NULL;
}

static void run(struct side sides[THREADS], void *(*side_main)(void *arg))
{
	struct leaves *leaves = leaves_new(MAX);
	struct ca *cas[2] = {ca_today(), ca_today()};

	assert_non_null(leaves);
	leaves_set_ca(leaves, cas[0]);
	for (unsigned i = 0; i < THREADS; i++) {
		sides[i] = (struct side){.leaves = leaves, .cas = {cas[0], cas[1]}, .number = i};
		assert_int_equal(pthread_create(&sides[i].thread, NULL, side_main, &sides[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(sides[i].thread, NULL);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(sides[i].failures, 0);
	ca_unref(cas[0]);
	ca_unref(cas[1]);
}

static void test_flood_of_names(void **state)
{
	struct side sides[THREADS];
	struct leaves_counts counts;

	(void)state;
	run(sides, flood);
	leaves_count(sides[0].leaves, &counts);
	for (unsigned i = 0; i < THREADS; i++)
		assert_true(sides[i].most_held <= MAX);
	assert_int_equal(counts.held, MAX);
	/* Each name once; of the common one each thread may have made one. */
	assert_in_range(counts.made, FLOOD + 1, FLOOD + THREADS);
	assert_int_equal(counts.evicted, FLOOD + 1 - MAX);
	assert_int_equal(counts.hits + counts.made, 2 * FLOOD);
	leaves_free(sides[0].leaves);
}

static void test_both_get_the_first(void **state)
{
	struct side sides[THREADS];

	(void)state;
	run(sides, compete);
	for (unsigned i = 0; i < sizeof(sides[0].got) / sizeof(sides[0].got[0]); i++) {
		assert_non_null(sides[0].got[i]);
		assert_ptr_equal(sides[0].got[i], sides[1].got[i]);
		tls_identity_unref(sides[0].got[i]);
		tls_identity_unref(sides[1].got[i]);
	}
	leaves_free(sides[0].leaves);
}

static void test_changing_cas(void **state)
{
	struct side sides[THREADS];

	(void)state;
	run(sides, change);
	leaves_free(sides[0].leaves);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flood_of_names),
		cmocka_unit_test(test_both_get_the_first),
		cmocka_unit_test(test_changing_cas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
