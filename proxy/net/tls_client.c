/* Legs towards origins: what all of a worker share (trust, limits of the protocol, sessions), and what is set up for one of
 * them before the handshake and read from it after. The handshake itself: tls.c. */
#include "base/clock.h"
#include "base/mem.h"
#include "net/tls_checks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

/* Each leg holds the certificates that its origin sent as long as it lives. Real chains have 2 to 20 KiB. */
enum { CERTIFICATES_BYTES = 64 * 1024 };

/* The library has a new session or ticket. */
static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *s = tls_of_ssl(ssl);

	/* Many origins end without close_notify, and OpenSSL then spoils the session that the leg holds: a copy stays good. */
	if (s != NULL && s->session_key != NULL && s->peer != NULL && SSL_SESSION_is_resumable(session) == 1)
		tls_sessions_put(&s->client->sessions, s->session_key, session, s->peer);
	return 0; /* the reference that we were offered is not taken */
}

/* Keeps the library's own words for why something failed. */
static void explain(char *ret_why, size_t size, const char *what)
{
	const char *words = ERR_reason_error_string(ERR_peek_error());

	snprintf(ret_why, size, "%s: %s", what, words != NULL ? words : "unknown failure of the TLS library");
	ERR_clear_error();
}

/* Sets what every leg has in common; false if the library refuses. */
static bool set_up(SSL_CTX *ctx)
{
	static const unsigned char alpn[] = "\x08http/1.1";

	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, tls_on_verify);
	SSL_CTX_set_cert_verify_callback(ctx, tls_on_chain, NULL);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_new_session);
	SSL_CTX_set_max_cert_list(ctx, CERTIFICATES_BYTES);
	return tls_set_up(ctx) && SSL_CTX_set_alpn_protos(ctx, alpn, sizeof(alpn) - 1) == 0 &&
		SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp) == 1 &&
		SSL_CTX_set_tlsext_status_cb(ctx, tls_on_staple) == 1;
}

/* Trusts the system's roots (SSL_CERT_FILE and SSL_CERT_DIR are honoured) and the certificates of a file. The flags are the
 * store's, so that those who sign OCSP responses are judged alike. */
static bool set_trust(SSL_CTX *ctx, const char *ca_file, char *ret_why, size_t size)
{
	if (SSL_CTX_set_default_verify_paths(ctx) != 1 ||
		X509_STORE_set_flags(SSL_CTX_get_cert_store(ctx), X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN) != 1) {
		explain(ret_why, size, "the certificates of the system");
		return false;
	}
	if (ca_file != NULL && ca_file[0] != '\0' && SSL_CTX_load_verify_file(ctx, ca_file) != 1) {
		explain(ret_why, size, ca_file);
		return false;
	}
	/* The file of the system may be missing; that is no error of ours. */
	ERR_clear_error();
	return true;
}

/* Keeps the digests of our own CA's keys. */
static void keep_own(struct tls_client *c, const struct str *spki_sha256, size_t n)
{
	c->own = mem_calloc(n != 0 ? n : 1, sizeof(*c->own));
	for (size_t i = 0; i < n; i++) {
		if (spki_sha256[i].len == sizeof(*c->own))
			memcpy(c->own[c->own_n++], spki_sha256[i].p, sizeof(*c->own));
	}
}

struct tls_client *tls_client_new(const char *ca_file, const struct str *own_spki_sha256, size_t own_n, char *ret_why,
	size_t size)
{
	struct tls_client *c = mem_calloc(1, sizeof(*c));

	c->users = 1;
	tls_sessions_init(&c->sessions);
	keep_own(c, own_spki_sha256, own_n);
	ERR_clear_error();
	c->ctx = SSL_CTX_new(TLS_client_method());
	if (c->ctx == NULL || !set_up(c->ctx))
		explain(ret_why, size, "TLS");
	else if (set_trust(c->ctx, ca_file, ret_why, size))
		return c;
	tls_client_unref(c);
	return NULL;
}

void tls_client_unref(struct tls_client *c)
{
	if (--c->users != 0)
		return;
	tls_sessions_fini(&c->sessions);
	SSL_CTX_free(c->ctx);
	mem_free(c->own);
	mem_free(c);
}

struct tls_client *tls_client_ref(struct tls_client *c)
{
	if (c != NULL)
		c->users++;
	return c;
}

void tls_client_free(struct tls_client *c)
{
	if (c != NULL)
		tls_client_unref(c);
}

/* Keeps the name without the dot of the root, which is no part of what certificates and SNI name; false if it cannot be one. */
static bool take_name(struct tls *s, const char *name)
{
	size_t len = strlen(name);

	if (len > 1 && name[len - 1] == '.')
		len--;
	if (len == 0 || len >= sizeof(s->server_name))
		return false;
	memcpy(s->server_name, name, len);
	s->server_name[len] = '\0';
	return true;
}

/* Sessions are cached per name and port, the peer's, so that two services of one host are kept apart; and by what was asked
 * of the one that they were made with: what passed unverified must not stand for what was to be verified. */
static char *make_session_key(const struct tls *s)
{
	char key[sizeof(s->server_name) + 32];

	snprintf(key, sizeof(key), "%s:%u#%" PRIx64, s->server_name, address_port(&s->t.peer), tls_asks_id(&s->asks));
	return mem_strdup(key);
}

/* Offers a session, if there is one whose certificate is still good. Its peer is taken along, until the origin's own is
 * seen. */
static void offer_session(struct tls *s)
{
	SSL_SESSION *session = tls_sessions_take(&s->client->sessions, s->session_key, &s->peer);

	if (session == NULL)
		return;
	if (s->peer != NULL && (s->asks.skips_verification || s->peer->not_after_s > clock_wall_us() / 1000000))
		SSL_set_session(s->ssl, session); /* if it does not take it, the handshake is a full one */
	SSL_SESSION_free(session);
}

bool tls_client_prepare(struct tls *s, const char *name, const struct tls_asks *asks)
{
	if (asks != NULL)
		s->asks = *asks;
	if (s->ssl == NULL || !take_name(s, name) || !tls_expect_name(s->ssl, s->server_name))
		return false;
	if (s->asks.credentials != NULL && !tls_credentials_use(s->asks.credentials, s->ssl))
		return false;
	s->session_key = make_session_key(s);
	offer_session(s);
	return true;
}

/* The handshake is over: what was asked need not live any longer, and a peer stays only if it is this leg's: seen in the
 * handshake, or that of the session which was resumed. */
static void settle(struct tls *s)
{
	s->asks = (struct tls_asks){.pins = NULL};
	if (s->facts.peer == NULL && SSL_session_reused(s->ssl) == 1)
		s->facts.peer = s->peer;
	if (s->facts.peer != NULL)
		return;
	tls_peer_unref(s->peer);
	s->peer = NULL;
}

enum error tls_client_judge(struct tls *s)
{
	settle(s);
	return s->verify_error;
}

void tls_client_note_failed(struct tls *s)
{
	settle(s);
}

const char *tls_library_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}
