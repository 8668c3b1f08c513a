/* Sets of address classes from lists of their names. Inside config/ only. */
#ifndef VIADUCT_CONFIG_CLASS_SET_H
#define VIADUCT_CONFIG_CLASS_SET_H

#include "config/settings.h"

#include <stdbool.h>
#include <stddef.h>

/* Bits 1u << enum address_class. False with the reason in ret_why, as it follows the option's name: an unknown name; self, where
 * has_self is false. */
bool class_set_read(const struct text_list *list, bool has_self, unsigned *ret, char *ret_why, size_t size);

#endif
