/* Client certificates: read once, shown to origins that ask for one (RFC 8446 section 4.4.2). And what is asked of an origin
 * as a number. */
#include "base/mem.h"
#include "net/tls_checks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

struct tls_credentials {
	X509 *certificate;
	STACK_OF(X509) * chain; /* behind the certificate */
	EVP_PKEY *key;
	uint64_t id;
	char subject[160];
};

uint64_t tls_content_id(const void *bytes, size_t n)
{
	unsigned char digest[DIGEST_BYTES] = {0};
	uint64_t id = 0;

	EVP_Digest(bytes, n, digest, NULL, EVP_sha256(), NULL);
	for (size_t i = 0; i < sizeof(id); i++)
		id = id << 8 | digest[i];
	return id != 0 ? id : 1;
}

uint64_t tls_asks_id(const struct tls_asks *a)
{
	uint64_t parts[3] = {a->skips_verification ? 1 : 0, a->pins != NULL ? tls_pins_id(a->pins) : 0,
		a->credentials != NULL ? tls_credentials_id(a->credentials) : 0};

	if (parts[0] == 0 && parts[1] == 0 && parts[2] == 0)
		return 0;
	return tls_content_id(parts, sizeof(parts));
}

/* One line about a file; false. */
static bool blame(const char *file, const char *words, char *ret_why, size_t size)
{
	snprintf(ret_why, size, "%s: %s", file, words);
	ERR_clear_error();
	return false;
}

/* The library's latest words; what was tried, if it has none. */
static const char *library_words(const char *otherwise)
{
	const char *words = ERR_reason_error_string(ERR_peek_last_error());

	return words != NULL ? words : otherwise;
}

/* Opens a file for the library; NULL with one line. */
static BIO *open_file(const char *file, char *ret_why, size_t size)
{
	BIO *bio;

	errno = 0;
	bio = BIO_new_file(file, "r");
	if (bio == NULL)
		blame(file, errno != 0 ? strerrordesc_np(errno) : "cannot be opened", ret_why, size);
	return bio;
}

/* Reads the certificate and those behind it. */
static bool read_certificates(struct tls_credentials *c, BIO *bio)
{
	X509 *next;

	c->certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (c->certificate == NULL || c->chain == NULL)
		return false;
	while ((next = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (sk_X509_push(c->chain, next) <= 0) {
			X509_free(next);
			return false;
		}
	}
	/* The end of the file is no failure, half a certificate is. */
	return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

static bool load_certificates(struct tls_credentials *c, const char *file, char *ret_why, size_t size)
{
	BIO *bio = open_file(file, ret_why, size);
	bool is_good;

	if (bio == NULL)
		return false;
	ERR_clear_error();
	is_good = read_certificates(c, bio);
	if (!is_good)
		blame(file, c->certificate == NULL ? "holds no certificate in PEM form" : "holds a malformed certificate",
			ret_why, size);
	ERR_clear_error();
	BIO_free(bio);
	return is_good;
}

/* The library asks for a passphrase; there is none. */
static int on_passphrase(char *to, int size, int is_writing, void *arg)
{
	bool *ret_asked = arg;

	(void)to;
	(void)size;
	(void)is_writing;
	*ret_asked = true;
	return -1;
}

static bool load_key(struct tls_credentials *c, const char *file, char *ret_why, size_t size)
{
	BIO *bio = open_file(file, ret_why, size);
	bool is_encrypted = false;

	if (bio == NULL)
		return false;
	c->key = PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, &is_encrypted);
	BIO_free(bio);
	if (c->key == NULL)
		return blame(file, is_encrypted ? "the key is encrypted; it must not be" : "holds no private key in PEM form",
			ret_why, size);
	return true;
}

bool tls_credentials_use(const struct tls_credentials *c, SSL *ssl)
{
	return SSL_use_cert_and_key(ssl, c->certificate, c->key, c->chain, 1) == 1;
}

/* Sees whether a leg would take them: the key may be too weak for its level. */
static bool try_out(const struct tls_credentials *c, const char *file, char *ret_why, size_t size)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	bool is_good = ctx != NULL && tls_set_up(ctx);
	char words[80];

	is_good = is_good && SSL_CTX_use_cert_and_key(ctx, c->certificate, c->key, c->chain, 1) == 1;
	if (!is_good) {
		snprintf(words, sizeof(words), "cannot be used: %s", library_words("the TLS library refuses it"));
		blame(file, words, ret_why, size);
	}
	SSL_CTX_free(ctx);
	return is_good;
}

/* An id by the certificates; the key is the first one's. */
static uint64_t id_of(const struct tls_credentials *c)
{
	const size_t n = 1 + (size_t)sk_X509_num(c->chain);
	unsigned char *digests = mem_calloc(n, DIGEST_BYTES);
	uint64_t id;

	tls_certificate_sha256(c->certificate, digests);
	for (size_t i = 1; i < n; i++)
		tls_certificate_sha256(sk_X509_value(c->chain, (int)i - 1), digests + (i * DIGEST_BYTES));
	id = tls_content_id(digests, n * DIGEST_BYTES);
	mem_free(digests);
	return id;
}

struct tls_credentials *tls_credentials_new(const char *cert_file, const char *key_file, char *ret_why, size_t size)
{
	struct tls_credentials *c = mem_calloc(1, sizeof(*c));
	bool is_good;

	c->chain = sk_X509_new_null();
	is_good = load_certificates(c, cert_file, ret_why, size) && load_key(c, key_file, ret_why, size);
	if (is_good && X509_check_private_key(c->certificate, c->key) != 1)
		is_good = blame(key_file, "the key is not that of the certificate", ret_why, size);
	if (!is_good || !try_out(c, cert_file, ret_why, size)) {
		tls_credentials_free(c);
		return NULL;
	}
	tls_name_words(X509_get_subject_name(c->certificate), c->subject, sizeof(c->subject));
	c->id = id_of(c);
	return c;
}

void tls_credentials_free(struct tls_credentials *c)
{
	if (c == NULL)
		return;
	X509_free(c->certificate);
	sk_X509_pop_free(c->chain, X509_free);
	EVP_PKEY_free(c->key);
	mem_free(c);
}

const char *tls_credentials_subject(const struct tls_credentials *c)
{
	return c->subject;
}

uint64_t tls_credentials_id(const struct tls_credentials *c)
{
	return c->id;
}
