/* A CA as a value: what is known of it once it has been read or made. Not for: reading (ca_read.c), making (ca_make.c). */
#include "pki/ca.h"

#include "base/mem.h"
#include "pki/ca_part.h"
#include "pki/fault.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

bool ca_time_read(const ASN1_TIME *time, int64_t *ret_s)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return false;
	*ret_s = (int64_t)timegm(&tm);
	return true;
}

/* What a memory BIO holds as a string of its own, which may be a secret: BIO_free wipes its copy. */
static char *string_of_bio(BIO *bio)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);

	return mem_strndup(n > 0 ? p : "", n > 0 ? (size_t)n : 0);
}

char *ca_pem_of(const X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem = bio != NULL && PEM_write_bio_X509(bio, certificate) == 1 ? string_of_bio(bio) : NULL;

	BIO_free(bio);
	return pem;
}

/* Without the library's quoting: str_escape is ours. */
char *ca_name_words(const X509_NAME *name)
{
	static const unsigned long quoting = ASN1_STRFLGS_ESC_2253 | ASN1_STRFLGS_ESC_QUOTE | ASN1_STRFLGS_ESC_MSB;
	BIO *bio = BIO_new(BIO_s_mem());
	char words[512], *p = NULL;
	long n;

	if (bio == NULL || X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~quoting) < 0) {
		BIO_free(bio);
		return NULL;
	}
	n = BIO_get_mem_data(bio, &p);
	str_escape((struct str){p, n > 0 ? (size_t)n : 0}, words, sizeof(words));
	BIO_free(bio);
	return mem_strdup(words);
}

/* The limits of all certificates in words; NULL if the library fails. */
static char *constraints_of(const struct ca *ca)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok = bio != NULL;
	char *words;

	for (size_t i = 0; ok && i < ca->chain_n; i++)
		ok = name_limits_print(&ca->chain[i].limits, bio);
	words = ok ? string_of_bio(bio) : NULL;
	BIO_free(bio);
	return words;
}

/* The extension that ties a leaf to this CA (RFC 5280 section 4.2.1.1). A CA without a key identifier gets one for the
 * purpose. */
static bool authority_key_id_fill(struct ca *ca)
{
	const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(ca->certificate);
	AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
	int n = -1;

	if (id == NULL)
		return false;
	id->keyid = own != NULL ? ASN1_OCTET_STRING_dup(own) : ASN1_OCTET_STRING_new();
	if (id->keyid != NULL && (own != NULL || ASN1_OCTET_STRING_set(id->keyid, ca->spki_sha256, 20) == 1))
		n = i2d_AUTHORITY_KEYID(id, &ca->authority_key_id);
	AUTHORITY_KEYID_free(id);
	ca->authority_key_id_n = n > 0 ? (size_t)n : 0;
	return n > 0;
}

bool ca_spki_of(const X509 *certificate, unsigned char ret[CA_SPKI_BYTES])
{
	unsigned char *spki = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);
	bool ok = n > 0 && EVP_Digest(spki, (size_t)n, ret, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(spki);
	return ok;
}

bool ca_fingerprint_of(const X509 *certificate, char ret[CA_FINGERPRINT_BYTES])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (X509_digest(certificate, EVP_sha256(), digest, &n) != 1)
		return false;
	for (unsigned i = 0; i < n; i++)
		snprintf(ret + 3 * (size_t)i, CA_FINGERPRINT_BYTES - 3 * (size_t)i, "%02X%s", digest[i], i + 1 < n ? ":" : "");
	return true;
}

/* Keeps what is asked for later. */
static bool describe(struct ca *ca, char *ret_why, size_t size)
{
	if (!ca_time_read(X509_get0_notBefore(ca->certificate), &ca->not_before_s) ||
		!ca_time_read(X509_get0_notAfter(ca->certificate), &ca->not_after_s))
		return fault(ret_why, size, "the dates of the certificate are malformed");
	ca->pem = ca_pem_of(ca->certificate);
	ca->subject = ca_name_words(X509_get_subject_name(ca->certificate));
	ca->constraints = constraints_of(ca);
	if (ca->pem == NULL || ca->subject == NULL || ca->constraints == NULL ||
		!ca_spki_of(ca->certificate, ca->spki_sha256) || !ca_fingerprint_of(ca->certificate, ca->fingerprint) ||
		!authority_key_id_fill(ca) || !ca_anchor_fill(ca))
		return fault_library(ret_why, size, "the certificate");
	return true;
}

static bool chain_add(struct ca *ca, X509 *certificate, char *ret_why, size_t size)
{
	struct ca_certificate *c = &ca->chain[ca->chain_n++];
	int n = i2d_X509(certificate, &c->der);

	if (n <= 0)
		return fault_library(ret_why, size, "the certificate");
	c->n = (size_t)n;
	c->is_root = X509_self_signed(certificate, 0) == 1;
	return name_limits_read(certificate, &c->limits, ret_why, size);
}

