/* Rules from a configuration file. Inside config/ only. */
#ifndef VIADUCT_CONFIG_RULE_READ_H
#define VIADUCT_CONFIG_RULE_READ_H

#include "config/rule_set.h"
#include "config/yaml_read.h"

enum { RULES_MAX = 1000, RULE_NAME_MAX_BYTES = 100 };

/* The value of rules: as the file has it; an empty list gives an empty set. Paths in it are relative to the file's folder; home is
 * what ~/ stands for (NULL: not known). The files of client certificates are read. NULL with "FILE:LINE: rule 3 (name): what is
 * wrong" in ret_why. */
struct rule_set *rule_set_read(const struct yaml_entry *entry, const char *file, const char *home, char *ret_why, size_t size);

#endif
