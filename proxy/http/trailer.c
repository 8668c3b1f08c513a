/* Guard 14: trailers cannot change what the head has said. Dropped are all that were not announced and all that act on
 * framing, routing, authentication, requests, caching or content (RFC 9110 section 6.5.1). */
#include "http/trailer.h"

static const struct str forbidden[] = {
#define NAME(text) {text, sizeof(text) - 1}
	NAME("Transfer-Encoding"),
	NAME("Content-Length"),
	NAME("Host"),
	NAME("Connection"),
	NAME("Keep-Alive"),
	NAME("Proxy-Connection"),
	NAME("Upgrade"),
	NAME("TE"),
	NAME("Trailer"),
	NAME("Via"),
	NAME("Forwarded"),
	NAME("HTTP2-Settings"),
	NAME("Cache-Control"),
	NAME("Expect"),
	NAME("Max-Forwards"),
	NAME("Pragma"),
	NAME("Range"),
	NAME("Authorization"),
	NAME("WWW-Authenticate"),
	NAME("Authentication-Info"),
	NAME("Cookie"),
	NAME("Set-Cookie"),
	NAME("Age"),
	NAME("Date"),
	NAME("Expires"),
	NAME("Location"),
	NAME("Retry-After"),
	NAME("Vary"),
	NAME("Warning"),
	NAME("Content-Encoding"),
	NAME("Content-Type"),
	NAME("Content-Range"),
	NAME("Origin"),
	NAME("Referer"),
	NAME("Early-Data"),
	NAME("Alt-Svc"),
	NAME("Strict-Transport-Security"),
	NAME("Clear-Site-Data"),
#undef NAME
};

bool trailer_may_hold(struct str name)
{
	if (str_istarts(name, STR("If-")) || str_istarts(name, STR("Proxy-")) || str_istarts(name, STR("X-Forwarded-")))
		return false;
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(*forbidden); i++) {
		if (str_ieq(name, forbidden[i]))
			return false;
	}
	return true;
}

static bool has_controls(struct str value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

bool trailer_parse(struct arena *a, struct str section, struct message *head, const char **ret_why)
{
	while (section.len > 2) {
		struct str line = str_first(section, str_find(section, '\r'));
		size_t colon = str_find(line, ':');
		struct str name = str_first(line, colon), value;

		section = str_from(section, line.len + 2);
		*ret_why = "a trailer line is not a field";
		if (colon == line.len || !str_is_token(name))
			return false;
		value = str_trim(str_from(line, colon + 1));
		if (has_controls(value))
			return false;
		if (!trailer_may_hold(name) || !fields_list_has(&head->fields, STR("Trailer"), name))
			continue;
		*ret_why = "the trailers do not fit into limits.arena";
		if (!fields_add(a, &head->trailers, name, value))
			return false;
	}
	return true;
}
