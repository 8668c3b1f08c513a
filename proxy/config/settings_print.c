/* Printing settings as YAML in the shape of conf/viaduct.yaml: sections nested, each option behind its comment if wanted. What
 * is printed reads back to equal settings. A name that is both an option and the beginning of others cannot be a key with a value
 * and a section at once: those others are printed flat. */
#include "config/settings.h"

#include "config/option_table.h"
#include "config/rule.h"
#include "config/values.h"

#include <string.h>

enum {
	COMMENT_COLUMNS = 100,
	INDENT = 2,
	LIMITS_BYTES = 160,
};

/* The text as comment lines, broken at spaces. */
static void comment_print(const char *text, int indent, FILE *to)
{
	size_t room = (size_t)(COMMENT_COLUMNS - indent - 2);
	struct str rest = str_of(text);

	while (rest.len != 0) {
		size_t len = rest.len;

		if (len > room) {
			len = room;
			while (len != 0 && rest.p[len] != ' ')
				len--;
			if (len == 0)
				len = str_find(rest, ' '); /* one long word */
		}
		fprintf(to, "%*s# %.*s\n", indent, "", (int)len, rest.p);
		rest = str_trim(str_from(rest, len));
	}
}

/* What values the option takes; "" if anything. */
static void limits_format(const struct option *o, char *to, size_t size)
{
	char min[VALUE_NUMBER_BYTES], max[VALUE_NUMBER_BYTES];

	switch (o->type) {
	case VALUE_BOOL:
		snprintf(to, size, "true or false");
		return;
	case VALUE_INT:
	case VALUE_BYTES:
	case VALUE_MS:
		snprintf(to, size, "%s, %s to %s",
			o->type == VALUE_INT          ? "number"
				: o->type == VALUE_MS ? "time"
						      : "size",
			value_format_number(o->type, o->min, min), value_format_number(o->type, o->max, max));
		return;
	case VALUE_LIST:
		snprintf(to, size, "list, %lld to %lld items", (long long)o->min, (long long)o->max);
		return;
	case VALUE_ENUM:
		snprintf(to, size, "one of %s", o->choices);
		return;
	case VALUE_TEXT:
	case VALUE_PATH:
		to[0] = '\0';
		return;
	}
}

static void docs_print(const struct option *o, int indent, FILE *to)
{
	char limits[LIMITS_BYTES], line[LIMITS_BYTES + 32];
	const char *restart = o->is_live ? "" : "a change needs a restart";

	comment_print(o->about, indent, to);
	limits_format(o, limits, sizeof(limits));
	snprintf(line, sizeof(line), "(%s%s%s)", limits, *limits != '\0' && *restart != '\0' ? "; " : "", restart);
	if (*limits != '\0' || *restart != '\0')
		comment_print(line, indent, to);
}

/* Length of the section's name that the option's begins with; 0 for an option of the top level, and for one that stands flat, with
 * its whole name, since what its name begins with is an option (intercept.learned_ttl beside intercept). */
static size_t section_len(const struct option *o)
{
	struct str name = str_of(o->name);
	size_t dot = str_find(name, '.');

	return dot < name.len && option_is_section(str_first(name, dot)) ? dot : 0;
}

/* Prints the head of a new section; true where one begins or ends. */
static bool section_turn(const struct option *o, const struct option *previous, FILE *to, bool with_docs)
{
	size_t len = section_len(o), previous_len = previous != NULL ? section_len(previous) : 0;

	if (len == previous_len && (len == 0 || strncmp(o->name, previous->name, len) == 0))
		return false;
	if (with_docs)
		putc('\n', to);
	if (len != 0)
		fprintf(to, "%.*s:\n", (int)len, o->name);
	return true;
}

void settings_print_some(const struct settings *s, const char *prefix, FILE *to)
{
	const struct option *previous = NULL;

	for (int id = 0; id < OPTION_COUNT; id++) {
		const struct option *o = option_row((enum option_id)id);
		const char *own = o->name + section_len(o) + 1;

		if (!str_starts(str_of(o->name), str_of(prefix)))
			continue;
		(void)section_turn(o, previous, to, false);
		fprintf(to, "%*s%s:", INDENT, "", own);
		value_print(o, option_field_const((enum option_id)id, s), 2 * INDENT, INDENT + (int)strlen(own) + 1, to);
		previous = o;
	}
}

void settings_print(const struct settings *s, FILE *to, bool with_docs)
{
	const struct option *previous = NULL;

	for (int id = 0; id < OPTION_COUNT; id++) {
		const struct option *o = option_row((enum option_id)id);
		size_t len = section_len(o);
		const char *own = o->name + (len != 0 ? len + 1 : 0);
		int indent = len != 0 ? INDENT : 0;

		if (!section_turn(o, previous, to, with_docs) && with_docs && previous != NULL)
			putc('\n', to);
		if (with_docs)
			docs_print(o, indent, to);
		fprintf(to, "%*s%s:", indent, "", own);
		value_print(o, option_field_const((enum option_id)id, s), indent + INDENT, indent + (int)strlen(own) + 1, to);
		previous = o;
	}
	if (with_docs) {
		putc('\n', to);
		rule_docs_print(to);
	}
	rule_set_print(s->rules, to);
}
