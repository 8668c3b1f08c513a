/* A new CA in place of an old one, which is kept beside it. */
#include "base/mem.h"
#include "pki/ca_files.h"
#include "pki/ca_store.h"
#include "pki/fault.h"

#include <stdio.h>
#include <sys/types.h>

enum { NAME_BYTES = 64, KEPT_MAX = 1000 };

/* True if what is there under the name is a copy that an interrupted renewal has left. */
static bool is_copy(const struct ca_folder *f, const char *name, struct str bytes)
{
	struct ca_file file;
	char why[256];
	bool is_same;

	if (!ca_folder_read(f, name, true, &file, why, sizeof(why)))
		return false;
	is_same = str_eq(ca_file_str(&file), bytes);
	ca_file_free(&file);
	return is_same;
}

/* Chooses "ca-2029-11-21", or "ca-2029-11-21.2" and so on where others end on the same day. False if there are too many. */
static bool choose_stem(const struct ca_folder *f, const struct ca *ca, struct str key, char stem[NAME_BYTES])
{
	char date[CA_DATE_BYTES], name[NAME_BYTES + 8];

	ca_date_words(ca_not_after_s(ca), date);
	for (int i = 1; i <= KEPT_MAX; i++) {
		if (i == 1)
			snprintf(stem, NAME_BYTES, "ca-%s", date);
		else
			snprintf(stem, NAME_BYTES, "ca-%s.%d", date, i);
		snprintf(name, sizeof(name), "%s.key", stem);
		if (!ca_folder_has(f, name) || is_copy(f, name, key))
			return true;
	}
	return false;
}

/* Copies a file of the old CA. */
static bool keep_as(const struct ca_folder *f, const char *stem, const char *end, mode_t mode, struct str bytes, char *ret_why,
	size_t size)
{
	char name[NAME_BYTES + 8];

	snprintf(name, sizeof(name), "%s%s", stem, end);
	return ca_folder_write(f, name, mode, bytes, ret_why, size);
}

/* Both files of the old CA have been read. */
static bool keep_files(const struct ca_folder *f, const struct ca *ca, struct str key, struct str pem, char *ret_why,
	size_t size)
{
	char stem[NAME_BYTES];

	if (!choose_stem(f, ca, key, stem))
		return fault(ret_why, size, "%s: there are more than %d old CAs in it", f->path, KEPT_MAX);
	return keep_as(f, stem, ".key", CA_SECRET_MODE, key, ret_why, size) &&
		keep_as(f, stem, ".pem", CA_PUBLIC_MODE, pem, ret_why, size);
}

/* Copies the old CA to files of its own. */
static bool keep(const struct ca_folder *f, const struct ca *ca, char *ret_why, size_t size)
{
	struct ca_file key = {.bytes = NULL}, pem = {.bytes = NULL};
	bool ok = ca_folder_read(f, CA_KEY_NAME, true, &key, ret_why, size) &&
		ca_folder_read(f, CA_PEM_NAME, false, &pem, ret_why, size) &&
		keep_files(f, ca, ca_file_str(&key), ca_file_str(&pem), ret_why, size);

	ca_file_free(&pem);
	ca_file_free(&key);
	return ok;
}

/* In a locked folder, with the old CA kept. */
static struct ca *replace(const struct ca_folder *f, const struct ca_place *p, char *warning, char *ret_why, size_t size)
{
	struct ca *made = ca_store_make(f, p, ret_why, size);

	if (made == NULL)
		return NULL;
	ca_unref(made);
	return ca_store_load(f, warning, ret_why, size);
}

/* In a locked folder. A warning is that a derived file is not written, which the next one who loads the CA tries again. */
static struct ca *renew_in(const struct ca_folder *f, const struct ca_place *p, char *ret_why, size_t size)
{
	char *warning = mem_calloc(1, size);
	struct ca *old = NULL, *renewed = NULL;
	bool is_first = !ca_folder_has(f, CA_KEY_NAME);

	if (!is_first)
		old = ca_store_load(f, warning, ret_why, size);
	if (is_first || (old != NULL && keep(f, old, ret_why, size)))
		renewed = replace(f, p, warning, ret_why, size);
	ca_unref(old);
	mem_free(warning);
	return renewed;
}

struct ca *ca_files_renew(const struct ca_place *p, char *ret_why, size_t size)
{
	struct ca_folder f;
	struct ca *ca = NULL;

	if (ca_files_are_given(p)) {
		fault(ret_why, size, "%s: the CA is given by ca.cert and ca.key, so that it is not for viaduct to renew",
			p->cert);
		return NULL;
	}
	if (!ca_folder_make(&f, p->folder, ret_why, size))
		return NULL;
	if (ca_folder_lock(&f, ret_why, size))
		ca = renew_in(&f, p, ret_why, size);
	ca_folder_close(&f);
	return ca;
}
