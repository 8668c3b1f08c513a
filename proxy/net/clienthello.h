/* Reads a TLS ClientHello without TLS (RFC 8446 section 4.1.2): what a client says of itself at the start of a tunnel. Bounded
 * and without state: it is given all bytes so far each time. */
#ifndef VIADUCT_NET_CLIENTHELLO_H
#define VIADUCT_NET_CLIENTHELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hello_verdict {
	HELLO_MORE, /* may become one: more bytes are needed */
	HELLO_NONE, /* not TLS, or malformed */
	HELLO_DONE
};

enum { HELLO_MAX_BYTES = 16384 }; /* beyond this it is HELLO_NONE */

struct clienthello {
	char server_name[256]; /* "" if none; only printable ASCII */
	char alpn[128];        /* "h2,http/1.1" */
	uint16_t version;      /* highest offered: 0x0304 is TLS 1.3 */
	bool has_ech;
	char ja4[40]; /* JA4 fingerprint (TLS over TCP) */
};

/* Handles a hello in several records. ret is written on HELLO_DONE only. */
enum hello_verdict clienthello_parse(const uint8_t *bytes, size_t n, struct clienthello *ret);

#endif
