/* TLS on any transport (OpenSSL, 1.2 and up): towards origins, with verification, pins, client certificates and resumption.
 * Towards clients: tls_server.h. */
#ifndef VIADUCT_NET_TLS_H
#define VIADUCT_NET_TLS_H

#include "base/error.h"
#include "base/str.h"
#include "net/loop.h"
#include "net/transport.h"

#include <stdbool.h>
#include <stdint.h>

enum { TLS_NAMES_MAX = 100 };

enum tls_pin_result { TLS_PIN_NONE, TLS_PIN_MATCHED, TLS_PIN_MISMATCHED };
const char *tls_pin_result_name(enum tls_pin_result r); /* "none", "matched", "mismatched" */

/* Who the peer of a leg to an origin is, by its certificates; hostile bytes escaped. Immutable, counted, one worker's; kept
 * with the sessions, so that a resumed leg has it too. */
struct tls_peer {
	int users;
	char subject[160], issuer[160]; /* of its certificate: "CN=a.example, O=A" */
	/* Subjects from its certificate to the root that it was verified by, or as sent if it was not: "CN=a; CN=b". */
	char chain[640];
	char certificate_sha256[65]; /* hex */
	char spki_sha256[45];        /* base64, as in a pin */
	int64_t not_before_s, not_after_s;
	/* What the OCSP response says that came along: "good", "revoked", "unknown", "expired", "malformed"; "unverified": nobody
	 * could have vouched for the certificate, because it does not verify, or is trusted by itself; empty: none came. */
	char staple[32];
	enum tls_pin_result pin;
	char unverified[160]; /* why it does not verify, where that was let pass; else empty */
	char **names;         /* its subject alternative names: DNS names and IP literals; at most TLS_NAMES_MAX */
	size_t names_n;
};
struct tls_peer *tls_peer_ref(const struct tls_peer *p);
void tls_peer_unref(const struct tls_peer *p); /* NULL is fine */

/* What is known of a TLS leg; strings live as long as the transport. */
struct tls_facts {
	const char *version; /* "TLSv1.3" */
	const char *cipher;
	const char *alpn; /* "" if none */
	const char *server_name;
	bool is_resumed;
	const struct tls_peer *peer; /* NULL on legs to clients */
};

/* SHA-256 of public keys (SubjectPublicKeyInfo) or of whole certificates, of which one in the verified chain must be there.
 * Where the chain does not verify but that is let pass, only the origin's own certificate counts: anyone can send those of
 * others behind it. Immutable once made, for all threads. */
struct tls_pins;
/* items: "sha256/BASE64" of a public key (RFC 7469 section 2.4; curl's "sha256//BASE64" is taken too), "cert-sha256/HEX" of a
 * certificate (colons allowed). NULL with one line. */
struct tls_pins *tls_pins_new(const char *const *items, size_t n, bool only_warns, char *ret_why, size_t size);
void tls_pins_free(struct tls_pins *p); /* NULL is fine */
bool tls_pins_only_warn(const struct tls_pins *p);

/* A client certificate with its chain and key; sent to an origin that asks for one. Immutable, for all threads. */
struct tls_credentials;
/* PEM files, the certificate first in its; key_file may be cert_file; the key must not be encrypted. NULL with one line that
 * names the file. Blocks: not for workers. */
struct tls_credentials *tls_credentials_new(const char *cert_file, const char *key_file, char *ret_why, size_t size);
void tls_credentials_free(struct tls_credentials *c); /* NULL is fine */
const char *tls_credentials_subject(const struct tls_credentials *c);

/* What is asked of one origin beyond the default; zeros: nothing. Members outlive the handshake. */
struct tls_asks {
	/* Any certificate will do, weak keys and SHA-1 included; what is wrong with it is noted. Pins are checked even so. The
	 * leg itself is as demanding as ever: TLS 1.2, ciphers, key exchange and handshake signatures of security level 2. */
	bool skips_verification;
	const struct tls_pins *pins;
	const struct tls_credentials *credentials;
};
/* Legs with different answers must not be taken for each other: sessions and kept upstreams go by this. 0: the default, and
 * nothing else. Equal contents have equal ids, also in another process. */
uint64_t tls_asks_id(const struct tls_asks *a);

struct tls_client; /* trust and sessions of one worker */

/* ca_file: a PEM file with certificates that are trusted beside the system store; NULL for none. What stands in either is an
 * anchor by itself, root or not (X509_V_FLAG_PARTIAL_CHAIN, as curl has it): an intermediate or an origin's own self-signed
 * certificate can be trusted without its issuer. own_spki_sha256: own_n digests of the keys of our own CA, the present
 * one and former ones (32 bytes each; others are passed over), copied: a chain with one of these keys in it does not verify,
 * though the system trust it. NULL with a message in ret_why (of size bytes) if the file cannot be read or
 * holds no certificate. Sessions are cached per port, name and
 * asks: at most 1,000 and 4 MiB, those who they were made with included; none of more than 16 KiB. */
struct tls_client *tls_client_new(const char *ca_file, const struct str *own_spki_sha256, size_t own_n, char *ret_why,
	size_t size);
/* For who needs it beyond the call, whatever its owner does: one more tls_client_free is due. NULL gives NULL. */
struct tls_client *tls_client_ref(struct tls_client *c);
void tls_client_free(struct tls_client *c); /* NULL is fine */

struct tls_outcome {
	enum error error;            /* ERR_none: transport is set, the receiver's, and has its tls */
	const char *detail;          /* of error, in words: "the certificate (CN=a) expired on 2026-01-02"; never NULL */
	struct transport *transport; /* NULL with an error */
	/* As far as it got; NULL: no certificate was seen. The receiver takes a reference if it keeps it. */
	const struct tls_peer *peer;
	bool is_unanswered; /* with an error: the peer ended or broke the connection before a byte of it had come */
};

struct tls_handshake;
/* Wraps a connected transport, which it takes over, and shakes hands. name: host name or IP literal, checked against the
 * certificate's subject alternative names (never its common name); SNI is sent for names only. on_done comes once, later, with
 * the outcome: errors are ERR_tls_protocol, ERR_tls_alert, ERR_tls_certificate, ERR_pin_mismatch. Purpose, name, expiry and
 * chain are verified; security level 2 (no SHA-1 signatures, RSA of 2,048 bits at least); TLS 1.2 to 1.3; ALPN http/1.1;
 * 64 KiB of certificates at most. A
 * stapled OCSP response is asked for (RFC 6066 section 8). If one comes: revoked: refused; malformed, of another certificate or
 * not of its issuer: refused; expired, or of a responder that knows no answer: noted. A certificate that demands one (RFC 7633)
 * is refused without one that is good. asks: NULL: nothing beyond. */
struct tls_handshake *tls_connect(struct tls_client *c, struct loop *l, struct transport *under, const char *name,
	const struct tls_asks *asks, void (*on_done)(void *owner, const struct tls_outcome *o), void *owner);
/* No on_done any more; the transport is closed. NULL is fine. */
void tls_handshake_cancel(struct tls_handshake *h);

const char *tls_library_version(void);

#endif
