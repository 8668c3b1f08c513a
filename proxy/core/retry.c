/* See retry.h. */
#include "core/retry.h"

#include "http/date.h"

enum {
	BUDGET_ONE = 1000,               /* thousandths of a retry */
	BUDGET_FREE = 10 * BUDGET_ONE,   /* there whatever happens; one comes back a second */
	BUDGET_MOST = 1000 * BUDGET_ONE, /* what a quiet time saves up for an outage */
	REFILL_US = 1000                 /* for one thousandth */
};

void retry_budget_init(struct retry_budget *b, int64_t now_us)
{
	*b = (struct retry_budget){.thousandths = BUDGET_FREE, .refilled_us = now_us};
}

void retry_budget_deposit(struct retry_budget *b, const struct settings *s)
{
	b->thousandths += s->retry_budget * (BUDGET_ONE / 100);
	if (b->thousandths > BUDGET_MOST)
		b->thousandths = BUDGET_MOST;
}

/* What time brings back, up to what is free. */
static void refill(struct retry_budget *b, int64_t now_us)
{
	int64_t earned = now_us > b->refilled_us ? (now_us - b->refilled_us) / REFILL_US : 0;

	b->refilled_us += earned * REFILL_US;
	if (b->thousandths >= BUDGET_FREE)
		return;
	b->thousandths = earned > BUDGET_FREE - b->thousandths ? BUDGET_FREE : b->thousandths + earned;
}

bool retry_budget_take(struct retry_budget *b, int64_t now_us)
{
	refill(b, now_us);
	if (b->thousandths < BUDGET_ONE)
		return false;
	b->thousandths -= BUDGET_ONE;
	return true;
}

/* Methods are case-sensitive (RFC 9110 section 9.1). */
static bool is_retried_method(const struct settings *s, struct str name)
{
	for (size_t i = 0; i < s->retry_methods.n; i++) {
		if (str_eq(str_of(s->retry_methods.v[i]), name))
			return true;
	}
	return false;
}

/* Why the policy forbids to try this request again; NULL if it does not. */
static const char *obstacle(const struct retry_input *in)
{
	if (!is_retried_method(in->settings, in->method_name))
		return "the method is not among retry.methods";
	if (in->retries >= (uint64_t)in->settings->retry_limit)
		return "retry.limit is reached";
	if (!in->can_repeat)
		return "the request cannot be sent again";
	return NULL;
}

bool retry_is_open(const struct retry_input *in)
{
	return in->is_enabled && obstacle(in) == NULL;
}

/* True if what came of the hop may pass by itself, as the options have it. */
static bool may_pass(const struct retry_input *in)
{
	const struct settings *s = in->settings;
	size_t statuses = sizeof(s->retry_status_set) / sizeof(s->retry_status_set[0]);

	if (in->response == NULL)
		return (size_t)in->error < ERR_count && s->retry_error_set[in->error];
	return in->response->status >= 0 && (size_t)in->response->status < statuses &&
		s->retry_status_set[in->response->status];
}

/* scale * base^retries made, at most backoff_max, less up to half of it at random. */
static int64_t backoff_ms(const struct retry_input *in)
{
	const struct settings *s = in->settings;
	int64_t max = s->retry_backoff_max_ms, full = s->retry_backoff_scale_ms, half;

	for (unsigned i = 0; i < in->retries && full < max; i++)
		full *= s->retry_backoff_base;
	if (full > max)
		full = max;
	half = full / 2;
	return half + (int64_t)((uint64_t)(full - half) * in->random / UINT32_MAX);
}

/* How long the origin asks to be left alone; 0 if it does not say. */
static int64_t retry_after_s(const struct retry_input *in)
{
	int64_t seconds = 0;
	struct str value;

	if (in->response == NULL)
		return 0;
	value = fields_value(&in->response->fields, STR("Retry-After"));
	if (value.p == NULL || !date_parse_retry_after(value, in->now_s, &seconds))
		return 0;
	return seconds;
}

struct retry_answer retry_decide(const struct retry_input *in)
{
	struct retry_answer no = {.kind = RETRY_NO};
	int64_t wait_s, delay_ms;

	if (!in->is_enabled || !may_pass(in))
		return no;
	no.words = obstacle(in);
	if (no.words != NULL)
		return no;
	wait_s = retry_after_s(in);
	/* Seconds are compared as such: what an origin asks for may be beyond all milliseconds. */
	if (wait_s > in->settings->retry_max_retry_after_ms / 1000) {
		no.words = "Retry-After is longer than retry.max_retry_after";
		return no;
	}
	delay_ms = backoff_ms(in);
	if (delay_ms < wait_s * 1000)
		delay_ms = wait_s * 1000;
	return (struct retry_answer){.kind = RETRY_AFTER, .delay_ms = delay_ms};
}
