/* What is learnt of clients that refuse our certificates: when it is a lesson, for whom, for how long, and how it goes. */
#include "core/learned.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000000)
enum { THREADS = 2 };

static const char curl[] = "t13d1516h2_8daaf6152771_e5627efa2ab1", other[] = "t12i010000_000000000000_000000000000";

struct asked {
	struct address client;
	struct learned_key key;
};

static const struct learned_key *key(struct asked *a, const char *client, const char *ja4, const char *name)
{
	assert_true(address_parse(str_of(client), 4711, &a->client));
	a->key = (struct learned_key){&a->client, ja4, str_of(name)};
	return &a->key;
}

static int rig_up(void **state)
{
	*state = learned_new();
	return 0;
}

static int rig_down(void **state)
{
	learned_free(*state);
	return 0;
}

static void test_two_refusals_are_a_lesson(void **state)
{
	struct learned *l = *state;
	struct asked a, b;
	char why[LEARNED_WHY_BYTES] = "untouched";

	key(&a, "192.0.2.1", curl, "pins.test");
	assert_false(learned_is_passed(l, &a.key, 100, why));
	assert_false(learned_refusal(l, &a.key, "alert: unknown ca", 100, 15 * MINUTE));
	assert_false(learned_is_passed(l, &a.key, 100, why));
	assert_string_equal(why, "untouched");
	/* From another port, in other case. */
	key(&b, "192.0.2.1", curl, "PINS.test");
	address_set_port(&b.client, 815);
	assert_true(learned_refusal(l, &b.key, "alert: bad certificate", 200, 15 * MINUTE));
	assert_true(learned_is_passed(l, &a.key, 200 + MINUTE, why));
	assert_string_equal(why, "the client refused our certificate 2 times (alert: bad certificate); opened again in 14 min");
	assert_true(learned_is_passed(l, &a.key, 199 + 15 * MINUTE, why));
	assert_string_equal(why, "the client refused our certificate 2 times (alert: bad certificate); opened again in 1 s");
	assert_false(learned_is_passed(l, &a.key, 200 + 15 * MINUTE, why));
	/* And then it takes two again. */
	assert_false(learned_refusal(l, &a.key, "x", 201 + 15 * MINUTE, 15 * MINUTE));
	assert_true(learned_refusal(l, &a.key, "x", 202 + 15 * MINUTE, 15 * MINUTE));
}

/* The same when nobody has looked since it ended. */
static void test_an_ended_lesson_does_not_add_up(void **state)
{
	struct learned *l = *state;
	struct asked a;

	key(&a, "192.0.2.1", curl, "pins.test");
	learned_refusal(l, &a.key, "x", 100, MINUTE);
	assert_true(learned_refusal(l, &a.key, "x", 100, MINUTE));
	assert_false(learned_refusal(l, &a.key, "x", 100 + MINUTE, MINUTE));
	assert_true(learned_refusal(l, &a.key, "x", 100 + MINUTE, MINUTE));
}

static void test_it_is_for_one_client_and_name(void **state)
{
	struct learned *l = *state;
	struct asked a;
	char why[LEARNED_WHY_BYTES];

	key(&a, "192.0.2.1", curl, "pins.test");
	learned_refusal(l, &a.key, "x", 100, MINUTE);
	assert_false(learned_refusal(l, key(&a, "192.0.2.2", curl, "pins.test"), "x", 100, MINUTE));
	assert_false(learned_refusal(l, key(&a, "192.0.2.1", other, "pins.test"), "x", 100, MINUTE));
	assert_false(learned_refusal(l, key(&a, "192.0.2.1", curl, "pins.test.org"), "x", 100, MINUTE));
	assert_false(learned_refusal(l, key(&a, "2001:db8::1", curl, "pins.test"), "x", 100, MINUTE));
	assert_true(learned_refusal(l, key(&a, "2001:db8::1", curl, "pins.test"), "x", 100, MINUTE));
	assert_true(learned_is_passed(l, &a.key, 100, why));
	assert_false(learned_is_passed(l, key(&a, "192.0.2.1", curl, "pins.test"), 100, why));
}

