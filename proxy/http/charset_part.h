/* Inside of charset*.c. */
#ifndef VIADUCT_HTTP_CHARSET_PART_H
#define VIADUCT_HTTP_CHARSET_PART_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum decoding { DECODING_UTF_8, DECODING_UTF_16LE, DECODING_UTF_16BE, DECODING_WINDOWS_1252, DECODING_ICONV };

struct encoding {
	const char *name;
	enum decoding decoding;
	const char *iconv_name; /* of DECODING_ICONV */
	const char *labels;     /* lower case, divided by spaces */
};

/* By name or label, without case and white space around it; NULL: not known. */
const struct encoding *encoding_of(struct str label);
/* What the text says of itself: a byte order mark; an HTML meta element or an XML declaration in its first 1,024 bytes (HTML,
 * section 13.2.3.2). NULL: nothing. */
const struct encoding *encoding_marked(struct str body);
const struct encoding *encoding_declared(struct str body);

/* Output on its way: small pieces are gathered. */
struct utf8_sink {
	bool (*take)(void *owner, struct str piece);
	void *owner;
	bool is_enough; /* take said so */
	char bytes[4096];
	size_t n;
};

void utf8_sink_add(struct utf8_sink *to, struct str valid);
void utf8_sink_add_char(struct utf8_sink *to, uint32_t c);
void utf8_sink_flush(struct utf8_sink *to);

enum { NO_CHARACTER = 0xfffd }; /* in the place of what cannot be decoded */

/* The decoders that are written out here. None of them flushes. */
void decode_utf8(struct utf8_sink *to, struct str body);
void decode_utf16(struct utf8_sink *to, struct str body, bool is_big_endian);
void decode_windows_1252(struct utf8_sink *to, struct str body);
/* A character that is cut at the end does not count. */
bool is_valid_utf8(struct str body);

#endif
