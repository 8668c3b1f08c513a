/* Rules asked: which of them say something of a hop, and what. Not for: reading them (rule_read.c). */
#include "config/rule_set.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/rule.h"
#include "config/values.h"

const struct option rule_pins_option = {.type = VALUE_LIST, .min = 1, .max = RULE_PINS_MAX};
const struct option rule_pin_mode_option = {.type = VALUE_ENUM, .choices = "enforce|warn"};

/* Where the verdict keeps the rule that decided an action. */
static const struct rule **slot_of(struct rule_verdict *v, enum rule_action action)
{
	switch (action) {
	case ACTION_REDIRECTS:
		return &v->redirects;
	case ACTION_TARGETS:
		return &v->targets;
	case ACTION_BLOCK:
		return &v->block;
	case ACTION_RATE:
		return &v->rate;
	case ACTION_INTERCEPT:
		return &v->intercept;
	case ACTION_VERIFY:
		return &v->verify;
	case ACTION_PINS:
		return &v->pins;
	case ACTION_CREDENTIALS:
		return &v->credentials;
	case ACTION_RETRY:
	case ACTION_COUNT:
		break;
	}
	return &v->retry;
}

/* Says that the rule could not be decided, the first time. The rule's name is readable text (rule_read.c). */
static void undecided_warn(const struct rule *r, unsigned counting)
{
	const char *outcome = "the rule is passed over";

	if ((counting & 1U << ACTION_BLOCK) != 0)
		outcome = "it is blocked";
	else if (counting != 0)
		outcome = "its tunnel is not opened";

	/* The flag alone is shared, so no other memory has to be in step with it. */
	if (__atomic_exchange_n(r->has_warned, true, __ATOMIC_RELAXED))
		return;
	log_warn("%s: a request made its regular expressions too slow to be decided: %s (not said again for this rule)",
		r->name, outcome);
}

/* Of the actions asked for, those by which the rule holds something off, as bits: nobody shall get past them by being hard to decide. */
static unsigned actions_guarding(const struct rule *r, unsigned asked)
{
	unsigned guarding = 0;

	if (r->block)
		guarding |= 1U << ACTION_BLOCK;
	if (!r->intercept)
		guarding |= 1U << ACTION_INTERCEPT;
	return asked & guarding;
}

/* Of the actions asked for, those that the rule decides, as bits. */
static unsigned actions_decided(const struct rule *r, unsigned asked, const struct filter_subject *subject,
	struct filter_budget *budget)
{
	unsigned guarding = actions_guarding(r, asked);

	switch (filter_ask(r->when, subject, budget)) {
	case FILTER_YES:
		return asked;
	case FILTER_UNDECIDED:
		undecided_warn(r, guarding);
		return guarding;
	case FILTER_NO:
		break;
	}
	return 0;
}

void rule_set_apply(const struct rule_set *set, const struct filter_subject *subject, struct rule_verdict *ret)
{
	struct filter_budget budget = {FILTER_BUDGET_STEPS};
	unsigned open = (1U << ACTION_COUNT) - 1; /* actions not decided yet */

	*ret = (struct rule_verdict){.redirects = NULL};
	for (size_t i = 0; open != 0 && i < rule_set_count(set); i++) {
		const struct rule *r = &set->v[i];
		unsigned decides = r->actions & open;

		if (decides != 0)
			decides = actions_decided(r, decides, subject, &budget);
		for (int action = 0; action < ACTION_COUNT; action++) {
			if ((decides & 1U << action) != 0)
				*slot_of(ret, (enum rule_action)action) = r;
		}
		open &= ~decides;
	}
}

size_t rule_set_count(const struct rule_set *set)
{
	return set != NULL ? set->n : 0;
}

const char *rule_name(const struct rule *r)
{
	return r->name;
}

int64_t rule_redirects(const struct rule *r)
{
	return r->redirects;
}

unsigned rule_targets(const struct rule *r)
{
	return r->targets;
}

bool rule_block(const struct rule *r)
{
	return r->block;
}

bool rule_retry(const struct rule *r)
{
	return r->retry;
}

bool rule_intercept(const struct rule *r)
{
	return r->intercept;
}

bool rule_verify(const struct rule *r)
{
	return r->verify;
}

const struct tls_pins *rule_pins(const struct rule *r)
{
	return r->pins;
}

const struct tls_credentials *rule_credentials(const struct rule *r)
{
	return r->credentials;
}

bool rule_set_intercepts(const struct rule_set *set)
{
	for (size_t i = 0; i < rule_set_count(set); i++) {
		if (set->v[i].intercept)
			return true;
	}
	return false;
}

bool rule_rate_take(const struct rule *r, int64_t now_us, int64_t *ret_wait_ms)
{
	return rate_take(&r->rate, r->clock_ns, now_us, ret_wait_ms);
}

static void rule_fini(struct rule *r)
{
	filter_free(r->when);
	mem_free(r->name);
	mem_free(r->clock_ns);
	mem_free(r->has_warned);
	value_clear(&rule_pins_option, &r->pin_items);
	tls_pins_free(r->pins);
	mem_free(r->client_cert);
	mem_free(r->client_key);
	tls_credentials_free(r->credentials);
}

void rule_set_free(struct rule_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->n; i++)
		rule_fini(&set->v[i]);
	mem_free(set->v);
	mem_free(set);
}
