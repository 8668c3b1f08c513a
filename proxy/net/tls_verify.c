/* Checking the peer's certificate (RFC 5280, RFC 9110 section 4.3.4), and saying in words what is wrong with it. */
#include "base/str.h"
#include "net/tls_internal.h"

#include <stdio.h>
#include <string.h>

#include <openssl/x509v3.h>

/* What a memory BIO holds, escaped. */
static void escape_bio(BIO *bio, char *to, size_t size)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);

	str_escape((struct str){p, n > 0 ? (size_t)n : 0}, to, size);
}

void tls_name_words(const X509_NAME *name, char *to, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());

	to[0] = '\0';
	if (bio == NULL)
		return;
	if (name != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) >= 0)
		escape_bio(bio, to, size);
	BIO_free(bio);
}

/* The names a certificate is for: "a.example, b.example". */
static void alt_name_words(X509 *certificate, char *to, size_t size)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int n = names != NULL ? sk_GENERAL_NAME_num(names) : 0;
	size_t at = 0;

	snprintf(to, size, "no name");
	for (int i = 0; i < n && at + 8 < size; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const ASN1_IA5STRING *dns = name->type == GEN_DNS ? name->d.dNSName : NULL;

		if (dns == NULL)
			continue;
		if (at != 0)
			at += (size_t)snprintf(to + at, size - at, ", ");
		at += str_escape((struct str){(const char *)ASN1_STRING_get0_data(dns), (size_t)ASN1_STRING_length(dns)},
			to + at, size - at);
	}
	GENERAL_NAMES_free(names);
}

int tls_on_verify(int is_good, X509_STORE_CTX *ctx)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *s = ssl != NULL ? tls_of_ssl(ssl) : NULL;
	X509 *certificate = X509_STORE_CTX_get_current_cert(ctx);
	int error = X509_STORE_CTX_get_error(ctx);
	char whose[64] = "";

	if (is_good == 1 || s == NULL || s->verify_words[0] != '\0')
		return is_good;
	if (certificate != NULL && (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH))
		alt_name_words(certificate, whose, sizeof(whose));
	else if (certificate != NULL)
		tls_name_words(X509_get_subject_name(certificate), whose, sizeof(whose));
	snprintf(s->verify_words, sizeof(s->verify_words), "%.50s%s%s%s", X509_verify_cert_error_string(error),
		whose[0] != '\0' ? " (" : "", whose, whose[0] != '\0' ? ")" : "");
	return is_good;
}

bool tls_expect_name(SSL *ssl, const char *name)
{
	struct address literal;

	/* RFC 9110 section 4.3.4: the common name does not count. */
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (address_parse(str_of(name), 0, &literal))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
	return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}
