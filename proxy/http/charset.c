/* Encodings found and decoded. Not for: what a text says of itself (charset_declared.c), and the decoders that are written out
 * (charset_utf.c). */
#include "http/charset.h"

#include "http/charset_part.h"
#include "http/param.h"

#include <errno.h>
#include <iconv.h>

static const struct encoding encodings[] = {
#define ENCODING(name, decoding, iconv_name, labels) {name, DECODING_##decoding, iconv_name, labels},
#include "http/charset.def"
#undef ENCODING
};

/* True if the words, divided by spaces, hold this one. */
static bool has_word(struct str words, struct str word)
{
	while (words.len > 0) {
		struct str next = str_first(words, str_find(words, ' '));

		if (str_ieq(next, word))
			return true;
		words = str_from(words, next.len);
		words = str_from(words, words.len > 0);
	}
	return false;
}

const struct encoding *encoding_of(struct str label)
{
	struct str word = param_trim(label);

	for (size_t i = 0; word.len > 0 && i < sizeof(encodings) / sizeof(*encodings); i++) {
		if (has_word(str_of(encodings[i].labels), word))
			return &encodings[i];
	}
	return NULL;
}

const char *charset_find(struct str label, struct str body)
{
	const struct encoding *e = encoding_marked(body);

	if (!e)
		e = encoding_of(label);
	if (!e)
		e = encoding_declared(body);
	if (e)
		return e->name;
	return is_valid_utf8(body) ? "UTF-8" : "windows-1252";
}

/* A conversion on its way. */
struct conversion {
	iconv_t cd;
	char *from;
	size_t left;
	bool has_shifts; /* escape sequences switch between sets: what was switched to must outlive a fault */
};

/* Some encodings hold the last character back, for what may combine with it. */
static void add_held(struct conversion *c, struct utf8_sink *to)
{
	char *out;
	size_t room = sizeof(to->bytes);

	utf8_sink_flush(to);
	out = to->bytes;
	if (iconv(c->cd, NULL, NULL, &out, &room) != (size_t)-1)
		to->n = sizeof(to->bytes) - room;
}

/* One call of iconv; true if there is something left to be done. */
static bool convert(struct conversion *c, struct utf8_sink *to)
{
	char *out = to->bytes;
	size_t room = sizeof(to->bytes), before = c->left;
	size_t result = iconv(c->cd, &c->from, &c->left, &out, &room);
	int failure = result == (size_t)-1 ? errno : 0;

	to->n = sizeof(to->bytes) - room;
	if (failure == 0 || c->left == 0)
		return false;
	if (failure == E2BIG && (to->n > 0 || c->left < before))
		return true;
	/* Not of the encoding, or cut at the end: begin again behind its first byte. */
	if (!c->has_shifts)
		add_held(c, to);
	utf8_sink_flush(to);
	utf8_sink_add_char(to, NO_CHARACTER);
	if (failure == EINVAL)
		c->left = 0;
	if (c->left == 0)
		return false;
	c->from++;
	c->left--;
	return c->left > 0;
}

static bool decode_by_iconv(struct utf8_sink *to, struct str body, const char *name)
{
	struct conversion c = {
		.cd = iconv_open("UTF-8", name),
		.from = (char *)body.p, /* it is not written to */
		.left = body.len,
		.has_shifts = str_istarts(str_of(name), STR("ISO-2022")),
	};
	bool is_more = c.left > 0;

	if (c.cd == (iconv_t)-1)
		return false;
	while (is_more && !to->is_enough) {
		is_more = convert(&c, to);
		utf8_sink_flush(to);
	}
	if (!to->is_enough)
		add_held(&c, to);
	iconv_close(c.cd);
	return true;
}

/* Without the mark, if it is one of this encoding. */
static struct str without_mark(const struct encoding *e, struct str body)
{
	return encoding_marked(body) == e ? str_from(body, e->decoding == DECODING_UTF_8 ? 3 : 2) : body;
}

bool charset_to_utf8(const char *encoding, struct str body, bool (*take)(void *owner, struct str piece), void *owner)
{
	const struct encoding *e = encoding_of(str_of(encoding));
	struct utf8_sink to;
	bool is_known = true;

	if (!e)
		return false;
	to.take = take;
	to.owner = owner;
	to.is_enough = false;
	to.n = 0;
	body = without_mark(e, body);
	switch (e->decoding) {
	case DECODING_UTF_8:
		decode_utf8(&to, body);
		break;
	case DECODING_UTF_16LE:
	case DECODING_UTF_16BE:
		decode_utf16(&to, body, e->decoding == DECODING_UTF_16BE);
		break;
	case DECODING_WINDOWS_1252:
		decode_windows_1252(&to, body);
		break;
	case DECODING_ICONV:
		is_known = decode_by_iconv(&to, body, e->iconv_name);
		break;
	}
	utf8_sink_flush(&to);
	return is_known;
}
