/* What the readers of a rule's keys share. Inside config/ only: rule_read.c and rule_read_tls.c. */
#ifndef VIADUCT_CONFIG_RULE_READ_PART_H
#define VIADUCT_CONFIG_RULE_READ_PART_H

#include "config/option_table.h"
#include "config/rule.h"
#include "config/yaml_read.h"

#include <stdbool.h>
#include <stddef.h>

struct rule_reader {
	const char *file;
	const char *folder; /* that it lies in */
	const char *home;   /* NULL: not known */
	struct rule_set *set;
	const struct yaml_map *map; /* the rule being read */
	struct rule *rule;
	char *why;
	size_t why_size;
};

/* Writes "FILE:LINE: rule 3 (name): reason"; false, so that it can be returned. */
bool rule_fail(struct rule_reader *r, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The only value of a key; NULL with the message if it has none, or several. */
const char *rule_one_text(struct rule_reader *r, const struct yaml_entry *e);
/* Reads the value as an option of that type would. */
bool rule_value(struct rule_reader *r, const struct yaml_entry *e, const struct option *o, void *field);
/* The same for a list, which may be one text with commas. */
bool rule_list(struct rule_reader *r, const struct yaml_entry *e, const struct option *o, struct text_list *field);

/* The keys about TLS with the origin. What stands beside another key is read before it: pin_mode before pins, client_key before
 * client_cert. */
bool rule_pin_mode_key(struct rule_reader *r, const struct yaml_entry *e);
bool rule_pins_key(struct rule_reader *r, const struct yaml_entry *e);
bool rule_client_key_key(struct rule_reader *r, const struct yaml_entry *e);
bool rule_client_cert_key(struct rule_reader *r, const struct yaml_entry *e);

#endif
