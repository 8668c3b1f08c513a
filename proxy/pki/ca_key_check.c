/* Private keys of a CA: reading one, and whether it is fit and the right one. */
#include "pki/ca_part.h"
#include "pki/fault.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/pem.h>

enum { RSA_BITS_MIN = 2048, EC_BITS_MIN = 256, SIGNATURE_BYTES_MAX = 2048 };

/* Instead of asking at the terminal: notes that it would have. */
static int on_password(char *to, int size, int is_writing, void *owner)
{
	bool *is_encrypted = owner;

	(void)to;
	(void)size;
	(void)is_writing;
	*is_encrypted = true;
	return -1;
}

/* Says why there is no key. */
static void explain(struct str pem, bool is_encrypted, char *ret_why, size_t size)
{
	if (is_encrypted)
		fault(ret_why, size,
			"the key is encrypted (openssl pkey -in FILE -out NEW writes it unencrypted; chmod 600 NEW)");
	else if (pem.len != 0 && memmem(pem.p, pem.len, "PRIVATE KEY-----", 16) != NULL)
		fault_library(ret_why, size, "the key is malformed");
	else
		fault(ret_why, size, "there is no private key in PEM form");
}

/* NULL with one line. */
static EVP_PKEY *key_decode(struct str pem, char *ret_why, size_t size)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	bool is_encrypted = false;
	EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, on_password, &is_encrypted) : NULL;

	if (key == NULL)
		explain(pem, is_encrypted, ret_why, size);
	BIO_free(bio);
	return key;
}

static bool key_is_fit(const EVP_PKEY *key, char *ret_why, size_t size)
{
	bool is_rsa = EVP_PKEY_is_a(key, "RSA") == 1;
	int bits = EVP_PKEY_get_bits(key), least = is_rsa ? RSA_BITS_MIN : EC_BITS_MIN;

	if (!is_rsa && EVP_PKEY_is_a(key, "EC") != 1)
		return fault(ret_why, size, "the key is neither EC nor RSA");
	if (bits < least)
		return fault(ret_why, size, "the key is too small: %d bits, at least %d are needed", bits, least);
	return true;
}

EVP_PKEY *ca_key_read(struct str pem, char *ret_why, size_t size)
{
	EVP_PKEY *key = key_decode(pem, ret_why, size);

	if (key == NULL || key_is_fit(key, ret_why, size))
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static size_t sign(EVP_PKEY *key, const unsigned char *text, size_t n, unsigned char to[SIGNATURE_BYTES_MAX])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	size_t signature_n = SIGNATURE_BYTES_MAX;
	bool ok = md != NULL && EVP_PKEY_get_size(key) <= SIGNATURE_BYTES_MAX &&
		EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
		EVP_DigestSign(md, to, &signature_n, text, n) == 1;

	EVP_MD_CTX_free(md);
	return ok ? signature_n : 0;
}

static bool verify(EVP_PKEY *key, const unsigned char *text, size_t n, const unsigned char *signature, size_t signature_n)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md != NULL && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
		EVP_DigestVerify(md, signature, signature_n, text, n) == 1;

	EVP_MD_CTX_free(md);
	return ok;
}

bool ca_key_fits(EVP_PKEY *key, X509 *certificate, char *ret_why, size_t size)
{
	static const unsigned char text[] = "any text";
	unsigned char signature[SIGNATURE_BYTES_MAX];
	EVP_PKEY *public_key = X509_get0_pubkey(certificate);
	size_t n;

	if (public_key == NULL)
		return fault_library(ret_why, size, "the public key in the certificate");
	if (X509_check_private_key(certificate, key) != 1)
		return fault(ret_why, size, "the key is not that of the certificate");
	/* A key file holds a copy of the public key, which is all that was compared. */
	n = sign(key, text, sizeof(text), signature);
	if (n == 0)
		return fault_library(ret_why, size, "the key does not sign");
	return verify(public_key, text, sizeof(text), signature, n) ||
		fault(ret_why, size, "the key is damaged: what it signs does not verify");
}
