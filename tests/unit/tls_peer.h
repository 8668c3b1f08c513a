/* The other side of TLS for tests: a server on a thread of its own at the end of a socket pair. */
#ifndef VIADUCT_TESTS_TLS_PEER_H
#define VIADUCT_TESTS_TLS_PEER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "certificates.h"

enum peer_deed {
	PEER_ECHO,       /* echoes until the client ends, then ends in order */
	PEER_END,        /* says "bye" and ends in order */
	PEER_CUT,        /* says "bye" and closes without close_notify */
	PEER_CUT_EARLY,  /* closes in the middle of the handshake */
	PEER_TALK,       /* sends a lot */
	PEER_RENEGOTIATE /* asks for a second handshake and goes on reading */
};

enum { PEER_TALK_BYTES = 1 << 20, PEER_ROOM = 16384 };

struct peer {
	SSL_CTX *ctx;
	enum peer_deed deed;
	int fd;
	pthread_t thread;
	/* To be read after peer_join. */
	bool is_shaken, is_resumed, got_close_notify;
	bool was_asked_status; /* the client takes a stapled OCSP response */
	char server_name[256], alpn[16];
	char visitor[64]; /* the common name of the client's certificate; empty: none came */
	size_t got;
	int reason; /* why reading behind a second handshake failed; 0: it has not */
};

static inline int peer_choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
	unsigned in_len, void *arg)
{
	(void)ssl;
	(void)arg;
	return SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, (const unsigned char *)"\x08http/1.1", 9, in,
		       in_len) == OPENSSL_NPN_NEGOTIATED
		? SSL_TLSEXT_ERR_OK
		: SSL_TLSEXT_ERR_NOACK;
}

static inline SSL_CTX *peer_ctx_new(const struct identity *id)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_use_certificate(ctx, id->certificate);
	SSL_CTX_use_PrivateKey(ctx, id->key);
	SSL_CTX_set_alpn_select_cb(ctx, peer_choose_alpn, NULL);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"t", 1);
	return ctx;
}

/* Any client certificate will do. */
static inline int peer_take_any(int is_good, X509_STORE_CTX *ctx)
{
	(void)is_good;
	(void)ctx;
	return 1;
}

/* Has the server ask for a client certificate. */
static inline void peer_ask_certificate(SSL_CTX *ctx)
{
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, peer_take_any);
}

static inline void peer_echo(struct peer *p, SSL *ssl)
{
	char bytes[PEER_ROOM];
	int n;

	while ((n = SSL_read(ssl, bytes, sizeof(bytes))) > 0) {
		p->got += (size_t)n;
		if (SSL_write(ssl, bytes, n) != n)
			return;
	}
	p->got_close_notify = SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN;
	SSL_shutdown(ssl);
}

static inline void peer_renegotiate(struct peer *p, SSL *ssl)
{
	char byte;

	if (SSL_renegotiate(ssl) != 1 || SSL_do_handshake(ssl) != 1)
		return;
	ERR_clear_error();
	if (SSL_read(ssl, &byte, 1) <= 0)
		p->reason = ERR_GET_REASON(ERR_peek_error());
}

static inline void peer_talk(SSL *ssl)
{
	char bytes[PEER_ROOM];

	memset(bytes, 'x', sizeof(bytes));
	for (size_t sent = 0; sent < PEER_TALK_BYTES; sent += sizeof(bytes)) {
		if (SSL_write(ssl, bytes, sizeof(bytes)) <= 0)
			return;
	}
	SSL_shutdown(ssl);
}

static inline void peer_serve(struct peer *p, SSL *ssl)
{
	const unsigned char *alpn = NULL;
	unsigned alpn_len = 0;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	X509 *visitor = SSL_get0_peer_certificate(ssl);

	p->is_shaken = true;
	p->was_asked_status = SSL_get_tlsext_status_type(ssl) == TLSEXT_STATUSTYPE_ocsp;
	if (visitor != NULL)
		X509_NAME_get_text_by_NID(X509_get_subject_name(visitor), NID_commonName, p->visitor, sizeof(p->visitor));
	p->is_resumed = SSL_session_reused(ssl) == 1;
	snprintf(p->server_name, sizeof(p->server_name), "%s", name != NULL ? name : "");
	SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
	snprintf(p->alpn, sizeof(p->alpn), "%.*s", (int)alpn_len, alpn != NULL ? (const char *)alpn : "");
	if (p->deed == PEER_ECHO)
		peer_echo(p, ssl);
	else if (p->deed == PEER_TALK)
		peer_talk(ssl);
	else if (p->deed == PEER_RENEGOTIATE)
		peer_renegotiate(p, ssl);
	else
		SSL_write(ssl, "bye", 3);
	if (p->deed == PEER_END)
		SSL_shutdown(ssl);
}

static inline void *peer_run(void *arg)
{
	struct peer *p = arg;
	SSL *ssl = SSL_new(p->ctx);
	char byte;

	SSL_set_fd(ssl, p->fd);
	if (p->deed == PEER_CUT_EARLY) {
		if (recv(p->fd, &byte, 1, MSG_PEEK) < 0)
			perror("recv");
		shutdown(p->fd, SHUT_WR);
	} else if (SSL_accept(ssl) == 1) {
		peer_serve(p, ssl);
	}
	SSL_free(ssl);
	shutdown(p->fd, SHUT_WR);
	while (read(p->fd, &byte, 1) > 0)
		;
	close(p->fd);
	return NULL;
}

/* Starts a server on a connected socket, which it takes over. */
static inline bool peer_start_on(struct peer *p, SSL_CTX *ctx, enum peer_deed deed, int fd)
{
	*p = (struct peer){.ctx = ctx, .deed = deed, .fd = fd};
	return pthread_create(&p->thread, NULL, peer_run, p) == 0;
}

/* Starts a server; returns the client's end of the pair. */
static inline int peer_start(struct peer *p, SSL_CTX *ctx, enum peer_deed deed)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return -1;
	return peer_start_on(p, ctx, deed, fds[1]) ? fds[0] : -1;
}

static inline void peer_join(struct peer *p)
{
	pthread_join(p->thread, NULL);
}

#endif
