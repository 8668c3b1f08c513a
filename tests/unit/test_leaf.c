/* Leaf certificates: what stands in them, and what is refused. For clients' eyes on them see test_leaf_clients.c. */
#include "pki/leaf.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/core_names.h>

#include "leaf_rig.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const int64_t NOW_S = 1800000000; /* 2027-01-15 */
static const int64_t DAY_S = RIG_DAY_S;

/* "DNS:a, IP Address:1.2.3.4", as openssl prints it. */
static void alt_name_words(X509 *certificate, char *to, size_t size)
{
	int at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;
	long n;

	assert_true(at >= 0);
	assert_int_equal(X509V3_EXT_print(bio, X509_get_ext(certificate, at), 0, 0), 1);
	n = BIO_get_mem_data(bio, &p);
	snprintf(to, size, "%.*s", (int)n, p);
	BIO_free(bio);
}

static bool is_critical(X509 *certificate, int nid)
{
	int at = X509_get_ext_by_NID(certificate, nid, -1);

	assert_true(at >= 0);
	return X509_EXTENSION_get_critical(X509_get_ext(certificate, at)) == 1;
}

static void common_name(X509 *certificate, char *to, size_t size)
{
	to[0] = '\0';
	X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, to, (int)size);
}

static void test_names(void **state)
{
	static const struct {
		const char *names[4];
		const char *words, *common_name;
	} cases[] = {
		{{"example.com"}, "DNS:example.com", "example.com"},
		{{"localhost"}, "DNS:localhost", "localhost"},
		{{"*.example.com", "example.com"}, "DNS:*.example.com, DNS:example.com", "*.example.com"},
		{{"xn--bcher-kva.example"}, "DNS:xn--bcher-kva.example", "xn--bcher-kva.example"},
		{{"a_b.example", "-c-.example"}, "DNS:a_b.example, DNS:-c-.example", "a_b.example"},
		{{"127.0.0.1"}, "IP Address:127.0.0.1", "127.0.0.1"},
		{{"::1"}, "IP Address:0:0:0:0:0:0:0:1", "::1"},
		{{"2001:db8::1", "10.0.0.1", "a.test"}, "IP Address:2001:DB8:0:0:0:0:0:1, IP Address:10.0.0.1, DNS:a.test",
			"2001:db8::1"},
		{{"b.test", "a.test", "b.test", "a.test"}, "DNS:b.test, DNS:a.test", "b.test"},
		{{"::1", "0:0::1", "1.1.1.1"}, "IP Address:0:0:0:0:0:0:0:1, IP Address:1.1.1.1", "::1"},
		{{LABEL_60 ".com"}, "DNS:" LABEL_60 ".com", LABEL_60 ".com"},
		{{LABEL_60 ".comx", "a.test"}, "DNS:" LABEL_60 ".comx, DNS:a.test", ""},
	};
	struct ca *ca = rig_ca(NULL, 0, NOW_S);
	struct leaf_key *k = leaf_key_new();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		X509 *leaf = leaf_of(ca, k, cases[i].names, NOW_S);
		char words[512], name[128];

		alt_name_words(leaf, words, sizeof(words));
		assert_string_equal(words, cases[i].words);
		common_name(leaf, name, sizeof(name));
		assert_string_equal(name, cases[i].common_name);
		assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(leaf)), name[0] != '\0');
		assert_int_equal(is_critical(leaf, NID_subject_alt_name), name[0] == '\0');
		X509_free(leaf);
	}
	leaf_key_free(k);
	ca_unref(ca);
}

