/* Extensions of certificates. */
#include "pki/extension.h"

#include <limits.h>

#include <openssl/x509v3.h>

/* Takes the extension over. */
static bool add(X509 *certificate, X509_EXTENSION *extension)
{
	bool ok = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;

	X509_EXTENSION_free(extension);
	return ok;
}

bool extension_add_der(X509 *certificate, int nid, bool is_critical, const unsigned char *der, size_t n)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	bool ok = value != NULL && n <= INT_MAX && ASN1_OCTET_STRING_set(value, der, (int)n) == 1 &&
		add(certificate, X509_EXTENSION_create_by_NID(NULL, nid, is_critical, value));

	ASN1_OCTET_STRING_free(value);
	return ok;
}

bool extension_add_words(X509 *certificate, int nid, const char *words)
{
	X509V3_CTX v3;

	X509V3_set_ctx(&v3, certificate, certificate, NULL, NULL, 0);
	return add(certificate, X509V3_EXT_conf_nid(NULL, &v3, nid, words));
}
