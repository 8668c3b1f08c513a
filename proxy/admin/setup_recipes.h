/* How systems, browsers, phones and programs are made to trust a CA, and how that is undone. Pure. */
#ifndef VIADUCT_ADMIN_SETUP_RECIPES_H
#define VIADUCT_ADMIN_SETUP_RECIPES_H

#include "store/text.h"

#include <stddef.h>

/* In lines and undo, @proxy@, @host@ and @port@ stand for the proxy. */
struct recipe {
	const char *title;
	const char *note;  /* a sentence or two; NULL: none */
	const char *lines; /* to be copied; NULL: none */
	const char *undo;  /* the same; NULL: there is nothing to undo, or the note says how */
};

struct recipe_group {
	const char *title, *note; /* note may be NULL */
	const struct recipe *recipes;
	size_t n;
};

const struct recipe_group *recipe_groups(size_t *ret_n);

/* Puts lines with the places filled in. proxy: "127.0.0.1:8080", "[::1]:8080". */
void recipe_put(struct text *t, const char *lines, struct str proxy);

#endif
