/* TLS on any transport (OpenSSL, 1.2 and up), client side: verification, SNI, session resumption. */
#ifndef VIADUCT_NET_TLS_H
#define VIADUCT_NET_TLS_H

#include "base/error.h"
#include "net/loop.h"
#include "net/transport.h"

#include <stdbool.h>

/* What is known of a TLS leg; strings live as long as the transport. */
struct tls_facts {
	const char *version; /* "TLSv1.3" */
	const char *cipher;
	const char *alpn; /* "" if none */
	const char *server_name;
	bool is_resumed;
	char issuer[128]; /* of the peer's certificate */
	char subject[128];
};

struct tls_client; /* trust and sessions of one worker */

/* ca_file: a PEM file with roots that are trusted beside the system store; NULL for none. NULL with a message in ret_why (of
 * size bytes) if it cannot be read or holds no certificate. Sessions are cached per host, port and name (bounded, 1,000). */
struct tls_client *tls_client_new(const char *ca_file, char *ret_why, size_t size);
void tls_client_free(struct tls_client *c);

struct tls_handshake;
/* Wraps a connected transport, which it takes over, and shakes hands. name: host name or IP literal, checked against the
 * certificate; SNI is sent for names only. on_done comes once, later: a transport with tls set, or an error (ERR_tls_protocol,
 * ERR_tls_alert, ERR_tls_certificate) with words in detail ("certificate has expired"). Purpose, name, expiry and chain are
 * verified; security level 2; TLS 1.2 to 1.3; ALPN http/1.1. */
struct tls_handshake *tls_connect(struct tls_client *c, struct loop *l, struct transport *under, const char *name,
	void (*on_done)(void *owner, struct transport *t, enum error error, const char *detail), void *owner);
void tls_handshake_cancel(struct tls_handshake *h);

const char *tls_library_version(void);

#endif
