/* JA4: a short summary of a ClientHello by which programs are told apart (the TLS client part of the JA4+ method). */
#ifndef VIADUCT_NET_JA4_H
#define VIADUCT_NET_JA4_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JA4_BYTES = 40, HELLO_CIPHERS_MAX = 8192, HELLO_EXTENSIONS_MAX = 4096, HELLO_ALGORITHMS_MAX = 1024 };

/* The parts of a hello that count, in the order in which they came; GREASE (RFC 8701) is left out already. */
struct ja4_input {
	uint16_t version; /* the highest offered */
	bool has_server_name;
	struct str alpn; /* the first protocol; empty if there is none */
	size_t ciphers_n, extensions_n, algorithms_n;
	uint16_t ciphers[HELLO_CIPHERS_MAX];
	uint16_t extensions[HELLO_EXTENSIONS_MAX];
	uint16_t algorithms[HELLO_ALGORITHMS_MAX]; /* signature_algorithms */
};

/* Reserved values that mean nothing (RFC 8701). */
bool ja4_is_grease(uint16_t value);
/* Sorts ciphers and extensions. "" if the digest is not to be had. */
void ja4_format(struct ja4_input *in, char ret_ja4[JA4_BYTES]);

#endif
