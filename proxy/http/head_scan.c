/* The one pass over the raw bytes of a head: guard 2 (NUL, bare CR, bare LF, folded lines) and guard 4 (lengths and counts)
 * of the hostile-input table, before memory is used and before a parser of any version can read them its own way. */
#include "http/head_scan.h"

/* 1 for what a line is not made of: control bytes but HTAB. */
static const unsigned char stops[256] = {
	[0x00] = 1,
	[0x01] = 1,
	[0x02] = 1,
	[0x03] = 1,
	[0x04] = 1,
	[0x05] = 1,
	[0x06] = 1,
	[0x07] = 1,
	[0x08] = 1,
	[0x0a] = 1,
	[0x0b] = 1,
	[0x0c] = 1,
	[0x0d] = 1,
	[0x0e] = 1,
	[0x0f] = 1,
	[0x10] = 1,
	[0x11] = 1,
	[0x12] = 1,
	[0x13] = 1,
	[0x14] = 1,
	[0x15] = 1,
	[0x16] = 1,
	[0x17] = 1,
	[0x18] = 1,
	[0x19] = 1,
	[0x1a] = 1,
	[0x1b] = 1,
	[0x1c] = 1,
	[0x1d] = 1,
	[0x1e] = 1,
	[0x1f] = 1,
	[0x7f] = 1,
};

void head_scan_init(struct head_scan *h, const struct head_limits *limits)
{
	*h = (struct head_scan){.limits = *limits};
}

/* The CRLF of a line has come. */
static enum head_verdict end_line(struct head_scan *h)
{
	size_t line = h->line_bytes;

	h->line_bytes = 0;
	h->saw_cr = false;
	if (line == 0 && (h->lines > 0 || h->limits.is_trailer))
		return HEAD_WHOLE;
	if (line == 0)
		return ++h->empty > h->limits.empty ? HEAD_EMPTY : HEAD_MORE;
	if (++h->lines > h->limits.lines)
		return HEAD_MANY;
	if (h->lines > 1 || h->limits.is_trailer)
		return HEAD_MORE;
	h->first_line = line;
	return HEAD_LINE;
}

static enum head_verdict check_length(const struct head_scan *h, size_t front)
{
	if (h->lines == 0 && h->line_bytes > h->limits.line)
		return HEAD_LINE_LONG;
	return h->taken - front > h->limits.bytes ? HEAD_LONG : HEAD_MORE;
}

/* A byte that ends the run of plain ones. */
static enum head_verdict stop_at(struct head_scan *h, unsigned char c)
{
	if (c == '\0' || c == '\n')
		return HEAD_MALFORMED;
	h->taken++;
	if (c == '\r') {
		h->saw_cr = true;
	} else {
		h->has_controls = true;
		h->line_bytes++;
	}
	return HEAD_MORE;
}

/* Looks at one span. *front grows by the empty lines in front of the head. */
static enum head_verdict scan_span(struct head_scan *h, const unsigned char *p, size_t n, size_t *front)
{
	enum head_verdict v = HEAD_MORE;
	size_t i = 0;

	while (i < n && v == HEAD_MORE) {
		size_t start = i;

		if (h->saw_cr) {
			if (p[i++] != '\n')
				return HEAD_MALFORMED;
			h->taken++;
			v = end_line(h);
			if (h->lines == 0)
				*front = h->taken;
			continue;
		}
		if (h->line_bytes == 0 && (p[i] == ' ' || p[i] == '\t'))
			return HEAD_MALFORMED;
		while (i < n && !stops[p[i]])
			i++;
		h->taken += i - start;
		h->line_bytes += i - start;
		v = check_length(h, *front);
		if (v == HEAD_MORE && i < n)
			v = stop_at(h, p[i++]);
	}
	return v;
}

enum head_verdict head_scan(struct head_scan *h, struct bufq *in)
{
	const struct piece *cursor = NULL;
	enum head_verdict v = HEAD_MORE;
	size_t skip = h->taken, front = 0;
	struct str span;

	while (v == HEAD_MORE && bufq_each(in, &cursor, &span)) {
		if (skip >= span.len) {
			skip -= span.len;
			continue;
		}
		v = scan_span(h, (const unsigned char *)span.p + skip, span.len - skip, &front);
		skip = 0;
	}
	if (front > 0 && !h->limits.is_trailer) {
		bufq_drain(in, front);
		h->taken -= front;
	}
	return v;
}
