/* The OCSP response that an origin sends along with its certificate (RFC 6066 section 8, RFC 6960), and certificates that
 * demand one (RFC 7633). Responders are never asked by the proxy itself: that would tell them who visits whom, and delay the
 * leg. */
#include "net/tls_checks.h"

#include <stdio.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

enum {
	LEEWAY_S = 5 * 60,                /* clocks differ */
	OPEN_ENDED_S = 10 * 24 * 60 * 60, /* how long a response is good that does not say so */
	STATUS_REQUEST = 5                /* the TLS extension that RFC 7633 has certificates demand */
};

/* What became of a response. */
struct staple {
	const char *status;      /* for records; see struct tls_peer */
	char words[WORDS_BYTES]; /* what is wrong with it; empty: nothing that refuses the certificate */
};

static struct staple malformed(const char *what)
{
	struct staple staple = {.status = "malformed"};

	snprintf(staple.words, sizeof(staple.words), "the stapled OCSP response %s", what);
	return staple;
}

/* True if a single response is about a certificate: the identifier is made with whatever digest the responder likes. */
static bool is_about(OCSP_SINGLERESP *single, const X509 *certificate, const X509 *issuer)
{
	OCSP_CERTID *theirs = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single), *ours;
	ASN1_OBJECT *digest_name = NULL;
	const EVP_MD *digest;
	bool is_same;

	if (OCSP_id_get0_info(NULL, &digest_name, NULL, NULL, theirs) != 1)
		return false;
	digest = EVP_get_digestbyobj(digest_name);
	ours = digest != NULL ? OCSP_cert_to_id(digest, certificate, issuer) : NULL;
	is_same = ours != NULL && OCSP_id_cmp(ours, theirs) == 0;
	OCSP_CERTID_free(ours);
	return is_same;
}

static OCSP_SINGLERESP *find_single(OCSP_BASICRESP *basic, const X509 *certificate, const X509 *issuer)
{
	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);

		if (is_about(single, certificate, issuer))
			return single;
	}
	return NULL;
}

/* "the certificate (CN=a) was revoked on 2026-01-02 (keyCompromise), by the stapled OCSP response" */
static struct staple revoked(const X509 *certificate, const ASN1_GENERALIZEDTIME *since, int reason)
{
	struct staple staple = {.status = "revoked"};
	char whose[WHOSE_BYTES], date[DATE_WORDS_BYTES];
	const bool has_reason = reason != -1 && reason != OCSP_REVOKED_STATUS_UNSPECIFIED;

	snprintf(staple.words, sizeof(staple.words), "the certificate (%s) was revoked on %s (%s%sstapled OCSP)",
		tls_whose(certificate, whose), tls_date_words(since, date), has_reason ? OCSP_crl_reason_str(reason) : "",
		has_reason ? ", " : "");
	return staple;
}

/* What a response says about a certificate. Revoked stays so, however old the news is. */
static struct staple read_single(OCSP_SINGLERESP *single, const X509 *certificate)
{
	ASN1_GENERALIZEDTIME *since = NULL, *this_update = NULL, *next_update = NULL;
	int reason = -1;
	const int status = OCSP_single_get0_status(single, &reason, &since, &this_update, &next_update);

	if (status == V_OCSP_CERTSTATUS_REVOKED)
		return revoked(certificate, since, reason);
	if (OCSP_check_validity(this_update, next_update, LEEWAY_S, next_update != NULL ? -1 : OPEN_ENDED_S) != 1)
		return (struct staple){.status = "expired"};
	return (struct staple){.status = status == V_OCSP_CERTSTATUS_GOOD ? "good" : "unknown"};
}

/* A response that a responder has signed. */
static struct staple read_basic(OCSP_BASICRESP *basic, X509_STORE *store, STACK_OF(X509) * chain)
{
	X509 *certificate = sk_X509_value(chain, 0);
	const X509 *issuer = sk_X509_value(chain, sk_X509_num(chain) > 1 ? 1 : 0);
	OCSP_SINGLERESP *single;

