/* The authority of a Location (RFC 3986 section 3.2): userinfo refused or dropped, a name beyond ASCII turned into A-labels, and
 * then the one strict parser. Not for: targets, which may hold neither. */
#include "http/authority.h"
#include "http/idn.h"
#include "http/percent.h"

#include <string.h>

/* *( unreserved / pct-encoded / sub-delims / ":" ): with anything else in it, "@" included, parsers differ on where it ends. */
static bool is_userinfo(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];
		bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (c == '%' ? percent_byte(str_from(s, i)) < 0 : !is_alnum && (c == '\0' || !strchr("-._~!$&'()*+,;=:", c)))
			return false;
	}
	return true;
}

/* Whether the name has bytes that only IDNA can make something of. */
static bool is_beyond_ascii(struct str host)
{
	for (size_t i = 0; i < host.len; i++) {
		if ((unsigned char)host.p[i] >= 0x80 || host.p[i] == '%')
			return true;
	}
	return false;
}

/* The name in UTF-8. Percent-encoding is taken for what RFC 3986 section 3.2.2 has it for, bytes above 0x7f: encoded ASCII could
 * only hide what the name is. p NULL then, or when the arena is full. */
static struct str decode_name(struct arena *a, struct str host)
{
	char *to = arena_alloc(a, host.len + 1);
	size_t n = 0;

	if (!to)
		return STR_NONE;
	for (size_t i = 0; i < host.len; i++) {
		if (host.p[i] == '%') {
			int byte = percent_byte(str_from(host, i));

			if (byte < 0x80)
				return STR_NONE;
			to[n++] = (char)byte;
			i += 2;
		} else {
			to[n++] = host.p[i];
		}
	}
	return (struct str){to, n};
}

/* Replaces the name in *text by its A-labels. */
static bool to_a_labels(struct arena *a, struct str *text)
{
	struct str host = str_first(*text, str_find(*text, ':')), rest = str_from(*text, host.len);
	struct str name = decode_name(a, host), ascii;
	struct authority_parts parts;

	if (!name.p)
		return false;
	ascii = idn_to_ascii(a, name);
	/* digits of another script must not become an address */
	if (!ascii.p || authority_split(ascii, &parts) != AUTHORITY_OK || parts.kind != HOST_NAME)
		return false;
	*text = arena_printf(a, "%.*s%.*s", STR_ARG(ascii), STR_ARG(rest));
	return text->p != NULL;
}

enum location_refusal authority_of_location(struct arena *a, struct str text, uint16_t default_port, bool drops_userinfo,
	struct authority *ret)
{
	struct authority_parts parts;
	size_t at = str_find(text, '@');

	if (at < text.len) {
		if (!drops_userinfo || !is_userinfo(str_first(text, at)) ||
			str_find(str_from(text, at + 1), '@') < text.len - at - 1)
			return LOCATION_USERINFO;
		text = str_from(text, at + 1);
	}
	if (!str_starts(text, STR("[")) && is_beyond_ascii(str_first(text, str_find(text, ':'))) && !to_a_labels(a, &text))
		return LOCATION_HOST;
	switch (authority_split(text, &parts)) {
	case AUTHORITY_OK:
		break;
	case AUTHORITY_USERINFO:
		return LOCATION_USERINFO;
	case AUTHORITY_HOST:
		return LOCATION_HOST;
	case AUTHORITY_PORT:
		return LOCATION_PORT;
	}
	return authority_store(a, &parts, default_port, ret) ? LOCATION_OK : LOCATION_TOO_LONG;
}
