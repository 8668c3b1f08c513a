/* Parts of URLs as they were recorded: texts that were made from a parsed URL, so there is nothing to judge. Not for URLs from
 * outside: http/url.h. */
#ifndef VIADUCT_STORE_ORIGIN_TEXT_H
#define VIADUCT_STORE_ORIGIN_TEXT_H

#include "base/str.h"

/* "https://example.com:8443" of "https://example.com:8443/a#b"; empty if it has no scheme. */
struct str origin_text(struct str url);
/* "example.com" of the same, "::1" of "http://[::1]/"; empty if it has no scheme. */
struct str origin_text_host(struct str url);
/* The origin of the final URL if it is another one than the first URL's; else empty. */
struct str origin_text_left(struct str url, struct str final_url);

#endif
