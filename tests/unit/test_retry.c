/* Retries: the policy, the waits, and the budget that keeps an outage from being multiplied. */
#include "core/retry.h"

#include "follow_rig.h"

enum { SECOND_US = 1000000 };

static struct retry_input input_of(struct follow_rig *r)
{
	return (struct retry_input){
		.settings = &r->settings,
		.is_enabled = true,
		.method = METHOD_GET,
		.method_name = STR("GET"),
		.response = response_read(r->a, 503, ""),
		.can_repeat = true,
		.now_s = 1700000000,
	};
}

static void expect_no(const struct retry_input *in, const char *words)
{
	struct retry_answer answer = retry_decide(in);

	assert_int_equal(answer.kind, RETRY_NO);
	if (words == NULL)
		assert_null(answer.words);
	else
		assert_string_equal(answer.words, words);
}

static void expect_after(const struct retry_input *in, int64_t delay_ms)
{
	struct retry_answer answer = retry_decide(in);

	assert_int_equal(answer.kind, RETRY_AFTER);
	assert_int_equal(answer.delay_ms, delay_ms);
}

static void test_what_is_retried(void **state)
{
	static const struct {
		int status; /* 0: it failed */
		enum error error;
		bool is_retried;
	} rows[] = {
		{408, ERR_none, true},
		{500, ERR_none, true},
		{502, ERR_none, true},
		{503, ERR_none, true},
		{504, ERR_none, true},
		{200, ERR_none, false},
		{302, ERR_none, false},
		{404, ERR_none, false},
		{429, ERR_none, false},
		{501, ERR_none, false},
		{599, ERR_none, false},
		{999, ERR_none, false},
		{0, ERR_connect_refused, true},
		{0, ERR_origin_closed, true},
		{0, ERR_tls_certificate, false},
		{0, ERR_response_incomplete, false},
		{0, ERR_cancelled, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct follow_rig r;
		struct retry_input in;

		rig_init(&r);
		in = input_of(&r);
		in.response = rows[i].status == 0 ? NULL : response_read(r.a, rows[i].status, "");
		in.error = rows[i].error;
		if (rows[i].is_retried)
			expect_after(&in, 250);
		else
			expect_no(&in, NULL);
		in.is_enabled = false;
		expect_no(&in, NULL);
		rig_fini(&r);
	}
}

static void test_who_may_retry(void **state)
{
	static const struct {
		const char *method;
		unsigned retries;
		bool can_repeat;
		const char *words; /* NULL: it is retried */
	} rows[] = {
		{"GET", 0, true, NULL},
		{"GET", 1, true, NULL},
		{"GET", 2, true, "retry.limit is reached"},
		{"PUT", 0, true, NULL},
		{"TRACE", 0, true, NULL},
		{"POST", 0, true, "the method is not among retry.methods"},
		{"get", 0, true, "the method is not among retry.methods"},
		{"GETS", 0, true, "the method is not among retry.methods"},
		{"GET", 0, false, "the request cannot be sent again"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct follow_rig r;
		struct retry_input in;

		rig_init(&r);
		in = input_of(&r);
		in.method_name = str_of(rows[i].method);
		in.retries = rows[i].retries;
		in.can_repeat = rows[i].can_repeat;
		assert_int_equal(retry_is_open(&in), rows[i].words == NULL);
		if (rows[i].words == NULL)
			assert_int_equal(retry_decide(&in).kind, RETRY_AFTER);
		else
			expect_no(&in, rows[i].words);
		rig_fini(&r);
	}
}

static void test_the_wait_grows(void **state)
{
	static const struct {
		unsigned retries;
		int64_t base, scale_ms, max_ms;
		uint32_t random;
		int64_t delay_ms;
	} rows[] = {
		{0, 2, 500, 30000, 0, 250},
		{0, 2, 500, 30000, UINT32_MAX, 500},
		{0, 2, 500, 30000, UINT32_MAX / 2, 374},
		{1, 2, 500, 30000, 0, 500},
		{1, 2, 500, 30000, UINT32_MAX, 1000},
		{4, 2, 500, 30000, UINT32_MAX, 8000},
		{6, 2, 500, 30000, UINT32_MAX, 30000},
		{19, 10, 60000, 600000, UINT32_MAX, 600000},
		{0, 1, 500, 30000, UINT32_MAX, 500},
		{19, 1, 500, 30000, UINT32_MAX, 500},
		{0, 2, 0, 30000, UINT32_MAX, 0},
		{0, 2, 500, 0, UINT32_MAX, 0},
		{0, 1, 1, 30000, 0, 0},
		{0, 1, 1, 30000, UINT32_MAX, 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct follow_rig r;
		struct retry_input in;

		rig_init(&r);
		in = input_of(&r);
		in.retries = rows[i].retries;
		in.random = rows[i].random;
		r.settings.retry_limit = 20;
		r.settings.retry_backoff_base = rows[i].base;
		r.settings.retry_backoff_scale_ms = rows[i].scale_ms;
		r.settings.retry_backoff_max_ms = rows[i].max_ms;
		expect_after(&in, rows[i].delay_ms);
		rig_fini(&r);
	}
}

static void test_retry_after(void **state)
{
	static const char too_long[] = "Retry-After is longer than retry.max_retry_after";
	static const struct {
		const char *fields;
		int64_t delay_ms;
		const char *words;
	} rows[] = {
		{"Retry-After: 0\n", 250, NULL},
		{"Retry-After: 1\n", 1000, NULL},
		{"retry-after: 60\n", 60000, NULL},
		{"Retry-After: 61\n", 0, too_long},
		{"Retry-After: 99999999999\n", 0, too_long},
		{"Retry-After: 9223372036854775807\n", 0, too_long},
		{"Retry-After: Tue, 14 Nov 2023 22:13:25 GMT\n", 5000, NULL},
		{"Retry-After: Tue, 14 Nov 2023 22:13:15 GMT\n", 250, NULL},
		{"Retry-After: Wed, 15 Nov 2023 22:13:20 GMT\n", 0, too_long},
		{"Retry-After: soon\n", 250, NULL},
		{"Retry-After: -1\n", 250, NULL},
		{"Retry-After:\n", 250, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct follow_rig r;
		struct retry_input in;

		rig_init(&r);
		in = input_of(&r);
		in.response = response_read(r.a, 503, rows[i].fields);
		if (rows[i].words != NULL)
			expect_no(&in, rows[i].words);
		else
			expect_after(&in, rows[i].delay_ms);
		rig_fini(&r);
	}
}

/* Ten in ten seconds are free, whatever happens. */
static void test_a_few_are_always_free(void **state)
{
	struct follow_rig r;
	struct retry_budget b;
	int64_t now_us = 5 * (int64_t)SECOND_US;

	(void)state;
	rig_init(&r);
	r.settings.retry_budget = 0;
	retry_budget_init(&b, now_us);
	for (int i = 0; i < 10; i++)
		assert_true(retry_budget_take(&b, now_us));
	assert_false(retry_budget_take(&b, now_us));
	retry_budget_deposit(&b, &r.settings);
	assert_false(retry_budget_take(&b, now_us));
	/* They come back with time, also when it is asked often. */
	for (int i = 0; i < 999; i++)
		assert_false(retry_budget_take(&b, now_us += SECOND_US / 1000));
	assert_true(retry_budget_take(&b, now_us += SECOND_US / 1000));
	/* What is less than a thousandth is not lost. */
	for (int i = 0; i < 1428; i++)
		assert_false(retry_budget_take(&b, now_us += 700));
	assert_true(retry_budget_take(&b, now_us += 700));
	now_us += 3600 * (int64_t)SECOND_US;
	for (int i = 0; i < 10; i++)
		assert_true(retry_budget_take(&b, now_us));
	assert_false(retry_budget_take(&b, now_us));
	/* A clock that stands still, or goes back, gives nothing. */
	assert_false(retry_budget_take(&b, now_us - SECOND_US));
	rig_fini(&r);
}

/* Twenty per hundred first hops. */
static void test_the_budget_grows_with_traffic(void **state)
{
	struct follow_rig r;
	struct retry_budget b;
	int taken = 0;

	(void)state;
	rig_init(&r);
	retry_budget_init(&b, 0);
	for (int i = 0; i < 100; i++)
		retry_budget_deposit(&b, &r.settings);
	while (retry_budget_take(&b, 0))
		taken++;
	assert_int_equal(taken, 10 + 20);
	r.settings.retry_budget = 1000;
	for (int i = 0; i < 100000; i++)
		retry_budget_deposit(&b, &r.settings);
	for (taken = 0; retry_budget_take(&b, 0); taken++)
		;
	assert_int_equal(taken, 1000);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_retried),
		cmocka_unit_test(test_who_may_retry),
		cmocka_unit_test(test_the_wait_grows),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_a_few_are_always_free),
		cmocka_unit_test(test_the_budget_grows_with_traffic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
