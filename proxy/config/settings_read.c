/* The sources of settings: the file, the environment, the command line, each taking precedence over the one before.
 * Messages name the place: "FILE:LINE: option: …", "VIADUCT_OPTION: option: …", "--set option: …". */
#include "config/settings_build.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/paths.h"
#include "config/printable.h"
#include "config/rule_read.h"
#include "config/suggest.h"
#include "config/values.h"
#include "config/yaml_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { REASON_BYTES = 512 };

/* A message is one line, whatever was put into it. */
static void one_line(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20)
			*text = '?';
	}
}

/* "conf/viaduct.yaml:12: " or the like; empty for a default. */
static void origin_format(const struct settings_build *b, enum option_id id, char *to, size_t size)
{
	const struct origin *origin = &b->origins[id];
	char env[OPTION_ENV_BYTES];

	switch (origin->kind) {
	case ORIGIN_DEFAULT:
		to[0] = '\0';
		return;
	case ORIGIN_FILE:
		snprintf(to, size, "%s:%d: ", b->source->file, origin->line);
		return;
	case ORIGIN_ENVIRONMENT:
		snprintf(to, size, "%s: ", option_env_name(id, env));
		return;
	case ORIGIN_SET:
		snprintf(to, size, "--set ");
		return;
	}
}

