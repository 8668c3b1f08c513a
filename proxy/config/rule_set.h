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
 *     - when: host ~ "(^|\\.)bank\\.example$"
 *       intercept: false             # true | false: whether a CONNECT tunnel to what matches is opened. Asked for the host and port
 *                                    # of the CONNECT, and again with the name in the ClientHello where that differs: false from
 *                                    # either counts first
 *     - when: host == "old.internal"
 *       verify: false                # any certificate of the origin will do; what is wrong with it is recorded
 *     - when: host == "api.example.com"
 *       pins: [sha256/AAAA…=, sha256/BBBB…=]   # or cert-sha256/HEX; one must be in the origin's chain, the others are
 *                                    # backups
 *       pin_mode: enforce            # enforce | warn; only beside pins
 *     - when: host == "mtls.example.com"
 *       client_cert: client.pem      # shown to the origin when it asks for one; paths are relative to the file
 *       client_key: client.key       # only beside client_cert; none: it is in client_cert
 *
 * For each action the first rule that states it and matches counts. */
#ifndef VIADUCT_CONFIG_RULE_SET_H
#define VIADUCT_CONFIG_RULE_SET_H

#include "config/filter.h"
#include "net/tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct rule;
struct rule_set; /* in struct settings */

/* What the rules say of one hop. NULL: no rule says anything. */
struct rule_verdict {
	const struct rule *redirects, *targets, *block, *rate, *retry;
	const struct rule *intercept, *verify, *pins, *credentials;
};
/* All rules together have one budget for their regular expressions (filter.h). A rule that cannot be decided within it counts as
 * matching for block: true and intercept: false, so that nobody gets past it by a long request, and as not matching for all else;
 * a warning is logged once for the rule. */
void rule_set_apply(const struct rule_set *set, const struct filter_subject *subject, struct rule_verdict *ret);
size_t rule_set_count(const struct rule_set *set); /* NULL: 0 */

/* "rule 3" or its name. Lives as long as the settings. */
const char *rule_name(const struct rule *r);
int64_t rule_redirects(const struct rule *r); /* enum redirects_mode */
unsigned rule_targets(const struct rule *r);  /* bits 1u << enum address_class */
bool rule_block(const struct rule *r);
bool rule_retry(const struct rule *r);
bool rule_intercept(const struct rule *r);
bool rule_verify(const struct rule *r);
/* These live as long as the rule; NULL if it states none. */
const struct tls_pins *rule_pins(const struct rule *r);
const struct tls_credentials *rule_credentials(const struct rule *r);
/* True if any rule of the set has intercept: true. set NULL: false. */
bool rule_set_intercepts(const struct rule_set *set);
/* Takes one request from the rule's rate (generic cell rate algorithm; a burst of at most one second's worth, at least 1). False if
 * it is exceeded: ret_wait_ms until it would not be. Thread-safe. */
bool rule_rate_take(const struct rule *r, int64_t now_us, int64_t *ret_wait_ms);

void rule_set_print(const struct rule_set *set, FILE *to);
void rule_set_free(struct rule_set *set); /* NULL is fine */

#endif
