/* Reading rules: each key of a rule is a row of a table with a function that reads its value. A message names the file, the line
 * and the rule. */
#include "config/rule_read.h"

#include "base/mem.h"
#include "config/class_set.h"
#include "config/paths.h"
#include "config/printable.h"
#include "config/rule_read_part.h"
#include "config/suggest.h"
#include "config/values.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { REASON_BYTES = 400, PLACE_BYTES = 40 };

bool rule_fail(struct rule_reader *r, int line, const char *format, ...)
{
	const struct rule *rule = r->rule;
	char place[RULE_NAME_MAX_BYTES + PLACE_BYTES];
	va_list args;
	int len;

	if (rule->is_named)
		snprintf(place, sizeof(place), "rule %zu (%s)", r->set->n, rule->name);
	else
		snprintf(place, sizeof(place), "%s", rule->name);
	len = snprintf(r->why, r->why_size, "%s:%d: %s: ", r->file, line, place);
	if (len < 0 || (size_t)len >= r->why_size)
		return false;
	va_start(args, format);
	vsnprintf(r->why + len, r->why_size - (size_t)len, format, args);
	va_end(args);
	return false;
}

const char *rule_one_text(struct rule_reader *r, const struct yaml_entry *e)
{
	if (e->kind == ENTRY_TEXT)
		return e->text;
	if (e->kind == ENTRY_EMPTY)
		rule_fail(r, e->line, "%s: has no value", e->name);
	else
		rule_fail(r, e->line, "%s: takes one value, not a list", e->name);
	return NULL;
}

bool rule_value(struct rule_reader *r, const struct yaml_entry *e, const struct option *o, void *field)
{
	const char *text = rule_one_text(r, e);
	char reason[REASON_BYTES];

	if (text == NULL)
		return false;
	return value_set(o, text, field, reason, sizeof(reason)) || rule_fail(r, e->line, "%s: %s", e->name, reason);
}

bool rule_list(struct rule_reader *r, const struct yaml_entry *e, const struct option *o, struct text_list *field)
{
	char reason[REASON_BYTES];

	if (e->kind != ENTRY_LIST)
		return rule_value(r, e, o, field);
	return value_set_items(o, e->items, e->items_n, field, reason, sizeof(reason)) ||
		rule_fail(r, e->line, "%s: %s", e->name, reason);
}

static bool bool_key(struct rule_reader *r, const struct yaml_entry *e, bool *field)
{
	static const struct option o = {.type = VALUE_BOOL};

	return rule_value(r, e, &o, field);
}

/* True for "rule 2", which would be taken for the second one in a record. */
static bool is_default_name(struct str name)
{
	static const struct str before = {"rule ", 5};
	uint64_t number;

	return str_istarts(name, before) && str_to_u64(str_trim(str_from(name, before.len)), UINT64_MAX, &number);
}

static bool name_key(struct rule_reader *r, const struct yaml_entry *e)
{
	const char *text = rule_one_text(r, e);
	struct str name;

	if (text == NULL)
		return false;
	name = str_trim(str_of(text));
	if (name.len == 0 || name.len > RULE_NAME_MAX_BYTES || !printable_is(name))
		return rule_fail(r, e->line, "name: 1 to %d bytes without control characters", RULE_NAME_MAX_BYTES);
	if (is_default_name(name))
		return rule_fail(r, e->line, "name: %.*s is what a rule without a name is called by its place", STR_ARG(name));
	for (size_t i = 0; i + 1 < r->set->n; i++) {
		if (str_eq(name, str_of(r->set->v[i].name)))
			return rule_fail(r, e->line, "name: %.*s is the name of rule %zu", STR_ARG(name), i + 1);
	}
	mem_free(r->rule->name);
	r->rule->name = mem_strndup(name.p, name.len);
	r->rule->is_named = true;
	return true;
}

/* An expression may go over several lines; what else is not readable stays out, so that it can be printed and logged. */
static bool is_readable(const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\t\r\n");

		if (!printable_is((struct str){text, len}))
			return false;
		text += len + (text[len] != '\0');
	}
	return true;
}

