/* viaduct ca install and uninstall: whether the CA is one to be trusted, and by whom. Not for: how that is done (trust.h). */
#include "cli/cli_ca.h"

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/cli_options.h"
#include "cli/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* True if the file is only a certificate: it is about to be shown to all. */
static bool is_public(const char *file)
{
	char *buffer = NULL;
	size_t size = 0;
	FILE *f = fopen(file, "re");
	bool is_ok = f != NULL;

	while (is_ok && getline(&buffer, &size, f) >= 0)
		is_ok = strstr(buffer, "PRIVATE KEY-----") == NULL;
	is_ok = is_ok && ferror(f) == 0;
	if (f != NULL)
		fclose(f);
	mem_free(buffer);
	return is_ok;
}

/* Whether the CA is one that programs can be made to trust; says why not. */
static bool can_be_trusted(const struct ca *ca, const char *file)
{
	if (ca_chain_count(ca) != 0)
		cli_complain("ca", "%s is signed by another CA: the root of that is what has to be trusted", ca_subject(ca));
	else if (!is_public(file))
		cli_complain("ca",
			"%s cannot be read, or has the private key in it: the certificate belongs into a file of its own",
			file);
	else
		return true;
	return false;
}

/* Root's CA and root's browsers are hardly what is meant. */
static void warn_of_sudo(void)
{
	if (geteuid() == 0 && getenv("SUDO_USER") != NULL)
		cli_complain("ca",
			"this is about the CA and the browsers of root; without sudo it is about yours, and what needs sudo is "
			"printed");
}

static struct trust_order trust_order_of(const struct ca_order *o)
{
	bool is_one = o->wants_system != o->wants_nss;

	return (struct trust_order){
		.wants_system = !is_one || o->wants_system,
		.wants_nss = !is_one || o->wants_nss,
		.is_nss_asked_for = o->wants_nss,
		.is_dry = o->is_dry,
	};
}

int ca_install_run(const struct ca_order *o)
{
	struct trust_order order = trust_order_of(o);
	bool will_be_made = o->is_dry && !ca_files_exist(&o->place), is_ok = true;
	char id[TRUST_ID_BYTES] = "FINGERPRINT", *file;
	struct ca *ca = NULL;

	warn_of_sudo();
	if (!will_be_made) {
		ca = ca_get(o, true);
		if (ca == NULL)
			return EXIT_FAILED;
		trust_id(ca_fingerprint(ca), id);
	}
	file = ca_files_pem_path(&o->place);
	if (will_be_made)
		printf("# first the CA would be made in %s\n", o->place.folder);
	else
		is_ok = can_be_trusted(ca, file);
	order.file = file;
	order.id = id;
	is_ok = is_ok && trust_install(&order);
	mem_free(file);
	ca_unref(ca);
	return is_ok ? EXIT_OK : EXIT_FAILED;
}

int ca_uninstall_run(const struct ca_order *o)
{
	struct trust_order order = trust_order_of(o);

	warn_of_sudo();
	return trust_uninstall(&order) ? EXIT_OK : EXIT_FAILED;
}
