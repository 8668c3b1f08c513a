/* Name constraints: the option's words, what the CA then signs, and that clients decide likewise. */
#include "pki/ca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "pki_rig.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_items(void **state)
{
	static const char *const right[] = {"example.com", "test", "Example.COM", "xn--bcher-kva.example", "a_b.example",
		"10.0.0.0/8", "10.1.2.3", "10.1.2.3/32", "0.0.0.0/0", "fd00::/8", "::1", "::/0", "1.2.3.4.example"};
	static const char *const wrong[] = {"", ".", ".example.com", "example.com.", "*.example.com", "a..b", "10.0.0.1/8",
		"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "fd00::1/8", "fd00::/129", "fe80::1%lo", "1.2.3",
		"256.1.1.1", "a b", "a,b", "\xc3\xbc.example", "example.com/8", "[::1]"};

	(void)state;
	for (size_t i = 0; i < COUNT(right); i++) {
		if (!ca_constraint_is_right(str_of(right[i])))
			fail_msg("%s is refused", right[i]);
	}
	for (size_t i = 0; i < COUNT(wrong); i++) {
		if (ca_constraint_is_right(str_of(wrong[i])))
			fail_msg("%s is accepted", wrong[i]);
	}
	assert_false(ca_constraint_is_right((struct str){"a\0b", 3}));
}

/* A leaf for a host, signed by the CA whether it may or not. */
static X509 *leaf_by_force(const struct ca *ca, const char *host)
{
	struct signer issuer = signer_of(ca), leaf;
	char alt_name[128];
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);
	struct signer_spec spec = {.name = "x",
		.extensions = {{NID_basic_constraints, "critical,CA:FALSE"}, {NID_subject_key_identifier, "hash"},
			{NID_authority_key_identifier, "keyid"}, {NID_subject_alt_name, alt_name}}};

	snprintf(alt_name, sizeof(alt_name), "%s:%s", address != NULL ? "IP" : "DNS", host);
	ASN1_OCTET_STRING_free(address);
	leaf = signer_new(&spec, &issuer);
	EVP_PKEY_free(leaf.key);
	signer_free(&issuer);
	return leaf.certificate;
}

/* The name that a client asks for and a certificate answers. */
static const char *asked_for(const char *host)
{
	return strcmp(host, "*.example.com") == 0 ? "www.example.com" : host;
}

static const struct {
	const char *items[3];
	const char *host;
	bool is_allowed;
} AGREED[] = {
	{{NULL}, "example.com", true},
	{{NULL}, "10.1.2.3", true},
	{{NULL}, "::1", true},
	{{"example.com"}, "example.com", true},
	{{"example.com"}, "a.b.example.com", true},
	{{"example.com"}, "*.example.com", true},
	{{"EXAMPLE.com"}, "www.example.com", true},
	{{"example.com"}, "badexample.com", false},
	{{"example.com"}, "com", false},
	{{"example.com"}, "example.org", false},
	{{"example.com"}, "10.1.2.3", false},
	{{"example.com"}, "::1", false},
	{{"www.example.com"}, "*.example.com", false},
	{{"example.com", "test"}, "a.test", true},
	{{"10.0.0.0/8"}, "10.255.0.1", true},
	{{"10.0.0.0/8"}, "11.0.0.1", false},
	{{"10.0.0.0/8"}, "::1", false},
	{{"10.0.0.0/8"}, "example.com", false},
	{{"10.0.0.0/8"}, "localhost", false},
	{{"fd00::/8"}, "fd12::1", true},
	{{"fd00::/8"}, "fe80::1", false},
	{{"fd00::/8"}, "10.1.2.3", false},
	{{"::1"}, "::1", true},
	{{"::1"}, "::2", false},
	{{"192.168.4.0/22"}, "192.168.7.255", true},
	{{"192.168.4.0/22"}, "192.168.8.0", false},
	{{"example.com", "10.0.0.0/8"}, "example.com", true},
	{{"example.com", "10.0.0.0/8"}, "10.1.2.3", true},
	{{"example.com", "10.0.0.0/8"}, "172.16.0.1", false},
	{{"example.com", "10.0.0.0/8", "::1"}, "::1", true},
};