bool build_fail(struct settings_build *b, enum option_id id, const char *format, ...)
{
	char reason[REASON_BYTES], place[REASON_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	origin_format(b, id, place, sizeof(place));
	return build_fail_at(b, "%s%s: %s", place, option_row(id)->name, reason);
}

bool build_fail_at(struct settings_build *b, const char *format, ...)
{
	va_list args;

	if (b->why_size == 0)
		return false;
	va_start(args, format);
	vsnprintf(b->why, b->why_size, format, args);
	va_end(args);
	one_line(b->why);
	return false;
}

enum option_id build_later(const struct settings_build *b, enum option_id a, enum option_id c)
{
	return b->origins[c].kind > b->origins[a].kind ? c : a;
}

/* Makes a path that has just been read absolute. */
static bool path_set(struct settings_build *b, enum option_id id, const char *folder)
{
	char **field = option_field(id, b->s), *resolved, reason[REASON_BYTES];

	resolved = paths_resolve(*field, folder, paths_env(b->source->environ, "HOME"), reason, sizeof(reason));
	if (resolved == NULL)
		return build_fail(b, id, "%s", reason);
	mem_free(*field);
	*field = resolved;
	return true;
}

/* Takes a text for an option from an origin. Paths are relative to the folder; NULL: the working directory. */
static bool text_set(struct settings_build *b, enum option_id id, struct origin origin, const char *text, const char *folder)
{
	const struct option *o = option_row(id);
	char reason[REASON_BYTES];

	b->origins[id] = origin;
	if (!value_set(o, text, option_field(id, b->s), reason, sizeof(reason)))
		return build_fail(b, id, "%s", reason);
	return o->type != VALUE_PATH || path_set(b, id, folder);
}

/* True for "intercept.mode", as "intercept: {mode: all}" gives it, where intercept is an option and not a section. */
static bool is_below_option(struct str name, enum option_id nearest)
{
	size_t dot = str_find(name, '.');

	return dot < name.len && nearest != OPTION_COUNT && option_of_name(str_first(name, dot)) == nearest;
}

/* place is where the unknown name was found. */
static bool unknown_option(struct settings_build *b, const char *place, struct str name)
{
	enum option_id nearest = suggest_option(name);
	char shown[PRINTABLE_BYTES];

	printable_show(name, shown);
	if (is_below_option(name, nearest))
		return build_fail_at(b, "%s%s: there is no such option (a value for %s stands behind %s itself, as in %s: %s)",
			place, shown, option_row(nearest)->name, option_row(nearest)->name, option_row(nearest)->name,
			option_row(nearest)->def);
	if (nearest == OPTION_COUNT)
		return build_fail_at(b, "%s%s: there is no such option", place, shown);
	return build_fail_at(b, "%s%s: there is no such option (is %s meant?)", place, shown, option_row(nearest)->name);
}

/* rules: is no option, and too much for a variable or a word on the command line. */
static bool is_rules(struct str name)
{
	return str_eq(name, STR("rules"));
}

static bool rules_set(struct settings_build *b, const struct yaml_entry *entry)
{
	char reason[REASON_BYTES];

	if (entry->kind == ENTRY_EMPTY) /* all of them commented out */
		return true;
	b->s->rules = rule_set_read(entry, b->source->file, paths_env(b->source->environ, "HOME"), reason, sizeof(reason));
	if (b->s->rules == NULL)
		return build_fail_at(b, "%s", reason);
	if (rule_set_count(b->s->rules) == 0) {
		rule_set_free(b->s->rules);
		b->s->rules = NULL;
	}
	return true;
}

/* An entry that is no option. A section without members is fine: that is how it looks when all of them are commented out. */
static bool other_set(struct settings_build *b, const struct yaml_entry *entry)
{
	struct str name = str_of(entry->name);
	char place[REASON_BYTES];

	if (is_rules(name))
		return rules_set(b, entry);
	if (entry->kind == ENTRY_EMPTY && option_is_section(name))
		return true;
	snprintf(place, sizeof(place), "%s:%d: ", b->source->file, entry->line);
	if (option_is_section(name))
		return build_fail_at(b, "%s%s: is a section and has no value of its own", place, entry->name);
	if (str_starts(name, STR("rules.")))
		return build_fail_at(b, "%srules: a list of rules was expected, each with \"- when: ...\" and an action",
			place);
	if (str_ieq(name, STR("rule")) || str_ieq(name, STR("rules")))
		return build_fail_at(b, "%s%s: there is no such option (is rules meant?)", place, entry->name);
	return unknown_option(b, place, name);
}

/* One entry of the file. */
static bool entry_set(struct settings_build *b, const struct yaml_entry *entry, const char *folder)
{
	enum option_id id = option_of_name(str_of(entry->name));
	struct origin origin = {ORIGIN_FILE, entry->line};
	char reason[REASON_BYTES];

	if (id == OPTION_COUNT)
		return other_set(b, entry);
	if (entry->kind == ENTRY_TEXT)
		return text_set(b, id, origin, entry->text, folder);
	b->origins[id] = origin;
	if (entry->kind == ENTRY_EMPTY)
		return build_fail(b, id, "has no value (write '' for an empty text, [] for an empty list)");
	if (entry->kind == ENTRY_MAPS)
		return build_fail(b, id, "takes plain values, not maps");
	if (!value_set_items(option_row(id), entry->items, entry->items_n, option_field(id, b->s), reason, sizeof(reason)))
		return build_fail(b, id, "%s", reason);
	return true;
}

static bool file_read(struct settings_build *b)
{
	char reason[REASON_BYTES];
	struct yaml_entries *entries = yaml_read_file(b->source->file, reason, sizeof(reason));
	char *folder;
	bool is_ok = true;

	if (entries == NULL)
		return build_fail_at(b, "%s", reason);
	folder = paths_folder(b->source->file);
	for (size_t i = 0; is_ok && i < entries->n; i++)
		is_ok = entry_set(b, &entries->v[i], folder);
	mem_free(folder);
	yaml_entries_free(entries);
	return is_ok;
}

/* One "NAME=value" whose name begins with our prefix. */
static bool variable_set(struct settings_build *b, struct str variable)
{
	struct str name = str_first(variable, str_find(variable, '='));
	enum option_id id = option_of_env(name), nearest;
	char shown[PRINTABLE_BYTES], env[OPTION_ENV_BYTES];

	if (id != OPTION_COUNT && name.len < variable.len)
		return text_set(b, id, (struct origin){ORIGIN_ENVIRONMENT, 0}, variable.p + name.len + 1, NULL);
	if (str_eq(name, STR(OPTION_ENV_PREFIX "RULES")))
		return build_fail_at(b, OPTION_ENV_PREFIX "RULES: rules can only be given in the file");
	/* The environment is shared: Kubernetes sets VIADUCT_PORT for a service called viaduct. So a stranger is no error, but what
	 * looks like a slip is said. */
	nearest = suggest_option(str_from(name, sizeof(OPTION_ENV_PREFIX) - 1));
	if (nearest != OPTION_COUNT)
		log_warn("%s: there is no such option for this variable of the environment (is %s meant?)",
			printable_show(name, shown), option_env_name(nearest, env));
	return true;
}

static bool environment_read(struct settings_build *b)
{
	for (const char *const *e = b->source->environ; e != NULL && *e != NULL; e++) {
		struct str variable = str_of(*e);

		if (str_starts(variable, STR(OPTION_ENV_PREFIX)) && !variable_set(b, variable))
			return false;
	}
	return true;
}

/* One "option=value" of the command line. */
static bool assignment_set(struct settings_build *b, struct str assignment)
{
	size_t equals = str_find(assignment, '=');
	struct str name = str_trim(str_first(assignment, equals));
	enum option_id id = option_of_name(name);
	char shown[PRINTABLE_BYTES];

	if (is_rules(name))
		return build_fail_at(b, "--set rules: rules can only be given in the file");
	if (id == OPTION_COUNT)
		return unknown_option(b, "--set ", name);
	if (equals == assignment.len)
		return build_fail_at(b, "--set %s: has no value (option=value)", printable_show(name, shown));
	return text_set(b, id, (struct origin){ORIGIN_SET, 0}, assignment.p + equals + 1, NULL);
}

bool build_read(struct settings_build *b)
{
	if (b->source->file != NULL && !file_read(b))
		return false;
	if (!environment_read(b))
		return false;
	for (size_t i = 0; i < b->source->set_n; i++) {
		if (!assignment_set(b, str_of(b->source->set[i])))
			return false;
	}
	return true;
}
