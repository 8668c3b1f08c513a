/* Address classes in the configuration. Pure. */
#include "config/class_set.h"

#include "config/printable.h"
#include "config/suggest.h"
#include "net/address_class.h"

#include <stdio.h>

enum { NAMES_BYTES = 200 };

static const char *name_at(size_t i)
{
	return address_class_name((enum address_class)i);
}

/* "public, reserved, …" */
static const char *names_list(bool has_self, char to[NAMES_BYTES])
{
	size_t len = 0;

	for (size_t i = 0; i < ADDRESS_CLASS_COUNT && len < NAMES_BYTES; i++) {
		if (has_self || i != ADDRESS_SELF)
			len += (size_t)snprintf(to + len, NAMES_BYTES - len, "%s%s", i != 0 ? ", " : "", name_at(i));
	}
	return to;
}

/* Writes why the name is no class; false. */
static bool unknown(struct str name, bool has_self, char *ret_why, size_t size)
{
	size_t nearest = suggest_word(name, name_at, ADDRESS_CLASS_COUNT);
	char shown[PRINTABLE_BYTES], names[NAMES_BYTES];

	printable_show(name, shown);
	if (nearest < ADDRESS_CLASS_COUNT)
		snprintf(ret_why, size, "%s is no class of addresses (is %s meant?)", shown, name_at(nearest));
	else
		snprintf(ret_why, size, "%s is not one of %s", shown, names_list(has_self, names));
	return false;
}

bool class_set_read(const struct text_list *list, bool has_self, unsigned *ret, char *ret_why, size_t size)
{
	unsigned set = 0;

	for (size_t i = 0; i < list->n; i++) {
		enum address_class class;

		if (!address_class_of_name(str_of(list->v[i]), &class))
			return unknown(str_of(list->v[i]), has_self, ret_why, size);
		if (class == ADDRESS_SELF && !has_self) {
			snprintf(ret_why, size, "self cannot be allowed: no redirect may lead to the proxy itself");
			return false;
		}
		set |= 1U << class;
	}
	*ret = set;
	return true;
}
