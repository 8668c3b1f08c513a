/* Rules asked: which of them say something of a hop, and what. Not for: reading them (rule_read.c). */
#include "config/rule_set.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/rule.h"

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
	case ACTION_RETRY:
	case ACTION_COUNT:
		break;
	}
	return &v->retry;
}

/* Says that the rule could not be decided, the first time. The rule's name is readable text (rule_read.c). */
static void undecided_warn(const struct rule *r, bool is_blocking)
{
	/* The flag alone is shared, so no other memory has to be in step with it. */
	if (__atomic_exchange_n(r->has_warned, true, __ATOMIC_RELAXED))
		return;
	log_warn("%s: a request made its regular expressions too slow to be decided: %s (not said again for this rule)",
		r->name, is_blocking ? "it is blocked" : "the rule is passed over");
}

/* Of the actions asked for, those that the rule decides, as bits. */
static unsigned actions_decided(const struct rule *r, unsigned asked, const struct filter_subject *subject,
	struct filter_budget *budget)
{
	unsigned blocking = r->block ? asked & 1U << ACTION_BLOCK : 0;

	switch (filter_ask(r->when, subject, budget)) {
	case FILTER_YES:
		return asked;
	case FILTER_UNDECIDED:
		undecided_warn(r, blocking != 0);
		return blocking;
	case FILTER_NO:
		break;
	}
	return 0;
}

void rule_set_apply(const struct rule_set *set, const struct filter_subject *subject, struct rule_verdict *ret)
{
	struct filter_budget budget = {FILTER_BUDGET_STEPS};
	unsigned open = (1U << ACTION_COUNT) - 1; /* actions not decided yet */

	*ret = (struct rule_verdict){NULL, NULL, NULL, NULL, NULL};
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

bool rule_rate_take(const struct rule *r, int64_t now_us, int64_t *ret_wait_ms)
{
	return rate_take(&r->rate, r->clock_ns, now_us, ret_wait_ms);
}

void rule_set_free(struct rule_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->n; i++) {
		filter_free(set->v[i].when);
		mem_free(set->v[i].name);
		mem_free(set->v[i].clock_ns);
		mem_free(set->v[i].has_warned);
	}
	mem_free(set->v);
	mem_free(set);
}
