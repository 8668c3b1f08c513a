/* The key that all leaves share, and what each leaf needs of it, worked out once. */
#include "pki/leaf_key.h"

#include "base/mem.h"
#include "pki/leaf.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

/* Fills k->der. False if the library fails. */
static bool encode(struct leaf_key *k, EVP_PKEY *key)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	int n = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, &k->der) : -1;

	PKCS8_PRIV_KEY_INFO_free(info);
	k->n = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* Fills k->point and what follows from it. */
static bool identify(struct leaf_key *k, EVP_PKEY *key)
{
	unsigned char *point = NULL;
	size_t n = EVP_PKEY_get1_encoded_public_key(key, &point);
	bool ok = n == sizeof(k->point) && EVP_Digest(point, n, k->sha256, NULL, EVP_sha256(), NULL) == 1;

	if (ok) {
		memcpy(k->point, point, n);
		k->subject_key_id[0] = V_ASN1_OCTET_STRING;
		k->subject_key_id[1] = LEAF_KEY_ID_BYTES - 2;
		memcpy(k->subject_key_id + 2, k->sha256, LEAF_KEY_ID_BYTES - 2);
	}
	OPENSSL_free(point);
	return ok;
}

struct leaf_key *leaf_key_new(void)
{
	struct leaf_key *k = mem_calloc(1, sizeof(*k));
	EVP_PKEY *key = EVP_EC_gen("P-256");
	bool ok = key != NULL && encode(k, key) && identify(k, key);

	EVP_PKEY_free(key);
	if (ok)
		return k;
	ERR_clear_error();
	leaf_key_free(k);
	return NULL;
}

void leaf_key_free(struct leaf_key *k)
{
	if (k == NULL)
		return;
	OPENSSL_clear_free(k->der, k->n);
	mem_free(k);
}

struct str leaf_key_der(const struct leaf_key *k)
{
	return (struct str){(const char *)k->der, k->n};
}
