/* The CA in its folder. The file ca.key holds the key and the certificate, so that one rename publishes both and there never is
 * one without the other; all other files are derived from it. */
#include "pki/ca_store.h"

#include "base/clock.h"
#include "base/mem.h"
#include "pki/ca_part.h"
#include "pki/fault.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { US_PER_S = 1000000, COMMON_NAME_SIZE = 80, HOST_CHARS = 39, HOST_SIZE = 256 };

/* The name in it is only for people: what is not plain becomes "-". */
static void host_words(char *host, size_t size)
{
	if (gethostname(host, size) != 0 || host[0] == '\0')
		snprintf(host, size, "localhost");
	host[size - 1] = '\0';
	for (char *p = host; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~')
			*p = '-';
	}
}

void ca_date_words(int64_t s, char ret[CA_DATE_BYTES])
{
	time_t t = (time_t)s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(ret, CA_DATE_BYTES, "%Y-%m-%d", &tm) == 0)
		snprintf(ret, CA_DATE_BYTES, "unknown");
}

/* Key and certificate; to be wiped. NULL if the library fails. */
static char *key_file_text(const struct ca *ca)
{
	char *key = ca_key_pem(ca), *both;
	size_t size;

	if (key == NULL)
		return NULL;
	size = strlen(key) + ca_pem(ca).len + 1;
	both = mem_alloc(size);
	snprintf(both, size, "%s%.*s", key, STR_ARG(ca_pem(ca)));
	ca_wipe(key);
	return both;
}

static bool key_file_write(const struct ca_folder *f, const struct ca *ca, char *ret_why, size_t size)
{
	char *text = key_file_text(ca);
	bool ok = text != NULL ? ca_folder_write(f, CA_KEY_NAME, CA_SECRET_MODE, str_of(text), ret_why, size)
			       : fault_library(ret_why, size, "the key of the CA cannot be written");

	ca_wipe(text);
	return ok;
}

struct ca *ca_store_make(const struct ca_folder *f, const struct ca_place *p, char *ret_why, size_t size)
{
	char host[HOST_SIZE], date[CA_DATE_BYTES], name[COMMON_NAME_SIZE];
	struct ca_request r = {.common_name = name,
		.name_constraints = p->name_constraints,
		.name_constraints_n = p->name_constraints_n,
		.now_s = clock_wall_us() / US_PER_S};
	struct ca *ca;

	host_words(host, sizeof(host));
	ca_date_words(r.now_s, date);
	snprintf(name, sizeof(name), "viaduct CA (%.*s, %s)", HOST_CHARS, host, date);
	ca = ca_make(&r, ret_why, size);
	if (ca != NULL && !key_file_write(f, ca, ret_why, size)) {
		ca_unref(ca);
		ca = NULL;
	}
	return ca;
}

static bool is_same_file(const struct ca_folder *f, const char *name, struct str bytes)
{
	struct ca_file file;
	char why[256];
	bool is_same;

	if (!ca_folder_has(f, name) || !ca_folder_read(f, name, false, &file, why, sizeof(why)))
		return false;
	is_same = str_eq(ca_file_str(&file), bytes);
	ca_file_free(&file);
	return is_same;
}

/* PKCS#12 begins with chance bits, but the certificate stands in it as it is. */
static bool is_pkcs12_right(const struct ca_folder *f, const struct ca *ca)
{
	struct ca_file file;
	char why[256];
	bool is_right;

	if (!ca_folder_has(f, "ca.p12") || !ca_folder_read(f, "ca.p12", false, &file, why, sizeof(why)))
		return false;
	is_right = memmem(file.bytes, file.n, ca_anchor(ca)->der.p, ca_anchor(ca)->der.len) != NULL;
	ca_file_free(&file);
	return is_right;
}

/* Writes a derived file unless it is there with these bytes. */
static bool derive(const struct ca_folder *f, const char *name, struct str bytes, char *ret_why, size_t size)
{
	return is_same_file(f, name, bytes) || ca_folder_write(f, name, CA_PUBLIC_MODE, bytes, ret_why, size);
}

static bool derive_pkcs12(const struct ca_folder *f, const struct ca *ca, char *ret_why, size_t size)
{
	unsigned char *bytes;
	size_t n = 0;
	bool ok;

	if (is_pkcs12_right(f, ca))
		return true;
	bytes = ca_pkcs12(ca, &n);
	if (bytes == NULL)
		return fault_library(ret_why, size, "PKCS#12 of the CA cannot be made");
	ok = ca_folder_write(f, "ca.p12", CA_PUBLIC_MODE, (struct str){(const char *)bytes, n}, ret_why, size);
	mem_free(bytes);
	return ok;
}

/* Whoever has put a key without certificate into ca.key keeps the certificate in ca.pem, which is not ours to write then. */
static bool has_certificate(const struct ca_file *key)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";

	return key->n != 0 && memmem(key->bytes, key->n, begin, sizeof(begin) - 1) != NULL;
}

/* NULL with one line that names the file. */
static struct ca *read_pair(const struct ca_folder *f, struct str cert, const char *cert_name, struct str key, char *ret_why,
	size_t size)
{
	char why[256] = "";
	bool is_key = false;
	struct ca *ca = ca_read_parts(cert, key, &is_key, why, sizeof(why));

	if (ca == NULL)
		fault(ret_why, size, "%s/%s: %s", f->path, is_key ? CA_KEY_NAME : cert_name, why);
	return ca;
}

/* With the certificate in ca.pem. */
static struct ca *load_apart(const struct ca_folder *f, const struct ca_file *key, char *ret_why, size_t size)
{
	struct ca_file cert;
	struct ca *ca;

	if (!ca_folder_has(f, CA_PEM_NAME)) {
		fault(ret_why, size,
			"%s/%s: there is no certificate in it, nor a %s beside it (without both files, a new CA is made)",
			f->path, CA_KEY_NAME, CA_PEM_NAME);
		return NULL;
	}
	if (!ca_folder_read(f, CA_PEM_NAME, false, &cert, ret_why, size))
		return NULL;
	ca = read_pair(f, ca_file_str(&cert), CA_PEM_NAME, ca_file_str(key), ret_why, size);
	ca_file_free(&cert);
	return ca;
}

struct ca *ca_store_load(const struct ca_folder *f, char *ret_warning, char *ret_why, size_t size)
{
	struct ca_file key;
	struct ca *ca;
	bool is_whole;

	if (!ca_folder_read(f, CA_KEY_NAME, true, &key, ret_why, size))
		return NULL;
	is_whole = has_certificate(&key);
	ca = is_whole ? read_pair(f, ca_file_str(&key), CA_KEY_NAME, ca_file_str(&key), ret_why, size)
		      : load_apart(f, &key, ret_why, size);
	ca_file_free(&key);
	if (ca == NULL)
		return NULL;
	if (is_whole && !derive(f, CA_PEM_NAME, ca_pem(ca), ret_warning, size))
		return ca;
	if (derive(f, "ca.cer", ca_anchor(ca)->der, ret_warning, size) && derive_pkcs12(f, ca, ret_warning, size))
		ca_bundle_refresh(f, ca, ret_warning, size);
	return ca;
}
