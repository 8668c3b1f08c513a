/* Inside of media_type*.c. */
#ifndef VIADUCT_HTTP_MEDIA_TYPE_PART_H
#define VIADUCT_HTTP_MEDIA_TYPE_PART_H

#include "base/str.h"

/* MP4, WebM, and MP3 without a tag in front, by their structure (WHATWG MIME Sniffing, section 6.2); NULL: none of them. */
const char *media_type_sniff_media(struct str s);

#endif
