/* The checks of options about opening tunnels: the CA's files, what it may sign for, and whether rules and options fit together.
 * What is in the files is for pki/ to judge, when they are needed. */
#include "config/settings_build.h"

#include "base/log.h"
#include "config/printable.h"
#include "config/readable.h"
#include "pki/ca.h"

enum { REASON_BYTES = 400 };

static bool check_file(struct settings_build *b, enum option_id id, const char *file)
{
	char reason[REASON_BYTES];

	return *file == '\0' || readable_check(file, reason, sizeof(reason)) || build_fail(b, id, "%s", reason);
}

/* One without the other is half a CA. */
static bool check_ca(struct settings_build *b)
{
	const struct settings *s = b->s;

	if (*s->ca_cert == '\0' && *s->ca_key != '\0')
		return build_fail(b, OPT_ca_key, "is set without ca.cert; they belong together");
	if (*s->ca_cert != '\0' && *s->ca_key == '\0')
		return build_fail(b, OPT_ca_cert, "is set without ca.key; they belong together");
	return check_file(b, OPT_ca_cert, s->ca_cert) && check_file(b, OPT_ca_key, s->ca_key);
}

static bool check_name_constraints(struct settings_build *b)
{
	const struct text_list *list = &b->s->ca_name_constraints;
	char shown[PRINTABLE_BYTES];

	for (size_t i = 0; i < list->n; i++) {
		if (!ca_constraint_is_right(str_of(list->v[i]))) {
			printable_show(str_of(list->v[i]), shown);
			return build_fail(b, OPT_ca_name_constraints,
				"%s is neither a domain (like example.com: it and all below) nor a network (like 10.0.0.0/8)",
				shown);
		}
	}
	return true;
}

/* What is allowed but cannot be meant. */
static void warn_of_idle_rules(const struct settings *s)
{
	bool has_rule = rule_set_intercepts(s->rules);

	if (s->intercept == INTERCEPT_NONE && has_rule)
		log_warn(
			"rules with intercept: true do nothing, since the option intercept is none (is intercept: list meant?)");
	if (s->intercept == INTERCEPT_LIST && !has_rule)
		log_warn("no tunnel is opened: the option intercept is list, and no rule has intercept: true");
}

bool build_check_intercept(struct settings_build *b)
{
	if (!check_ca(b) || !check_name_constraints(b))
		return false;
	warn_of_idle_rules(b->s);
	return true;
}
