/* The parts of viaduct ca. Inside cli/ only. */
#ifndef VIADUCT_CLI_CLI_CA_H
#define VIADUCT_CLI_CLI_CA_H

#include "config/settings.h"
#include "pki/ca_files.h"
#include "store/text.h"

#include <stdbool.h>

/* What is asked for. */
struct ca_order {
	const char *config;
	char **set;
	size_t set_n;
	const struct ca_action *action;
	bool wants_help, is_json, wants_system, wants_nss, is_dry;
	/* from the configuration */
	struct settings *settings;
	char *folder;
	struct ca_place place;
};

/* The CA as it is, or made if there is none; NULL after saying why not. */
struct ca *ca_get(const struct ca_order *o, bool makes);
/* Both return the exit code. */
int ca_install_run(const struct ca_order *o);
int ca_uninstall_run(const struct ca_order *o);

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
