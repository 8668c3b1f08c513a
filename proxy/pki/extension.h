/* Extensions of certificates (RFC 5280 section 4.2). Inside pki/ only. */
#ifndef VIADUCT_PKI_EXTENSION_H
#define VIADUCT_PKI_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

/* Adds one whose value is encoded already. False if the library fails. */
bool extension_add_der(X509 *certificate, int nid, bool is_critical, const unsigned char *der, size_t n);
/* Adds one from the words of openssl's x509v3_config; for constant words only. False if the library fails. */
bool extension_add_words(X509 *certificate, int nid, const char *words);

#endif
