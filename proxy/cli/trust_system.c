/* The system's store: a certificate is put into a folder of the administrator's, and a program of the platform makes the store anew;
 * or, with p11-kit alone, that program does all of it. */
#include "cli/trust_part.h"

#include "base/mem.h"
#include "cli/cli_options.h"
#include "cli/tool.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { ANCHORS_MAX = 1000 }; /* in one folder; of ours there is one, mostly */

struct anchors {
	const char *tool;
	const char *folder;    /* NULL: the tool keeps it */
	const char *arguments; /* of the tool, NULL for none: after something was put there */
	const char *removed;   /* and after something was taken away */
};

/* Tried in this order. */
static const struct anchors platforms[] = {
	/* Debian, Ubuntu, Alpine; without --fresh it leaves links to what is gone */
	{"update-ca-certificates", "/usr/local/share/ca-certificates", NULL, "--fresh"},
	{"update-ca-certificates", "/etc/pki/trust/anchors", NULL, "--fresh"},                  /* openSUSE */
	{"update-ca-trust", "/etc/pki/ca-trust/source/anchors", "extract", "extract"},          /* Fedora, RHEL */
	{"update-ca-trust", "/etc/ca-certificates/trust-source/anchors", "extract", "extract"}, /* Arch */
	{"trust", NULL, NULL, NULL},                                                            /* p11-kit */
};

static bool is_here(const struct anchors *a)
{
	struct stat st;

	return tool_is_here(a->tool) && (a->folder == NULL || (stat(a->folder, &st) == 0 && S_ISDIR(st.st_mode)));
}

/* What this machine has; NULL after saying that it is none that we know. */
static const struct anchors *platform_find(void)
{
	for (size_t i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++) {
		if (is_here(&platforms[i]))
			return &platforms[i];
	}
	cli_complain("ca",
		"the system has none of update-ca-certificates, update-ca-trust and trust (with the folder it reads): install "
		"the package ca-certificates");
	return NULL;
}

bool trust_system_install(const struct trust_order *o)
{
	struct trust_job job = {.order = o, .is_for_root = true};
	const struct anchors *a = platform_find();
	struct text place = {NULL, 0, 0};

	if (a == NULL)
		return false;
	trust_title("the system's store");
	if (a->folder == NULL) {
		trust_step(&job, (const char *const[]){a->tool, "anchor", "--store", o->file, NULL});
		return trust_job_end(&job);
	}
	text_printf(&place, "%s/viaduct-%s.crt", a->folder, o->id);
	text_byte(&place, '\0');
	trust_step(&job, (const char *const[]){"install", "-m", "0644", o->file, place.p, NULL});
	trust_step(&job, (const char *const[]){a->tool, a->arguments, NULL});
	text_fini(&place);
	return trust_job_end(&job);
}

static int is_our_file(const struct dirent *entry)
{
	return trust_name_is_ours(str_of(entry->d_name), "viaduct-", ".crt");
}

/* One step for all files. */
static void files_remove(struct trust_job *j, const char *folder, struct dirent *const *files, size_t n)
{
	enum { WORDS_BEFORE = 2 };
	const char **words = mem_calloc(n + WORDS_BEFORE + 1, sizeof(*words));
	struct text *paths = mem_calloc(n, sizeof(*paths));

	words[0] = "rm";
	words[1] = "-f";
	for (size_t i = 0; i < n; i++) {
		text_printf(&paths[i], "%s/%s", folder, files[i]->d_name);
		text_byte(&paths[i], '\0');
		words[WORDS_BEFORE + i] = paths[i].p;
	}
	trust_step(j, words);
	for (size_t i = 0; i < n; i++)
		text_fini(&paths[i]);
	mem_free(paths);
	mem_free(words);
}

/* What we have put into the folder; false after saying that it cannot be read. */
static bool folder_clear(struct trust_job *j, const struct anchors *a)
{
	struct dirent **files;
	int n = scandir(a->folder, &files, is_our_file, alphasort);

	if (n < 0) {
		cli_complain("ca", "%s: %s", a->folder, strerror(errno));
		return false;
	}
	if (n > 0) {
		files_remove(j, a->folder, files, (size_t)(n < ANCHORS_MAX ? n : ANCHORS_MAX));
		trust_step(j, (const char *const[]){a->tool, a->removed, NULL});
	} else {
		trust_title("nothing of ours in %s", a->folder);
	}
	for (int i = 0; i < n; i++)
		mem_free(files[i]);
	mem_free(files);
	return n == 0 || trust_job_end(j);
}

/* The value behind "key: " in a line; empty if it is another line. */
static struct str value_of(struct str line, struct str key)
{
	line = str_trim(line);
	return str_starts(line, key) ? str_trim(str_from(line, key.len)) : STR_NONE;
}

/* Those anchors of p11-kit whose label is what viaduct calls a CA that it makes. The list has an address in the first line of each. */
static bool p11_clear(struct trust_job *j, const struct anchors *a)
{
	struct text list = {NULL, 0, 0};
	struct str rest, address = STR_NONE;
	size_t n = 0;

	if (!trust_ask((const char *const[]){a->tool, "list", "--filter=ca-anchors", NULL}, &list))
		return false;
	for (rest = text_str(&list); rest.len != 0 && n < ANCHORS_MAX;) {
		struct str line = str_first(rest, str_find(rest, '\n'));

		rest = str_from(rest, line.len < rest.len ? line.len + 1 : line.len);
		if (str_starts(line, STR("pkcs11:")))
			address = str_trim(line);
		if (address.len != 0 && str_starts(value_of(line, STR("label:")), STR("viaduct CA ("))) {
			char *word = mem_strndup(address.p, address.len);

			trust_step(j, (const char *const[]){a->tool, "anchor", "--remove", word, NULL});
			mem_free(word);
			address = STR_NONE;
			n++;
		}
	}
	text_fini(&list);
	if (j->order->file != NULL) { /* by its certificate; one that is not there is no failure to it */
		trust_step(j, (const char *const[]){a->tool, "anchor", "--remove", j->order->file, NULL});
		n++;
	}
	if (n == 0)
		trust_title("nothing of ours among the anchors of p11-kit");
	return n == 0 || trust_job_end(j);
}

bool trust_system_uninstall(const struct trust_order *o)
{
	struct trust_job job = {.order = o, .is_for_root = true};
	const struct anchors *a = platform_find();

	if (a == NULL)
		return false;
	trust_title("the system's store");
	return a->folder != NULL ? folder_clear(&job, a) : p11_clear(&job, a);
}
