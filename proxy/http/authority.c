/* uri-host [":" port] (RFC 3986 section 3.2, RFC 9110 section 4.2), as strict as a resolver and an address parser together
 * need it: no name here can be read as an address by somebody else. */
#include "http/authority.h"

#include <arpa/inet.h>
#include <string.h>

enum { LABEL_BYTES = 63, NAME_BYTES = 253 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_hex(char c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

/* Text that inet_pton may read: short and terminated. */
static bool address_text(struct str s, char *to, size_t size)
{
	if (s.len == 0 || s.len >= size)
		return false;
	memcpy(to, s.p, s.len);
	to[s.len] = '\0';
	return strlen(to) == s.len;
}

static bool is_ipv4(struct str s)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr address;

	return address_text(s, text, sizeof(text)) && inet_pton(AF_INET, text, &address) == 1;
}

static bool is_ipv6(struct str s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	return address_text(s, text, sizeof(text)) && inet_pton(AF_INET6, text, &address) == 1;
}

/* A last label like "1", "0x7f" or "0x": address parsers take a name that ends so for a number. */
static bool is_number(struct str label)
{
	size_t i = 0;

	if (label.len >= 2 && label.p[0] == '0' && lower(label.p[1]) == 'x') {
		for (i = 2; i < label.len && is_hex(label.p[i]); i++)
			;
		return i == label.len;
	}
	while (i < label.len && is_digit(label.p[i]))
		i++;
	return i == label.len;
}

/* Letters, digits, hyphen and underscore, 1 to 63 of them. */
static bool is_label(struct str label)
{
	if (label.len == 0 || label.len > LABEL_BYTES)
		return false;
	for (size_t i = 0; i < label.len; i++) {
		char c = label.p[i];

		if (!is_letter(c) && !is_digit(c) && c != '-' && c != '_')
			return false;
	}
	return true;
}

static bool host_kind_of(struct str host, enum host_kind *ret)
{
	struct str rest = host, label;

	if (host.len == 0 || host.len > NAME_BYTES)
		return false;
	for (;;) {
		label = str_first(rest, str_find(rest, '.'));
		if (!is_label(label))
			return false;
		if (label.len == rest.len)
			break;
		rest = str_from(rest, label.len + 1);
	}
	if (!is_number(label)) {
		*ret = HOST_NAME;
		return true;
	}
	*ret = HOST_IPV4;
	return is_ipv4(host);
}

/* What stands behind the host: nothing, ":", or ":" and 1 to 5 digits. */
static bool parse_port(struct str rest, uint16_t *ret)
{
	uint64_t port = 0;

	if (rest.len > 0 && rest.p[0] != ':')
		return false;
	if (rest.len > 1 && (rest.len > 6 || !str_to_u64(str_from(rest, 1), UINT16_MAX, &port) || port == 0))
		return false;
	*ret = (uint16_t)port;
	return true;
}

enum authority_fault authority_split(struct str text, struct authority_parts *ret_parts)
{
	struct authority_parts parts = {.kind = HOST_IPV6};
	struct str rest;

	if (str_find(text, '@') < text.len)
		return AUTHORITY_USERINFO;
	if (text.len > 0 && text.p[0] == '[') {
		size_t end = str_find(text, ']');

		if (end == text.len)
			return AUTHORITY_HOST;
		parts.host = str_from(str_first(text, end), 1);
		rest = str_from(text, end + 1);
		if (!is_ipv6(parts.host))
			return AUTHORITY_HOST;
	} else {
		parts.host = str_first(text, str_find(text, ':'));
		rest = str_from(text, parts.host.len);
		if (parts.host.len > 1 && parts.host.p[parts.host.len - 1] == '.')
			parts.host.len--;
		if (!host_kind_of(parts.host, &parts.kind))
			return AUTHORITY_HOST;
	}
	if (!parse_port(rest, &parts.port))
		return AUTHORITY_PORT;
	*ret_parts = parts;
	return AUTHORITY_OK;
}

/* Two spellings of one IPv6 address must not become two hosts. */
static struct str ipv6_store(struct arena *a, struct str host)
{
	char text[INET6_ADDRSTRLEN], canonical[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (!address_text(host, text, sizeof(text)) || inet_pton(AF_INET6, text, &address) != 1 ||
		!inet_ntop(AF_INET6, &address, canonical, sizeof(canonical)))
		return STR_NONE;
	return arena_str(a, str_of(canonical));
}

static struct str name_store(struct arena *a, struct str host)
{
	char *to = arena_alloc(a, host.len + 1);

	if (!to)
		return STR_NONE;
	for (size_t i = 0; i < host.len; i++)
		to[i] = lower(host.p[i]);
	to[host.len] = '\0';
	return (struct str){to, host.len};
}

bool authority_store(struct arena *a, const struct authority_parts *parts, uint16_t default_port, struct authority *ret)
{
	struct str host = parts->kind == HOST_IPV6 ? ipv6_store(a, parts->host) : name_store(a, parts->host);

	if (!host.p)
		return false;
	*ret = (struct authority){.host = host, .kind = parts->kind, .port = parts->port ? parts->port : default_port};
	return true;
}

enum error authority_parse(struct arena *a, struct str text, uint16_t default_port, struct authority *ret)
{
	struct authority_parts parts;

	if (authority_split(text, &parts) != AUTHORITY_OK || (parts.port == 0 && default_port == 0))
		return ERR_bad_target;
	return authority_store(a, &parts, default_port, ret) ? ERR_none : ERR_bad_target;
}

bool host_field_is_valid(struct str value)
{
	struct authority_parts parts;

	return authority_split(value, &parts) == AUTHORITY_OK;
}
