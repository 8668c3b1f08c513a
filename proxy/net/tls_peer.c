/* Who the peer of a leg to an origin is, read from its certificates (RFC 5280) for records and people. Not for deciding
 * whether it may be trusted (tls_verify.c). */
#include "base/mem.h"
#include "base/utf8.h"
#include "net/tls_checks.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

enum { NAME_BYTES = 256 };

const char *tls_pin_result_name(enum tls_pin_result r)
{
	static const char *const names[] = {
		[TLS_PIN_NONE] = "none", [TLS_PIN_MATCHED] = "matched", [TLS_PIN_MISMATCHED] = "mismatched"};

	return names[r];
}

void tls_name_words(const X509_NAME *name, char *to, size_t size)
{
	/* Without the library's quoting: "O=Acme, Inc." is to be read by people. What is hostile in it is escaped by us, once. */
	const unsigned long quoting = ASN1_STRFLGS_ESC_2253 | ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_ESC_MSB;
	const unsigned long form = (ASN1_STRFLGS_RFC2253 & ~quoting) | XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN;
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;
	long n;

	to[0] = '\0';
	if (bio == NULL)
		return;
	if (name != NULL && X509_NAME_print_ex(bio, name, 0, form) >= 0) {
		n = BIO_get_mem_data(bio, &p);
		if (n > 0)
			utf8_legible((struct str){p, (size_t)n}, to, size);
	}
	BIO_free(bio);
}

bool tls_spki_sha256(const X509 *certificate, unsigned char to[DIGEST_BYTES])
{
	unsigned char *der = NULL;
	const int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	bool is_good;

	if (n <= 0)
		return false;
	is_good = EVP_Digest(der, (size_t)n, to, NULL, EVP_sha256(), NULL) == 1;
	OPENSSL_free(der);
	return is_good;
}

bool tls_certificate_sha256(const X509 *certificate, unsigned char to[DIGEST_BYTES])
{
	return X509_digest(certificate, EVP_sha256(), to, NULL) == 1;
}

/* Both digests as text; empty if they cannot be had. */
static void fill_digests(struct tls_peer *p, const X509 *certificate)
{
	unsigned char digest[DIGEST_BYTES];

	if (tls_certificate_sha256(certificate, digest)) {
		for (size_t i = 0; i < DIGEST_BYTES; i++)
			snprintf(&p->certificate_sha256[2 * i], 3, "%02x", digest[i]);
	}
	if (tls_spki_sha256(certificate, digest))
		EVP_EncodeBlock((unsigned char *)p->spki_sha256, digest, DIGEST_BYTES);
}

/* 0 for a date that cannot be read: such a certificate never verifies. */
static int64_t seconds_of(const ASN1_TIME *date)
{
	struct tm tm;

	return ASN1_TIME_to_tm(date, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

bool tls_alt_name_text(const GENERAL_NAME *name, char *to, size_t size)
{
	const ASN1_STRING *value;
	struct str bytes;
	int kind;

	value = GENERAL_NAME_get0_value(name, &kind);
	if (value == NULL || (kind != GEN_DNS && kind != GEN_IPADD))
		return false;
	bytes = (struct str){(const char *)ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)};
	if (kind == GEN_DNS) {
		if (bytes.len == 0 || bytes.len > 253)
			return false;
		str_escape(bytes, to, size);
		return true;
	}
	if (bytes.len != 4 && bytes.len != 16)
		return false;
	return inet_ntop(bytes.len == 4 ? AF_INET : AF_INET6, bytes.p, to, (socklen_t)size) != NULL;
}

static void fill_names(struct tls_peer *p, const X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	const int n = names != NULL ? sk_GENERAL_NAME_num(names) : 0;
	char text[NAME_BYTES];

	if (n > 0)
		p->names = mem_calloc(n < TLS_NAMES_MAX ? (size_t)n : TLS_NAMES_MAX, sizeof(char *));
	for (int i = 0; i < n && p->names_n < TLS_NAMES_MAX; i++) {
		if (tls_alt_name_text(sk_GENERAL_NAME_value(names, i), text, sizeof(text)))
			p->names[p->names_n++] = mem_strdup(text);
	}
	GENERAL_NAMES_free(names);
}

void tls_peer_set_chain(struct tls_peer *p, const STACK_OF(X509) * chain)
{
	const int n = chain != NULL ? sk_X509_num(chain) : 0;
	size_t at = 0;

	p->chain[0] = '\0';
	for (int i = 0; i < n && at + 3 < sizeof(p->chain); i++) {
		char subject[sizeof(p->subject)];

		tls_name_words(X509_get_subject_name(sk_X509_value(chain, i)), subject, sizeof(subject));
		at += (size_t)snprintf(p->chain + at, sizeof(p->chain) - at, "%s%s", i != 0 ? "; " : "", subject);
	}
	utf8_mend_cut(p->chain);
}

struct tls_peer *tls_peer_new(X509 *certificate, const STACK_OF(X509) * chain)
{
	struct tls_peer *p = mem_calloc(1, sizeof(*p));

	p->users = 1;
	tls_name_words(X509_get_subject_name(certificate), p->subject, sizeof(p->subject));
	tls_name_words(X509_get_issuer_name(certificate), p->issuer, sizeof(p->issuer));
	fill_digests(p, certificate);
	p->not_before_s = seconds_of(X509_get0_notBefore(certificate));
	p->not_after_s = seconds_of(X509_get0_notAfter(certificate));
	fill_names(p, certificate);
	tls_peer_set_chain(p, chain);
	return p;
}

struct tls_peer *tls_peer_ref(const struct tls_peer *p)
{
	struct tls_peer *own = (struct tls_peer *)(uintptr_t)p; /* all but the count is immutable */

	own->users++;
	return own;
}

size_t tls_peer_bytes(const struct tls_peer *p)
{
	size_t n = sizeof(*p) + p->names_n * sizeof(p->names[0]);

	for (size_t i = 0; i < p->names_n; i++)
		n += strlen(p->names[i]) + 1;
	return n;
}

void tls_peer_unref(const struct tls_peer *p)
{
	struct tls_peer *own = (struct tls_peer *)(uintptr_t)p;

	if (own == NULL || --own->users != 0)
		return;
	for (size_t i = 0; i < own->names_n; i++)
		mem_free(own->names[i]);
	mem_free((void *)own->names);
	mem_free(own);
}
