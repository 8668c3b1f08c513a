/* What the TLS files share. Only this header and tls_checks.h name libssl. Files: tls.c (the handshake, both roles),
 * tls_transport.c (after it), tls_failure.c, tls_bio.c, tls_keylog.c; of the client role tls_client.c, tls_verify.c, tls_words.c,
 * tls_peer.c, tls_pins.c, tls_staple.c, tls_credentials.c, tls_sessions.c; of the server role tls_server.c, tls_identity.c,
 * tls_tickets.c. */
#ifndef VIADUCT_NET_TLS_INTERNAL_H
#define VIADUCT_NET_TLS_INTERNAL_H

#include "net/keymap.h"
#include "net/loop.h"
#include "net/tls.h"
#include "net/tls_server.h"
#include "net/transport.h"

#include <stdbool.h>
#include <stddef.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

enum { TLS_NAME_BYTES = 256, TLS_SESSION_LIFE_S = 7200 /* towards clients */ };

/* Sessions of a worker by "name:port#asks", in their encoded form, which has the origin's own certificate but not the chain;
 * the least recently used go first. Each with the peer that it was made with. */
struct tls_sessions {
	struct keymap map;
	size_t n, bytes;
};
void tls_sessions_init(struct tls_sessions *s);
void tls_sessions_fini(struct tls_sessions *s);
/* Keeps a copy of the session, unless it is large, and a reference to the peer. */
void tls_sessions_put(struct tls_sessions *s, const char *key, const SSL_SESSION *session, const struct tls_peer *peer);
/* References of the caller's, or NULL. A TLS 1.3 ticket is given out once only (RFC 8446 appendix C.4). */
SSL_SESSION *tls_sessions_take(struct tls_sessions *s, const char *key, struct tls_peer **ret_peer);

struct tls_client {
	int users; /* the owner and every transport */
	SSL_CTX *ctx;
	struct tls_sessions sessions;
	unsigned char (*own)[32]; /* SHA-256 of the keys of our own CA, the present one and former ones */
	size_t own_n;
};
void tls_client_unref(struct tls_client *c);

struct tls_server {
	int users; /* the owner and every transport */
	SSL_CTX *ctx;
	struct tls_tickets *tickets;
};
void tls_server_unref(struct tls_server *s);

/* One TLS leg; the transport is its first member. */
struct tls {
	struct transport t;
	struct loop *loop;
	struct tls_client *client; /* one of the two, by the role */
	struct tls_server *server;
	struct transport *under;
	SSL *ssl;
	unsigned wanted;
	bool read_wants_write, write_wants_read; /* what the library waits for is not what the owner does */
	bool may_have_more;                      /* bytes may be readable that the transport below does not tell of */
	bool is_under_eof;                       /* the transport below has ended, with or without close_notify */
	bool is_established, is_failed, is_shut, is_shut_pending, is_closed;
	size_t pending_bytes;  /* of a write that must be repeated with the same bytes */
	size_t may_read_bytes; /* from the transport below, in this call of the library */
	bool is_under_empty;   /* in this call the transport below had no more for the library */
	enum io read_end;      /* IO_EOF or IO_FAILED once reading has ended; else IO_DONE */
	struct task again;
	struct tls_facts facts;
	char server_name[TLS_NAME_BYTES];
	char alpn[32];

	/* Client role. */
	struct tls_asks asks;
	struct tls_peer *peer;   /* once a certificate was seen; a reference */
	char verify_words[160];  /* why the certificate does not verify, the first reason; empty if it does */
	enum error verify_error; /* ERR_tls_certificate or ERR_pin_mismatch, with verify_words; ERR_none */
	char *session_key;

	/* Server role. */
	struct tls_identity *identity; /* a reference */
	bool is_certificate_made;      /* our certificate is in the library's buffer (never on a resumed leg) */
	bool is_certificate_sent;      /* and has left: a bare close after it is a refusal */
};

/* A transport over another, which it takes over; not shaken hands yet. ssl is taken over too (NULL: the library had no
 * memory, and the leg can only be closed). One of c and srv is NULL; the other gets one more user. */
