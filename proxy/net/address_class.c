/* See address_class.h. The tables follow the IANA registries "IPv4 Special-Purpose Address Space" and "IPv6 Special-Purpose
 * Address Space"; what they call globally reachable is public. Of IPv6, only 2000::/3 is given out as global unicast at all.
 * RFC 6052 and 8215 (NAT64), 3056 (6to4), 4380 (Teredo), 4291 (v4-mapped, v4-compatible), 2765 (v4-translated). */
#include "net/address_class.h"

#include <netinet/in.h>
#include <string.h>

struct v4_row {
	uint32_t bytes;
	uint8_t bits;
	enum address_class class;
};

/* The first that fits counts. */
static const struct v4_row v4_rows[] = {
	{0x00000000, 32, ADDRESS_UNSPECIFIED},
	{0xffffffff, 32, ADDRESS_BROADCAST},
	{0xa9fea9fe, 32, ADDRESS_METADATA}, /* 169.254.169.254: AWS, Azure, Google, Oracle, OpenStack and most others */
	{0xa9feaa02, 32, ADDRESS_METADATA}, /* 169.254.170.2: credentials of AWS ECS tasks */
	{0xa9feaa17, 32, ADDRESS_METADATA}, /* 169.254.170.23: credentials of AWS EKS pods */
	{0xa9fe0017, 32, ADDRESS_METADATA}, /* 169.254.0.23, 169.254.10.10: Tencent */
	{0xa9fe0a0a, 32, ADDRESS_METADATA},
	{0xa9fe2a2a, 32, ADDRESS_METADATA}, /* 169.254.42.42: Scaleway */
	{0x646464c8, 32, ADDRESS_METADATA}, /* 100.100.100.200: Alibaba */
	{0x64600060, 32, ADDRESS_METADATA}, /* 100.96.0.96: Volcengine */
	{0xc00000c0, 32, ADDRESS_METADATA}, /* 192.0.0.192: Oracle Classic */
	{0xa83f8110, 32, ADDRESS_METADATA}, /* 168.63.129.16: Azure's wire server */
	{0xc0000009, 32, ADDRESS_PUBLIC},   /* 192.0.0.9: Port Control Protocol anycast */
	{0xc000000a, 32, ADDRESS_PUBLIC},   /* 192.0.0.10: TURN anycast */
	{0x00000000, 8, ADDRESS_RESERVED},
	{0x0a000000, 8, ADDRESS_PRIVATE},
	{0x64400000, 10, ADDRESS_SHARED},
	{0x7f000000, 8, ADDRESS_LOOPBACK},
	{0xa9fe0000, 16, ADDRESS_LINK_LOCAL},
	{0xac100000, 12, ADDRESS_PRIVATE},
	{0xc0000000, 24, ADDRESS_RESERVED}, /* 192.0.0.0/24: IETF protocol assignments */
	{0xc0000200, 24, ADDRESS_RESERVED}, /* 192.0.2.0/24: documentation */
	{0xc0586300, 24, ADDRESS_RESERVED}, /* 192.88.99.0/24: the former 6to4 relays */
	{0xc0a80000, 16, ADDRESS_PRIVATE},
	{0xc6120000, 15, ADDRESS_RESERVED}, /* 198.18.0.0/15: benchmarks */
	{0xc6336400, 24, ADDRESS_RESERVED}, /* 198.51.100.0/24: documentation */
	{0xcb007100, 24, ADDRESS_RESERVED}, /* 203.0.113.0/24: documentation */
	{0xe0000000, 4, ADDRESS_MULTICAST},
	{0xf0000000, 4, ADDRESS_RESERVED},
};

struct v6_row {
	uint8_t bytes[16];
	uint8_t bits;
	enum address_class class;
};

