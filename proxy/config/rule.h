/* What a rule is made of. Inside config/ only. */
#ifndef VIADUCT_CONFIG_RULE_H
#define VIADUCT_CONFIG_RULE_H

#include "config/rule_rate.h"
#include "config/rule_set.h"

enum rule_action { ACTION_REDIRECTS, ACTION_TARGETS, ACTION_BLOCK, ACTION_RATE, ACTION_RETRY, ACTION_COUNT };

struct rule {
	char *name; /* as given, or "rule 3" */
	bool is_named;
	struct filter *when;
	unsigned actions; /* bits 1u << enum rule_action: which of the following are stated */
	int64_t redirects;
	unsigned targets;
	bool block, retry;
	struct rate rate;
	int64_t *clock_ns; /* of the rate; apart, since the rule itself does not change */
	bool *has_warned;  /* of being undecided; apart too, and shared by all workers */
};

struct rule_set {
	struct rule *v;
	size_t n;
};

/* Prints what stands above rules: in conf/viaduct.yaml, as comments. */
void rule_docs_print(FILE *to);

#endif
