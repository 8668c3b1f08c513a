/* What begins a tunnel: TLS, HTTP/1 or something else, by the first bytes of the client. Pure and without state: it is given all
 * bytes so far each time. */
#ifndef VIADUCT_CORE_SNIFF_H
#define VIADUCT_CORE_SNIFF_H

#include "core/server_name.h"
#include "net/clienthello.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sniff_verdict {
	SNIFF_MORE, /* cannot be told yet: may become a ClientHello or a request line of HTTP/1 */
	SNIFF_TLS,  /* a whole ClientHello: ret_hello is set */
	SNIFF_HTTP, /* the first line is a request to an origin in HTTP/1.0 or 1.1 (RFC 9112 section 3): origin-form, or * of OPTIONS */
	SNIFF_OTHER /* all else; an HTTP/2 preface, HTTP/0.9, and requests to a proxy (CONNECT, absolute-form) too, as they are none
		     * of ours to open */
};
const char *sniff_verdict_name(enum sniff_verdict v); /* "more", "tls", "http", "other" */

enum { SNIFF_LINE_MAX_BYTES = 16384 };

/* Decides as early as it can: what cannot become TLS or HTTP any more is SNIFF_OTHER at that byte. A verdict other than
 * SNIFF_MORE is that of every longer input too. Blank lines (CRLF) before a request line are let pass (RFC 9112 section 2.2), at
 * most 4. No input is longer than SNIFF_LINE_MAX_BYTES and still SNIFF_MORE. */
enum sniff_verdict sniff(const uint8_t *bytes, size_t n, struct clienthello *ret_hello);

/* The host that a ClientHello names, as it can stand in a certificate: see server_name_read. False, and ret untouched, if it
 * names none, or an IP literal (which RFC 6066 section 3 forbids), or something odd. */
bool sniff_server_name(const struct clienthello *h, char ret[SERVER_NAME_BYTES]);

/* Ports at which what is in TLS is not HTTP (IMAPS and the like): what they are for ("IMAP over TLS"), or NULL. */
const char *sniff_port_purpose(uint16_t port);
/* True if the protocols offered ("h2,http/1.1"; empty: none were) allow HTTP/1.1. */
bool sniff_alpn_is_http1(const char *alpn);

#endif