/* Whatever the CA decides, a client that has only the certificates must decide too. */
static void test_clients_agree(void **state)
{
	int64_t now_s = (int64_t)time(NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(AGREED); i++) {
		size_t n = 0;
		struct ca *ca;
		X509 *leaf, *root;
		int verdict;

		while (n < COUNT(AGREED[i].items) && AGREED[i].items[n] != NULL)
			n++;
		ca = rig_ca(AGREED[i].items, n, now_s);
		leaf = leaf_by_force(ca, AGREED[i].host);
		root = x509_of(ca_der(ca));
		verdict = client_verdict(leaf, NULL, root, asked_for(AGREED[i].host), now_s);
		if (ca_may_sign(ca, str_of(AGREED[i].host)) != AGREED[i].is_allowed ||
			(verdict == X509_V_OK) != AGREED[i].is_allowed)
			fail_msg("case %zu: %s under %s: %s", i, AGREED[i].host, ca_constraints(ca),
				X509_verify_cert_error_string(verdict));
		X509_free(root);
		X509_free(leaf);
		ca_unref(ca);
	}
}

static void test_words(void **state)
{
	static const char *const items[] = {"example.com", "10.0.0.0/8", "fd00::/8"};
	struct ca *ca = rig_ca(items, 3, 1800000000);
	X509 *certificate = x509_of(ca_der(ca));
	int at = X509_get_ext_by_NID(certificate, NID_name_constraints, -1);

	(void)state;
	assert_string_equal(ca_constraints(ca), "example.com, 10.0.0.0/8, fd00::/8");
	assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(certificate, at)), 1);
	X509_free(certificate);
	ca_unref(ca);
	ca = rig_ca(items, 1, 1800000000); /* that no address is permitted goes without saying */
	assert_string_equal(ca_constraints(ca), "example.com");
	ca_unref(ca);
}

struct read_case {
	const char *words; /* of the extension */
	const char *shown;
	const char *allowed[5], *refused[6];
};

static void check_read(const struct read_case *c, const struct ca *ca)
{
	assert_string_equal(ca_constraints(ca), c->shown);
	for (size_t i = 0; i < COUNT(c->allowed) && c->allowed[i] != NULL; i++) {
		if (!ca_may_sign(ca, str_of(c->allowed[i])))
			fail_msg("%s: %s is refused", c->words, c->allowed[i]);
	}
	for (size_t i = 0; i < COUNT(c->refused) && c->refused[i] != NULL; i++) {
		if (ca_may_sign(ca, str_of(c->refused[i])))
			fail_msg("%s: %s is allowed", c->words, c->refused[i]);
	}
}

