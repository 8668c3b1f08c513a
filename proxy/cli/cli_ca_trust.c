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

static bool is_sudo(void)
{
	const char *user = getenv("SUDO_USER");

	return geteuid() == 0 && user != NULL && user[0] != '\0' && strcmp(user, "root") != 0;
}

/* Whether somebody has said whose CA it is: a configuration, a data folder, or the CA's files. */
static bool is_named(const struct ca_order *o)
{
	bool is_set = o->config != NULL || o->place.cert[0] != '\0' || getenv("VIADUCT_DATA") != NULL;

	for (size_t i = 0; i < o->set_n; i++)
		is_set |= strncmp(o->set[i], "data=", sizeof("data=") - 1) == 0;
	return is_set;
}

/* A CA in root's own data folder, of which no proxy knows, is not what is meant by sudo; says so. */
static bool is_roots_by_mistake(const struct ca_order *o)
{
	if (!is_sudo() || is_named(o))
		return false;
	cli_complain("ca",
		"with sudo this would be root's own CA, not yours: write \"viaduct ca install\" without sudo, which prints the lines "
		"that need it (or name root's: sudo viaduct ca install --data DIR)");
	return true;
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

	if (is_roots_by_mistake(o))
		return EXIT_USAGE;
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

	if (is_sudo() && order.wants_nss)
		cli_complain("ca",
			"this is about the browsers of root; without sudo it is about yours, and what needs sudo is printed");
	if (o->place.cert[0] != '\0')
		order.file = o->place.cert;
	return trust_uninstall(&order) ? EXIT_OK : EXIT_FAILED;
}
