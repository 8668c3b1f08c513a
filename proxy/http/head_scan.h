/* Inside of the codecs: finds the end of a head or of a trailer section in a queue, before anything is kept or parsed, and
 * strikes on what no parser must see (RFC 9112 sections 2.2 and 5.2). Each byte is looked at once, however it arrives. */
#ifndef VIADUCT_HTTP_HEAD_SCAN_H
#define VIADUCT_HTTP_HEAD_SCAN_H

#include "base/bufq.h"

#include <stdbool.h>
#include <stddef.h>

struct head_limits {
	size_t line;  /* bytes of the first line */
	size_t bytes; /* of all, empty lines in front excluded */
	size_t lines;
	size_t empty;    /* empty lines in front */
	bool is_trailer; /* an empty line always ends it: there is no first line of another kind */
};

struct head_scan {
	struct head_limits limits;
	size_t taken;      /* bytes looked at, from the front of the queue */
	size_t line_bytes; /* of the present line */
	size_t lines;      /* complete ones, without the empty one at the end */
	size_t first_line; /* bytes of the first line, without its CRLF */
	size_t empty;
	bool saw_cr;
	bool has_controls; /* a control byte other than HTAB, CR, LF */
};

enum head_verdict {
	HEAD_MORE,
	HEAD_LINE,      /* the first line is complete: scan on when it has been looked at */
	HEAD_WHOLE,     /* `taken` bytes are the head */
	HEAD_MALFORMED, /* NUL, CR without LF, LF without CR, or a line that begins with a space or a tab */
	HEAD_EMPTY,     /* too many empty lines in front */
	HEAD_LINE_LONG,
	HEAD_LONG,
	HEAD_MANY /* too many lines */
};

void head_scan_init(struct head_scan *h, const struct head_limits *limits);
/* Looks at what has come since the last call. Takes nothing but the empty lines in front. */
enum head_verdict head_scan(struct head_scan *h, struct bufq *in);

#endif