static void test_refusals_far_apart(void **state)
{
	struct learned *l = *state;
	struct asked a;

	key(&a, "192.0.2.1", curl, "pins.test");
	assert_false(learned_refusal(l, &a.key, "x", 100, MINUTE));
	assert_false(learned_refusal(l, &a.key, "x", 101 + MINUTE, MINUTE));
	assert_true(learned_refusal(l, &a.key, "x", 101 + 2 * MINUTE, MINUTE));
}

static void test_success_clears_single_refusals(void **state)
{
	struct learned *l = *state;
	struct asked a;
	char why[LEARNED_WHY_BYTES];

	key(&a, "192.0.2.1", curl, "pins.test");
	learned_success(l, &a.key, 0);
	learned_refusal(l, &a.key, "x", 100, MINUTE);
	learned_success(l, &a.key, 0);
	assert_false(learned_refusal(l, &a.key, "x", 101, MINUTE));
	assert_true(learned_refusal(l, &a.key, "x", 102, MINUTE));
	learned_success(l, &a.key, 0); /* a tunnel that was opened before */
	assert_true(learned_is_passed(l, &a.key, 103, why));
}

static void test_off(void **state)
{
	struct learned *l = *state;
	struct asked a;
	char why[LEARNED_WHY_BYTES];

	key(&a, "192.0.2.1", curl, "pins.test");
	for (unsigned i = 0; i < 3; i++)
		assert_false(learned_refusal(l, &a.key, "x", 100, 0));
	learned_unfit(l, &a.key, "x", 100, 0);
	assert_false(learned_is_passed(l, &a.key, 100, why));
	assert_int_equal(learned_forget(l, STR_NONE, 100), 0);
}

static void test_for_ever(void **state)
{
	struct learned *l = *state;
	struct asked a;
	char why[LEARNED_WHY_BYTES];

	key(&a, "192.0.2.1", curl, "pins.test");
	learned_refusal(l, &a.key, "x", 100, INT64_MAX);
	assert_true(learned_refusal(l, &a.key, "x", 200, INT64_MAX));
	assert_true(learned_is_passed(l, &a.key, INT64_MAX - 1, why));
}

static void test_unfit(void **state)
{
	struct learned *l = *state;
	struct asked a;
	char why[LEARNED_WHY_BYTES];

	key(&a, "192.0.2.1", curl, "imap.test");
	learned_unfit(l, &a.key, "what is inside is not HTTP", 100, 5 * 60 * MINUTE);
	assert_true(learned_is_passed(l, &a.key, 100, why));
	assert_string_equal(why, "learnt: what is inside is not HTTP; opened again in 5 h");
	assert_true(learned_refusal(l, &a.key, "alert: unknown ca", 100, MINUTE)); /* of a tunnel before */
	assert_true(learned_is_passed(l, &a.key, 100 + 60 * MINUTE, why));
	assert_string_equal(why, "learnt: what is inside is not HTTP; opened again in 4 h");
}

