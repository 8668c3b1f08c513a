/* Makes programs on this machine trust the CA, and ends that: in the system's store, and in the NSS databases of browsers. Each step is
 * a program that is run; its command line is printed before. What is ours is told by its name, which holds the beginning of the
 * certificate's fingerprint: it can be found when the CA's own files are gone. */
#ifndef VIADUCT_CLI_TRUST_H
#define VIADUCT_CLI_TRUST_H

#include <stdbool.h>
#include <stddef.h>

enum { TRUST_ID_BYTES = 17 }; /* 16 hex digits and the NUL */

/* The id of a certificate, from its fingerprint "AB:CD:…". */
void trust_id(const char *fingerprint, char ret[TRUST_ID_BYTES]);

struct trust_order {
	bool wants_system, wants_nss;
	bool is_nss_asked_for; /* by name: then certutil has to be there */
	bool is_dry;           /* print what would be done, and do nothing */
	const char *file;      /* PEM, the certificate alone; of trust_uninstall: of a given CA, NULL if it is not given */
	const char *id;        /* its id */
};

/* Both are idempotent, and go as far as they get. False after saying what failed. */
bool trust_install(const struct trust_order *o);
/* Takes away all that viaduct has ever put there for this user, or into the system's store; but p11-kit keeps no name of
 * ours: there it is what has the label of a CA that viaduct made, and the given one. */
bool trust_uninstall(const struct trust_order *o);

#endif
