/* A state machine over single bytes for the chunk lines; body bytes are moved in runs. No leniency: a size is hexadecimal digits
 * and nothing else, a line ends with CRLF, a chunk has exactly its length (the terminator confusions of 2025 live on less). */
#include "http/chunked.h"

#include <string.h>

enum { SIZE_DIGITS = 16 };

void chunked_init(struct chunked *k, const struct chunked_limits *limits)
{
	struct head_limits trailers = {
		.line = limits->trailers, .bytes = limits->trailers, .lines = limits->trailer_fields, .is_trailer = true};

	*k = (struct chunked){.limits = *limits};
	head_scan_init(&k->trailers, &trailers);
}

static bool is_tchar(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* HTAB, SP, visible characters and obs-text: what a quoted string is made of. */
static bool is_text(unsigned char c)
{
	return c == '\t' || (c >= ' ' && c != 0x7f);
}

/* What may follow a complete size, name, value or quoted string. */
static bool end_item(struct chunked *k, unsigned char c)
{
	if (c == ';')
		k->state = CHUNK_NAME_FIRST;
	else if (c == '\r')
		k->state = CHUNK_LINE_LF;
	else
		return false;
	return true;
}

static bool take_size(struct chunked *k, unsigned char c)
{
	int digit = str_hex_digit((char)c);

	if (digit < 0)
		return k->state == CHUNK_SIZE && end_item(k, c);
	if (++k->digits > SIZE_DIGITS || k->left > (uint64_t)INT64_MAX >> 4)
		return false;
	k->left = k->left << 4 | (unsigned)digit;
	k->state = CHUNK_SIZE;
	return true;
}

static bool take_name(struct chunked *k, unsigned char c)
{
	if (is_tchar(c))
		k->state = CHUNK_NAME;
	else if (k->state == CHUNK_NAME && c == '=')
		k->state = CHUNK_VALUE_FIRST;
	else
		return k->state == CHUNK_NAME && end_item(k, c);
	return true;
}

static bool take_value(struct chunked *k, unsigned char c)
{
	if (is_tchar(c))
		k->state = CHUNK_VALUE;
	else if (k->state == CHUNK_VALUE_FIRST && c == '"')
		k->state = CHUNK_QUOTED;
	else
		return k->state == CHUNK_VALUE && end_item(k, c);
	return true;
}

static bool take_quoted(struct chunked *k, unsigned char c)
{
	if (!is_text(c))
		return false;
	if (k->state == CHUNK_ESCAPED)
		k->state = CHUNK_QUOTED;
	else if (c == '\\')
		k->state = CHUNK_ESCAPED;
	else if (c == '"')
		k->state = CHUNK_QUOTED_END;
	return true;
}

/* One byte of a chunk line or of the CRLF behind a chunk. */
static bool take_byte(struct chunked *k, unsigned char c)
{
	switch (k->state) {
	case CHUNK_SIZE_FIRST:
	case CHUNK_SIZE:
		return take_size(k, c);
	case CHUNK_NAME_FIRST:
	case CHUNK_NAME:
		return take_name(k, c);
	case CHUNK_VALUE_FIRST:
	case CHUNK_VALUE:
		return take_value(k, c);
	case CHUNK_QUOTED:
	case CHUNK_ESCAPED:
		return take_quoted(k, c);
	case CHUNK_QUOTED_END:
		return end_item(k, c);
	case CHUNK_LINE_LF:
		k->state = k->left > 0 ? CHUNK_BYTES : CHUNK_TRAILERS;
		k->line_bytes = k->digits = 0;
		return c == '\n';
	case CHUNK_BYTES_CR:
		k->state = CHUNK_BYTES_LF;
		return c == '\r';
	case CHUNK_BYTES_LF:
		k->state = CHUNK_SIZE_FIRST;
		return c == '\n';
	case CHUNK_BYTES:
	case CHUNK_TRAILERS:
		break;
	}
	return false;
}

/* Guard 4: bytes of the line, and of extensions in all. */
static const char *count_byte(struct chunked *k, unsigned char c)
{
	if (k->state == CHUNK_BYTES_CR || k->state == CHUNK_BYTES_LF || k->state == CHUNK_LINE_LF || c == '\r')
		return NULL;
	if (++k->line_bytes > k->limits.line)
		return "a chunk line is too long";
	if ((k->state > CHUNK_SIZE || c == ';') && ++k->extension_bytes > k->limits.extensions)
		return "the chunk extensions are too long";
	return NULL;
}

/* Why the byte was refused, by where it stood. */
static const char *reason_of(enum chunked_state state)
{
	if (state == CHUNK_BYTES_CR || state == CHUNK_BYTES_LF)
		return "a chunk is not as long as its size says";
	return state <= CHUNK_SIZE ? "a chunk size is malformed" : "a chunk line is malformed";
}

/* Takes bytes up to the next body byte or the trailers. NULL if all is well. */
static const char *read_lines(struct chunked *k, struct bufq *from)
{
	while (from->len > 0 && k->state != CHUNK_BYTES && k->state != CHUNK_TRAILERS) {
		struct str span = bufq_front(from);
		size_t i = 0;

		while (i < span.len && k->state != CHUNK_BYTES && k->state != CHUNK_TRAILERS) {
			unsigned char c = (unsigned char)span.p[i++];
			enum chunked_state before = k->state;
			const char *why = count_byte(k, c);

			if (why)
				return why;
			if (!take_byte(k, c))
				return reason_of(before);
		}
		bufq_drain(from, i);
	}
	return NULL;
}

static enum chunked_verdict read_trailers(struct chunked *k, struct bufq *from, const char **ret_why)
{
	switch (head_scan(&k->trailers, from)) {
	case HEAD_WHOLE:
		return CHUNKED_TRAILERS;
	case HEAD_MORE:
		return CHUNKED_MORE;
	case HEAD_MANY:
	case HEAD_LONG:
	case HEAD_LINE_LONG:
		*ret_why = "the trailers are too long";
		return CHUNKED_BAD;
	case HEAD_LINE:
	case HEAD_EMPTY:
	case HEAD_MALFORMED:
		break;
	}
	*ret_why = "a trailer line is malformed";
	return CHUNKED_BAD;
}

enum chunked_verdict chunked_read(struct chunked *k, struct bufq *from, struct bufq *to, size_t max, const char **ret_why)
{
	for (;;) {
		const char *why = read_lines(k, from);
		size_t n;

		if (why) {
			*ret_why = why;
			return CHUNKED_BAD;
		}
		if (k->state == CHUNK_TRAILERS)
			return read_trailers(k, from, ret_why);
		if (k->state != CHUNK_BYTES || from->len == 0 || max == 0)
			return CHUNKED_MORE;
		n = bufq_move(to, from, k->left < max ? (size_t)k->left : max);
		max -= n;
		k->left -= n;
		if (k->left == 0)
			k->state = CHUNK_BYTES_CR;
	}
}