	if (OCSP_basic_verify(basic, chain, store, 0) != 1)
		return malformed("is not signed by the issuer of the certificate");
	single = find_single(basic, certificate, issuer);
	return single != NULL ? read_single(single, certificate) : malformed("is about another certificate");
}

static struct staple read_staple(const unsigned char *bytes, long n, X509_STORE *store, STACK_OF(X509) * chain)
{
	const unsigned char *end = bytes;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &end, n);
	OCSP_BASICRESP *basic;
	struct staple staple;

	if (response == NULL || end != bytes + n) {
		staple = malformed("is malformed");
	} else if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
		/* "Try later" and the like: some servers staple that while they cannot reach their responder. */
		staple = (struct staple){.status = "unknown"};
	} else {
		basic = OCSP_response_get1_basic(response);
		staple = basic != NULL ? read_basic(basic, store, chain) : malformed("is malformed");
		OCSP_BASICRESP_free(basic);
	}
	OCSP_RESPONSE_free(response);
	return staple;
}

/* True if a certificate says that it must not be taken without a response (RFC 7633). */
static bool demands_staple(const X509 *certificate)
{
	TLS_FEATURE *features = X509_get_ext_d2i(certificate, NID_tlsfeature, NULL, NULL);
	bool found = false;

	for (int i = 0; features != NULL && i < sk_ASN1_INTEGER_num(features); i++)
		found = found || ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == STATUS_REQUEST;
	TLS_FEATURE_free(features);
	return found;
}

/* The words for a certificate that demands what it did not get. */
static void missing_words(const X509 *certificate, const char *status, char *to, size_t size)
{
	char whose[WHOSE_BYTES];

	snprintf(to, size, "the certificate (%s) demands a stapled OCSP response, and %s%s", tls_whose(certificate, whose),
		status[0] == '\0' ? "none came" : "the one that came is ", status);
}

/* True if somebody can have signed a response: the issuer is in the chain. Where the certificate is trusted by itself, it is
 * not, unless it is its own. */
static bool has_issuer(const STACK_OF(X509) * chain)
{
	const int n = chain != NULL ? sk_X509_num(chain) : 0;

	return n > 1 || (n == 1 && X509_self_signed(sk_X509_value(chain, 0), 0) == 1);
}

/* Reads what came, where somebody can vouch for it. */
static struct staple judge(const struct tls *s)
{
	const unsigned char *bytes = NULL;
	const long n = SSL_get_tlsext_status_ocsp_resp(s->ssl, &bytes);
	STACK_OF(X509) *chain = SSL_get0_verified_chain(s->ssl);
	struct staple staple = {.status = ""};

	if (bytes == NULL || n <= 0)
		return staple;
	if (s->peer->unverified[0] != '\0' || !has_issuer(chain))
		return (struct staple){.status = "unverified"};
	return read_staple(bytes, n, SSL_CTX_get_cert_store(s->client->ctx), chain);
}

int tls_on_staple(SSL *ssl, void *arg)
{
	struct tls *s = tls_of_ssl(ssl);
	const X509 *certificate = SSL_get0_peer_certificate(ssl);
	struct staple staple;

	(void)arg;
	/* A resumed leg brings no certificate, and stands by the response of its first one. */
	if (SSL_session_reused(ssl) == 1 || s->peer == NULL || certificate == NULL)
		return 1;
	staple = judge(s);
	ERR_clear_error();
	snprintf(s->peer->staple, sizeof(s->peer->staple), "%s", staple.status);
	if (staple.words[0] == '\0' && strcmp(staple.status, "good") != 0 && demands_staple(certificate))
		missing_words(certificate, staple.status, staple.words, sizeof(staple.words));
	return staple.words[0] == '\0' || tls_object(s, staple.words) ? 1 : 0;
}
