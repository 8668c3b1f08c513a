/* The YAML reader and the values behind it: no file crashes them, and what they take prints and reads back the same. */
#include "config/option_table.h"
#include "config/rule_read.h"
#include "config/settings_build.h"
#include "config/values.h"
#include "config/yaml_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Takes over rules if they are good ones. */
static bool rules_apply(const struct yaml_entry *e, struct settings *s)
{
	char why[256] = "";

	s->rules = rule_set_read(e, "fuzz", NULL, why, sizeof(why));
	if (s->rules == NULL && strncmp(why, "fuzz:", 5) != 0)
		abort(); /* refused without a reason */
	return s->rules != NULL;
}

/* Takes over the entries that are options with good values, and rules; true if all were. */
static bool entries_apply(const struct yaml_entries *entries, struct settings *s)
{
	char why[256];
	bool is_all = true;

	for (size_t i = 0; i < entries->n; i++) {
		const struct yaml_entry *e = &entries->v[i];
		enum option_id id = option_of_name(str_of(e->name));

		if (strcmp(e->name, "rules") == 0)
			is_all &= rules_apply(e, s);
		else if (id == OPTION_COUNT || e->kind == ENTRY_EMPTY || e->kind == ENTRY_MAPS)
			is_all = false;
		else if (e->kind == ENTRY_LIST)
			is_all &= value_set_items(option_row(id), e->items, e->items_n, option_field(id, s), why, sizeof(why));
		else
			is_all &= value_set(option_row(id), e->text, option_field(id, s), why, sizeof(why));
	}
	return is_all;
}

/* Prints the settings, reads that, and wants the same. */
static void round_trip(const struct settings *s)
{
	struct settings *back = settings_new_defaults();
	struct yaml_entries *entries;
	char *text = NULL, why[256];
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	settings_print(s, f, true);
	fclose(f);
	if (len <= YAML_FILE_MAX_BYTES) {
		entries = yaml_read_text((struct str){text, len}, "printed", why, sizeof(why));
		if (entries == NULL || !entries_apply(entries, back))
			abort();
		for (int id = 0; id < OPTION_COUNT; id++) {
			if (!value_equal(option_row((enum option_id)id), option_field_const((enum option_id)id, s),
				    option_field_const((enum option_id)id, back)))
				abort();
		}
		if (rule_set_count(s->rules) != rule_set_count(back->rules))
			abort();
		yaml_entries_free(entries);
	}
	free(text);
	settings_unref(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char why[256] = "";
	struct yaml_entries *entries = yaml_read_text((struct str){(const char *)bytes, size}, "fuzz", why, sizeof(why));
	struct settings *s;

	if (entries == NULL) {
		if (strncmp(why, "fuzz:", 5) != 0)
			abort(); /* refused without a reason */
		return 0;
	}
	s = settings_new_defaults();
	entries_apply(entries, s);
	round_trip(s);
	settings_unref(s);
	yaml_entries_free(entries);
	return 0;
}
