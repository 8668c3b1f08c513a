/* What the files of the CA share. Inside pki/ only. */
#ifndef VIADUCT_PKI_CA_PART_H
#define VIADUCT_PKI_CA_PART_H

#include "pki/ca.h"
#include "pki/name_limits.h"

#include <stdatomic.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

enum {
	CA_ISSUERS_MAX = 8,
	CA_CERTIFICATES_MAX = 1 + CA_ISSUERS_MAX,
	CA_SPKI_BYTES = 32,
	CA_MADE_BEFORE_S = 24 * 3600 /* certificates begin so long ago, for clients whose clock is slow */
};

/* A certificate of the CA's file: its own, or one of those above it. */
struct ca_certificate {
	unsigned char *der; /* the library's memory */
	size_t n;
	bool is_root;
	struct name_limits limits;
};

struct ca {
	atomic_uint users;
	bool is_given;     /* set before anybody else has it */
	X509 *certificate; /* its own */
	X509 *anchor_x509; /* the last of the chain */
	struct ca_anchor anchor;
	char *anchor_pem, *anchor_subject, *anchor_issuer;
	char anchor_fingerprint[CA_FINGERPRINT_BYTES];
	EVP_PKEY *key;
	struct ca_certificate chain[CA_CERTIFICATES_MAX]; /* its own first */
	size_t chain_n;
	unsigned char *authority_key_id; /* DER of the extension for what it signs; the library's memory */
	size_t authority_key_id_n;
	char *pem, *subject, *constraints;
	char fingerprint[CA_FINGERPRINT_BYTES];
	unsigned char spki_sha256[CA_SPKI_BYTES];
	int64_t not_before_s, not_after_s;
};

/* From certificates, its own first, and its key, which have been checked; takes a reference of the key. NULL with one line. */
struct ca *ca_new(const STACK_OF(X509) * certificates, EVP_PKEY *key, char *ret_why, size_t size);

/* As ca_read; ret_is_key: whether what is wrong is the key and not the certificate. */
struct ca *ca_read_parts(struct str cert_pem, struct str key_pem, bool *ret_is_key, char *ret_why, size_t size);

/* A private key from PEM, fit to sign; NULL with one line. */
EVP_PKEY *ca_key_read(struct str pem, char *ret_why, size_t size);
/* Whether it is the key of the certificate, by signing something. False with one line. */
bool ca_key_fits(EVP_PKEY *key, X509 *certificate, char *ret_why, size_t size);

/* True if a leaf for this name may have it as common name: clients apply name constraints there too. */
bool ca_allows_common_name(const struct ca *ca, const struct host_name *name);
/* ca_may_sign of a name that was read. */
bool ca_allows(const struct ca *ca, const struct host_name *name);

/* Fills in what is known of the topmost certificate. False if the library fails. */
bool ca_anchor_fill(struct ca *ca);
/* "AB:CD:…"; false if the library fails. */
bool ca_fingerprint_of(const X509 *certificate, char ret[CA_FINGERPRINT_BYTES]);
/* A name in words, hostile bytes escaped; NULL if the library fails. */
char *ca_name_words(const X509_NAME *name);
/* PEM; NULL if the library fails. */
char *ca_pem_of(const X509 *certificate);
/* 32 bytes, of the public key; false if the library fails. */
bool ca_spki_of(const X509 *certificate, unsigned char ret[CA_SPKI_BYTES]);

/* Seconds since 1970; false if it is malformed. */
bool ca_time_read(const ASN1_TIME *time, int64_t *ret_s);

#endif
