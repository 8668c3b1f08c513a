/* Certificates with chain and key that are shown to clients: parsed once, used by all threads. Not for making them (pki/). */
#include "base/mem.h"
#include "net/tls_internal.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

enum { CHAIN_MAX = 16, DIGEST_BYTES = 32 };

struct tls_key {
	atomic_int users;
	EVP_PKEY *key;
};

struct tls_identity {
	atomic_int users;
	X509 *leaf;
	STACK_OF(X509) * chain; /* behind the leaf */
	struct tls_key *key;
	unsigned char issuer_sha256[DIGEST_BYTES]; /* of all that says who has signed the leaf */
};

struct tls_key *tls_key_new(struct str pkcs8_der)
{
	const unsigned char *at = (const unsigned char *)pkcs8_der.p;
	PKCS8_PRIV_KEY_INFO *parsed = NULL;
	EVP_PKEY *key = NULL;
	struct tls_key *k = NULL;

	if (pkcs8_der.len <= LONG_MAX)
		parsed = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8_der.len);
	if (parsed != NULL && (const char *)at == pkcs8_der.p + pkcs8_der.len)
		key = EVP_PKCS82PKEY(parsed);
	PKCS8_PRIV_KEY_INFO_free(parsed);
	if (key != NULL) {
		k = mem_calloc(1, sizeof(*k));
		atomic_init(&k->users, 1);
		k->key = key;
	}
	ERR_clear_error();
	return k;
}

void tls_key_unref(struct tls_key *k)
{
	if (k == NULL || atomic_fetch_sub_explicit(&k->users, 1, memory_order_acq_rel) != 1)
		return;
	EVP_PKEY_free(k->key);
	mem_free(k);
}

/* A certificate and nothing behind it. */
static X509 *parse_certificate(struct str der)
{
	const unsigned char *at = (const unsigned char *)der.p;
	X509 *certificate = der.len <= LONG_MAX ? d2i_X509(NULL, &at, (long)der.len) : NULL;

	if (certificate != NULL && (const char *)at == der.p + der.len)
		return certificate;
	X509_free(certificate);
	return NULL;
}

/* Adds certificates to the chain; false if one is malformed. */
static bool parse_chain(struct tls_identity *i, const struct str *chain_der, size_t n)
{
	i->chain = sk_X509_new_null();
	for (size_t c = 0; c < n && i->chain != NULL; c++) {
		X509 *certificate = parse_certificate(chain_der[c]);

		if (certificate == NULL)
			return false;
		if (sk_X509_push(i->chain, certificate) == 0) {
			X509_free(certificate);
			return false;
		}
	}
	return i->chain != NULL;
}

/* The issuer by its name and key, and what stands above it: as two of our CAs may have the same name. The leaf itself does
 * not count, for it is made anew now and then. */
static bool digest_issuer(struct tls_identity *i, const struct str *above_der, size_t n)
{
	const ASN1_OCTET_STRING *key_id = X509_get0_authority_key_id(i->leaf);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	unsigned char *issuer = NULL;
	int len = i2d_X509_NAME(X509_get_issuer_name(i->leaf), &issuer);
	bool is_good = digest != NULL && len > 0 && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
		EVP_DigestUpdate(digest, issuer, (size_t)len) == 1;

	if (is_good && key_id != NULL)
		is_good = EVP_DigestUpdate(digest, ASN1_STRING_get0_data(key_id), (size_t)ASN1_STRING_length(key_id)) == 1;
	for (size_t c = 0; c < n && is_good; c++)
		is_good = EVP_DigestUpdate(digest, above_der[c].p, above_der[c].len) == 1;
	is_good = is_good && EVP_DigestFinal_ex(digest, i->issuer_sha256, NULL) == 1;
	OPENSSL_free(issuer);
	EVP_MD_CTX_free(digest);
	return is_good;
}

/* Fills in all but the key. The check of purpose has the library read the extensions now, as it would do under a lock in the
 * first handshake. */
static bool parse_all(struct tls_identity *i, const struct str *chain_der, size_t n)
{
	i->leaf = n >= 1 && n <= CHAIN_MAX ? parse_certificate(chain_der[0]) : NULL;
	return i->leaf != NULL && X509_check_purpose(i->leaf, -1, 0) == 1 && parse_chain(i, chain_der + 1, n - 1) &&
		digest_issuer(i, chain_der + 1, n - 1);
}

struct tls_identity *tls_identity_new(const struct str *chain_der, size_t n, struct tls_key *k)
{
	struct tls_identity *i = mem_calloc(1, sizeof(*i));

	atomic_init(&i->users, 1);
	i->key = k;
	atomic_fetch_add_explicit(&k->users, 1, memory_order_relaxed);
	if (!parse_all(i, chain_der, n) || X509_check_private_key(i->leaf, k->key) != 1) {
		tls_identity_unref(i);
		i = NULL;
	}
	ERR_clear_error();
	return i;
}

struct tls_identity *tls_identity_ref(struct tls_identity *i)
{
	atomic_fetch_add_explicit(&i->users, 1, memory_order_relaxed);
	return i;
}

void tls_identity_unref(struct tls_identity *i)
{
	if (i == NULL || atomic_fetch_sub_explicit(&i->users, 1, memory_order_acq_rel) != 1)
		return;
	X509_free(i->leaf);
	sk_X509_pop_free(i->chain, X509_free);
	tls_key_unref(i->key);
	mem_free(i);
}

bool tls_identity_use(const struct tls_identity *i, SSL *ssl)
{
	return SSL_use_cert_and_key(ssl, i->leaf, i->key->key, i->chain, 1) == 1;
}

bool tls_identity_scope(const struct tls_identity *i, const char *name, SSL *ssl)
{
	unsigned char all[DIGEST_BYTES + TLS_NAME_BYTES], scope[DIGEST_BYTES];
	size_t len = strnlen(name, TLS_NAME_BYTES);

	memcpy(all, i->issuer_sha256, DIGEST_BYTES);
	memcpy(all + DIGEST_BYTES, name, len);
	return EVP_Digest(all, DIGEST_BYTES + len, scope, NULL, EVP_sha256(), NULL) == 1 &&
		SSL_set_session_id_context(ssl, scope, sizeof(scope)) == 1;
}
