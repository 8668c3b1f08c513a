/* The NSS databases of browsers, by certutil. Certificates may share a nickname there, so what is ours is taken away until none is
 * listed any more. */
#include "cli/trust_part.h"

#include "base/mem.h"
#include "cli/cli_options.h"
#include "cli/nss_places.h"
#include "cli/tool.h"

#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 100 };

/* What certutil is called with: "sql:FOLDER". */
static char *database_word(const char *folder)
{
	struct text t = {NULL, 0, 0};

	text_printf(&t, "sql:%s", folder);
	text_byte(&t, '\0');
	return t.p;
}

static void add_to(struct trust_job *j, const char *database)
{
	struct text nickname = {NULL, 0, 0};

	text_printf(&nickname, "viaduct %s", j->order->id);
	text_byte(&nickname, '\0');
	trust_step(j,
		(const char *const[]){
			"certutil", "-d", database, "-A", "-t", "C,,", "-n", nickname.p, "-i", j->order->file, NULL});
	text_fini(&nickname);
}

static bool install_into(const struct trust_order *o, const char *folder)
{
	struct trust_job job = {.order = o};
	char *database = database_word(folder);

	trust_title("NSS: %s", folder);
	add_to(&job, database);
	mem_free(database);
	return trust_job_end(&job);
}

/* Chromium takes over what it finds in the place of the database that it would make at its first start. */
static bool install_first(const struct trust_order *o, const char *home)
{
	struct trust_job job = {.order = o};
	struct text above = {NULL, 0, 0}, folder = {NULL, 0, 0};
	char *database;

	text_printf(&above, "%s/.pki", home);
	text_byte(&above, '\0');
	text_printf(&folder, "%s/.pki/nssdb", home);
	text_byte(&folder, '\0');
	database = database_word(folder.p);
	trust_title("NSS: %s, which is made", folder.p);
	trust_step(&job, (const char *const[]){"mkdir", "-p", "-m", "0700", above.p, folder.p, NULL});
	trust_step(&job, (const char *const[]){"certutil", "-d", database, "-N", "--empty-password", NULL});
	add_to(&job, database);
	mem_free(database);
	text_fini(&above);
	text_fini(&folder);
	return trust_job_end(&job);
}

/* Takes the next of our nicknames off certutil's list, in which each begins a line; a new string, NULL if there is none left. */
static char *nickname_next(struct str *list)
{
	static const size_t len = sizeof("viaduct ") - 1 + TRUST_ID_BYTES - 1;

	while (list->len != 0) {
		struct str line = str_first(*list, str_find(*list, '\n'));

		*list = str_from(*list, line.len < list->len ? line.len + 1 : line.len);
		if (line.len > len && line.p[len] == ' ' && trust_name_is_ours(str_first(line, len), "viaduct ", ""))
			return mem_strndup(line.p, len);
	}
	return NULL;
}

/* Takes away what the database lists of ours now; the number of steps. */
static size_t round_take(struct trust_job *j, const char *database)
{
	struct text list = {NULL, 0, 0};
	struct str rest;
	size_t steps = 0;
	char *nickname;

	if (!trust_ask((const char *const[]){"certutil", "-d", database, "-L", NULL}, &list))
		j->has_failed = true;
	rest = text_str(&list);
	while (!j->has_failed && (nickname = nickname_next(&rest)) != NULL) {
		trust_step(j, (const char *const[]){"certutil", "-d", database, "-D", "-n", nickname, NULL});
		mem_free(nickname);
		steps++;
	}
	text_fini(&list);
	return steps;
}

static bool uninstall_from(const struct trust_order *o, const char *folder)
{
	struct trust_job job = {.order = o};
	char *database = database_word(folder);
	size_t steps;

	trust_title("NSS: %s", folder);
	steps = round_take(&job, database);
	if (steps == 0 && !job.has_failed)
		trust_title("nothing of ours");
	for (int i = 0; i < ROUNDS_MAX && steps != 0 && !job.has_failed && !o->is_dry; i++)
		steps = round_take(&job, database);
	mem_free(database);
	return trust_job_end(&job);
}

/* Says that certutil is missing; false if it is needed. */
static bool say_missing(bool is_needed)
{
	static const char packages[] =
		"libnss3-tools (Debian, Ubuntu), nss-tools (Fedora, Alpine), nss (Arch), mozilla-nss-tools (openSUSE)";

	if (is_needed)
		cli_complain("ca", "the NSS databases of browsers are changed by certutil, which is missing: install %s",
			packages);
	else
		trust_title("NSS: there is no database, and no certutil to make one (%s)", packages);
	return !is_needed;
}

/* The user's databases; false after saying that there is no home to look in. */
static bool places_find(struct nss_places *ret, const char **ret_home)
{
	const char *home = getenv("HOME");

	if (home == NULL || home[0] != '/') {
		cli_complain("ca", "HOME is not set, so that the databases of browsers cannot be found");
		return false;
	}
	nss_places_find(home, getenv("XDG_CONFIG_HOME"), getenv("XDG_DATA_HOME"), ret);
	*ret_home = home;
	return true;
}

bool trust_nss_install(const struct trust_order *o)
{
	struct nss_places places;
	bool has_certutil = tool_is_here("certutil");
	const char *home;
	bool is_ok = true;

	if (!places_find(&places, &home))
		return false;
	if (!has_certutil) {
		is_ok = say_missing(o->is_nss_asked_for || places.n != 0);
	} else {
		if (!nss_places_has_shared(&places, home, getenv("XDG_DATA_HOME")))
			is_ok = install_first(o, home);
		for (size_t i = 0; i < places.n; i++)
			is_ok &= install_into(o, places.v[i]);
		if (is_ok)
			trust_title("browsers that run see it after a restart");
	}
	nss_places_fini(&places);
	return is_ok;
}

bool trust_nss_uninstall(const struct trust_order *o)
{
	struct nss_places places;
	bool has_certutil = tool_is_here("certutil");
	const char *home;
	bool is_ok = true;

	if (!places_find(&places, &home))
		return false;
	if (!has_certutil && places.n != 0)
		is_ok = say_missing(true);
	else if (places.n == 0)
		trust_title("NSS: there is no database");
	for (size_t i = 0; has_certutil && i < places.n; i++)
		is_ok &= uninstall_from(o, places.v[i]);
	nss_places_fini(&places);
	return is_ok;
}
