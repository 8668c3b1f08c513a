/* What a rule is made of. Inside config/ only. */
#ifndef VIADUCT_CONFIG_RULE_H
#define VIADUCT_CONFIG_RULE_H

#include "config/option_table.h"
#include "config/rule_rate.h"
#include "config/rule_set.h"
#include "config/settings.h"

enum rule_action {
	ACTION_REDIRECTS,
	ACTION_TARGETS,
	ACTION_BLOCK,
	ACTION_RATE,
	ACTION_RETRY,
	ACTION_INTERCEPT,
	ACTION_VERIFY,
	ACTION_PINS,
	ACTION_CREDENTIALS,
	ACTION_COUNT
};

enum pin_mode { PIN_ENFORCE, PIN_WARN };
enum { RULE_PINS_MAX = 32 };
/* How the values of those keys are read, printed and freed. */
extern const struct option rule_pins_option, rule_pin_mode_option;

struct rule {
	char *name; /* as given, or "rule 3" */
	bool is_named;
	struct filter *when;
	unsigned actions; /* bits 1u << enum rule_action: which of the following are stated */
	int64_t redirects;
	unsigned targets;
	bool block, retry, intercept, verify;
	struct rate rate;
	struct text_list pin_items; /* as given */
	int64_t pin_mode;           /* enum pin_mode */
	struct tls_pins *pins;
	char *client_cert, *client_key; /* absolute; client_key NULL: the key is in client_cert */
	struct tls_credentials *credentials;
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
