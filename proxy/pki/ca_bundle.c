/* The bundle: the system's roots and ours in one file, because most programs that can be told of a CA then trust nothing
 * else. */
#include "base/mem.h"
#include "pki/ca_files.h"
#include "pki/ca_part.h"
#include "pki/ca_store.h"
#include "pki/fault.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

static const char BUNDLE_NAME[] = "bundle.pem";

/* Where systems keep all their roots in one file. */
static const char *const WELL_KNOWN[] = {
	"/etc/ssl/certs/ca-certificates.crt",                /* Debian, Ubuntu, Alpine, Arch */
	"/etc/pki/tls/certs/ca-bundle.crt",                  /* Fedora, RHEL */
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* the same, later */
	"/etc/ssl/ca-bundle.pem",                            /* openSUSE */
	"/etc/ssl/cert.pem",                                 /* Alpine, OpenBSD, macOS */
	"/usr/local/share/certs/ca-root-nss.crt",            /* FreeBSD */
};

static bool is_ours(const struct ca *ca, const unsigned char *der, size_t n)
{
	for (size_t i = 0; i < ca->chain_n; i++) {
		if (ca->chain[i].n == n && memcmp(ca->chain[i].der, der, n) == 0)
			return true;
	}
	return false;
}

/* Copies the next certificate of a file, and counts it unless it is ours, which comes at the end. False at the end, or if the
 * library fails. */
static bool root_copy(BIO *from, BIO *to, const struct ca *ca, size_t *n_roots)
{
	char *label = NULL, *header = NULL;
	unsigned char *der = NULL;
	long n = 0;
	bool ok;

	if (PEM_read_bio(from, &label, &header, &der, &n) != 1)
		return false;
	ok = strcmp(label, PEM_STRING_X509) != 0 || is_ours(ca, der, (size_t)n);
	if (!ok) {
		ok = PEM_write_bio(to, PEM_STRING_X509, "", der, n) > 0;
		++*n_roots;
	}
	OPENSSL_free(label);
	OPENSSL_free(header);
	OPENSSL_free(der);
	return ok;
}

/* Copies the roots of a file's text. False if it is malformed or there are none. */
static bool roots_copy(struct str pem, BIO *to, const struct ca *ca)
{
	BIO *from = pem.len != 0 && pem.len <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.len) : NULL;
	size_t n = 0;
	bool is_whole;

	ERR_clear_error();
	while (from != NULL && root_copy(from, to, ca, &n))
		;
	is_whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	BIO_free(from);
	return is_whole && n > 0;
}

/* Copies the roots of a file. False with one line. */
static bool roots_take(const char *path, BIO *to, const struct ca *ca, char *ret_why, size_t size)
{
	struct ca_file file;
	bool ok;

	if (!ca_file_read(path, &file, NULL, ret_why, size))
		return false;
	ok = roots_copy(ca_file_str(&file), to, ca);
	ca_file_free(&file);
	if (ok)
		return true;
	BIO_reset(to);
	return fault(ret_why, size, "%s: holds no roots in PEM form, or a malformed one", path);
}

/* True if the path leads to the bundle itself, as it does for programs that viaduct has started. */
static bool is_bundle(const struct ca_folder *f, const char *path)
{
	struct stat own, other;

	return fstatat(f->fd, BUNDLE_NAME, &own, 0) == 0 && stat(path, &other) == 0 && own.st_dev == other.st_dev &&
		own.st_ino == other.st_ino;
}

/* The roots of the first file that has some. SSL_CERT_FILE is somebody's will, so that what it names must be right. */
static bool roots_find(const struct ca_folder *f, BIO *to, const struct ca *ca, char *ret_why, size_t size)
{
	const char *named = getenv(X509_get_default_cert_file_env());
	char ignored[256];

	if (named != NULL && named[0] != '\0' && !is_bundle(f, named))
		return roots_take(named, to, ca, ret_why, size);
	if (roots_take(X509_get_default_cert_file(), to, ca, ignored, sizeof(ignored)))
		return true;
	for (size_t i = 0; i < sizeof(WELL_KNOWN) / sizeof(WELL_KNOWN[0]); i++) {
		if (roots_take(WELL_KNOWN[i], to, ca, ignored, sizeof(ignored)))
			return true;
	}
	return fault(ret_why, size,
		"the roots of this system are not found, neither in %s nor in %s: install ca-certificates, or name a file in %s",
		X509_get_default_cert_file(), WELL_KNOWN[0], X509_get_default_cert_file_env());
}

/* The CA's own certificate and those of its issuers. */
static bool own_add(const struct ca *ca, BIO *to)
{
	for (size_t i = 0; i < ca->chain_n; i++) {
		if (ca->chain[i].n > LONG_MAX ||
			PEM_write_bio(to, PEM_STRING_X509, "", ca->chain[i].der, (long)ca->chain[i].n) <= 0)
			return false;
	}
	return true;
}

/* With an empty text to put it together in. */
static bool bundle_write(const struct ca_folder *f, const struct ca *ca, BIO *text, char *ret_why, size_t size)
{
	char *p = NULL;
	long n;

	if (!roots_find(f, text, ca, ret_why, size))
		return false;
	if (!own_add(ca, text))
		return fault_library(ret_why, size, "the bundle cannot be made");
	n = BIO_get_mem_data(text, &p);
	return ca_folder_write(f, BUNDLE_NAME, CA_PUBLIC_MODE, (struct str){p, (size_t)n}, ret_why, size);
}

/* In a locked folder, or one in which nobody else can write. */
static bool bundle_make(const struct ca_folder *f, const struct ca *ca, char *ret_why, size_t size)
{
	BIO *text = BIO_new(BIO_s_mem());
	bool ok = text != NULL ? bundle_write(f, ca, text, ret_why, size)
			       : fault_library(ret_why, size, "the bundle cannot be made");

	BIO_free(text);
	return ok;
}

/* By its own certificate, which stands in the bundle as it is. */
static bool has_own(const struct ca_folder *f, const struct ca *ca)
{
	struct ca_file file;
	char why[256];
	bool has;

	if (!ca_folder_read(f, BUNDLE_NAME, false, &file, why, sizeof(why)))
		return false;
	has = file.n != 0 && memmem(file.bytes, file.n, ca_pem(ca).p, ca_pem(ca).len) != NULL;
	ca_file_free(&file);
	return has;
}

bool ca_bundle_refresh(const struct ca_folder *f, const struct ca *ca, char *ret_why, size_t size)
{
	return !ca_folder_has(f, BUNDLE_NAME) || has_own(f, ca) || bundle_make(f, ca, ret_why, size);
}

char *ca_files_bundle(const struct ca_place *p, const struct ca *ca, char *ret_why, size_t size)
{
	struct ca_folder f;
	bool ok;

	if (!ca_folder_make(&f, p->folder, ret_why, size))
		return NULL;
	ok = ca_folder_lock(&f, ret_why, size) && bundle_make(&f, ca, ret_why, size);
	ca_folder_close(&f);
	return ok ? ca_path_join(p->folder, BUNDLE_NAME) : NULL;
}
