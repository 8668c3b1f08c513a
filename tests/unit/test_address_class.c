/* Classes of addresses: the registries row by row with what lies just outside, addresses inside addresses, and where a chain
 * may go. */
#include "net/address_class.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *text;
	enum address_class class;
} rows[] = {
	/* IPv4: the first and last address of each range, and their neighbours outside. */
	{"0.0.0.0", ADDRESS_UNSPECIFIED},
	{"0.0.0.1", ADDRESS_RESERVED},
	{"0.255.255.255", ADDRESS_RESERVED},
	{"1.0.0.0", ADDRESS_PUBLIC},
	{"1.1.1.1", ADDRESS_PUBLIC},
	{"9.255.255.255", ADDRESS_PUBLIC},
	{"10.0.0.0", ADDRESS_PRIVATE},
	{"10.255.255.255", ADDRESS_PRIVATE},
	{"11.0.0.0", ADDRESS_PUBLIC},
	{"100.63.255.255", ADDRESS_PUBLIC},
	{"100.64.0.0", ADDRESS_SHARED},
	{"100.96.0.96", ADDRESS_METADATA},
	{"100.100.100.199", ADDRESS_SHARED},
	{"100.100.100.200", ADDRESS_METADATA},
	{"100.127.255.255", ADDRESS_SHARED},
	{"100.128.0.0", ADDRESS_PUBLIC},
	{"126.255.255.255", ADDRESS_PUBLIC},
	{"127.0.0.0", ADDRESS_LOOPBACK},
	{"127.0.0.1", ADDRESS_LOOPBACK},
	{"127.255.255.255", ADDRESS_LOOPBACK},
	{"128.0.0.0", ADDRESS_PUBLIC},
	{"168.63.129.15", ADDRESS_PUBLIC},
	{"168.63.129.16", ADDRESS_METADATA},
	{"168.63.129.17", ADDRESS_PUBLIC},
	{"169.253.255.255", ADDRESS_PUBLIC},
	{"169.254.0.0", ADDRESS_LINK_LOCAL},
	{"169.254.0.23", ADDRESS_METADATA},
	{"169.254.10.10", ADDRESS_METADATA},
	{"169.254.42.42", ADDRESS_METADATA},
	{"169.254.169.253", ADDRESS_LINK_LOCAL},
	{"169.254.169.254", ADDRESS_METADATA},
	{"169.254.170.2", ADDRESS_METADATA},
	{"169.254.170.23", ADDRESS_METADATA},
	{"169.254.255.255", ADDRESS_LINK_LOCAL},
	{"169.255.0.0", ADDRESS_PUBLIC},
	{"172.15.255.255", ADDRESS_PUBLIC},
	{"172.16.0.0", ADDRESS_PRIVATE},
	{"172.31.255.255", ADDRESS_PRIVATE},
	{"172.32.0.0", ADDRESS_PUBLIC},
	{"191.255.255.255", ADDRESS_PUBLIC},
	{"192.0.0.0", ADDRESS_RESERVED},
	{"192.0.0.8", ADDRESS_RESERVED},
	{"192.0.0.9", ADDRESS_PUBLIC},
	{"192.0.0.10", ADDRESS_PUBLIC},
	{"192.0.0.170", ADDRESS_RESERVED},
	{"192.0.0.192", ADDRESS_METADATA},
	{"192.0.0.255", ADDRESS_RESERVED},
	{"192.0.1.0", ADDRESS_PUBLIC},
	{"192.0.2.0", ADDRESS_RESERVED},
	{"192.0.2.255", ADDRESS_RESERVED},
	{"192.0.3.0", ADDRESS_PUBLIC},
	{"192.31.196.1", ADDRESS_PUBLIC},
	{"192.52.193.1", ADDRESS_PUBLIC},
	{"192.88.98.255", ADDRESS_PUBLIC},
	{"192.88.99.1", ADDRESS_RESERVED},
	{"192.88.100.0", ADDRESS_PUBLIC},
	{"192.167.255.255", ADDRESS_PUBLIC},
	{"192.168.0.0", ADDRESS_PRIVATE},
	{"192.168.255.255", ADDRESS_PRIVATE},
	{"192.169.0.0", ADDRESS_PUBLIC},
	{"192.175.48.1", ADDRESS_PUBLIC},
	{"198.17.255.255", ADDRESS_PUBLIC},
	{"198.18.0.0", ADDRESS_RESERVED},
	{"198.19.255.255", ADDRESS_RESERVED},
	{"198.20.0.0", ADDRESS_PUBLIC},
	{"198.51.99.255", ADDRESS_PUBLIC},
	{"198.51.100.0", ADDRESS_RESERVED},
	{"198.51.100.255", ADDRESS_RESERVED},
	{"198.51.101.0", ADDRESS_PUBLIC},
	{"203.0.112.255", ADDRESS_PUBLIC},
	{"203.0.113.0", ADDRESS_RESERVED},
	{"203.0.113.255", ADDRESS_RESERVED},
	{"203.0.114.0", ADDRESS_PUBLIC},
	{"223.255.255.255", ADDRESS_PUBLIC},
	{"224.0.0.0", ADDRESS_MULTICAST},
	{"239.255.255.255", ADDRESS_MULTICAST},
	{"240.0.0.0", ADDRESS_RESERVED},
	{"255.255.255.254", ADDRESS_RESERVED},
	{"255.255.255.255", ADDRESS_BROADCAST},

	/* IPv6. */
	{"::", ADDRESS_UNSPECIFIED},
	{"::1", ADDRESS_LOOPBACK},
	{"100::", ADDRESS_RESERVED},
	{"100::ffff:ffff:ffff:ffff", ADDRESS_RESERVED},
	{"100:0:0:1::1", ADDRESS_RESERVED},
	{"1fff:ffff::1", ADDRESS_RESERVED},
	{"2000::1", ADDRESS_PUBLIC},
	{"2001:1::", ADDRESS_RESERVED},
	{"2001:1::1", ADDRESS_PUBLIC},
	{"2001:1::2", ADDRESS_PUBLIC},
	{"2001:1::3", ADDRESS_PUBLIC},
	{"2001:1::4", ADDRESS_RESERVED},
	{"2001:2::1", ADDRESS_RESERVED},
	{"2001:3::1", ADDRESS_PUBLIC},
	{"2001:4:111::1", ADDRESS_RESERVED},
	{"2001:4:112::1", ADDRESS_PUBLIC},
	{"2001:4:113::1", ADDRESS_RESERVED},
	{"2001:10::1", ADDRESS_RESERVED},
	{"2001:1f:ffff::1", ADDRESS_RESERVED},
	{"2001:20::1", ADDRESS_PUBLIC},
	{"2001:2f:ffff::1", ADDRESS_PUBLIC},
	{"2001:30::1", ADDRESS_PUBLIC},
	{"2001:40::1", ADDRESS_RESERVED},
	{"2001:1ff:ffff::1", ADDRESS_RESERVED},
	{"2001:200::1", ADDRESS_PUBLIC},
	{"2001:db7:ffff::1", ADDRESS_PUBLIC},
	{"2001:db8::1", ADDRESS_RESERVED},
	{"2001:db8:ffff:ffff::1", ADDRESS_RESERVED},
	{"2001:db9::1", ADDRESS_PUBLIC},
	{"2606:4700:4700::1111", ADDRESS_PUBLIC},
	{"2620:4f:8000::1", ADDRESS_PUBLIC},
	{"3ffe:ffff::1", ADDRESS_PUBLIC},
	{"3fff::1", ADDRESS_RESERVED},
	{"3fff:fff:ffff::1", ADDRESS_RESERVED},
	{"3fff:1000::1", ADDRESS_PUBLIC},
	{"4000::1", ADDRESS_RESERVED},
	{"5f00::1", ADDRESS_RESERVED},
	{"fbff::1", ADDRESS_RESERVED},
	{"fc00::1", ADDRESS_UNIQUE_LOCAL},
	{"fd00:100::100:200", ADDRESS_METADATA},
	{"fd00:100::100:201", ADDRESS_UNIQUE_LOCAL},
	{"fd00:42::42", ADDRESS_METADATA},
	{"fd00:42::43", ADDRESS_UNIQUE_LOCAL},
	{"fd00:a9fe:a9fe::1", ADDRESS_METADATA},
	{"fd00:a9fe:a9fe::2", ADDRESS_UNIQUE_LOCAL},
	{"fd00:c1::a9fe:a9fe", ADDRESS_METADATA},
	{"fd00:ec1:ffff::254", ADDRESS_UNIQUE_LOCAL},
	{"fd00:ec2::23", ADDRESS_METADATA},
	{"fd00:ec2::254", ADDRESS_METADATA},
	{"fd20:ce::254", ADDRESS_METADATA},
	{"fd20:ce::255", ADDRESS_UNIQUE_LOCAL},
	{"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDRESS_UNIQUE_LOCAL},
	{"fe00::1", ADDRESS_RESERVED},
	{"fe7f::1", ADDRESS_RESERVED},
	{"fe80::1", ADDRESS_LINK_LOCAL},
	{"fe80::a9fe:a9fe", ADDRESS_METADATA},
	{"febf::1", ADDRESS_LINK_LOCAL},
	{"fec0::1", ADDRESS_UNIQUE_LOCAL},
	{"feff::1", ADDRESS_UNIQUE_LOCAL},
	{"ff00::", ADDRESS_MULTICAST},
	{"ff02::1", ADDRESS_MULTICAST},

	/* v4-mapped, v4-compatible, v4-translated. */
	{"::ffff:8.8.8.8", ADDRESS_PUBLIC},
	{"::ffff:127.0.0.1", ADDRESS_LOOPBACK},
	{"::ffff:a9fe:a9fe", ADDRESS_METADATA},
	{"::ffff:0.0.0.0", ADDRESS_UNSPECIFIED},
	{"::ffff:255.255.255.255", ADDRESS_BROADCAST},
	{"::2", ADDRESS_RESERVED},
	{"::10.1.2.3", ADDRESS_PRIVATE},
	{"::7f00:1", ADDRESS_LOOPBACK},
	{"::8.8.8.8", ADDRESS_PUBLIC},
	{"::fffe:7f00:1", ADDRESS_RESERVED},
	{"::ffff:0:127.0.0.1", ADDRESS_LOOPBACK},
	{"::ffff:0:8.8.8.8", ADDRESS_RESERVED},

	/* NAT64 by the well-known prefix. */
	{"64:ff9b::8.8.8.8", ADDRESS_PUBLIC},
	{"64:ff9b::10.0.0.1", ADDRESS_PRIVATE},
	{"64:ff9b::169.254.169.254", ADDRESS_METADATA},
	{"64:ff9b::0.0.0.0", ADDRESS_UNSPECIFIED},
	{"64:ff9b::1:7f00:1", ADDRESS_RESERVED}, /* outside the /96 */

	/* NAT64 by a prefix of the network's own: 48, 56, 64 and 96 bits; octet 8 is skipped. */
	{"64:ff9b:1:7f00:0:100::", ADDRESS_LOOPBACK},
	{"64:ff9b:1:a9fe:a9:fe00::", ADDRESS_METADATA},
	{"64:ff9b:1:aa7f:0:1::", ADDRESS_LOOPBACK},
	{"64:ff9b:1:abcd:7f:0:100:0", ADDRESS_LOOPBACK},
	{"64:ff9b:1:abcd:ef01:2345:7f00:1", ADDRESS_LOOPBACK},
	{"64:ff9b:1::10.0.0.1", ADDRESS_PRIVATE},
	{"64:ff9b:1::10.0.0.0", ADDRESS_PRIVATE},
	{"64:ff9b:1::100.64.0.1", ADDRESS_SHARED},
	{"64:ff9b:1::169.254.169.254", ADDRESS_METADATA},
	{"64:ff9b:1::8.8.8.8", ADDRESS_RESERVED},
	{"64:ff9b:1:808:8:800::", ADDRESS_RESERVED},
	{"64:ff9b:1:7f00:100:100::", ADDRESS_UNSPECIFIED}, /* octet 8 is set: not a prefix of 48 bits */
	{"64:ff9b:1::", ADDRESS_UNSPECIFIED},
	{"64:ff9b:1::5", ADDRESS_RESERVED},
	{"64:ff9b:2::127.0.0.1", ADDRESS_RESERVED},

	/* 6to4, and Teredo: the server's address, then the client's inverted. */
	{"2002:808:808::1", ADDRESS_PUBLIC},
	{"2002:7f00:1::", ADDRESS_LOOPBACK},
	{"2002:a00:1::1", ADDRESS_PRIVATE},
	{"2002:a9fe:a9fe::1", ADDRESS_METADATA},
	{"2002:e000:1::1", ADDRESS_MULTICAST},
	{"2001:0:4136:e378:8000:63bf:f7f7:f7f7", ADDRESS_PUBLIC},
	{"2001:0:4136:e378:8000:63bf:3fff:fdd2", ADDRESS_RESERVED}, /* 192.0.2.45, the example of RFC 4380 */
	{"2001:0:4136:e378:8000:63bf:80ff:fffe", ADDRESS_LOOPBACK},
	{"2001:0:4136:e378:8000:63bf:5601:5601", ADDRESS_METADATA},
	{"2001::", ADDRESS_BROADCAST},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct address a;
		enum address_class c;

		assert_true(address_parse(str_of(rows[i].text), 80, &a));
		c = address_class_of(&a);
		if (c != rows[i].class)
			fail_msg("%s: %s, not %s", rows[i].text, address_class_name(c), address_class_name(rows[i].class));
	}
}