static bool when_key(struct rule_reader *r, const struct yaml_entry *e)
{
	const char *text = rule_one_text(r, e);
	struct filter_error error;
	struct str expression;

	if (text == NULL)
		return false;
	expression = str_of(text);
	if (!is_readable(text))
		return rule_fail(r, e->line, "when: holds a control character");
	while (expression.len != 0 && strchr(" \t\r\n", expression.p[expression.len - 1]) != NULL)
		expression.len--; /* what a YAML block brings along */
	r->rule->when = filter_parse(expression, true, &error);
	return r->rule->when != NULL || rule_fail(r, e->line, "when: %s", error.text);
}

static bool redirects_key(struct rule_reader *r, const struct yaml_entry *e)
{
	return rule_value(r, e, option_row(OPT_redirects_mode), &r->rule->redirects);
}

static bool targets_key(struct rule_reader *r, const struct yaml_entry *e)
{
	static const struct option o = {.type = VALUE_LIST, .min = 1, .max = 16};
	struct text_list list = {NULL, 0};
	char reason[REASON_BYTES];
	bool is_ok;

	if (!rule_list(r, e, &o, &list))
		return false;
	is_ok = class_set_read(&list, false, &r->rule->targets, reason, sizeof(reason));
	value_clear(&o, &list);
	return is_ok || rule_fail(r, e->line, "%s: %s", e->name, reason);
}

static bool block_key(struct rule_reader *r, const struct yaml_entry *e)
{
	return bool_key(r, e, &r->rule->block);
}

static bool retry_key(struct rule_reader *r, const struct yaml_entry *e)
{
	return bool_key(r, e, &r->rule->retry);
}

static bool intercept_key(struct rule_reader *r, const struct yaml_entry *e)
{
	return bool_key(r, e, &r->rule->intercept);
}

static bool verify_key(struct rule_reader *r, const struct yaml_entry *e)
{
	return bool_key(r, e, &r->rule->verify);
}

static bool rate_key(struct rule_reader *r, const struct yaml_entry *e)
{
	const char *text = rule_one_text(r, e);
	char reason[REASON_BYTES];

	if (text == NULL)
		return false;
	if (!rate_read(str_trim(str_of(text)), &r->rule->rate, reason, sizeof(reason)))
		return rule_fail(r, e->line, "rate: %s", reason);
	r->rule->clock_ns = mem_calloc(1, sizeof(*r->rule->clock_ns));
	return true;
}

struct key {
	const char *name;
	int action; /* enum rule_action; -1: none */
	bool (*read)(struct rule_reader *r, const struct yaml_entry *e);
	const char *beside; /* the key without which it says nothing */
};

/* In the order in which they are read: the name first, so that the others can be complained of by it; what stands beside another
 * key before that. */
static const struct key keys[] = {
	{"name", -1, name_key, NULL},
	{"when", -1, when_key, NULL},
	{"redirects", ACTION_REDIRECTS, redirects_key, NULL},
	{"redirect_targets", ACTION_TARGETS, targets_key, NULL},
	{"block", ACTION_BLOCK, block_key, NULL},
	{"rate", ACTION_RATE, rate_key, NULL},
	{"retry", ACTION_RETRY, retry_key, NULL},
	{"intercept", ACTION_INTERCEPT, intercept_key, NULL},
	{"verify", ACTION_VERIFY, verify_key, NULL},
	{"pin_mode", -1, rule_pin_mode_key, "pins"},
	{"pins", ACTION_PINS, rule_pins_key, NULL},
	{"client_key", -1, rule_client_key_key, "client_cert"},
	{"client_cert", ACTION_CREDENTIALS, rule_client_cert_key, NULL},
};
enum { KEYS_N = sizeof(keys) / sizeof(keys[0]) };

static const char *key_at(size_t i)
{
	return keys[i].name;
}

