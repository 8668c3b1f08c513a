/* The rules of the configuration applied to one hop: its URL and the client's request. Not for: reading rules (config/rule_set.h). */
#ifndef VIADUCT_CORE_RULES_H
#define VIADUCT_CORE_RULES_H

#include "config/rule_set.h"
#include "config/settings.h"
#include "core/observer.h"

struct rules_subject {
	const struct exchange_facts *facts;
	const struct message *request; /* the client's */
	const struct url *url;         /* of the hop */
	struct str method_name;        /* of the hop */
	unsigned hop;                  /* its number: 1 is the client's own request */
};
/* For each action the first rule that states it and matches. Rate limits are not taken here. */
void rules_apply(const struct settings *s, const struct rules_subject *subject, struct rule_verdict *ret);

#endif