/* The reason is cut, what stands behind it is not. */
static void test_long_words(void **state)
{
	struct learned *l = *state;
	struct asked a;
	char why[LEARNED_WHY_BYTES], reason[1000];

	memset(reason, 'r', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	key(&a, "192.0.2.1", curl, "pins.test");
	learned_unfit(l, &a.key, reason, 100, MINUTE);
	assert_true(learned_is_passed(l, &a.key, 100, why));
	assert_int_equal(strlen(why), LEARNED_WHY_BYTES - 1);
	assert_non_null(strstr(why, "rrr; opened again in 60 s"));
	learned_forget(l, STR_NONE, 100);
	learned_refusal(l, &a.key, reason, 100, 90 * MINUTE);
	learned_refusal(l, &a.key, reason, 100, 90 * MINUTE);
	assert_true(learned_is_passed(l, &a.key, 100, why));
	assert_non_null(strstr(why, "rrr); opened again in 90 min"));
}

/* The longest name that there is, and one that is no name. */
static void test_long_names(void **state)
{
	struct learned *l = *state;
	char name[257], why[LEARNED_WHY_BYTES];
	struct asked a;

	memset(name, 'n', sizeof(name) - 1);
	name[255] = name[256] = '\0';
	key(&a, "2001:db8:1111:2222:3333:4444:5555:6666", curl, name);
	learned_refusal(l, &a.key, "x", 100, MINUTE);
	assert_true(learned_refusal(l, &a.key, "x", 100, MINUTE));
	assert_true(learned_is_passed(l, &a.key, 100, why));
	name[255] = 'n';
	key(&a, "2001:db8:1111:2222:3333:4444:5555:6666", curl, name);
	learned_refusal(l, &a.key, "x", 100, MINUTE);
	assert_false(learned_refusal(l, &a.key, "x", 100, MINUTE));
	learned_unfit(l, &a.key, "x", 100, MINUTE);
	learned_success(l, &a.key, 0);
	assert_false(learned_is_passed(l, &a.key, 100, why));
}

struct seen {
	unsigned n;
	struct lesson last;
};

static void on_lesson(void *owner, const struct lesson *lesson)
{
	struct seen *seen = owner;

	seen->n++;
	seen->last = *lesson;
}

static void test_list_and_forget(void **state)
{
	struct learned *l = *state;
	struct seen seen = {0};
	char why[LEARNED_WHY_BYTES];
	struct asked a, b;

	key(&a, "192.0.2.1", curl, "pins.test");
	key(&b, "192.0.2.1", curl, "imap.test");
	learned_refusal(l, &b.key, "x", 100, MINUTE); /* a single one is not listed */
	learned_refusal(l, &a.key, "x", 100, MINUTE);
	learned_refusal(l, &a.key, "alert: unknown ca", 100, MINUTE);
	learned_is_passed(l, &a.key, 200, why);
	learned_each(l, 300, on_lesson, &seen);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.last.client, "192.0.2.1");
	assert_string_equal(seen.last.ja4, curl);
	assert_true(str_eq(seen.last.name, STR("pins.test")));
	assert_string_equal(seen.last.why, "alert: unknown ca");
	assert_int_equal(seen.last.refusals, 2);
	assert_int_equal(seen.last.passed, 1);
	assert_int_equal(seen.last.left_us, MINUTE - 200);
	learned_each(l, 100 + MINUTE, on_lesson, &seen);
	assert_int_equal(seen.n, 1);

	assert_int_equal(learned_forget(l, STR("imap.test"), 300), 0);
	assert_false(learned_refusal(l, &b.key, "x", 300, MINUTE)); /* the single one went all the same */
	assert_int_equal(learned_forget(l, STR("Pins.Test"), 300), 1);
	assert_false(learned_is_passed(l, &a.key, 300, why));
	learned_unfit(l, &a.key, "x", 300, MINUTE);
	learned_unfit(l, &b.key, "x", 300, 2 * MINUTE);
	assert_int_equal(learned_forget(l, STR_NONE, 300 + MINUTE), 1);
	learned_each(l, 300, on_lesson, &seen);
	assert_int_equal(seen.n, 1);
}

/* The least recently used go; what is in use stays. */
static void test_bounded(void **state)
{
	struct learned *l = *state;
	char name[40], why[LEARNED_WHY_BYTES];
	struct seen seen = {0};
	struct asked used, a;

	key(&used, "192.0.2.1", curl, "used.test");
	learned_unfit(l, &used.key, "x", 100, MINUTE);
	for (unsigned i = 0; i < LEARNED_MAX + LEARNED_MAX / 2; i++) {
		snprintf(name, sizeof(name), "n%u.test", i);
		learned_unfit(l, key(&a, "192.0.2.1", curl, name), "x", 100, MINUTE);
		if (i % 1000 == 0)
			assert_true(learned_is_passed(l, &used.key, 100, why));
	}
	assert_true(learned_is_passed(l, &a.key, 100, why));
	assert_true(learned_is_passed(l, &used.key, 100, why));
	assert_false(learned_is_passed(l, key(&a, "192.0.2.1", curl, "n0.test"), 100, why));
	learned_each(l, 100, on_lesson, &seen);
	assert_int_equal(seen.n, LEARNED_MAX);
	assert_int_equal(learned_forget(l, STR_NONE, 100), LEARNED_MAX);
}