/* The first member of the rule's map that is no key. */
static bool unknown_check(struct rule_reader *r)
{
	for (size_t i = 0; i < r->map->entries.n; i++) {
		const struct yaml_entry *e = &r->map->entries.v[i];
		char shown[PRINTABLE_BYTES];
		size_t k = 0, nearest;

		while (k < KEYS_N && strcmp(e->name, keys[k].name) != 0)
			k++;
		if (k < KEYS_N)
			continue;
		nearest = suggest_word(str_of(e->name), key_at, KEYS_N);
		printable_show(str_of(e->name), shown);
		if (nearest < KEYS_N)
			return rule_fail(r, e->line, "%s: there is no such key (is %s meant?)", shown, keys[nearest].name);
		return rule_fail(r, e->line, "%s: there is no such key", shown);
	}
	return true;
}

/* The rule's member of that name, of which there is one at most; NULL if there is none. */
static const struct yaml_entry *member(const struct rule_reader *r, const char *name)
{
	for (size_t i = 0; i < r->map->entries.n; i++) {
		if (strcmp(r->map->entries.v[i].name, name) == 0)
			return &r->map->entries.v[i];
	}
	return NULL;
}

/* All members that are keys, in the order of the table. */
static bool keys_read(struct rule_reader *r)
{
	for (size_t k = 0; k < KEYS_N; k++) {
		const struct yaml_entry *e = member(r, keys[k].name);

		if (e == NULL)
			continue;
		if (keys[k].beside != NULL && member(r, keys[k].beside) == NULL)
			return rule_fail(r, e->line, "%s: stands beside %s only", e->name, keys[k].beside);
		if (!keys[k].read(r, e))
			return false;
		if (keys[k].action >= 0)
			r->rule->actions |= 1U << keys[k].action;
	}
	return true;
}

/* One rule, added to the set at once, so that it is freed with it whatever happens. */
static bool rule_read(struct rule_reader *r)
{
	struct rule_set *set = r->set;
	char name[PLACE_BYTES];

	set->v = mem_realloc(set->v, (set->n + 1) * sizeof(*set->v));
	r->rule = &set->v[set->n++];
	snprintf(name, sizeof(name), "rule %zu", set->n);
	*r->rule = (struct rule){.name = mem_strdup(name), .has_warned = mem_calloc(1, sizeof(bool))};
	if (!keys_read(r) || !unknown_check(r))
		return false;
	if (r->rule->when == NULL)
		return rule_fail(r, r->map->line, "there is no when: (like when: host == \"example.com\")");
	if (r->rule->actions == 0)
		return rule_fail(r, r->map->line,
			"there is no action: redirects, redirect_targets, block, rate, retry, intercept, verify, pins or "
			"client_cert");
	return true;
}

/* All rules into the set; false with the message. */
static bool rules_read(struct rule_reader *r, const struct yaml_entry *entry)
{
	for (size_t i = 0; i < entry->maps_n; i++) {
		r->map = &entry->maps[i];
		if (!rule_read(r))
			return false;
	}
	return true;
}

struct rule_set *rule_set_read(const struct yaml_entry *entry, const char *file, const char *home, char *ret_why, size_t size)
{
	struct rule_reader r = {.file = file, .home = home, .why = ret_why, .why_size = size};
	char *folder;

	if (entry->kind != ENTRY_MAPS && (entry->kind != ENTRY_LIST || entry->items_n != 0)) {
		snprintf(ret_why, size,
			"%s:%d: rules: a list of rules was expected, each with when: and an action ([] for none)", file,
			entry->line);
		return NULL;
	}
	if (entry->maps_n > RULES_MAX) {
		snprintf(ret_why, size, "%s:%d: rules: more than %d", file, entry->maps[RULES_MAX].line, RULES_MAX);
		return NULL;
	}
	r.folder = folder = paths_folder(file);
	r.set = mem_calloc(1, sizeof(*r.set));
	if (!rules_read(&r, entry)) {
		rule_set_free(r.set);
		r.set = NULL;
	}
	mem_free(folder);
	return r.set;
}
