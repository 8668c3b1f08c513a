/* The keys of all CAs of ours: the present one, and those in the folder that clients may still trust. Only certificates are
 * read, and whoever may have written them: the worst that a false one can do is that something is trusted less. */
#include "base/mem.h"
#include "pki/ca_files.h"
#include "pki/ca_part.h"
#include "pki/ca_store.h"
#include "pki/fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

enum { FILES_MAX = 2000, NOT_THERE = -1 };

struct own_search {
	const struct ca_folder *folder;
	struct ca_spkis *to;
	char *warning; /* the first one stays */
	size_t size;
};

static void add(struct ca_spkis *to, const unsigned char digest[CA_SPKI_BYTES])
{
	char *copy;

	for (size_t i = 0; i < to->n; i++) {
		if (memcmp(to->v[i].p, digest, CA_SPKI_BYTES) == 0)
			return;
	}
	copy = mem_alloc(CA_SPKI_BYTES);
	memcpy(copy, digest, CA_SPKI_BYTES);
	to->v = mem_realloc(to->v, (to->n + 1) * sizeof(*to->v));
	to->v[to->n++] = (struct str){copy, CA_SPKI_BYTES};
}

/* The first certificate of a text, if there is one. False if it is malformed. */
static bool add_first(struct ca_spkis *to, struct str pem)
{
	BIO *bio = pem.len != 0 && pem.len <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.len) : NULL;
	X509 *certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	unsigned char digest[CA_SPKI_BYTES];
	bool ok = certificate != NULL && ca_spki_of(certificate, digest);

	if (ok)
		add(to, digest);
	X509_free(certificate);
	BIO_free(bio);
	ERR_clear_error();
	return ok;
}

static void warn(struct own_search *s, const char *name, const char *what)
{
	if (s->warning[0] == '\0')
		fault(s->warning, s->size, "%s/%s: %s: should it be a CA of ours, origins could be vouched for by it",
			s->folder->path, name, what);
}

static void look_at(struct own_search *s, const char *name)
{
	struct ca_file file;
	char why[256];

	if (!ca_folder_read(s->folder, name, false, &file, why, sizeof(why))) {
		warn(s, name, "cannot be read");
		return;
	}
	/* A key may stand there alone: then ca.pem has the certificate. */
	if (!add_first(s->to, ca_file_str(&file)) && strcmp(name, CA_KEY_NAME) != 0)
		warn(s, name, "holds no certificate");
	ca_file_free(&file);
}

static bool is_certificate(const char *name)
{
	struct str s = str_of(name);

	return strcmp(name, CA_KEY_NAME) == 0 || strcmp(name, CA_PEM_NAME) == 0 ||
		(str_starts(s, STR("ca-")) && str_iends(s, STR(".pem")));
}

static void look_through(struct own_search *s, DIR *entries)
{
	const struct dirent *entry;
	size_t n = 0;

	while (n < FILES_MAX && (entry = readdir(entries)) != NULL) {
		if (!is_certificate(entry->d_name))
			continue;
		look_at(s, entry->d_name);
		n++;
	}
	if (n == FILES_MAX)
		warn(s, "ca-*.pem", "are too many");
}

/* The folder as it is; NULL if it cannot be read, or is not there. */
static DIR *folder_open(const struct ca_place *p, struct ca_folder *ret, char *ret_warning, size_t size)
{
	int fd = open(p->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;

	*ret = (struct ca_folder){.path = p->folder, .fd = fd, .lock_fd = NOT_THERE};
	if (entries != NULL)
		return entries;
	if (errno != ENOENT)
		fault(ret_warning, size, "%s: %s: should there be CAs of ours in it, origins could be vouched for by them",
			p->folder, strerror(errno));
	if (fd >= 0)
		close(fd);
	return NULL;
}

void ca_files_own_spkis(const struct ca_place *p, const struct ca *ca, struct ca_spkis *ret, char *ret_warning, size_t size)
{
	struct ca_folder f;
	struct own_search s = {.folder = &f, .to = ret, .warning = ret_warning, .size = size};
	DIR *entries;

	*ret = (struct ca_spkis){.v = NULL};
	ret_warning[0] = '\0';
	if (ca != NULL)
		add(ret, ca->spki_sha256);
	entries = folder_open(p, &f, ret_warning, size);
	if (entries == NULL)
		return;
	look_through(&s, entries);
	closedir(entries);
}

void ca_spkis_fini(struct ca_spkis *s)
{
	for (size_t i = 0; i < s->n; i++)
		mem_free((char *)(uintptr_t)s->v[i].p);
	mem_free(s->v);
	*s = (struct ca_spkis){.v = NULL};
}