struct tls *tls_wrap(struct tls_client *c, struct tls_server *srv, struct loop *l, struct transport *under, SSL *ssl);
static inline struct tls *tls_of_ssl(const SSL *ssl)
{
	return SSL_get_app_data(ssl);
}
/* Fills error, os_error and detail of the transport from what the library says. Of the server role: ERR_client_tls_refused
 * for an alert about our certificate, whenever it comes, and for a bare close or a reset after it; ERR_client_tls_failed for the rest, as
 * a time-out of the transport below;
 * but a leg that is established and breaks without an alert ends as other transports do: ERR_origin_closed. */
void tls_note_failure(struct tls *s, int ssl_error);
/* The same for a certificate of an origin that is not good enough, or the OCSP response that came with it: verify_error and
 * verify_words. */
void tls_note_certificate(struct tls *s);
/* Takes over from the handshake. */
void tls_establish(struct tls *s);
/* What every context has in common, of both roles: level, versions, options, modes, the key log; not ALPN. False if the library
 * refuses. */
bool tls_set_up(SSL_CTX *ctx);

/* A BIO that reads from and writes to the transport below, straight into the library's buffers. One method for the process,
 * made once (pthread_once), never freed but at exit. NULL without memory. */
BIO *tls_bio_new(struct tls *s);
/* To be called before every call of the library that may read: so much, and then it is told to come again. */
void tls_bio_allow(struct tls *s);

/* Client role, for tls.c. */
/* Sets the library up for one peer: name, SNI, what is verified, pins, credentials, a session. False if it refuses the name.
 * The library has the BIO, its role and tls_of_ssl already. */
bool tls_client_prepare(struct tls *s, const char *name, const struct tls_asks *asks);
/* The handshake has succeeded for the library: completes s->peer and facts.peer, and says whether the leg may be used:
 * ERR_none, or verify_error with verify_words. */
enum error tls_client_judge(struct tls *s);
/* The handshake has failed: s->peer is set if a certificate was seen. */
void tls_client_note_failed(struct tls *s);

/* A peer from its certificates. chain: leaf first; may be NULL. */
struct tls_peer *tls_peer_new(X509 *certificate, const STACK_OF(X509) * chain);
/* The library's callback for each certificate: keeps words for the first failure; lets it pass where asks says so. */
int tls_on_verify(int is_good, X509_STORE_CTX *ctx);
/* Has the library check the peer's certificate against a name or IP literal, subject alternative names only; false if it
 * refuses the name. */
bool tls_expect_name(SSL *ssl, const char *name);
/* What a peer holds of memory. */
size_t tls_peer_bytes(const struct tls_peer *p);
/* A distinguished name in words, legible (base/utf8.h). */
void tls_name_words(const X509_NAME *name, char *to, size_t size);
/* The library's callback for the stapled OCSP response (RFC 6066 section 8, RFC 6960): 1: go on; 0: refuse, with
 * verify_words. */
int tls_on_staple(SSL *ssl, void *arg);
/* True if a certificate of the chain has a pin. */
bool tls_pins_match(const struct tls_pins *p, const STACK_OF(X509) * chain);
uint64_t tls_pins_id(const struct tls_pins *p);
uint64_t tls_credentials_id(const struct tls_credentials *c);
bool tls_credentials_use(const struct tls_credentials *c, SSL *ssl);

/* Server role, for tls.c. */
bool tls_server_prepare(struct tls *s, struct tls_identity *identity, const char *name);
bool tls_identity_use(const struct tls_identity *i, SSL *ssl);
/* Sessions of this leg can be resumed by those with the same name and issuer only. */
bool tls_identity_scope(const struct tls_identity *i, const char *name, SSL *ssl);
/* The library's callback for the keys of tickets. */
int tls_on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
	int is_sealing);
/* Tickets by another clock (tests); monotonic, in microseconds, for all threads. */
struct tls_tickets *tls_tickets_new_at(int64_t (*clock_us)(void));

/* Has the legs of a context write their secrets to the file in SSLKEYLOGFILE, if it is set (opened once, appended to, mode
 * 0600 if new; one warning in the log if it cannot be written). */
void tls_keylog_use(SSL_CTX *ctx);
/* The library's callback: writes one line. */
void tls_on_keylog(const SSL *ssl, const char *line);

#endif
