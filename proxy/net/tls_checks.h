/* What the files of TLS towards origins share among themselves: how an origin's certificates are checked, and how it is said
 * what is wrong with them. */
#ifndef VIADUCT_NET_TLS_CHECKS_H
#define VIADUCT_NET_TLS_CHECKS_H

#include "net/tls_internal.h"

#include <openssl/x509v3.h>

enum { DIGEST_BYTES = 32, DATE_WORDS_BYTES = 16, WHOSE_BYTES = 64, WORDS_BYTES = sizeof(((struct tls *)0)->verify_words) };

/* The library's callback in place of its own verification of a chain: 1: go on; 0: refused, with verify_error. */
int tls_on_chain(X509_STORE_CTX *ctx, void *arg);
/* Notes an objection to the certificate. True: the leg may go on, because any certificate will do; else verify_error is set.
 * The first objection is kept. */
bool tls_object(struct tls *s, const char *words);

/* What is wrong, by the failure that the library has just found. */
void tls_failure_words(X509_STORE_CTX *ctx, const char *name, char *to, size_t size);
/* "2026-01-02"; "?" if it cannot be read. */
const char *tls_date_words(const ASN1_TIME *date, char to[DATE_WORDS_BYTES]);
/* The common name only, "CN=a", where there is one; cut to fit. */
void tls_name_short(const X509_NAME *name, char *to, size_t size);
/* The same of a certificate's subject; "for a.test" if it has none. */
const char *tls_whose(const X509 *certificate, char to[WHOSE_BYTES]);
/* A DNS name or address of a certificate as text, hostile bytes escaped; false if it is of another kind, or too long to be
 * one. */
bool tls_alt_name_text(const GENERAL_NAME *name, char *to, size_t size);

/* False if the library has no memory. */
bool tls_spki_sha256(const X509 *certificate, unsigned char to[DIGEST_BYTES]);
bool tls_certificate_sha256(const X509 *certificate, unsigned char to[DIGEST_BYTES]);
/* Of bytes, as a number; never 0. */
uint64_t tls_content_id(const void *bytes, size_t n);

/* Names the chain, from the peer's certificate to the root. */
void tls_peer_set_chain(struct tls_peer *p, const STACK_OF(X509) * chain);
/* True if the certificate itself has a pin. */
bool tls_pins_has(const struct tls_pins *p, const X509 *certificate);

#endif
