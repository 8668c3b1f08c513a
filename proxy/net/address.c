/* Socket addresses as values: reading, writing, comparing. Not for names. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const struct sockaddr_in *v4_of(const struct address *a)
{
	return (const struct sockaddr_in *)(const void *)&a->ss;
}

static const struct sockaddr_in6 *v6_of(const struct address *a)
{
	return (const struct sockaddr_in6 *)(const void *)&a->ss;
}

/* The host as 16 bytes, IPv4 in its v4-mapped form; false for no address. */
static bool host_bytes(const struct address *a, uint8_t ret_bytes[16])
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (a->len == 0)
		return false;
	if (a->ss.ss_family == AF_INET6) {
		memcpy(ret_bytes, &v6_of(a)->sin6_addr, 16);
		return true;
	}
	if (a->ss.ss_family != AF_INET)
		return false;
	memcpy(ret_bytes, mapped, sizeof(mapped));
	memcpy(ret_bytes + sizeof(mapped), &v4_of(a)->sin_addr, 4);
	return true;
}

/* Whether the 16 bytes are a v4-mapped address. */
static bool is_mapped(const uint8_t bytes[16])
{
	static const uint8_t zero[10];

	return memcmp(bytes, zero, sizeof(zero)) == 0 && bytes[10] == 0xff && bytes[11] == 0xff;
}

bool address_parse(struct str ip, uint16_t port, struct address *ret)
{
	char text[INET6_ADDRSTRLEN];
	struct in_addr v4;
	struct in6_addr v6;

	if (ip.len == 0 || ip.len >= sizeof(text) || memchr(ip.p, '\0', ip.len) != NULL)
		return false;
	memcpy(text, ip.p, ip.len);
	text[ip.len] = '\0';
	if (inet_pton(AF_INET, text, &v4) == 1) {
		struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = v4};

		*ret = (struct address){.len = sizeof(sa)};
		memcpy(&ret->ss, &sa, sizeof(sa));
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6) == 1) {
		struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = v6};

		*ret = (struct address){.len = sizeof(sa)};
		memcpy(&ret->ss, &sa, sizeof(sa));
		return true;
	}
	return false;
}

/* Splits "host:port" or "[v6]:port" at the last colon; false without a port. */
static bool split_port(struct str text, struct str *ret_host, uint16_t *ret_port)
{
	size_t colon = text.len;
	uint64_t port;
	struct str host;

	while (colon > 0 && text.p[colon - 1] != ':')
		colon--;
	if (colon == 0 || !str_to_u64(str_from(text, colon), UINT16_MAX, &port))
		return false;
	host = str_first(text, colon - 1);
	if (host.len >= 2 && host.p[0] == '[' && host.p[host.len - 1] == ']') {
		host = str_first(str_from(host, 1), host.len - 2);
		if (str_find(host, ':') == host.len)
			return false; /* brackets are for IPv6 */
	} else if (str_find(host, ':') != host.len) {
		return false;
	}
	*ret_host = host;
	*ret_port = (uint16_t)port;
	return true;
}

bool address_parse_listen(struct str text, struct address *ret)
{
	struct str host;
	uint16_t port;

	if (!split_port(text, &host, &port))
		return false;
	if ((host.len == 0 && text.p[0] == ':') || str_eq(host, STR("*")))
		host = STR("0.0.0.0");
	return address_parse(host, port, ret);
}

/* Appends n in decimal; returns where it ends. */
static char *put_decimal(char *to, unsigned n)
{
	char digits[3 * sizeof(n)];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	memcpy(to, digits + at, sizeof(digits) - at);
	return to + (sizeof(digits) - at);
}

/* For each flow, which printf is too slow for. */
static void put_v4(char *to, const struct sockaddr_in *v4)
{
	uint32_t host = ntohl(v4->sin_addr.s_addr);

	for (int shift = 24; shift >= 0; shift -= 8) {
		to = put_decimal(to, host >> shift & 255);
		if (shift > 0)
			*to++ = '.';
	}
	*to = '\0';
}

