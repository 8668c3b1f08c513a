/* The CA's anchor as PKCS#12 (RFC 7292), for trust stores that take nothing else. */
#include "base/mem.h"
#include "pki/ca_part.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/objects.h>
#include <openssl/pkcs12.h>

enum { MAC_ROUNDS = 2048 };

/* What makes Java take a certificate without key for one that it is to trust: a private attribute of Oracle's that names the
 * usages. */
static bool java_trust_add(PKCS12_SAFEBAG *bag)
{
	ASN1_OBJECT *attribute = OBJ_txt2obj("2.16.840.1.113894.746875.1.1", 1);
	const ASN1_OBJECT *any_usage = OBJ_nid2obj(NID_anyExtendedKeyUsage);
	STACK_OF(X509_ATTRIBUTE) *attributes = (STACK_OF(X509_ATTRIBUTE) *)(uintptr_t)PKCS12_SAFEBAG_get0_attrs(bag);
	bool ok = attribute != NULL && attributes != NULL &&
		X509at_add1_attr_by_OBJ(&attributes, attribute, V_ASN1_OBJECT, (const unsigned char *)any_usage, -1) != NULL;

	ASN1_OBJECT_free(attribute);
	return ok;
}

/* The bag with the certificate, unencrypted: nothing in it is secret, and readers differ in the ciphers that they know. */
static PKCS7 *content_make(X509 *certificate)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = sk_PKCS12_SAFEBAG_new_null();
	PKCS12_SAFEBAG *bag = PKCS12_SAFEBAG_create_cert(certificate);
	PKCS7 *content = NULL;

	if (bags == NULL || bag == NULL || sk_PKCS12_SAFEBAG_push(bags, bag) <= 0)
		PKCS12_SAFEBAG_free(bag);
	else if (PKCS12_add_friendlyname_utf8(bag, "viaduct", -1) == 1 && java_trust_add(bag))
		content = PKCS12_pack_p7data(bags);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return content;
}

/* With the digest that every reader knows; what it guards, by an empty password, is no secret. */
static PKCS12 *pkcs12_make(X509 *certificate)
{
	STACK_OF(PKCS7) *contents = sk_PKCS7_new_null();
	PKCS7 *content = content_make(certificate);
	PKCS12 *made = NULL;

	if (contents == NULL || content == NULL || sk_PKCS7_push(contents, content) <= 0)
		PKCS7_free(content);
	else
		made = PKCS12_add_safes(contents, 0);
	sk_PKCS7_pop_free(contents, PKCS7_free);
	if (made != NULL && PKCS12_set_mac(made, "", 0, NULL, 0, MAC_ROUNDS, EVP_sha1()) != 1) {
		PKCS12_free(made);
		made = NULL;
	}
	return made;
}

unsigned char *ca_pkcs12(const struct ca *ca, size_t *ret_n)
{
	PKCS12 *made = pkcs12_make(ca->anchor_x509);
	unsigned char *der = NULL, *copy;
	int n = made != NULL ? i2d_PKCS12(made, &der) : -1;

	PKCS12_free(made);
	if (n <= 0)
		return NULL;
	copy = mem_alloc((size_t)n);
	memcpy(copy, der, (size_t)n);
	OPENSSL_free(der);
	*ret_n = (size_t)n;
	return copy;
}