/* What an IPv4 address is, it is in every form that holds it. */
static void test_every_form_agrees(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 65536; n++) {
		/* Spread over all of IPv4. */
		uint32_t v4 = n * 2654435761u;
		uint32_t inverse = ~v4;
		enum address_class plain, c;
		struct address a;
		char text[4][64];

		snprintf(text[0], sizeof(text[0]), "%u.%u.%u.%u", v4 >> 24, v4 >> 16 & 255, v4 >> 8 & 255, v4 & 255);
		assert_true(address_parse(str_of(text[0]), 80, &a));
		plain = address_class_of(&a);
		snprintf(text[0], sizeof(text[0]), "::ffff:%x:%x", v4 >> 16, v4 & 65535);
		snprintf(text[1], sizeof(text[1]), "64:ff9b::%x:%x", v4 >> 16, v4 & 65535);
		snprintf(text[2], sizeof(text[2]), "2002:%x:%x::1", v4 >> 16, v4 & 65535);
		snprintf(text[3], sizeof(text[3]), "2001::%x:%x", inverse >> 16, inverse & 65535);
		for (size_t i = 0; i < COUNT(text); i++) {
			assert_true(address_parse(str_of(text[i]), 80, &a));
			assert_int_equal(address_class_of(&a), plain);
		}
		snprintf(text[0], sizeof(text[0]), "64:ff9b:1:aabb:ccdd:eeff:%x:%x", v4 >> 16, v4 & 65535);
		assert_true(address_parse(str_of(text[0]), 80, &a));
		c = address_class_of(&a);
		assert_int_not_equal(c, ADDRESS_PUBLIC);
		assert_true(address_class_depth(c) >= address_class_depth(plain));
	}
}

