/* The settings as a value: made, counted, compared, asked. Not for: where values come from (settings_read.c) and whether they
 * make sense (settings_check.c). */
#include "config/settings.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/settings_build.h"
#include "config/values.h"

#include <stdlib.h>
#include <string.h>

enum { WHY_BYTES = 160 };

struct settings *settings_new_defaults(void)
{
	struct settings *s = mem_calloc(1, sizeof(*s));
	char why[WHY_BYTES];

	s->refs = 1;
	for (int id = 0; id < OPTION_COUNT; id++) {
		const struct option *o = option_row((enum option_id)id);

		if (!value_set(o, o->def, option_field((enum option_id)id, s), why, sizeof(why))) {
			log_error("options.def: %s: %s", o->name, why);
			abort(); /* our own table is wrong, and every test would have said so */
		}
	}
	return s;
}

struct settings *settings_load(const struct settings_source *source, char *ret_why, size_t size)
{
	struct settings_build b = {.s = settings_new_defaults(), .source = source, .why = ret_why, .why_size = size};

	if (build_read(&b) && build_check(&b))
		return b.s;
	settings_unref(b.s);
	return NULL;
}

struct settings *settings_ref(struct settings *s)
{
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

void settings_unref(struct settings *s)
{
	/* What other threads read before they let go must have happened before the memory goes. */
	if (s == NULL || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	for (int id = 0; id < OPTION_COUNT; id++)
		value_clear(option_row((enum option_id)id), option_field((enum option_id)id, s));
	mem_free(s->listen_addresses);
	mem_free(s->client_networks);
	mem_free(s->ports);
	users_free(s->users);
	rule_set_free(s->rules);
	mem_free(s);
}

void settings_restart_needed(const struct settings *running, const struct settings *fresh, char *ret, size_t size)
{
	size_t len = 0;

	if (size != 0)
		ret[0] = '\0';
	for (int id = 0; id < OPTION_COUNT && len < size; id++) {
		const struct option *o = option_row((enum option_id)id);
		const void *a = option_field_const((enum option_id)id, running),
			   *b = option_field_const((enum option_id)id, fresh);

		if (!o->is_live && !value_equal(o, a, b))
			len += (size_t)snprintf(ret + len, size - len, "%s%s", len != 0 ? ", " : "", o->name);
	}
}

bool settings_allows_client(const struct settings *s, const struct address *client)
{
	for (size_t i = 0; i < s->client_networks_n; i++) {
		if (network_has(&s->client_networks[i], client))
			return true;
	}
	return s->clients_all;
}

bool settings_allows_port(const struct settings *s, const struct address *client, uint16_t port)
{
	for (size_t i = 0; i < s->ports_n; i++) {
		if (s->ports[i] == port)
			return true;
	}
	return s->ports_all || address_is_loopback(client);
}
