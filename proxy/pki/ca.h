/* The certification authority (CA) whose certificates the proxy shows to clients inside tunnels that it opens (RFC 5280). A
 * struct ca is immutable, counted and may be used by all threads. Not for: where its files are (ca_files.h), or certificates
 * made with it (leaf.h). */
#ifndef VIADUCT_PKI_CA_H
#define VIADUCT_PKI_CA_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ca;

enum {
	CA_DAYS = 3 * 365,
	CA_WARN_DAYS = 30,        /* that its end is near is said from so many days before */
	CA_FINGERPRINT_BYTES = 96 /* "AB:CD:…" of SHA-256, with the NUL */
};

struct ca_request {
	const char *common_name;             /* "viaduct CA (HOST, 2026-11-22)"; at most 64 characters */
	const char *const *name_constraints; /* see ca_constraint_is_right; none: any name */
	size_t name_constraints_n;
	int64_t now_s;
};
/* A new CA with a new EC P-256 key: self-signed, path length 0, keyCertSign and cRLSign, valid from a day ago for CA_DAYS; with
 * name constraints, these critical (RFC 5280 section 4.2.1.10): what they do not permit is ruled out, addresses too where only
 * domains are given, and the other way round. NULL with one line in ret_why. */
struct ca *ca_make(const struct ca_request *r, char *ret_why, size_t size);
/* One item of the option ca.name_constraints: a domain ("example.com": it and all below) or a network ("10.0.0.0/8",
 * "fd00::/8", an address alone; bits beyond the prefix must be 0). */
bool ca_constraint_is_right(struct str item);

/* From PEM. cert: the CA's certificate, which may be followed by those of its issuers (up to 8, each signed by the next; they
 * are sent along, but for a root). key: unencrypted, EC of at least 256 or RSA of at least 2,048 bits, of the first
 * certificate, which must be a CA with keyCertSign if it states a usage. That it has expired is no failure here. NULL with one
 * line in ret_why (without a file's name). */
struct ca *ca_read(struct str cert_pem, struct str key_pem, char *ret_why, size_t size);

struct ca *ca_ref(struct ca *ca);
void ca_unref(struct ca *ca); /* NULL is fine */

/* True if options name its files: then it is not for viaduct to renew. One of ca_read is given, too. */
bool ca_is_given(const struct ca *ca);

/* The certificate that clients are to trust: the topmost that is held, which is the CA's own unless others stand above it. */
struct ca_anchor {
	struct str der, pem;
	const char *subject, *issuer; /* in words, hostile bytes escaped */
	const char *fingerprint;      /* SHA-256, "AB:CD:…" */
	bool is_root;                 /* if not, most clients trust nothing below it: they want the root, which is not held */
	bool is_own;                  /* the CA's own */
};

/* These live as long as the CA. */
const struct ca_anchor *ca_anchor(const struct ca *ca);
struct str ca_der(const struct ca *ca); /* the certificate */
struct str ca_pem(const struct ca *ca);
size_t ca_chain_count(const struct ca *ca); /* certificates to send behind a leaf: 0 for a root, which clients have */
struct str ca_chain_der(const struct ca *ca, size_t i); /* the CA's own first, if it is no root */
const char *ca_subject(const struct ca *ca);            /* in words, hostile bytes escaped */
const char *ca_fingerprint(const struct ca *ca);        /* SHA-256 of the certificate, "AB:CD:…" */
struct str ca_spki_sha256(const struct ca *ca);         /* 32 bytes; of its public key */
int64_t ca_not_before_s(const struct ca *ca);
int64_t ca_not_after_s(const struct ca *ca);
const char *ca_constraints(const struct ca *ca); /* "example.com, 10.0.0.0/8"; empty: none that we understand */
/* False if its name constraints, or those of its issuers, rule the host out; where any name or network is permitted, what is
 * not is ruled out, of either kind. host: a lower-case name ("*.example.com" too), or an IP literal without brackets. */
bool ca_may_sign(const struct ca *ca, struct str host);

/* The private key as PEM (PKCS#8), for its file; a block of its own, which the caller wipes with ca_wipe. NULL if the library
 * fails. */
char *ca_key_pem(const struct ca *ca);
void ca_wipe(char *pem); /* overwrites and frees; NULL is fine */
/* PKCS#12 with the anchor's certificate and no key, empty password. A block of its own for mem_free; NULL if the library
 * fails. */
unsigned char *ca_pkcs12(const struct ca *ca, size_t *ret_n);

#endif