static void test_no_address(void **state)
{
	struct address none = {.len = 0}, cut;

	(void)state;
	assert_int_equal(address_class_of(&none), ADDRESS_UNSPECIFIED);
	assert_true(address_parse(STR("8.8.8.8"), 80, &cut));
	cut.len = 4;
	assert_int_equal(address_class_of(&cut), ADDRESS_UNSPECIFIED);
}

static void test_names(void **state)
{
	enum address_class c = ADDRESS_SELF;

	(void)state;
	for (unsigned i = 0; i < ADDRESS_CLASS_COUNT; i++) {
		assert_true(address_class_of_name(str_of(address_class_name((enum address_class)i)), &c));
		assert_int_equal(c, i);
	}
	c = ADDRESS_SHARED;
	assert_false(address_class_of_name(STR("Public"), &c));
	assert_false(address_class_of_name(STR(""), &c));
	assert_false(address_class_of_name(STR("link"), &c));
	assert_int_equal(c, ADDRESS_SHARED);
	assert_string_equal(address_class_name(ADDRESS_UNIQUE_LOCAL), "unique-local");
	assert_string_equal(address_class_name(ADDRESS_CLASS_COUNT), "unknown");
}

/* Rows: from; columns: to, in the order of the enum: public reserved private shared unique-local loopback link-local metadata
 * multicast broadcast unspecified self. */