/* Constraints that somebody else has written. */
static void test_read(void **state)
{
	static const struct read_case cases[] = {
		{"critical,permitted;DNS:example.com", "example.com", {"example.com", "a.example.com"},
			{"example.org", "10.1.2.3", "::1", "not a name"}},
		{"critical,permitted;DNS:.example.com", ".example.com", {"a.example.com", "*.example.com"},
			{"example.com", "aexample.com"}},
		{"critical,excluded;DNS:bad.example.com", "not bad.example.com",
			{"example.com", "a.example.com", "10.1.2.3", "*.org"},
			{"bad.example.com", "x.bad.example.com", "*.bad.example.com", "*.example.com"}},
		{"critical,permitted;DNS:example.com,excluded;DNS:bad.example.com", "example.com, not bad.example.com",
			{"example.com", "a.example.com", "*.a.example.com"},
			{"bad.example.com", "*.example.com", "example.net"}},
		{"critical,permitted;IP:10.0.0.0/255.0.0.0,excluded;IP:10.1.0.0/255.255.0.0", "10.0.0.0/8, not 10.1.0.0/16",
			{"10.2.0.1"}, {"10.1.0.1", "11.0.0.1", "example.com", "::1"}},
		{"critical,permitted;IP:10.0.0.1/255.0.255.255", "10.0.0.1/255.0.255.255", {"10.7.0.1"}, {"10.7.0.2"}},
		{"critical,excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0", "", {"example.com", "10.1.2.3"}, {"::1", "fd00::1"}},
		{"critical,permitted;email:example.com", "", {"example.com", "10.1.2.3"}, {NULL}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct signer_spec spec = RIG_CA("limited");
		struct signer s;
		struct ca *ca;

		spec.extensions[4].nid = NID_name_constraints;
		spec.extensions[4].words = cases[i].words;
		s = signer_new(&spec, NULL);
		ca = rig_read((const struct signer *[]){&s}, 1);
		assert_non_null(ca);
		check_read(&cases[i], ca);
		ca_unref(ca);
		signer_free(&s);
	}
}

/* What an issuer is limited to limits those below it. */
static void test_issuers(void **state)
{
	struct signer_spec root_spec = RIG_CA("root"), spec = RIG_CA("between");
	struct signer root, between;
	struct ca *ca;

	(void)state;
	root_spec.extensions[4].nid = spec.extensions[4].nid = NID_name_constraints;
	root_spec.extensions[4].words = "critical,permitted;DNS:example.com";
	spec.extensions[4].words = "critical,permitted;DNS:a.example.com,permitted;DNS:example.org";
	root = signer_new(&root_spec, NULL);
	between = signer_new(&spec, &root);
	ca = rig_read((const struct signer *[]){&between, &root}, 2);
	assert_true(ca_may_sign(ca, STR("a.example.com")));
	assert_false(ca_may_sign(ca, STR("b.example.com")));
	assert_false(ca_may_sign(ca, STR("example.org")));
	assert_string_equal(ca_constraints(ca), "a.example.com, example.org, example.com");
	ca_unref(ca);
	signer_free(&between);
	signer_free(&root);
}

/* An extension of the rig's CA with these bytes. */
static struct ca *read_raw(const unsigned char *der, int n, char *why, size_t size)
{
	struct signer_spec spec = RIG_CA("raw");
	struct signer s = signer_new(&spec, NULL);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;
	char cert[RIG_TEXT_BYTES] = "", key[RIG_TEXT_BYTES] = "";
	struct ca *ca;

	ASN1_OCTET_STRING_set(value, der, n);
	extension = X509_EXTENSION_create_by_NID(NULL, NID_name_constraints, 1, value);
	X509_add_ext(s.certificate, extension, -1);
	X509_sign(s.certificate, s.key, EVP_sha256());
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	text_add_certificate(cert, s.certificate);
	text_add_key(key, s.key, NULL);
	ca = ca_read(str_of(cert), str_of(key), why, size);
	signer_free(&s);
	return ca;
}

static void test_malformed(void **state)
{
	static const struct {
		int n;
		unsigned char der[32];
	} cases[] = {
		{3, {0x30, 0x05, 0xa0}},                                                 /* cut */
		{9, {0x30, 7, 0xa0, 5, 0x30, 3, 0x87, 1, 10}},                           /* a network of one octet */
		{11, {0x30, 9, 0xa0, 7, 0x30, 5, 0x82, 3, 'a', 0, 'b'}},                 /* NUL in a domain */
		{14, {0x30, 12, 0xa0, 10, 0x30, 8, 0x82, 3, 'a', '.', 'b', 0x80, 1, 1}}, /* a minimum distance */
		{14, {0x30, 12, 0xa0, 10, 0x30, 8, 0x82, 3, 'a', '.', 'b', 0x81, 1, 4}}, /* a maximum distance */
	};
	static const unsigned char good[] = {0x30, 9, 0xa0, 7, 0x30, 5, 0x82, 3, 'a', '.', 'b'};
	char why[256] = "";
	struct ca *ca;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		why[0] = '\0';
		assert_null(read_raw(cases[i].der, cases[i].n, why, sizeof(why)));
		if (strstr(why, "malformed") == NULL)
			assert_string_equal(why, "the name constraints of the certificate cannot be understood");
	}
	ca = read_raw(good, sizeof(good), why, sizeof(why));
	assert_non_null(ca);
	assert_string_equal(ca_constraints(ca), "a.b");
	ca_unref(ca);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_clients_agree),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_issuers),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
