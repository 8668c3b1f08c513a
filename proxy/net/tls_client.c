/* What all TLS legs of a worker share towards origins: trust, limits of the protocol, sessions. */
#include "base/mem.h"
#include "net/tls_internal.h"

#include <stdio.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

enum { SECURITY_LEVEL = 2, READ_AHEAD_BYTES = 4 * (SSL3_RT_MAX_PLAIN_LENGTH + SSL3_RT_MAX_ENCRYPTED_OVERHEAD) };

/* The library has a new session or ticket. */
static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *s = tls_of_ssl(ssl);
	SSL_SESSION *own;

	if (s == NULL || s->session_key == NULL || SSL_SESSION_is_resumable(session) != 1)
		return 0;
	/* Many origins end without close_notify, and OpenSSL then spoils the session that the leg holds: a copy stays good. */
	own = SSL_SESSION_dup(session);
	if (own != NULL)
		tls_sessions_put(&s->client->sessions, s->session_key, own);
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

	SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY); /* a ticket is no reason to read on */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_AHEAD_BYTES);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, tls_on_verify);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_new_session);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
		SSL_CTX_set_alpn_protos(ctx, alpn, sizeof(alpn) - 1) == 0 &&
		SSL_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER) == 1;
}

/* Trusts the system's roots (SSL_CERT_FILE and SSL_CERT_DIR are honoured) and those of a file. */
static bool set_trust(SSL_CTX *ctx, const char *ca_file, char *ret_why, size_t size)
{
	if (SSL_CTX_set_default_verify_paths(ctx) != 1) {
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

struct tls_client *tls_client_new(const char *ca_file, char *ret_why, size_t size)
{
	struct tls_client *c = mem_calloc(1, sizeof(*c));

	c->users = 1;
	tls_sessions_init(&c->sessions);
	ERR_clear_error();
	c->bio_method = tls_bio_method_new();
	c->ctx = SSL_CTX_new(TLS_client_method());
	if (c->bio_method == NULL || c->ctx == NULL || !set_up(c->ctx))
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
	BIO_meth_free(c->bio_method);
	mem_free(c);
}

void tls_client_free(struct tls_client *c)
{
	if (c != NULL)
		tls_client_unref(c);
}

const char *tls_library_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}
