/* See nss_places.h. Packages that run in a sandbox (snap, flatpak) have homes of their own below the user's; newer versions follow the
 * XDG base directories. */
#include "cli/nss_places.h"

#include "base/mem.h"
#include "store/text.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PLACES_MAX = 1000, INI_LINE_BYTES = 4096 };

/* Below the home; the first two stand for Chromium and all who are not in a sandbox. */
static const char *const databases[] = {
	".pki/nssdb",
	"snap/chromium/current/.pki/nssdb",
	".var/app/org.chromium.Chromium/.pki/nssdb",
	".var/app/com.google.Chrome/.pki/nssdb",
	".var/app/com.brave.Browser/.pki/nssdb",
};

/* Folders with the profiles of Firefox, below the home. */
static const char *const profiles[] = {
	".mozilla/firefox",
	"snap/firefox/common/.mozilla/firefox",
	"snap/firefox/common/.config/mozilla/firefox",
	".var/app/org.mozilla.firefox/.mozilla/firefox",
	".var/app/org.mozilla.firefox/config/mozilla/firefox",
};

/* "folder/rest" as a string. */
static char *path_of(const char *folder, const char *rest)
{
	struct text t = {NULL, 0, 0};

	text_printf(&t, "%s/%s", folder, rest);
	text_byte(&t, '\0');
	return t.p;
}

/* The folder that an XDG variable stands for. */
static char *xdg_folder(const char *variable, const char *home, const char *usual)
{
	return variable != NULL && variable[0] == '/' ? mem_strdup(variable) : path_of(home, usual);
}

static bool has_database(const char *folder)
{
	char *file = path_of(folder, "cert9.db");
	struct stat st;
	bool has = stat(file, &st) == 0 && S_ISREG(st.st_mode);

	mem_free(file);
	return has;
}

/* Takes the folder over if it holds a database and is not there yet, whatever way it is spelt. */
static void add(struct nss_places *p, char *folder)
{
	char *real = p->n < PLACES_MAX && has_database(folder) ? realpath(folder, NULL) : NULL;

	mem_free(folder);
	for (size_t i = 0; real != NULL && i < p->n; i++) {
		if (strcmp(p->v[i], real) == 0) {
			mem_free(real);
			real = NULL;
		}
	}
	if (real == NULL)
		return;
	p->v = mem_realloc(p->v, (p->n + 1) * sizeof(*p->v));
	p->v[p->n++] = real;
}

/* Profiles that lie elsewhere: "Path=/…" in profiles.ini. */
static void add_named(struct nss_places *p, const char *folder)
{
	static const struct str key = {"Path=/", 6};
	char *file = path_of(folder, "profiles.ini"), line[INI_LINE_BYTES];
	FILE *f = fopen(file, "re");

	mem_free(file);
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		if (str_starts(str_of(line), key))
			add(p, mem_strdup(line + key.len - 1));
	}
	fclose(f);
}

static void add_profiles(struct nss_places *p, char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		if (entries[i]->d_name[0] != '.')
			add(p, path_of(folder, entries[i]->d_name));
		mem_free(entries[i]);
	}
	if (n >= 0) {
		mem_free(entries);
		add_named(p, folder);
	}
	mem_free(folder);
}

void nss_places_find(const char *home, const char *config, const char *data, struct nss_places *ret)
{
	char *base = xdg_folder(data, home, ".local/share");

	*ret = (struct nss_places){NULL, 0};
	add(ret, path_of(base, "pki/nssdb"));
	mem_free(base);
	for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
		add(ret, path_of(home, databases[i]));
	base = xdg_folder(config, home, ".config");
	add_profiles(ret, path_of(base, "mozilla/firefox"));
	mem_free(base);
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		add_profiles(ret, path_of(home, profiles[i]));
}

bool nss_places_has_shared(const struct nss_places *p, const char *home, const char *data)
{
	char *base = xdg_folder(data, home, ".local/share"), *newer = path_of(base, "pki/nssdb"),
	     *older = path_of(home, ".pki/nssdb");
	bool has = p->n != 0 && (has_database(newer) || has_database(older));

	mem_free(base);
	mem_free(newer);
	mem_free(older);
	return has;
}

void nss_places_fini(struct nss_places *p)
{
	for (size_t i = 0; i < p->n; i++)
		mem_free(p->v[i]);
	mem_free(p->v);
	*p = (struct nss_places){NULL, 0};
}