/* The same, for what is neither :: nor ::1 nor holds an IPv4 address. The last row fits always. */
static const struct v6_row v6_rows[] = {
	{{0xfd, 0x00, 0x0e, 0xc2}, 32, ADDRESS_METADATA},                                 /* fd00:ec2::/32: AWS */
	{{0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54}, 128, ADDRESS_METADATA},             /* Google */
	{{0xfd, 0x00, 0x00, 0xc1, [12] = 0xa9, 0xfe, 0xa9, 0xfe}, 128, ADDRESS_METADATA}, /* Oracle */
	{{0xfe, 0x80, [12] = 0xa9, 0xfe, 0xa9, 0xfe}, 128, ADDRESS_METADATA},             /* OpenStack */
	{{0xfd, 0x00, 0xa9, 0xfe, 0xa9, 0xfe, [15] = 0x01}, 128, ADDRESS_METADATA},       /* Akamai (Linode) */
	{{0xfd, 0x00, 0x00, 0x42, [15] = 0x42}, 128, ADDRESS_METADATA},                   /* Scaleway */
	{{0xfd, 0x00, 0x01, 0x00, [12] = 0x01, 0x00, 0x02, 0x00}, 128, ADDRESS_METADATA}, /* Alibaba */
	{{0xff}, 8, ADDRESS_MULTICAST},                                                   /* ff00::/8 */
	{{0xfe, 0x80}, 10, ADDRESS_LINK_LOCAL},                                           /* fe80::/10 */
	{{0xfe, 0xc0}, 10, ADDRESS_UNIQUE_LOCAL},                   /* fec0::/10: the former site-local ones */
	{{0xfc}, 7, ADDRESS_UNIQUE_LOCAL},                          /* fc00::/7 */
	{{0x20, 0x01, 0x00, 0x01, [15] = 1}, 128, ADDRESS_PUBLIC},  /* Port Control Protocol anycast */
	{{0x20, 0x01, 0x00, 0x01, [15] = 2}, 128, ADDRESS_PUBLIC},  /* TURN anycast */
	{{0x20, 0x01, 0x00, 0x01, [15] = 3}, 128, ADDRESS_PUBLIC},  /* service registration anycast */
	{{0x20, 0x01, 0x00, 0x03}, 32, ADDRESS_PUBLIC},             /* AMT */
	{{0x20, 0x01, 0x00, 0x04, 0x01, 0x12}, 48, ADDRESS_PUBLIC}, /* AS112 */
	{{0x20, 0x01, 0x00, 0x20}, 28, ADDRESS_PUBLIC},             /* ORCHIDv2 */
	{{0x20, 0x01, 0x00, 0x30}, 28, ADDRESS_PUBLIC},             /* drone remote identification */
	{{0x20, 0x01}, 23, ADDRESS_RESERVED},                       /* IETF protocol assignments */
	{{0x20, 0x01, 0x0d, 0xb8}, 32, ADDRESS_RESERVED},           /* documentation */
	{{0x3f, 0xff}, 20, ADDRESS_RESERVED},                       /* documentation */
	{{0x20}, 3, ADDRESS_PUBLIC},                                /* global unicast */
	{{0}, 0, ADDRESS_RESERVED},                                 /* discard, SRv6 segments, and what nobody was given */
};

/* Address ranges whose IPv6 addresses hold an IPv4 one in one place. */
static const struct embedding {
	uint8_t bytes[16];
	uint8_t bits;
	uint8_t at;      /* of its first byte */
	uint8_t flip;    /* every byte of it is stored XOR this */
	bool is_private; /* the network's own: never public */
} embeddings[] = {
	{{[10] = 0xff, 0xff}, 96, 12, 0, false},         /* ::ffff:0:0/96, v4-mapped */
	{{[8] = 0xff, 0xff}, 96, 12, 0, true},           /* ::ffff:0:0:0/96, v4-translated */
	{{0}, 96, 12, 0, false},                         /* ::/96, v4-compatible */
	{{0x00, 0x64, 0xff, 0x9b}, 96, 12, 0, false},    /* 64:ff9b::/96, NAT64 */
	{{0x20, 0x02}, 16, 2, 0, false},                 /* 2002::/16, 6to4 */
	{{0x20, 0x01, 0x00, 0x00}, 32, 12, 0xff, false}, /* 2001::/32, Teredo */
};

static const uint8_t nat64_local[6] = {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01};

static const char *const names[ADDRESS_CLASS_COUNT] = {
	[ADDRESS_PUBLIC] = "public",
	[ADDRESS_RESERVED] = "reserved",
	[ADDRESS_PRIVATE] = "private",
	[ADDRESS_SHARED] = "shared",
	[ADDRESS_UNIQUE_LOCAL] = "unique-local",
	[ADDRESS_LOOPBACK] = "loopback",
	[ADDRESS_LINK_LOCAL] = "link-local",
	[ADDRESS_METADATA] = "metadata",
	[ADDRESS_MULTICAST] = "multicast",
	[ADDRESS_BROADCAST] = "broadcast",
	[ADDRESS_UNSPECIFIED] = "unspecified",
	[ADDRESS_SELF] = "self",
};

const char *address_class_name(enum address_class c)
{
	return (unsigned)c < ADDRESS_CLASS_COUNT ? names[c] : "unknown";
}

bool address_class_of_name(struct str name, enum address_class *ret)
{
	for (unsigned c = 0; c < ADDRESS_CLASS_COUNT; c++) {
		if (str_eq(name, str_of(names[c]))) {
			*ret = (enum address_class)c;
			return true;
		}
	}
	return false;
}

static bool has_prefix(const uint8_t *bytes, const uint8_t *prefix, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(bytes, prefix, whole) != 0)
		return false;
	return rest == 0 || ((bytes[whole] ^ prefix[whole]) >> (8 - rest)) == 0;
}