/* Room for INET6_ADDRSTRLEN bytes is enough. */
static void put_host(char *to, const struct address *a)
{
	*to = '\0';
	if (a->len != 0 && a->ss.ss_family == AF_INET)
		put_v4(to, v4_of(a));
	else if (a->len != 0 && a->ss.ss_family == AF_INET6)
		inet_ntop(AF_INET6, &v6_of(a)->sin6_addr, to, INET6_ADDRSTRLEN);
}

const char *address_format_host(const struct address *a, char to[ADDRESS_TEXT_BYTES])
{
	put_host(to, a);
	return to;
}

const char *address_format(const struct address *a, char to[ADDRESS_TEXT_BYTES])
{
	bool is_v6 = a->ss.ss_family == AF_INET6;
	char *end = to + is_v6;

	put_host(end, a);
	if (*end == '\0') {
		to[0] = '\0';
		return to;
	}
	end += strlen(end);
	if (is_v6) {
		to[0] = '[';
		*end++ = ']';
	}
	*end++ = ':';
	*put_decimal(end, address_port(a)) = '\0';
	return to;
}

uint16_t address_port(const struct address *a)
{
	if (a->len == 0)
		return 0;
	return ntohs(a->ss.ss_family == AF_INET6 ? v6_of(a)->sin6_port : v4_of(a)->sin_port);
}

void address_set_port(struct address *a, uint16_t port)
{
	if (a->ss.ss_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)&a->ss)->sin6_port = htons(port);
	else if (a->ss.ss_family == AF_INET)
		((struct sockaddr_in *)(void *)&a->ss)->sin_port = htons(port);
}

bool address_is_loopback(const struct address *a)
{
	uint8_t bytes[16];

	if (!host_bytes(a, bytes))
		return false;
	if (is_mapped(bytes))
		return bytes[12] == 127;
	return IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)(const void *)&v6_of(a)->sin6_addr);
}

bool address_is_unspecified(const struct address *a)
{
	static const uint8_t zero[16];
	uint8_t bytes[16];

	if (!host_bytes(a, bytes))
		return false;
	return is_mapped(bytes) ? memcmp(bytes + 12, zero, 4) == 0 : memcmp(bytes, zero, 16) == 0;
}

bool address_eq_host(const struct address *a, const struct address *b)
{
	uint8_t x[16], y[16];

	if (!host_bytes(a, x) || !host_bytes(b, y))
		return a->len == 0 && b->len == 0;
	return memcmp(x, y, 16) == 0;
}

bool address_eq(const struct address *a, const struct address *b)
{
	return address_eq_host(a, b) && address_port(a) == address_port(b);
}

/* A prefix length of at most max bits behind the slash. */
static bool parse_prefix(struct str text, uint64_t max, uint64_t *ret_bits)
{
	return text.len <= 3 && str_to_u64(text, max, ret_bits);
}

/* True if only the first bits bits are set. */
static bool is_masked(const uint8_t bytes[16], size_t bits)
{
	for (size_t i = bits; i < 128; i++) {
		if ((bytes[i / 8] & (0x80U >> (i % 8))) != 0)
			return false;
	}
	return true;
}

bool network_parse(struct str text, struct network *ret)
{
	size_t slash = str_find(text, '/');
	struct address a;
	struct network n;
	uint64_t bits;
	bool is_v4;

	if (!address_parse(str_first(text, slash), 0, &a) || !host_bytes(&a, n.bytes))
		return false;
	is_v4 = a.ss.ss_family == AF_INET;
	bits = is_v4 ? 32 : 128;
	if (slash != text.len && !parse_prefix(str_from(text, slash + 1), bits, &bits))
		return false;
	n.prefix = (uint8_t)(is_v4 ? bits + 96 : bits);
	if (!is_masked(n.bytes, n.prefix))
		return false;
	*ret = n;
	return true;
}

bool network_has(const struct network *n, const struct address *a)
{
	uint8_t bytes[16];
	size_t whole = n->prefix / 8, rest = n->prefix % 8;

	if (!host_bytes(a, bytes) || memcmp(bytes, n->bytes, whole) != 0)
		return false;
	return rest == 0 || ((bytes[whole] ^ n->bytes[whole]) >> (8 - rest)) == 0;
}
