/* The rules of a configuration file: a match in the filter language, and actions. Read once, then immutable, but for the clocks of
 * rate limits and the warnings given, which all workers share and which begin anew when the file is read again.
 *
 *   rules:
 *     - name: the login page shows its own redirects
 *       when: host == "login.example.com"
 *       redirects: pass              # auto | follow | pass: for redirects that come from what matches
 *     - when: host ~ "\\.internal\\.example$"
 *       redirect_targets: private, loopback   # classes into which a redirect to what matches may lead, however the chain began
 *     - when: host == "ads.example.com"
 *       block: true                  # 403, error blocked; a redirect to it is handed over. false: no later rule blocks it
 *     - when: host == "api.example.com"
 *       rate: 10/s                   # also /m, /h; beyond it: 429, error rate_limited; a redirect to it is handed over
 *     - when: host == "flaky.example.com"
 *       retry: true                  # retry.enabled for what matches
 *
 * For each action the first rule that states it and matches counts. */
#ifndef VIADUCT_CONFIG_RULE_SET_H
#define VIADUCT_CONFIG_RULE_SET_H

#include "config/filter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct rule;
struct rule_set; /* in struct settings */

/* What the rules say of one hop. NULL: no rule says anything. */
struct rule_verdict {
	const struct rule *redirects, *targets, *block, *rate, *retry;
};
/* All rules together have one budget for their regular expressions (filter.h). A rule that cannot be decided within it counts as
 * matching for block: true, so that nobody gets past it by a long request, and as not matching for all else; a warning is logged
 * once for the rule. */
void rule_set_apply(const struct rule_set *set, const struct filter_subject *subject, struct rule_verdict *ret);
size_t rule_set_count(const struct rule_set *set); /* NULL: 0 */

/* "rule 3" or its name. Lives as long as the settings. */
const char *rule_name(const struct rule *r);
int64_t rule_redirects(const struct rule *r); /* enum redirects_mode */
unsigned rule_targets(const struct rule *r);  /* bits 1u << enum address_class */
bool rule_block(const struct rule *r);
bool rule_retry(const struct rule *r);
/* Takes one request from the rule's rate (generic cell rate algorithm; a burst of at most one second's worth, at least 1). False if it is
 * exceeded: ret_wait_ms until it would not be. Thread-safe. */
bool rule_rate_take(const struct rule *r, int64_t now_us, int64_t *ret_wait_ms);

void rule_set_print(const struct rule_set *set, FILE *to);
void rule_set_free(struct rule_set *set); /* NULL is fine */

#endif
