/* Parts of URLs as they were recorded: texts that were made from a parsed URL, so there is nothing to judge. Not for URLs from
 * outside: http/url.h. */
#ifndef VIADUCT_STORE_ORIGIN_TEXT_H
#define VIADUCT_STORE_ORIGIN_TEXT_H

#include "base/str.h"

/* "https://example.com:8443" of "https://example.com:8443/a#b"; empty if it has no scheme. */
struct str origin_text(struct str url);
/* "example.com" of the same, "::1" of "http://[::1]/"; empty if it has no scheme. */
struct str origin_text_host(struct str url);
/* "example.com" and 8443 of the same, and of the "example.com:8443" of a CONNECT; the port of the scheme where none is
 * written, 0 where none is known. IPv6 addresses lose their brackets. */
void origin_text_place(struct str url, struct str *ret_host, uint16_t *ret_port);
/* The origin of the final URL if it is another one than the first URL's; else empty. */
struct str origin_text_left(struct str url, struct str final_url);

#endif
