/* Certificates made by hand for the tests of pki/, and a client's eyes on them. */
#ifndef VIADUCT_TESTS_PKI_RIG_H
#define VIADUCT_TESTS_PKI_RIG_H

#include "base/mem.h"
#include "base/str.h"
#include "pki/ca.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { RIG_TEXT_BYTES = 16384, RIG_DAY_S = 24 * 3600, RIG_EXTENSIONS = 6 };

struct signer {
	X509 *certificate;
	EVP_PKEY *key;
};

/* Extensions in the words of openssl's x509v3_config. */
struct signer_spec {
	const char *name;
	struct {
		int nid;
		const char *words;
	} extensions[RIG_EXTENSIONS];
	const char *key;      /* "RSA1024", "RSA2048", "ED25519", or a curve; NULL: P-256 */
	long from_s, until_s; /* from now; both 0: a day to either side */
};

#define RIG_CA(subject)                                                                                                        \
	{                                                                                                                      \
		.name = (subject), .extensions = {                                                                             \
			{NID_basic_constraints, "critical,CA:TRUE"},                                                           \
			{NID_key_usage, "critical,keyCertSign,cRLSign"},                                                       \
			{NID_subject_key_identifier, "hash"},                                                                  \
			{NID_authority_key_identifier, "keyid"},                                                               \
		}                                                                                                              \
	}

static inline EVP_PKEY *signer_key(const char *kind)
{
	if (kind == NULL)
		return EVP_EC_gen("P-256");
	if (strncmp(kind, "RSA", 3) == 0)
		return EVP_RSA_gen((unsigned)strtoul(kind + 3, NULL, 10));
	return strcmp(kind, "ED25519") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, kind) : EVP_EC_gen(kind);
}

/* Issued by issuer; NULL: by itself. */
static inline struct signer signer_new(const struct signer_spec *spec, const struct signer *issuer)
{
	struct signer s = {X509_new(), signer_key(spec->key)};
	X509 *by = issuer != NULL ? issuer->certificate : s.certificate;
	bool has_dates = spec->from_s != 0 || spec->until_s != 0;
	static long serial;

	X509_set_version(s.certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(s.certificate), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(s.certificate), has_dates ? spec->from_s : -RIG_DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(s.certificate), has_dates ? spec->until_s : RIG_DAY_S);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(s.certificate), "CN", MBSTRING_UTF8, (const unsigned char *)spec->name,
		-1, -1, 0);
	X509_set_issuer_name(s.certificate, X509_get_subject_name(by));
	X509_set_pubkey(s.certificate, s.key);
	for (size_t i = 0; i < RIG_EXTENSIONS && spec->extensions[i].words != NULL; i++) {
		X509_EXTENSION *extension;
		X509V3_CTX v3;

		X509V3_set_ctx(&v3, by, s.certificate, NULL, NULL, 0);
		extension = X509V3_EXT_conf_nid(NULL, &v3, spec->extensions[i].nid, spec->extensions[i].words);
		X509_add_ext(s.certificate, extension, -1);
		X509_EXTENSION_free(extension);
	}
	X509_sign(s.certificate, issuer != NULL ? issuer->key : s.key,
		EVP_PKEY_is_a(issuer != NULL ? issuer->key : s.key, "ED25519") == 1 ? NULL : EVP_sha256());
	ERR_clear_error();
	return s;
}

static inline void signer_free(struct signer *s)
{
	X509_free(s->certificate);
	EVP_PKEY_free(s->key);
}

/* Adds to a text what a BIO holds, and frees that. */
static inline void text_take(char *to, BIO *bio)
{
	size_t at = strlen(to);
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);

	snprintf(to + at, RIG_TEXT_BYTES - at, "%.*s", (int)n, p);
	BIO_free(bio);
}

static inline void text_add_certificate(char *to, const X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_X509(bio, certificate);
	text_take(to, bio);
}

/* password NULL: unencrypted. */
static inline void text_add_key(char *to, const EVP_PKEY *key, const char *password)
{
	BIO *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_PKCS8PrivateKey(bio, key, password != NULL ? EVP_aes_128_cbc() : NULL, password,
		password != NULL ? (int)strlen(password) : 0, NULL, NULL);
	text_take(to, bio);
}

static inline X509 *x509_of(struct str der)
{
	const unsigned char *p = (const unsigned char *)der.p;

	return d2i_X509(NULL, &p, (long)der.len);
}

/* What a careful client says of a leaf under a root: X509_V_OK or another X509_V_… host: a name or an address. */
static inline int client_verdict(X509 *leaf, const STACK_OF(X509) * between, X509 *root, const char *host, int64_t now_s)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int verdict;

	X509_STORE_add_cert(store, root);
	X509_STORE_CTX_init(ctx, store, leaf, (STACK_OF(X509) *)(uintptr_t)between);
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
	X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
	X509_VERIFY_PARAM_set_time(param, (time_t)now_s);
	X509_VERIFY_PARAM_set_auth_level(param, 2);
	if (X509_VERIFY_PARAM_set1_ip_asc(param, host) != 1)
		X509_VERIFY_PARAM_set1_host(param, host, 0);
	verdict = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	ERR_clear_error();
	return verdict;
}

/* A CA as ca_make makes it. */
static inline struct ca *rig_ca(const char *const *constraints, size_t n, int64_t now_s)
{
	char why[256] = "";
	const struct ca_request r = {
		.common_name = "rig", .name_constraints = constraints, .name_constraints_n = n, .now_s = now_s};
	struct ca *ca = ca_make(&r, why, sizeof(why));

	if (ca == NULL)
		fprintf(stderr, "%s\n", why);
	return ca;
}

/* A CA as ca_read reads it: the first of the signers, with its key. */
static inline struct ca *rig_read(const struct signer *const *chain, size_t n)
{
	static const size_t room = RIG_TEXT_BYTES;
	char *cert = calloc(1, room), *key = calloc(1, room), why[256] = "";
	struct ca *ca;

	for (size_t i = 0; i < n; i++)
		text_add_certificate(cert, chain[i]->certificate);
	text_add_key(key, chain[0]->key, NULL);
	ca = ca_read(str_of(cert), str_of(key), why, sizeof(why));
	if (ca == NULL)
		fprintf(stderr, "%s\n", why);
	free(cert);
	free(key);
	return ca;
}

/* The CA as a signer, to make with its key what leaf_make would refuse. */
static inline struct signer signer_of(const struct ca *ca)
{
	char *pem = ca_key_pem(ca);
	BIO *bio = BIO_new_mem_buf(pem, -1);
	struct signer s = {x509_of(ca_der(ca)), PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL)};

	BIO_free(bio);
	ca_wipe(pem);
	return s;
}

#endif