static void test_extensions(void **state)
{
	struct ca *ca = rig_ca(NULL, 0, NOW_S);
	struct leaf_key *k = leaf_key_new();
	X509 *root = x509_of(ca_der(ca)), *leaf = leaf_of(ca, k, (const char *const[4]){"a.test"}, NOW_S);

	(void)state;
	assert_int_equal(X509_get_version(leaf), X509_VERSION_3);
	assert_int_equal(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
	assert_true(is_critical(leaf, NID_key_usage));
	assert_int_equal(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER);
	assert_int_equal(X509_check_ca(leaf), 0);
	assert_true(X509_get_ext_by_NID(leaf, NID_basic_constraints, -1) >= 0);
	assert_int_equal(ASN1_STRING_cmp(X509_get0_authority_key_id(leaf), X509_get0_subject_key_id(root)), 0);
	assert_int_equal(ASN1_STRING_length(X509_get0_subject_key_id(leaf)), 20);
	assert_false(is_critical(leaf, NID_authority_key_identifier));
	assert_int_equal(X509_NAME_cmp(X509_get_issuer_name(leaf), X509_get_subject_name(root)), 0);
	assert_int_equal(X509_get_signature_nid(leaf), NID_ecdsa_with_SHA256);
	assert_int_equal(X509_verify(leaf, X509_get0_pubkey(root)), 1);
	assert_int_equal(X509_get_ext_count(leaf), 6);
	X509_free(leaf);
	X509_free(root);
	leaf_key_free(k);
	ca_unref(ca);
}

/* The key that the proxy serves with is the one in the certificate. */
static void test_key(void **state)
{
	struct ca *ca = rig_ca(NULL, 0, NOW_S);
	struct leaf_key *k = leaf_key_new(), *other = leaf_key_new();
	X509 *leaf = leaf_of(ca, k, (const char *const[4]){"a.test"}, NOW_S);
	const unsigned char *p = (const unsigned char *)leaf_key_der(k).p;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)leaf_key_der(k).len);
	EVP_PKEY *key = EVP_PKCS82PKEY(info);

	(void)state;
	assert_non_null(key);
	assert_int_equal(X509_check_private_key(leaf, key), 1);
	assert_false(str_eq(leaf_key_der(k), leaf_key_der(other)));
	EVP_PKEY_free(key);
	PKCS8_PRIV_KEY_INFO_free(info);
	X509_free(leaf);
	leaf_key_free(other);
	leaf_key_free(k);
	leaf_key_free(NULL);
	ca_unref(ca);
}

static int64_t seconds_of(const ASN1_TIME *time)
{
	struct tm tm;

	assert_int_equal(ASN1_TIME_to_tm(time, &tm), 1);
	return (int64_t)timegm(&tm);
}

static void test_dates(void **state)
{
	struct ca *ca = rig_ca(NULL, 0, NOW_S);
	const int64_t end_s = ca_not_after_s(ca);
	const struct {
		int64_t now_s, from_s, until_s;
	} cases[] = {
		{NOW_S, NOW_S - DAY_S, NOW_S + 44 * DAY_S},
		{NOW_S + 5, NOW_S + 5 - DAY_S, NOW_S + 5 + 44 * DAY_S},
		{NOW_S - DAY_S / 2, NOW_S - DAY_S, NOW_S - DAY_S / 2 + 44 * DAY_S}, /* not from before the CA */
		{NOW_S - 9 * DAY_S, NOW_S - 9 * DAY_S, NOW_S + 35 * DAY_S},         /* a clock that runs behind the CA */
		{end_s - 44 * DAY_S, end_s - 45 * DAY_S, end_s},
		{end_s - 10 * DAY_S, end_s - 11 * DAY_S, end_s}, /* not beyond it */
		{end_s - 1, end_s - 1 - DAY_S, end_s},
	};
	struct leaf_key *k = leaf_key_new();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		X509 *leaf = leaf_of(ca, k, (const char *const[4]){"a.test"}, cases[i].now_s);

		assert_int_equal(seconds_of(X509_get0_notBefore(leaf)), cases[i].from_s);
		assert_int_equal(seconds_of(X509_get0_notAfter(leaf)), cases[i].until_s);
		X509_free(leaf);
	}
	leaf_key_free(k);
	ca_unref(ca);
}

