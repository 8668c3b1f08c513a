/* The CA of the running process: found in its files or made there, held, and given to the leaves. Where the files lie is
 * pki/ca_files.h's, how the certificate is shown to people admin/setup.h's. */
#ifndef VIADUCT_MAIN_CA_H
#define VIADUCT_MAIN_CA_H

#include "admin/setup.h"
#include "config/settings.h"
#include "core/leaves.h"
#include "pki/ca_files.h"

#include <stdbool.h>
#include <stddef.h>

/* What keeps the CA; thread-safe. */
struct vault;

struct vault_needs {
	const char *data;      /* the data folder, which stays until a restart; outlives the vault */
	struct leaves *leaves; /* outlives the vault */
	/* A CA was found or made after all, on the thread of whoever asked for it: leaves have it, but who trusts origins does not know
	 * it yet. */
	void (*on_found)(void *owner);
	void *owner;
};

struct vault *vault_new(const struct vault_needs *needs);
void vault_free(struct vault *v); /* NULL is fine; nobody asks any more */

/* The CA of the settings, from its files; if it is wanted, one is made where there is none. ret_ca: a reference, or NULL if there
 * is none and none is wanted. False with one line in ret_why. */
bool vault_find(const struct vault *v, const struct settings *s, bool is_wanted, struct ca **ret_ca, char *ret_why,
	size_t size);
/* Whom no origin may be vouched for by, with these settings and this CA (NULL: none); what cannot be found out is logged. For
 * ca_spkis_fini. Blocks. */
void vault_own_spkis(const struct vault *v, const struct settings *s, const struct ca *ca, struct ca_spkis *ret);
/* True if tunnels can be opened by these settings, so that a CA has to be there. */
bool vault_is_needed(const struct settings *s);
/* From now on it is this CA (a reference is taken; NULL: none), and the settings say where one is made. */
void vault_use(struct vault *v, struct settings *s, struct ca *ca);

/* For those who show the certificate: found or made when it is asked for. */
struct ca_source vault_source(struct vault *v);
/* The path of the certificate in PEM; for mem_free. NULL if there is no CA. */
char *vault_pem_path(struct vault *v);
/* Logs that the CA's end is near, if it is. */
void vault_remark(struct vault *v);

#endif
