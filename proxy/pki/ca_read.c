/* Reading a CA that was given, and refusing what could not work as one: better at the start than in every client. */
#include "pki/ca_part.h"
#include "pki/fault.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { PEM_BYTES_MAX = 1 << 20 };

static bool is_blank(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (memchr(" \t\r\n", text.p[i], 4) == NULL)
			return false;
	}
	return true;
}

/* The outermost of a certificate or key is a SEQUENCE of more than 127 bytes. */
static bool is_der(struct str text)
{
	return text.len >= 2 && text.p[0] == 0x30 && ((unsigned char)text.p[1] & 0x80) != 0;
}

/* False with one line if there is nothing to read in it. what: "certificate" or "key". */
static bool text_is_right(struct str pem, const char *what, char *ret_why, size_t size)
{
	if (is_blank(pem))
		return fault(ret_why, size, "the %s is empty", what);
	if (pem.len > PEM_BYTES_MAX)
		return fault(ret_why, size, "the %s is longer than %d bytes", what, PEM_BYTES_MAX);
	if (is_der(pem))
		return fault(ret_why, size,
			"the %s is in DER form, not PEM (openssl %s -inform DER -in FILE -out NEW converts it)", what,
			strcmp(what, "key") == 0 ? "pkey" : "x509");
	return true;
}

/* Pushes all certificates of the text. False with one line if there is none, or one cannot be read. */
static bool certificates_push(BIO *bio, STACK_OF(X509) * to, char *ret_why, size_t size)
{
	for (;;) {
		X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		int n = sk_X509_num(to);

		if (certificate == NULL)
			break;
		if (n == CA_CERTIFICATES_MAX || sk_X509_push(to, certificate) <= 0) {
			X509_free(certificate);
			return fault(ret_why, size, "more than %d certificates", CA_CERTIFICATES_MAX);
		}
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
		char what[64];

		snprintf(what, sizeof(what), "certificate %d is malformed", sk_X509_num(to) + 1);
		return fault_library(ret_why, size, what);
	}
	ERR_clear_error();
	return sk_X509_num(to) > 0 || fault(ret_why, size, "there is no certificate in PEM form");
}

/* NULL with one line. */
static STACK_OF(X509) * certificates_read(struct str pem, char *ret_why, size_t size)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	STACK_OF(X509) *list = sk_X509_new_null();
	bool ok;

	ERR_clear_error();
	ok = bio != NULL && list != NULL ? certificates_push(bio, list, ret_why, size)
					 : fault_library(ret_why, size, "the certificate");
	BIO_free(bio);
	if (ok)
		return list;
	sk_X509_pop_free(list, X509_free);
	return NULL;
}

/* False with one line if clients would not take it for a CA that may sign for servers. */
static bool is_ca(X509 *certificate, char *ret_why, size_t size)
{
	uint32_t flags = X509_get_extension_flags(certificate);

	if ((flags & EXFLAG_INVALID) != 0)
		return fault(ret_why, size, "an extension of the certificate is malformed");
	if ((flags & EXFLAG_CA) == 0)
		return fault(ret_why, size, "the certificate is not that of a CA (its basic constraints lack CA:TRUE)");
	if ((flags & EXFLAG_KUSAGE) != 0 && (X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN) == 0)
		return fault(ret_why, size, "the certificate is not for signing others (its key usage lacks keyCertSign)");
	if ((flags & EXFLAG_XKUSAGE) != 0 && (X509_get_extended_key_usage(certificate) & (XKU_SSL_SERVER | XKU_ANYEKU)) == 0)
		return fault(ret_why, size,
			"the certificate is not for signing those of servers (its extended key usage lacks serverAuth)");
	return true;
}

/* True if the one has signed the other; an end of the validity is no matter here. */
static bool has_issued(X509 *issuer, X509 *certificate)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	return key != NULL && X509_check_issued(issuer, certificate) == X509_V_OK && X509_verify(certificate, key) == 1;
}

/* Each is a CA, and the next one its issuer. */
static bool chain_is_right(const STACK_OF(X509) * list, char *ret_why, size_t size)
{
	for (int i = 0; i < sk_X509_num(list); i++) {
		X509 *certificate = sk_X509_value(list, i);

		if (!is_ca(certificate, ret_why, size))
			return false;
		if (i > 0 && !has_issued(certificate, sk_X509_value(list, i - 1)))
			return fault(ret_why, size, "certificate %d is not the issuer of that before it", i + 1);
		if (i > 0 && X509_self_signed(sk_X509_value(list, i - 1), 0) == 1)
			return fault(ret_why, size, "certificate %d stands behind a root", i + 1);
	}
	return true;
}

/* With the certificates checked: the key and all together. */
static struct ca *read_with(const STACK_OF(X509) * list, struct str key_pem, bool *ret_is_key, char *ret_why, size_t size)
{
	EVP_PKEY *key = NULL;
	struct ca *ca = NULL;

	*ret_is_key = true;
	if (!text_is_right(key_pem, "key", ret_why, size) || (key = ca_key_read(key_pem, ret_why, size)) == NULL)
		return NULL;
	if (ca_key_fits(key, sk_X509_value(list, 0), ret_why, size)) {
		*ret_is_key = false;
		ca = ca_new(list, key, ret_why, size);
	}
	EVP_PKEY_free(key);
	return ca;
}

struct ca *ca_read_parts(struct str cert_pem, struct str key_pem, bool *ret_is_key, char *ret_why, size_t size)
{
	STACK_OF(X509) * list;
	struct ca *ca = NULL;

	*ret_is_key = false;
	if (!text_is_right(cert_pem, "certificate", ret_why, size) ||
		(list = certificates_read(cert_pem, ret_why, size)) == NULL)
		return NULL;
	if (chain_is_right(list, ret_why, size))
		ca = read_with(list, key_pem, ret_is_key, ret_why, size);
	sk_X509_pop_free(list, X509_free);
	ERR_clear_error();
	return ca;
}

struct ca *ca_read(struct str cert_pem, struct str key_pem, char *ret_why, size_t size)
{
	bool is_key;
	struct ca *ca = ca_read_parts(cert_pem, key_pem, &is_key, ret_why, size);

	if (ca != NULL)
		ca->is_given = true;
	return ca;
}
