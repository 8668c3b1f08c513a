/* What went wrong with a TLS leg: as an error, and in words. Not for what the certificate of an origin is refused for
 * (tls_verify.c), nor for what follows from it. Alerts: RFC 8446 section 6. */
#include "base/utf8.h"
#include "net/tls_internal.h"

#include <errno.h>
#include <stdio.h>

#include <openssl/err.h>

static void note(struct tls *s, enum error error, const char *words)
{
	s->t.error = error;
	snprintf(s->t.detail, sizeof(s->t.detail), "%.*s", (int)sizeof(s->t.detail) - 1, words);
	utf8_mend_cut(s->t.detail);
}

/* What a leg fails with where nothing is known better. */
static enum error plain_error(const struct tls *s)
{
	return s->server != NULL ? ERR_client_tls_failed : ERR_tls_protocol;
}

/* Alerts with which a client says that it does not want our certificate. */
static bool is_refusal(int alert)
{
	switch (alert) {
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_CERTIFICATE_REVOKED:
	case SSL_AD_CERTIFICATE_EXPIRED:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_UNKNOWN_CA:
		return true;
	default:
		return false;
	}
}

/* The library's own table ends with TLS 1.2. */
static const char *alert_words(int alert)
{
	switch (alert) {
	case SSL_AD_MISSING_EXTENSION:
		return "missing extension";
	case SSL_AD_CERTIFICATE_REQUIRED:
		return "certificate required";
	case SSL_AD_NO_APPLICATION_PROTOCOL:
		return "no application protocol";
	default:
		return SSL_alert_desc_string_long(alert);
	}
}

/* The peer has ended the leg with an alert. Clients of TLS 1.3 may do so when the handshake is over for us already. */
static void note_alert(struct tls *s, int alert)
{
	enum error error = ERR_tls_alert;

	if (s->server != NULL)
		error = is_refusal(alert) ? ERR_client_tls_refused : ERR_client_tls_failed;
	s->t.error = error;
	snprintf(s->t.detail, sizeof(s->t.detail), "alert: %s", alert_words(alert));
}

/* True if the peer is gone because it wanted to: in order, or by a reset. Not where the way to it broke. */
static bool is_hang_up(const struct tls *s)
{
	return s->t.os_error == 0 || s->t.os_error == ECONNRESET || s->t.os_error == EPIPE;
}

/* Clients that pin, or whose library tells its program before the peer, say nothing. how: may be empty. */
static void note_left(struct tls *s, const char *how)
{
	char words[sizeof(s->t.detail)];

	snprintf(words, sizeof(words), "closed right after it got the certificate%s%.60s", how[0] != '\0' ? ": " : "", how);
	note(s, ERR_client_tls_refused, words);
}

/* The peer is gone. words: how; may be empty. */
static void note_gone(struct tls *s, enum error error, const char *words)
{
	if (s->is_established) {
		note(s, error != ERR_none ? error : ERR_origin_closed, words[0] != '\0' ? words : "closed");
	} else if (s->is_certificate_sent && is_hang_up(s)) {
		note_left(s, words);
	} else {
		note(s, plain_error(s), words[0] != '\0' ? words : "closed during the handshake");
	}
}

void tls_note_certificate(struct tls *s)
{
	s->is_failed = true;
	note(s, s->verify_error != ERR_none ? s->verify_error : ERR_tls_certificate,
		s->verify_words[0] != '\0' ? s->verify_words : X509_verify_cert_error_string(SSL_get_verify_result(s->ssl)));
}

/* Failures that the library itself found. */
static void note_library_failure(struct tls *s)
{
	unsigned long code = ERR_peek_last_error();
	int reason = ERR_GET_REASON(code);
	const char *words = ERR_reason_error_string(code);
	bool is_tls = ERR_GET_LIB(code) == ERR_LIB_SSL;

	if (is_tls && reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		/* On an established leg a cut, which an attacker may have made: never an end in order. */
		note_gone(s, ERR_origin_closed, s->is_established ? "closed without close_notify" : "");
	else if (is_tls && s->client != NULL &&
		(reason == SSL_R_CERTIFICATE_VERIFY_FAILED || reason == SSL_R_INVALID_STATUS_RESPONSE))
		tls_note_certificate(s);
	else if (is_tls && reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256)
		note_alert(s, reason - SSL_AD_REASON_OFFSET);
	else
		note(s, plain_error(s), words != NULL ? words : "the TLS library failed");
}

void tls_note_failure(struct tls *s, int ssl_error)
{
	s->is_failed = true;
	s->t.os_error = s->under->os_error;
	if (ssl_error == SSL_ERROR_SSL)
		note_library_failure(s);
	else if (s->under->error != ERR_none)
		note_gone(s, s->under->error, s->under->detail);
	else
		note_gone(s, ERR_origin_closed, "");
	ERR_clear_error();
}
