/* Name constraints (RFC 5280 section 4.2.1.10): what a CA may sign certificates for. Of the kinds of names only those of hosts
 * and addresses are looked at. Inside pki/ only. */
#ifndef VIADUCT_PKI_NAME_LIMITS_H
#define VIADUCT_PKI_NAME_LIMITS_H

#include "pki/host_name.h"

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

struct name_limit;

struct limit_list {
	struct name_limit *v;
	size_t n;
};

struct name_limits {
	struct limit_list permitted, excluded;
	bool has_domains;     /* hosts' names are limited, and with them a subject that looks like one */
	bool limits_subjects; /* the names of subjects are limited: only an empty one is sure to pass */
};

/* Of a certificate; all empty if it has none. False with one line if they cannot be understood. */
bool name_limits_read(const X509 *certificate, struct name_limits *ret, char *ret_why, size_t size);
void name_limits_fini(struct name_limits *l);
/* Stricter than the RFC in one point: where anything is permitted, what is not permitted is refused, whichever kind of name it
 * is. */
bool name_limits_allow(const struct name_limits *l, const struct host_name *name);
/* Writes "example.com, 10.0.0.0/8, not a.example.com"; hostile bytes escaped. Excluding a whole kind is not mentioned. False if
 * the library fails. */
bool name_limits_print(const struct name_limits *l, BIO *to);

/* Adds limits to a certificate that is being made: each item a domain or a network (ca_constraint_is_right). Where no network,
 * or no domain, is among them, all of that kind are excluded, so that clients decide as name_limits_allow does. False with one
 * line. */
bool name_limits_add(X509 *certificate, const char *const *items, size_t n, char *ret_why, size_t size);

#endif