static void test_may_follow(void **state)
{
	static const char *const table[ADDRESS_CLASS_COUNT] = {
		[ADDRESS_PUBLIC] = "y...........",
		[ADDRESS_RESERVED] = "yyyyy.......",
		[ADDRESS_PRIVATE] = "yyyyy.......",
		[ADDRESS_SHARED] = "yyyyy.......",
		[ADDRESS_UNIQUE_LOCAL] = "yyyyy.......",
		[ADDRESS_LOOPBACK] = "yyyyyy......",
		[ADDRESS_LINK_LOCAL] = "yyyyyy......",
		[ADDRESS_METADATA] = "yyyyyy......",
		[ADDRESS_MULTICAST] = "yyyyyy......",
		[ADDRESS_BROADCAST] = "yyyyyy......",
		[ADDRESS_UNSPECIFIED] = "yyyyyy......",
		[ADDRESS_SELF] = "yyyyyy......",
	};

	(void)state;
	for (unsigned from = 0; from < ADDRESS_CLASS_COUNT; from++) {
		for (unsigned to = 0; to < ADDRESS_CLASS_COUNT; to++) {
			enum address_class f = (enum address_class)from, t = (enum address_class)to;

			assert_int_equal(address_class_may_follow(f, t, 0), table[from][to] == 'y');
			/* What is allowed is fine from anywhere, but never the proxy itself. */
			assert_int_equal(address_class_may_follow(f, t, 1u << to), t != ADDRESS_SELF);
			assert_int_equal(address_class_may_follow(f, t, ~(1u << to)), table[from][to] == 'y');
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_every_form_agrees),
		cmocka_unit_test(test_no_address),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_may_follow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