static enum address_class class_of_v4(uint32_t v4)
{
	for (size_t i = 0; i < sizeof(v4_rows) / sizeof(v4_rows[0]); i++) {
		if (((v4 ^ v4_rows[i].bytes) >> (32 - v4_rows[i].bits)) == 0)
			return v4_rows[i].class;
	}
	return ADDRESS_PUBLIC;
}

static uint32_t v4_at(const uint8_t *bytes, uint8_t flip)
{
	uint32_t v4 = 0;

	for (int i = 0; i < 4; i++)
		v4 = v4 << 8 | (uint8_t)(bytes[i] ^ flip);
	return v4;
}

/* An IPv4 address embedded behind a prefix of so many bytes (RFC 6052 section 2.2), the u octet, number 8, left out. False if
 * the u octet or what follows the address is not zero, as it has to be: then the prefix was another. */
static bool nat64_read(const uint8_t bytes[16], size_t prefix, uint32_t *ret_v4)
{
	uint8_t v4[4];
	size_t at = prefix;

	for (int i = 0; i < 4; i++) {
		if (at == 8 && prefix < 12)
			at++;
		v4[i] = bytes[at++];
	}
	if (prefix < 12 && bytes[8] != 0)
		return false;
	while (at < 16) {
		if (bytes[at++] != 0)
			return false;
	}
	*ret_v4 = v4_at(v4, 0);
	return true;
}

/* 64:ff9b:1::/48: which prefix a network takes out of it is its own choice (RFC 8215), so the address may be read in several
 * ways. The deepest counts; 0.0.0.0/8 only if there is nothing else, since the zeros around a shorter reading look so. */
static enum address_class class_of_nat64_local(const uint8_t bytes[16])
{
	static const size_t prefixes[] = {6, 7, 8, 12};
	enum address_class found = ADDRESS_RESERVED;
	bool is_zeros = true;

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		enum address_class c;
		uint32_t v4;

		if (!nat64_read(bytes, prefixes[i], &v4))
			continue;
		if (v4 >> 24 == 0)
			continue;
		is_zeros = false;
		c = class_of_v4(v4);
		if (address_class_depth(c) > address_class_depth(found) || (found == ADDRESS_RESERVED && c != ADDRESS_PUBLIC))
			found = c;
	}
	return is_zeros ? class_of_v4(v4_at(bytes + 12, 0)) : found;
}

static enum address_class class_of_v6(const uint8_t bytes[16])
{
	static const uint8_t zero[16];
	const struct v6_row *row = v6_rows;

	/* They lie in the range of the v4-compatible ones. */
	if (memcmp(bytes, zero, 15) == 0 && bytes[15] <= 1)
		return bytes[15] == 0 ? ADDRESS_UNSPECIFIED : ADDRESS_LOOPBACK;
	if (memcmp(bytes, nat64_local, sizeof(nat64_local)) == 0)
		return class_of_nat64_local(bytes);
	for (size_t i = 0; i < sizeof(embeddings) / sizeof(embeddings[0]); i++) {
		const struct embedding *e = &embeddings[i];
		enum address_class c;

		if (!has_prefix(bytes, e->bytes, e->bits))
			continue;
		c = class_of_v4(v4_at(bytes + e->at, e->flip));
		return c == ADDRESS_PUBLIC && e->is_private ? ADDRESS_RESERVED : c;
	}
	while (!has_prefix(bytes, row->bytes, row->bits))
		row++;
	return row->class;
}

enum address_class address_class_of(const struct address *a)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (a->len >= sizeof(v4) && a->ss.ss_family == AF_INET) {
		memcpy(&v4, &a->ss, sizeof(v4));
		return class_of_v4(ntohl(v4.sin_addr.s_addr));
	}
	if (a->len >= sizeof(v6) && a->ss.ss_family == AF_INET6) {
		memcpy(&v6, &a->ss, sizeof(v6));
		return class_of_v6(v6.sin6_addr.s6_addr);
	}
	return ADDRESS_UNSPECIFIED;
}

unsigned address_class_depth(enum address_class c)
{
	switch (c) {
	case ADDRESS_PUBLIC:
		return 0;
	case ADDRESS_RESERVED:
	case ADDRESS_PRIVATE:
	case ADDRESS_SHARED:
	case ADDRESS_UNIQUE_LOCAL:
		return 1;
	case ADDRESS_LOOPBACK:
		return 2;
	default:
		return 3;
	}
}

bool address_class_may_follow(enum address_class from, enum address_class to, unsigned allowed)
{
	unsigned depth = address_class_depth(to);

	if (to == ADDRESS_SELF)
		return false;
	if ((allowed & 1u << to) != 0)
		return true;
	return depth < 3 && depth <= address_class_depth(from);
}
