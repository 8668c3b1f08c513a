/* The set-up page, for browsers and as plain text for curl: whose CA this is, what trusting it means, and how to. Pure. */
#ifndef VIADUCT_ADMIN_SETUP_PAGE_H
#define VIADUCT_ADMIN_SETUP_PAGE_H

#include "pki/ca.h"
#include "store/text.h"

#include <stdint.h>

struct setup_facts {
	const struct ca *ca; /* NULL: there is none, and none can be made */
	int64_t now_s;
	struct str proxy;  /* "host:port", as the reader reaches it */
	int64_t intercept; /* the option */
};

void setup_page_write_html(struct text *t, const struct setup_facts *f);
void setup_page_write_text(struct text *t, const struct setup_facts *f);

#endif