static void test_refused(void **state)
{
	static const char *const limits[] = {"example.com"};
	struct ca *ca = rig_ca(NULL, 0, NOW_S), *limited = rig_ca(limits, 1, NOW_S);
	static char long_label[66], long_name[256];
	struct leaf_key *k = leaf_key_new();

	(void)state;
	memset(long_label, 'a', 64);
	for (size_t i = 0; i < 254; i++)
		long_name[i] = i % 2 == 0 ? 'a' : '.';
	const struct {
		const struct ca *ca;
		struct str name;
		int64_t now_s;
		const char *why;
	} cases[] = {
		{ca, STR(""), NOW_S, "\"\": no name"},
		{ca, STR("a b"), NOW_S, "\"a b\": no name"},
		{ca, STR("Example.com"), NOW_S, "\"Example.com\": no name"},
		{ca, STR("example.com."), NOW_S, "\"example.com.\": no name"},
		{ca, STR(".example.com"), NOW_S, "\".example.com\": no name"},
		{ca, STR("a..b"), NOW_S, "\"a..b\": no name"},
		{ca, STR("*"), NOW_S, "\"*\": no name"},
		{ca, STR("*."), NOW_S, "\"*.\": no name"},
		{ca, STR("a.*.b"), NOW_S, "\"a.*.b\": no name"},
		{ca, STR("a*.b"), NOW_S, "\"a*.b\": no name"},
		{ca, STR("*.*.b"), NOW_S, "\"*.*.b\": no name"},
		{ca, STR("*.10.0.0.1"), NOW_S, "\"*.10.0.0.1\": no name"},
		{ca, STR("1.2.3"), NOW_S, "\"1.2.3\": no name"},
		{ca, STR("300.1.1.1"), NOW_S, "\"300.1.1.1\": no name"},
		{ca, STR("[::1]"), NOW_S, "\"[::1]\": no name"},
		{ca, STR("fe80::1%eth0"), NOW_S, "\"fe80::1%eth0\": no name"},
		{ca, STR("a\0b.test"), NOW_S, "\"a\\x00b.test\": no name"},
		{ca, STR("b\xc3\xbc.test"), NOW_S, "\"b\\xc3\\xbc.test\": no name"},
		{ca, str_of(long_label), NOW_S, "\"aaaa"},
		{ca, str_of(long_name), NOW_S, "\"a.a."},
		{ca, STR("a.test"), ca_not_after_s(ca), "the CA has expired"},
		{limited, STR("example.org"), NOW_S, "\"example.org\": ruled out by the name constraints"},
		{limited, STR("10.0.0.1"), NOW_S, "\"10.0.0.1\": ruled out"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct leaf_request r = {.names = &cases[i].name, .names_n = 1, .now_s = cases[i].now_s};
		struct leaf leaf = {.n = 77};
		char why[256] = "";

		assert_false(leaf_make(cases[i].ca, k, &r, &leaf, why, sizeof(why)));
		if (strncmp(why, cases[i].why, strlen(cases[i].why)) != 0)
			assert_string_equal(why, cases[i].why);
		assert_int_equal(leaf.n, 77);
		if (strstr(why, ": no name") != NULL)
			assert_false(leaf_name_is_right(cases[i].name));
	}
	assert_true(leaf_name_is_right(STR("*.example.com")));
	assert_true(leaf_name_is_right(STR("fd00::1")));
	leaf_key_free(k);
	ca_unref(limited);
	ca_unref(ca);
}

static void test_how_many_names(void **state)
{
	static char texts[LEAF_NAMES_MAX + 1][16];
	struct str names[LEAF_NAMES_MAX + 1];
	struct ca *ca = rig_ca(NULL, 0, NOW_S);
	struct leaf_key *k = leaf_key_new();
	struct leaf_request r = {.names = names, .now_s = NOW_S};
	struct leaf leaf;
	char why[256] = "";
	GENERAL_NAMES *list;
	X509 *certificate;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(texts[i], sizeof(texts[i]), "n%zu.test", i);
		names[i] = str_of(texts[i]);
	}
	assert_false(leaf_make(ca, k, &r, &leaf, why, sizeof(why)));
	assert_string_equal(why, "0 names, where 1 to 100 can be");
	r.names_n = COUNT(names);
	assert_false(leaf_make(ca, k, &r, &leaf, why, sizeof(why)));
	assert_string_equal(why, "101 names, where 1 to 100 can be");
	r.names_n = LEAF_NAMES_MAX;
	assert_true(leaf_make(ca, k, &r, &leaf, why, sizeof(why)));
	certificate = x509_of((struct str){(const char *)leaf.der, leaf.n});
	list = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	assert_int_equal(sk_GENERAL_NAME_num(list), LEAF_NAMES_MAX);
	GENERAL_NAMES_free(list);
	X509_free(certificate);
	mem_free(leaf.der);
	leaf_key_free(k);
	ca_unref(ca);
}

