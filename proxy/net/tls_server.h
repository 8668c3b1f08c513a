/* TLS towards clients, inside tunnels that are opened: the proxy is the server and shows certificates of its own. TLS 1.2 and
 * 1.3, no renegotiation, no compression, no early data; ALPN http/1.1; resumption by tickets (RFC 5077, RFC 8446 section
 * 4.6.1). Keys are logged where SSLKEYLOGFILE says (of legs to origins too). */
#ifndef VIADUCT_NET_TLS_SERVER_H
#define VIADUCT_NET_TLS_SERVER_H

#include "base/str.h"
#include "net/tls.h"

#include <stdbool.h>
#include <stddef.h>

/* A private key, for several certificates. Immutable, counted, for all threads. */
struct tls_key;
struct tls_key *tls_key_new(struct str pkcs8_der); /* NULL if it is malformed */
void tls_key_unref(struct tls_key *k);

/* A certificate with its chain and key. Immutable, counted (atomically), for all threads. */
struct tls_identity;
/* chain_der: the leaf first, at most 16. NULL if one is malformed, or the key is not the leaf's. Takes a reference of k. */
struct tls_identity *tls_identity_new(const struct str *chain_der, size_t n, struct tls_key *k);
struct tls_identity *tls_identity_ref(struct tls_identity *i);
void tls_identity_unref(struct tls_identity *i); /* NULL is fine */

/* The keys that session tickets are sealed with; shared by all workers, so that a client may come back to any. A new key
 * every hour, the one before still opens tickets; tickets are good for two hours at most. Thread-safe. */
struct tls_tickets;
struct tls_tickets *tls_tickets_new(void); /* NULL without random bits */
void tls_tickets_free(struct tls_tickets *t);

struct tls_server; /* of one worker */
/* NULL with one line. tickets outlives it. */
struct tls_server *tls_server_new(struct tls_tickets *tickets, char *ret_why, size_t size);
void tls_server_free(struct tls_server *s);

/* Wraps a transport, which it takes over, and shakes hands as server; the ClientHello may lie in it unread. name: what the
 * client asks for (it becomes server_name of the facts): a session can be resumed under the same name and identity's issuer
 * only. on_done comes once, later. Errors: ERR_client_tls_refused (the client ended with an alert about our certificate:
 * bad_certificate, unsupported_certificate, certificate_revoked, certificate_expired, certificate_unknown, unknown_ca; or
 * closed without a word after it had got it), ERR_client_tls_failed (all else); detail: the alert in words, or what the
 * library says. Such an alert may come later too, of TLS 1.3: reading from the transport then fails with
 * ERR_client_tls_refused. */
struct tls_handshake *tls_accept(struct tls_server *s, struct loop *l, struct transport *under, struct tls_identity *identity,
	const char *name, void (*on_done)(void *owner, const struct tls_outcome *o), void *owner);

#endif
