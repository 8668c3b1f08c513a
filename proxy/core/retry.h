/* Retries: whether a hop that failed, or was answered with a status that may pass, is tried again, and when (the shape of
 * Alamofire's RetryPolicy). Pure but for the budget, which is one worker's. */
#ifndef VIADUCT_CORE_RETRY_H
#define VIADUCT_CORE_RETRY_H

#include "base/error.h"
#include "config/settings.h"
#include "http/message.h"

#include <stdbool.h>
#include <stdint.h>

/* How many retries a worker may make, so that an outage is not multiplied: each first hop puts retry.budget per cent of one in,
 * each retry takes one out; a few are there whatever happens, and come back with time. */
struct retry_budget {
	int64_t thousandths; /* of a retry */
	int64_t refilled_us;
};
void retry_budget_init(struct retry_budget *b, int64_t now_us);
/* A first hop was made. */
void retry_budget_deposit(struct retry_budget *b, const struct settings *s);
/* Takes one; false if there is none. */
bool retry_budget_take(struct retry_budget *b, int64_t now_us);

struct retry_input {
	const struct settings *settings;
	bool is_enabled;    /* retry.enabled, or what a rule says */
	unsigned retries;   /* made so far for this exchange */
	enum method method; /* of this hop */
	struct str method_name;
	const struct message *response; /* NULL: the hop ended with error */
	enum error error;
	bool can_repeat; /* the request can be sent again whole and nothing was delivered */
	int64_t now_s;   /* since 1970 */
	uint32_t random;
};

/* True if the policy allows this request one more retry, whatever would be the reason. */
bool retry_is_open(const struct retry_input *in);

enum retry_kind { RETRY_NO, RETRY_AFTER };
struct retry_answer {
	enum retry_kind kind;
	int64_t delay_ms;
	/* Why it is not, although it could be meant to be ("retry.limit is reached"); NULL: nothing to say. */
	const char *words;
};
/* Exponential back-off with jitter between half and all of scale, scale * base, scale * base^2 …, at most retry.backoff_max; Retry-After (RFC 9110
 * section 10.2.3) wins where it is longer, and forbids the retry where it is beyond retry.max_retry_after. The budget is the
 * caller's to ask. */
struct retry_answer retry_decide(const struct retry_input *in);

#endif
