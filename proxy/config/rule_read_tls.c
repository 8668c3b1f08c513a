/* Reading the keys of a rule that are about TLS with the origin: pins and client certificates, made into what net/ takes. */
#include "config/rule_read_part.h"

#include "base/mem.h"
#include "config/paths.h"
#include "config/printable.h"
#include "config/readable.h"
#include "config/values.h"
#include "net/tls.h"

enum { REASON_BYTES = 400 };

bool rule_pin_mode_key(struct rule_reader *r, const struct yaml_entry *e)
{
	return rule_value(r, e, &rule_pin_mode_option, &r->rule->pin_mode);
}

bool rule_pins_key(struct rule_reader *r, const struct yaml_entry *e)
{
	struct rule *rule = r->rule;
	char reason[REASON_BYTES];

	if (!rule_list(r, e, &rule_pins_option, &rule->pin_items))
		return false;
	rule->pins = tls_pins_new((const char *const *)rule->pin_items.v, rule->pin_items.n, rule->pin_mode == PIN_WARN, reason,
		sizeof(reason));
	return rule->pins != NULL || rule_fail(r, e->line, "pins: %s", reason);
}

/* The absolute path of a file that can be read, a new string; NULL with the message. */
static char *file_value(struct rule_reader *r, const struct yaml_entry *e)
{
	const char *text = rule_one_text(r, e);
	char reason[REASON_BYTES], *path;

	if (text == NULL)
		return NULL;
	if (*text == '\0' || !printable_is(str_of(text))) {
		rule_fail(r, e->line, "%s: is not the name of a file", e->name);
		return NULL;
	}
	path = paths_resolve(text, r->folder, r->home, reason, sizeof(reason));
	if (path != NULL && readable_check(path, reason, sizeof(reason)))
		return path;
	mem_free(path);
	rule_fail(r, e->line, "%s: %s", e->name, reason);
	return NULL;
}

bool rule_client_key_key(struct rule_reader *r, const struct yaml_entry *e)
{
	r->rule->client_key = file_value(r, e);
	return r->rule->client_key != NULL;
}

bool rule_client_cert_key(struct rule_reader *r, const struct yaml_entry *e)
{
	struct rule *rule = r->rule;
	const char *key;
	char reason[REASON_BYTES];

	rule->client_cert = file_value(r, e);
	if (rule->client_cert == NULL)
		return false;
	key = rule->client_key != NULL ? rule->client_key : rule->client_cert;
	rule->credentials = tls_credentials_new(rule->client_cert, key, reason, sizeof(reason));
	return rule->credentials != NULL || rule_fail(r, e->line, "client_cert: %s", reason);
}
