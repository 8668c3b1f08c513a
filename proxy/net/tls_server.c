/* What all TLS legs of a worker share towards clients, and what each of them is set up with. Not for certificates
 * (tls_identity.c), the keys of tickets (tls_tickets.c) or what a failure means (tls_failure.c). ALPN: RFC 7301. */
#include "base/mem.h"
#include "net/tls_internal.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

/* Of TLS 1.3, which asks for one ticket per resumption: each costs bytes and some microseconds, and every resumption brings
 * the next. */
enum { TICKETS = 1 };

/* Chooses http/1.1 from what the client offers. A client that offers others only is left without: what does not speak HTTP/1
 * is not opened by whoever calls us, and if it is, it shall see what it gets. */
static int on_alpn(SSL *ssl, const unsigned char **ret_chosen, unsigned char *ret_len, const unsigned char *offered, unsigned n,
	void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen = NULL;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, ret_len, ours, sizeof(ours) - 1, offered, n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*ret_chosen = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* Sees our certificate go to the library's buffer. */
static void on_message(int is_ours, int version, int type, const void *bytes, size_t n, SSL *ssl, void *arg)
{
	(void)version;
	(void)arg;
	if (is_ours && type == SSL3_RT_HANDSHAKE && n != 0 && *(const unsigned char *)bytes == SSL3_MT_CERTIFICATE)
		tls_of_ssl(ssl)->is_certificate_made = true;
}

/* The client's order of ciphers is followed: one without hardware for AES prefers ChaCha20, and all that the level lets
 * through is good. */
static bool set_up(SSL_CTX *ctx)
{
	if (!tls_set_up(ctx))
		return false;
	SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN); /* the chain is what the identity says */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ctx, TLS_SESSION_LIFE_S);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	SSL_CTX_set_msg_callback(ctx, on_message);
	/* Early data can be replayed by whoever has seen it (RFC 8446 section 8). */
	if (SSL_CTX_set_max_early_data(ctx, 0) != 1 || SSL_CTX_set_num_tickets(ctx, TICKETS) != 1 ||
		SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, tls_on_ticket_key) != 1)
		return false;
	/* OpenSSL knows the first from 3.5 on. */
	return SSL_CTX_set1_groups_list(ctx, "X25519MLKEM768:X25519:P-256:P-384") == 1 ||
		SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1;
}

struct tls_server *tls_server_new(struct tls_tickets *tickets, char *ret_why, size_t size)
{
	struct tls_server *s = mem_calloc(1, sizeof(*s));
	const char *words;

	s->users = 1;
	s->tickets = tickets;
	ERR_clear_error();
	s->ctx = SSL_CTX_new(TLS_server_method());
	if (s->ctx != NULL && set_up(s->ctx)) {
		ERR_clear_error();
		return s;
	}
	words = ERR_reason_error_string(ERR_peek_error());
	snprintf(ret_why, size, "TLS: %s", words != NULL ? words : "unknown failure of the TLS library");
	ERR_clear_error();
	tls_server_unref(s);
	return NULL;
}

void tls_server_unref(struct tls_server *s)
{
	if (--s->users != 0)
		return;
	SSL_CTX_free(s->ctx);
	mem_free(s);
}

void tls_server_free(struct tls_server *s)
{
	if (s != NULL)
		tls_server_unref(s);
}

bool tls_server_prepare(struct tls *s, struct tls_identity *identity, const char *name)
{
	size_t len = strlen(name);

	if (len >= sizeof(s->server_name))
		return false;
	memcpy(s->server_name, name, len);
	s->identity = tls_identity_ref(identity);
	return tls_identity_use(identity, s->ssl) && tls_identity_scope(identity, s->server_name, s->ssl);
}
