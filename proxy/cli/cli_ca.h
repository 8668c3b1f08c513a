/* The parts of viaduct ca. Inside cli/ only. */
#ifndef VIADUCT_CLI_CLI_CA_H
#define VIADUCT_CLI_CLI_CA_H

#include "pki/ca_files.h"
#include "store/text.h"

#include <stdbool.h>

/* What there is to say of a CA. */
struct ca_shown {
	const struct ca *ca;
	const struct ca_place *place;
	const char *pem_path;
	const char *remark; /* empty: none */
};

void ca_show_text(struct text *t, const struct ca_shown *s);
/* One JSON object. */
void ca_show_json(struct text *t, const struct ca_shown *s);

#endif
