/* Where the CA is: in files that options name, or in a folder of ours. Not for: how the folder is kept (ca_store.c), a new CA
 * in place of an old one (ca_renew.c), the bundle (ca_bundle.c). */
#include "pki/ca_files.h"

#include "base/mem.h"
#include "pki/ca_part.h"
#include "pki/ca_store.h"
#include "pki/fault.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAY_S = 24 * 3600 };

bool ca_files_are_given(const struct ca_place *p)
{
	return p->cert != NULL && p->cert[0] != '\0';
}

bool ca_files_exist(const struct ca_place *p)
{
	char *key;
	struct stat st;
	bool exists;

	if (ca_files_are_given(p))
		return access(p->cert, F_OK) == 0 && access(p->key, F_OK) == 0;
	key = ca_path_join(p->folder, CA_KEY_NAME);
	exists = lstat(key, &st) == 0;
	mem_free(key);
	return exists;
}

/* Both files have been read. */
static struct ca *given_parse(const struct ca_place *p, const struct ca_file *cert, const struct ca_file *key, char *ret_why,
	size_t size)
{
	char why[256] = "";
	bool is_key = false;
	struct ca *ca = ca_read_parts(ca_file_str(cert), ca_file_str(key), &is_key, why, sizeof(why));

	if (ca == NULL)
		fault(ret_why, size, "%s: %s", is_key ? p->key : p->cert, why);
	else
		ca->is_given = true;
	return ca;
}

static struct ca *given_load(const struct ca_place *p, char *ret_warning, char *ret_why, size_t size)
{
	struct ca_file cert, key;
	struct ca *ca;
	mode_t mode = 0;

	if (p->key == NULL || p->key[0] == '\0') {
		fault(ret_why, size, "%s: ca.cert needs ca.key beside it", p->cert);
		return NULL;
	}
	if (!ca_file_read(p->cert, &cert, NULL, ret_why, size))
		return NULL;
	if (!ca_file_read(p->key, &key, &mode, ret_why, size)) {
		ca_file_free(&cert);
		return NULL;
	}
	ca = given_parse(p, &cert, &key, ret_why, size);
	ca_file_free(&key);
	ca_file_free(&cert);
	/* Its group is the owner's business: that is how a service gets at a key of root's. */
	if (ca != NULL && (mode & S_IRWXO) != 0)
		fault(ret_warning, size,
			"%s: every user of this machine has access to the key of the CA (mode %04o): chmod o= %s", p->key,
			(unsigned)(mode & 07777), p->key);
	return ca;
}

struct ca *ca_files_load(const struct ca_place *p, char *ret_warning, char *ret_why, size_t size)
{
	struct ca_folder f;
	struct ca *ca;
	char why[256];

	ret_warning[0] = '\0';
	if (ca_files_are_given(p))
		return given_load(p, ret_warning, ret_why, size);
	if (!ca_folder_open(&f, p->folder, ret_why, size))
		return NULL;
	/* The lock is against those who write; where nobody can, none is needed. */
	ca_folder_lock(&f, why, sizeof(why));
	ca = ca_store_load(&f, ret_warning, ret_why, size);
	ca_folder_close(&f);
	return ca;
}

/* In an open folder: makes a CA if there is none. */
static struct ca *need_in(struct ca_folder *f, const struct ca_place *p, char *ret_warning, char *ret_why, size_t size)
{
	bool is_locked = ca_folder_lock(f, ret_why, size);
	struct ca *made = NULL;

	/* Only the holder of the lock can know that there is none. */
	if (!ca_folder_has(f, CA_KEY_NAME)) {
		bool had_certificate = ca_folder_has(f, CA_PEM_NAME);

		made = is_locked ? ca_store_make(f, p, ret_why, size) : NULL;
		if (made == NULL)
			return NULL;
		if (had_certificate)
			fault(ret_warning, size, "%s/%s was gone: a new CA was made, which clients have yet to trust", f->path,
				CA_KEY_NAME);
	}
	ca_unref(made);
	return ca_store_load(f, ret_warning, ret_why, size);
}

struct ca *ca_files_need(const struct ca_place *p, char *ret_warning, char *ret_why, size_t size)
{
	struct ca_folder f;
	struct ca *ca;

	ret_warning[0] = '\0';
	if (ca_files_are_given(p))
		return given_load(p, ret_warning, ret_why, size);
	if (!ca_folder_make(&f, p->folder, ret_why, size))
		return NULL;
	ca = need_in(&f, p, ret_warning, ret_why, size);
	ca_folder_close(&f);
	return ca;
}

char *ca_files_pem_path(const struct ca_place *p)
{
	return ca_files_are_given(p) ? mem_strdup(p->cert) : ca_path_join(p->folder, CA_PEM_NAME);
}

void ca_files_remark(const struct ca *ca, int64_t now_s, char *ret, size_t size)
{
	int64_t left_s = ca_not_after_s(ca) - now_s, days = left_s / DAY_S;
	const char *next = ca_is_given(ca) ? "ask who made it for a new one" : "viaduct ca renew";
	char date[CA_DATE_BYTES];

	if (left_s <= 0) {
		ca_date_words(ca_not_after_s(ca), date);
		snprintf(ret, size, "the CA has expired on %s: %s", date, next);
	} else if (now_s < ca_not_before_s(ca)) {
		ca_date_words(ca_not_before_s(ca), date);
		snprintf(ret, size, "the CA is valid from %s on only: is the clock of this machine right?", date);
	} else if (left_s > (int64_t)CA_WARN_DAYS * DAY_S) {
		ret[0] = '\0';
	} else if (days == 0) {
		snprintf(ret, size, "the CA ends within a day: %s", next);
	} else {
		snprintf(ret, size, "the CA ends in %d day%s: %s", (int)days, days == 1 ? "" : "s", next);
	}
}
