/* Checking an origin's certificate as a careful client does (RFC 5280, RFC 9110 section 4.3.4): chain, purpose, dates, name,
 * level by the library; that our own CA has no part in it, and pins, here. Words for what is wrong: tls_words.c. */
#include "base/utf8.h"
#include "net/tls_checks.h"

#include <stdio.h>
#include <string.h>

#include <openssl/x509v3.h>

enum { PIN_WORDS_BYTES = 52 /* "sha256/" and 44 characters */ };

bool tls_object(struct tls *s, const char *words)
{
	char *kept = s->asks.skips_verification ? s->peer->unverified : s->verify_words;

	if (kept[0] == '\0') {
		snprintf(kept, WORDS_BYTES, "%s", words);
		utf8_mend_cut(kept);
	}
	if (s->asks.skips_verification)
		return true;
	s->verify_error = ERR_tls_certificate;
	return false;
}

/* The leg that a verification is for. */
static struct tls *tls_of_store_ctx(const X509_STORE_CTX *ctx)
{
	return tls_of_ssl(X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx()));
}

/* True if a certificate has a key that our own CA has, or had. */
static bool is_own(const struct tls_client *c, const X509 *certificate)
{
	unsigned char digest[DIGEST_BYTES];

	if (c->own_n == 0 || !tls_spki_sha256(certificate, digest))
		return false;
	for (size_t i = 0; i < c->own_n; i++) {
		if (memcmp(digest, c->own[i], DIGEST_BYTES) == 0)
			return true;
	}
	return false;
}

/* The proxy must not vouch for origins to itself: whoever has its key could stand between it and them unseen. */
static bool object_to_own(struct tls *s, const X509 *certificate)
{
	char whose[WHOSE_BYTES], words[WORDS_BYTES];

	snprintf(words, sizeof(words), "issued by this proxy's own CA (%s)", tls_whose(certificate, whose));
	return tls_object(s, words);
}

int tls_on_verify(int is_good, X509_STORE_CTX *ctx)
{
	struct tls *s = tls_of_store_ctx(ctx);
	const X509 *certificate = X509_STORE_CTX_get_current_cert(ctx);
	char words[WORDS_BYTES];

	if (is_good == 1)
		return 1;
	if (certificate != NULL && is_own(s->client, certificate))
		return object_to_own(s, certificate);
	tls_failure_words(ctx, s->server_name, words, sizeof(words));
	return tls_object(s, words);
}

/* True unless our own CA's key is in the chain. */
static bool check_own(struct tls *s, const STACK_OF(X509) * chain)
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		const X509 *certificate = sk_X509_value(chain, i);

		if (is_own(s->client, certificate))
			return object_to_own(s, certificate);
	}
	return true;
}

/* A certificate's key in the form of a pin; empty without memory. */
static void pin_words(const X509 *certificate, char *to, size_t size)
{
	unsigned char digest[DIGEST_BYTES];
	char base64[PIN_WORDS_BYTES - 7];

	to[0] = '\0';
	if (!tls_spki_sha256(certificate, digest))
		return;
	EVP_EncodeBlock((unsigned char *)base64, digest, DIGEST_BYTES);
	snprintf(to, size, "sha256/%s", base64);
}

/* Says which pins would have matched. */
static void mismatch_words(struct tls *s, const X509 *certificate, const X509 *issuer)
{
	char own[PIN_WORDS_BYTES], issuing[PIN_WORDS_BYTES] = "";

	pin_words(certificate, own, sizeof(own));
	if (issuer != NULL)
		pin_words(issuer, issuing, sizeof(issuing));
	snprintf(s->verify_words, sizeof(s->verify_words), "no pin matches: its key is %s%s%s", own,
		issuing[0] != '\0' ? ", its issuer's " : "", issuing);
}

/* Looks for the pins in a chain; false if the leg is refused for want of one. chain: NULL if it is not verified: then only the
 * certificate counts, whose key the handshake proves. */
static bool check_pins(struct tls *s, const X509 *certificate, const STACK_OF(X509) * chain)
{
	const struct tls_pins *pins = s->asks.pins;

	if (pins == NULL)
		return true;
	if (chain != NULL ? tls_pins_match(pins, chain) : tls_pins_has(pins, certificate)) {
		s->peer->pin = TLS_PIN_MATCHED;
		return true;
	}
	s->peer->pin = TLS_PIN_MISMATCHED;
	if (tls_pins_only_warn(pins))
		return true;
	s->verify_error = ERR_pin_mismatch;
	mismatch_words(s, certificate, chain != NULL && sk_X509_num(chain) > 1 ? sk_X509_value(chain, 1) : NULL);
	return false;
}

/* Refuses the chain; the alert goes by the error. */
static int refuse(X509_STORE_CTX *ctx, int error)
{
	X509_STORE_CTX_set_error(ctx, error);
	return 0;
}

int tls_on_chain(X509_STORE_CTX *ctx, void *arg)
{
	struct tls *s = tls_of_store_ctx(ctx);
	X509 *certificate = X509_STORE_CTX_get0_cert(ctx);
	const STACK_OF(X509) *chain = NULL;

	(void)arg;
	tls_peer_unref(s->peer); /* of the session that was offered and not taken */
	s->peer = tls_peer_new(certificate, X509_STORE_CTX_get0_untrusted(ctx));
	s->facts.peer = s->peer;
	if (X509_verify_cert(ctx) != 1) {
		if (s->verify_words[0] == '\0') /* no certificate is to blame */
			snprintf(s->verify_words, sizeof(s->verify_words), "%s",
				X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
		s->verify_error = ERR_tls_certificate;
		return 0;
	}
	if (s->peer->unverified[0] == '\0') {
		chain = X509_STORE_CTX_get0_chain(ctx);
		tls_peer_set_chain(s->peer, chain);
		if (!check_own(s, chain))
			return refuse(ctx, X509_V_ERR_CERT_REJECTED);
	}
	if (!check_pins(s, certificate, s->peer->unverified[0] == '\0' ? chain : NULL))
		return refuse(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
	return 1;
}

bool tls_expect_name(SSL *ssl, const char *name)
{
	struct address literal;

	/* RFC 9110 section 4.3.4: the common name does not count. */
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (address_parse(str_of(name), 0, &literal))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
	if (name[0] == '.')
		return false; /* the library would take it for "anything below" */
	return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}