/* Does all that workers and the inspector do, with names that the other thread uses too. */
static void *use_all(void *arg)
{
	struct learned *l = arg;
	char name[40], why[LEARNED_WHY_BYTES];
	struct seen seen = {0};
	struct asked a;

	for (unsigned i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "n%u.test", i % 50);
		key(&a, "192.0.2.1", curl, name);
		learned_refusal(l, &a.key, "x", i, MINUTE);
		learned_is_passed(l, &a.key, i, why);
		if (i % 3 == 0)
			learned_success(l, &a.key, 0);
		if (i % 100 == 0)
			learned_each(l, i, on_lesson, &seen);
		if (i % 70 == 0)
			learned_forget(l, a.key.name, i);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use_all, *state), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_true(learned_forget(*state, STR_NONE, 20000) <= 50);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_up, rig_down)

static void test_who_has_asked_for_something_trusts_us(void **state)
{
	struct learned *l = *state;
	struct asked a, b;

	key(&a, "192.0.2.1", curl, "api.test");
	key(&b, "192.0.2.1", other, "api.test");
	assert_false(learned_is_trusting(l, &a.key, 100, MINUTE));
	learned_success(l, &a.key, 100);
	assert_true(learned_is_trusting(l, &a.key, 100 + MINUTE, MINUTE));
	assert_false(learned_is_trusting(l, &a.key, 101 + MINUTE, MINUTE));
	assert_false(learned_is_trusting(l, &b.key, 100, MINUTE));
	learned_success(l, &a.key, MINUTE);
	assert_true(learned_is_trusting(l, &a.key, 2 * MINUTE, MINUTE));
}

static void test_doubts_need_more_and_count_once_a_second(void **state)
{
	struct learned *l = *state;
	char why[LEARNED_WHY_BYTES];
	struct asked a;

	key(&a, "192.0.2.1", curl, "api.test");
	/* A program that is stopped drops all its connections at once. */
	for (int i = 0; i < 50; i++)
		assert_false(learned_doubt(l, &a.key, "closed", 10000000 + i, 15 * MINUTE));
	assert_false(learned_doubt(l, &a.key, "closed", 12000000, 15 * MINUTE));
	learned_success(l, &a.key, 13000000);
	assert_false(learned_doubt(l, &a.key, "closed", 14000000, 15 * MINUTE));
	assert_false(learned_doubt(l, &a.key, "closed", 15000000, 15 * MINUTE));
	assert_true(learned_doubt(l, &a.key, "closed", 16000000, 15 * MINUTE));
	assert_true(learned_is_passed(l, &a.key, 16000000, why));
}

static void test_trusts_are_bounded(void **state)
{
	struct learned *l = *state;
	struct asked first, a;
	char name[40];

	key(&first, "192.0.2.1", curl, "first.test");
	learned_success(l, &first.key, 0);
	for (int i = 0; i < LEARNED_MAX; i++) {
		snprintf(name, sizeof(name), "h%d.test", i);
		key(&a, "192.0.2.1", curl, name);
		learned_success(l, &a.key, 0);
	}
	assert_false(learned_is_trusting(l, &first.key, 0, MINUTE));
	assert_true(learned_is_trusting(l, &a.key, 0, MINUTE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_who_has_asked_for_something_trusts_us, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(test_doubts_need_more_and_count_once_a_second, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(test_trusts_are_bounded, rig_up, rig_down),
		TEST(test_two_refusals_are_a_lesson),
		TEST(test_an_ended_lesson_does_not_add_up),
		TEST(test_it_is_for_one_client_and_name),
		TEST(test_refusals_far_apart),
		TEST(test_success_clears_single_refusals),
		TEST(test_off),
		TEST(test_for_ever),
		TEST(test_unfit),
		TEST(test_long_words),
		TEST(test_long_names),
		TEST(test_list_and_forget),
		TEST(test_bounded),
		TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