/* Serials follow from all that makes a leaf what it is, and from nothing else. */
static void test_serials(void **state)
{
	struct ca *ca = rig_ca(NULL, 0, NOW_S), *other_ca = rig_ca(NULL, 0, NOW_S);
	struct leaf_key *k = leaf_key_new(), *other_key = leaf_key_new();
	const struct {
		const struct ca *ca;
		const struct leaf_key *k;
		const char *names[4];
		int64_t now_s;
	} cases[] = {
		{ca, k, {"a.test"}, NOW_S},
		{other_ca, k, {"a.test"}, NOW_S},
		{ca, other_key, {"a.test"}, NOW_S},
		{ca, k, {"b.test"}, NOW_S},
		{ca, k, {"a.test"}, NOW_S + 1},
		{ca, k, {"a.test", "b.test"}, NOW_S},
		{ca, k, {"b.test", "a.test"}, NOW_S},
		{ca, k, {"a.testb", "test"}, NOW_S},
		{ca, k, {"a.test", "btest"}, NOW_S},
	};
	X509 *leaves[COUNT(cases)], *again = leaf_of(ca, k, cases[0].names, NOW_S);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const ASN1_INTEGER *serial;

		leaves[i] = leaf_of(cases[i].ca, cases[i].k, cases[i].names, cases[i].now_s);
		serial = X509_get0_serialNumber(leaves[i]);
		assert_int_equal(ASN1_STRING_type(serial), V_ASN1_INTEGER); /* not negative */
		assert_int_equal(ASN1_STRING_length(serial), 16);
		assert_in_range(ASN1_STRING_get0_data(serial)[0], 0x40, 0x7f); /* 127 bits */
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaves[j])), 0);
	}
	assert_int_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(again), X509_get0_serialNumber(leaves[0])), 0);
#ifdef OSSL_SIGNATURE_PARAM_NONCE_TYPE
	assert_int_equal(X509_cmp(again, leaves[0]), 0); /* the signature too */
#endif
	for (size_t i = 0; i < COUNT(cases); i++)
		X509_free(leaves[i]);
	X509_free(again);
	leaf_key_free(other_key);
	leaf_key_free(k);
	ca_unref(other_ca);
	ca_unref(ca);
}

/* A CA that says nothing of its key's name. */
static void test_ca_without_key_id(void **state)
{
	struct signer_spec spec = {.name = "plain", .extensions = {{NID_basic_constraints, "critical,CA:TRUE"}}};
	struct signer s = signer_new(&spec, NULL);
	struct ca *ca = rig_read((const struct signer *[]){&s}, 1);
	struct leaf_key *k = leaf_key_new();
	X509 *leaf = leaf_of(ca, k, (const char *const[4]){"a.test"}, (int64_t)time(NULL));

	(void)state;
	assert_non_null(X509_get0_authority_key_id(leaf));
	assert_int_equal(X509_check_issued(s.certificate, leaf), X509_V_OK);
	assert_int_equal(X509_verify(leaf, s.key), 1);
	X509_free(leaf);
	leaf_key_free(k);
	ca_unref(ca);
	signer_free(&s);
}

enum { THREADS = 4, LEAVES_EACH = 40 };

struct crew {
	const struct ca *ca;
	const struct leaf_key *k;
	struct ca *own; /* a reference */
	int good;
};

static void *crew_run(void *arg)
{
	struct crew *c = arg;
	X509 *root = x509_of(ca_der(c->ca));

	for (int i = 0; i < LEAVES_EACH; i++) {
		const struct str name = STR("a.test");
		const struct leaf_request r = {.names = &name, .names_n = 1, .now_s = NOW_S + i};
		struct leaf leaf;
		char why[128];
		X509 *certificate;

		if (!leaf_make(c->ca, c->k, &r, &leaf, why, sizeof(why)))
			break;
		certificate = x509_of((struct str){(const char *)leaf.der, leaf.n});
		c->good += X509_verify(certificate, X509_get0_pubkey(root)) == 1 && ca_may_sign(c->ca, name);
		X509_free(certificate);
		mem_free(leaf.der);
	}
	X509_free(root);
	ca_unref(c->own);
	return NULL;
}

static void test_threads(void **state)
{
	struct ca *ca = rig_ca(NULL, 0, NOW_S);
	struct leaf_key *k = leaf_key_new();
	struct crew crews[THREADS];
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		crews[i] = (struct crew){.ca = ca, .k = k, .own = ca_ref(ca)};
		assert_int_equal(pthread_create(&threads[i], NULL, crew_run, &crews[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(crews[i].good, LEAVES_EACH);
	}
	leaf_key_free(k);
	ca_unref(ca);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_how_many_names),
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_ca_without_key_id),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
