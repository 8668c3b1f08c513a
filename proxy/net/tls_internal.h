/* What the TLS files share. The only header that names libssl. */
#ifndef VIADUCT_NET_TLS_INTERNAL_H
#define VIADUCT_NET_TLS_INTERNAL_H

#include "net/keymap.h"
#include "net/loop.h"
#include "net/tls.h"
#include "net/transport.h"

#include <stdbool.h>
#include <stddef.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

/* Sessions of a worker by "name:port"; the least recently used go first. */
struct tls_sessions {
	struct keymap map;
	size_t n;
};
void tls_sessions_init(struct tls_sessions *s);
void tls_sessions_fini(struct tls_sessions *s);
/* Takes over one reference. */
void tls_sessions_put(struct tls_sessions *s, const char *key, SSL_SESSION *session);
/* A reference of the caller's, or NULL. A TLS 1.3 ticket is given out once only (RFC 8446 appendix C.4). */
SSL_SESSION *tls_sessions_take(struct tls_sessions *s, const char *key);

struct tls_client {
	int users; /* the owner and every transport */
	SSL_CTX *ctx;
	BIO_METHOD *bio_method;
	struct tls_sessions sessions;
};
void tls_client_unref(struct tls_client *c);

/* One TLS leg; the transport is its first member. */
struct tls {
	struct transport t;
	struct loop *loop;
	struct tls_client *client;
	struct transport *under;
	SSL *ssl;
	unsigned wanted;
	bool read_wants_write, write_wants_read; /* what the library waits for is not what the owner does */
	bool may_have_more;                      /* bytes may be readable that the transport below does not tell of */
	bool is_under_eof;                       /* the transport below has ended, with or without close_notify */
	bool is_established, is_failed, is_shut, is_shut_pending, is_closed;
	size_t pending_bytes; /* of a write that must be repeated with the same bytes */
	enum io read_end;     /* IO_EOF or IO_FAILED once reading has ended; else IO_DONE */
	struct task again;
	struct tls_facts facts;
	char server_name[256];
	char alpn[32];
	char verify_words[120]; /* why the certificate does not verify; empty if it does */
	char *session_key;
};

/* A transport over another, which it takes over; not shaken hands yet. ssl is taken over too. */
struct tls *tls_wrap(struct tls_client *c, struct loop *l, struct transport *under, SSL *ssl);
static inline struct tls *tls_of_ssl(const SSL *ssl)
{
	return SSL_get_app_data(ssl);
}
/* Fills error, os_error and detail of the transport from what the library says. */
void tls_note_failure(struct tls *s, int ssl_error);
/* Takes over from the handshake. */
void tls_establish(struct tls *s);

/* A BIO that reads from and writes to the transport below, straight into the library's buffers. NULL without memory. */
BIO_METHOD *tls_bio_method_new(void);
BIO *tls_bio_new(BIO_METHOD *method, struct tls *s);

/* The library's callback for each certificate: keeps words for the first failure. */
int tls_on_verify(int is_good, X509_STORE_CTX *ctx);
/* Has the library check the peer's certificate against a name or IP literal; false if it refuses the name. */
bool tls_expect_name(SSL *ssl, const char *name);
/* A distinguished name in words; hostile bytes escaped. */
void tls_name_words(const X509_NAME *name, char *to, size_t size);

#endif
