/* Where the NSS databases of this user's browsers are: Chromium and its kin share one, each profile of Firefox has its own. */
#ifndef VIADUCT_CLI_NSS_PLACES_H
#define VIADUCT_CLI_NSS_PLACES_H

#include <stdbool.h>
#include <stddef.h>

/* Folders that hold a cert9.db, each once. */
struct nss_places {
	char **v;
	size_t n;
};

/* home: absolute; config and data: XDG_CONFIG_HOME and XDG_DATA_HOME, NULL or not absolute: those below home. */
void nss_places_find(const char *home, const char *config, const char *data, struct nss_places *ret);
void nss_places_fini(struct nss_places *p);
/* True if one of them is Chromium's, outside of any sandbox. */
bool nss_places_has_shared(const struct nss_places *p, const char *home, const char *data);

#endif
