/* Making a CA: a self-signed certificate with a key of its own (RFC 5280 sections 4.1 and 4.2). */
#include "pki/ca_part.h"
#include "pki/extension.h"
#include "pki/fault.h"
#include "pki/name_limits.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

enum { SERIAL_BITS = 127, DAY_S = 24 * 3600 };

static const char ORGANISATION[] = "viaduct";

/* At random, so that no two CAs of one name can be taken for each other. */
static bool serial_set(X509 *certificate)
{
	BIGNUM *n = BN_new();
	bool ok = n != NULL && BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
		BN_to_ASN1_INTEGER(n, X509_get_serialNumber(certificate)) != NULL;

	BN_free(n);
	return ok;
}

static bool name_add(X509_NAME *name, int nid, const char *value)
{
	return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1;
}

static bool subject_set(X509 *certificate, const char *common_name)
{
	X509_NAME *name = X509_get_subject_name(certificate);

	return name_add(name, NID_organizationName, ORGANISATION) && name_add(name, NID_commonName, common_name) &&
		X509_set_issuer_name(certificate, name) == 1;
}

static bool dates_set(X509 *certificate, int64_t now_s)
{
	int64_t from_s = now_s - CA_MADE_BEFORE_S;

	return ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)from_s) != NULL &&
		ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(from_s + (int64_t)CA_DAYS * DAY_S)) != NULL;
}

/* Path length 0: what it signs are leaves. */
static bool extensions_add(X509 *certificate)
{
	return extension_add_words(certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
		extension_add_words(certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
		extension_add_words(certificate, NID_subject_key_identifier, "hash");
}

/* All but the signature. */
static bool certificate_fill(X509 *certificate, EVP_PKEY *key, const struct ca_request *r, char *ret_why, size_t size)
{
	if (!subject_set(certificate, r->common_name))
		return fault_library(ret_why, size, "the name of the CA");
	if (X509_set_version(certificate, X509_VERSION_3) != 1 || !serial_set(certificate) ||
		!dates_set(certificate, r->now_s) || X509_set_pubkey(certificate, key) != 1 || !extensions_add(certificate))
		return fault_library(ret_why, size, "the certificate of the CA cannot be made");
	return name_limits_add(certificate, r->name_constraints, r->name_constraints_n, ret_why, size);
}

/* The certificate as others will read it: in the library's hands it is then complete and no longer changes. NULL if it
 * fails. */
static X509 *reread(const X509 *made)
{
	unsigned char *der = NULL;
	int n = i2d_X509(made, &der);
	const unsigned char *p = der;
	X509 *certificate = n > 0 ? d2i_X509(NULL, &p, n) : NULL;

	OPENSSL_free(der);
	return certificate;
}

/* Takes no reference of its own of the certificate. */
static struct ca *ca_of(X509 *certificate, EVP_PKEY *key, char *ret_why, size_t size)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	struct ca *ca = NULL;

	if (chain != NULL && certificate != NULL && sk_X509_push(chain, certificate) > 0)
		ca = ca_new(chain, key, ret_why, size);
	else
		fault_library(ret_why, size, "the certificate of the CA cannot be made");
	sk_X509_free(chain);
	return ca;
}

static struct ca *make_with(EVP_PKEY *key, const struct ca_request *r, char *ret_why, size_t size)
{
	X509 *made = X509_new(), *certificate;
	struct ca *ca = NULL;

	if (made == NULL) {
		fault_library(ret_why, size, "the certificate of the CA cannot be made");
		return NULL;
	}
	if (certificate_fill(made, key, r, ret_why, size)) {
		certificate = X509_sign(made, key, EVP_sha256()) > 0 ? reread(made) : NULL;
		ca = ca_of(certificate, key, ret_why, size);
		X509_free(certificate);
	}
	X509_free(made);
	return ca;
}

struct ca *ca_make(const struct ca_request *r, char *ret_why, size_t size)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct ca *ca;

	if (key == NULL) {
		fault_library(ret_why, size, "the key of the CA cannot be made");
		return NULL;
	}
	ca = make_with(key, r, ret_why, size);
	EVP_PKEY_free(key);
	return ca;
}
