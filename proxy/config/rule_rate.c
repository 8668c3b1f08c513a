/* The generic cell rate algorithm (ITU-T I.371), in its form with a theoretical arrival time: one number, moved on by the distance
 * between two requests with each that is let through, and never further ahead of now than the burst allows. */
#include "config/rule_rate.h"

#include "config/printable.h"

#include <stdio.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

struct period {
	char letter;
	int64_t seconds;
};

static const struct period periods[] = {{'s', 1}, {'m', 60}, {'h', 3600}};
enum { PERIODS_N = sizeof(periods) / sizeof(periods[0]) };

/* 0 if the text is no period. */
static int64_t period_read(struct str text)
{
	for (size_t i = 0; i < PERIODS_N; i++) {
		if (text.len == 1 && text.p[0] == periods[i].letter)
			return periods[i].seconds;
	}
	return 0;
}

bool rate_read(struct str text, struct rate *ret, char *ret_why, size_t size)
{
	size_t slash = str_find(text, '/');
	int64_t period_s = slash < text.len ? period_read(str_from(text, slash + 1)) : 0;
	char shown[PRINTABLE_BYTES];
	uint64_t count;

	printable_show(text, shown);
	if (period_s == 0 || !str_to_u64(str_first(text, slash), UINT64_MAX, &count)) {
		snprintf(ret_why, size, "%s is not a rate (like 10/s, 100/m or 1000/h)", shown);
		return false;
	}
	if (count == 0 || count > RATE_MAX_COUNT) {
		snprintf(ret_why, size, "%s is no rate from 1 to %d%s", shown, RATE_MAX_COUNT,
			count == 0 ? " (block: true lets nothing through)" : "");
		return false;
	}
	*ret = (struct rate){(int64_t)count, period_s};
	return true;
}

const char *rate_format(const struct rate *r, char to[RATE_TEXT_BYTES])
{
	char letter = '?';

	for (size_t i = 0; i < PERIODS_N; i++) {
		if (r->period_s == periods[i].seconds)
			letter = periods[i].letter;
	}
	snprintf(to, RATE_TEXT_BYTES, "%lld/%c", (long long)r->count, letter);
	return to;
}

bool rate_take(const struct rate *r, int64_t *clock_ns, int64_t now_us, int64_t *ret_wait_ms)
{
	int64_t distance = r->period_s * NS_PER_S / r->count, now = now_us * NS_PER_US;
	int64_t burst = r->count / r->period_s, ahead = burst > 1 ? (burst - 1) * distance : 0;
	int64_t due = __atomic_load_n(clock_ns, __ATOMIC_RELAXED), next;

	/* The number alone is shared, so no other memory has to be in step with it. */
	do {
		if (due - now > ahead) {
			*ret_wait_ms = (due - now - ahead + NS_PER_MS - 1) / NS_PER_MS;
			return false;
		}
		next = (due > now ? due : now) + distance;
	} while (!__atomic_compare_exchange_n(clock_ns, &due, next, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}