struct ca *ca_new(const STACK_OF(X509) * certificates, EVP_PKEY *key, char *ret_why, size_t size)
{
	struct ca *ca = mem_calloc(1, sizeof(*ca));
	int n = sk_X509_num(certificates);
	bool ok = n >= 1 && n <= CA_CERTIFICATES_MAX && EVP_PKEY_up_ref(key) == 1;

	atomic_init(&ca->users, 1);
	if (!ok) {
		mem_free(ca);
		fault(ret_why, size, "more than %d certificates", CA_CERTIFICATES_MAX);
		return NULL;
	}
	ca->key = key;
	ca->certificate = sk_X509_value(certificates, 0);
	X509_up_ref(ca->certificate);
	ca->anchor_x509 = sk_X509_value(certificates, n - 1);
	X509_up_ref(ca->anchor_x509);
	for (int i = 0; ok && i < n; i++)
		ok = chain_add(ca, sk_X509_value(certificates, i), ret_why, size);
	if (ok && describe(ca, ret_why, size))
		return ca;
	ca_unref(ca);
	return NULL;
}

struct ca *ca_ref(struct ca *ca)
{
	atomic_fetch_add_explicit(&ca->users, 1, memory_order_relaxed);
	return ca;
}

void ca_unref(struct ca *ca)
{
	if (ca == NULL || atomic_fetch_sub_explicit(&ca->users, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < ca->chain_n; i++) {
		name_limits_fini(&ca->chain[i].limits);
		OPENSSL_free(ca->chain[i].der);
	}
	X509_free(ca->certificate);
	X509_free(ca->anchor_x509);
	mem_free(ca->anchor_pem);
	mem_free(ca->anchor_subject);
	mem_free(ca->anchor_issuer);
	EVP_PKEY_free(ca->key);
	OPENSSL_free(ca->authority_key_id);
	mem_free(ca->pem);
	mem_free(ca->subject);
	mem_free(ca->constraints);
	mem_free(ca);
}

static struct str der_of(const struct ca_certificate *c)
{
	return (struct str){(const char *)c->der, c->n};
}

struct str ca_der(const struct ca *ca)
{
	return der_of(&ca->chain[0]);
}

struct str ca_pem(const struct ca *ca)
{
	return str_of(ca->pem);
}

/* A root stands only at the end: nobody has issued it. */
size_t ca_chain_count(const struct ca *ca)
{
	return ca->chain_n - (ca->chain[ca->chain_n - 1].is_root ? 1 : 0);
}

struct str ca_chain_der(const struct ca *ca, size_t i)
{
	return i < ca_chain_count(ca) ? der_of(&ca->chain[i]) : STR_NONE;
}

bool ca_is_given(const struct ca *ca)
{
	return ca->is_given;
}

const char *ca_subject(const struct ca *ca)
{
	return ca->subject;
}

const char *ca_fingerprint(const struct ca *ca)
{
	return ca->fingerprint;
}

struct str ca_spki_sha256(const struct ca *ca)
{
	return (struct str){(const char *)ca->spki_sha256, sizeof(ca->spki_sha256)};
}

int64_t ca_not_before_s(const struct ca *ca)
{
	return ca->not_before_s;
}

int64_t ca_not_after_s(const struct ca *ca)
{
	return ca->not_after_s;
}

const char *ca_constraints(const struct ca *ca)
{
	return ca->constraints;
}

static bool is_limited(const struct ca *ca)
{
	for (size_t i = 0; i < ca->chain_n; i++) {
		if (ca->chain[i].limits.permitted.n != 0 || ca->chain[i].limits.excluded.n != 0)
			return true;
	}
	return false;
}

bool ca_allows(const struct ca *ca, const struct host_name *name)
{
	for (size_t i = 0; i < ca->chain_n; i++) {
		if (!name_limits_allow(&ca->chain[i].limits, name))
			return false;
	}
	return true;
}

bool ca_may_sign(const struct ca *ca, struct str host)
{
	struct host_name name;

	/* What is no host at all is not for name constraints to rule out, but where there are any it is not permitted. */
	return host_name_read(host, &name) ? ca_allows(ca, &name) : !is_limited(ca);
}

bool ca_allows_common_name(const struct ca *ca, const struct host_name *name)
{
	for (size_t i = 0; i < ca->chain_n; i++) {
		const struct name_limits *l = &ca->chain[i].limits;

		/* Some clients take an address there for the name of a host. */
		if (l->limits_subjects || (l->has_domains && name->octets_n != 0))
			return false;
	}
	return true;
}

char *ca_key_pem(const struct ca *ca)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem = bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, ca->key, NULL, NULL, 0, NULL, NULL) == 1
		? string_of_bio(bio)
		: NULL;

	BIO_free(bio);
	return pem;
}

void ca_wipe(char *pem)
{
	if (pem == NULL)
		return;
	OPENSSL_cleanse(pem, strlen(pem));
	mem_free(pem);
}
