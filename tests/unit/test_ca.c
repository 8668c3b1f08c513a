/* The CA as a value: made, read, refused, described, and what it may sign for. */
#include "pki/ca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/pkcs12.h>

#include "pki_rig.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const int64_t NOW_S = 1800000000; /* 2027-01-15 */

static void assert_extension(X509 *certificate, int nid, bool is_critical, const char *words)
{
	int at = X509_get_ext_by_NID(certificate, nid, -1);
	BIO *bio = BIO_new(BIO_s_mem());
	char text[256] = "", *p = NULL;
	long n;

	assert_true(at >= 0);
	assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(certificate, at)), is_critical);
	assert_int_equal(X509V3_EXT_print(bio, X509_get_ext(certificate, at), 0, 0), 1);
	n = BIO_get_mem_data(bio, &p);
	snprintf(text, sizeof(text), "%.*s", (int)n, p);
	BIO_free(bio);
	assert_string_equal(text, words);
}

static void test_made(void **state)
{
	struct ca *ca = rig_ca(NULL, 0, NOW_S), *other = rig_ca(NULL, 0, NOW_S);
	X509 *certificate = x509_of(ca_der(ca)), *second = x509_of(ca_der(other));
	const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);

	(void)state;
	assert_int_equal(X509_get_version(certificate), X509_VERSION_3);
	assert_extension(certificate, NID_basic_constraints, true, "CA:TRUE, pathlen:0");
	assert_extension(certificate, NID_key_usage, true, "Certificate Sign, CRL Sign");
	assert_int_equal(X509_get_ext_by_NID(certificate, NID_name_constraints, -1), -1);
	assert_non_null(X509_get0_subject_key_id(certificate));
	assert_int_equal(X509_self_signed(certificate, 1), 1);
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(certificate)), 256);
	assert_int_equal(ASN1_STRING_length(serial), 16); /* 127 bits: positive */
	assert_int_equal(ASN1_STRING_type(serial), V_ASN1_INTEGER);
	assert_int_not_equal(ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(second)), 0);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(certificate), X509_get0_pubkey(second)), 0);
	assert_int_equal(ca_not_before_s(ca), NOW_S - RIG_DAY_S);
	assert_int_equal(ca_not_after_s(ca), NOW_S - RIG_DAY_S + (int64_t)CA_DAYS * RIG_DAY_S);
	assert_string_equal(ca_subject(ca), "O = viaduct, CN = rig");
	assert_string_equal(ca_constraints(ca), "");
	assert_int_equal(ca_chain_count(ca), 0);
	assert_int_equal(ca_chain_der(ca, 0).len, 0);
	X509_free(second);
	X509_free(certificate);
	ca_unref(other);
	ca_unref(ca);
}

static void test_described(void **state)
{
	struct ca *ca = rig_ca(NULL, 0, NOW_S);
	X509 *certificate = x509_of(ca_der(ca));
	unsigned char digest[32], *spki = NULL;
	int spki_n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);
	char start[7];

	(void)state;
	assert_int_equal(X509_digest(certificate, EVP_sha256(), digest, NULL), 1);
	snprintf(start, sizeof(start), "%02X:%02X:", digest[0], digest[1]);
	assert_memory_equal(ca_fingerprint(ca), start, 6);
	assert_int_equal(strlen(ca_fingerprint(ca)), 32 * 3 - 1);
	assert_int_equal(EVP_Digest(spki, (size_t)spki_n, digest, NULL, EVP_sha256(), NULL), 1);
	assert_int_equal(ca_spki_sha256(ca).len, 32);
	assert_memory_equal(ca_spki_sha256(ca).p, digest, 32);
	assert_true(str_starts(ca_pem(ca), STR("-----BEGIN CERTIFICATE-----\n")));
	assert_null(memmem(ca_pem(ca).p, ca_pem(ca).len, "PRIVATE", 7));
	OPENSSL_free(spki);
	X509_free(certificate);
	ca_unref(ca);
	ca_unref(NULL);
	ca_wipe(NULL);
}

static void test_hostile_subject(void **state)
{
	struct signer_spec spec = RIG_CA("a\nb\x1b[1m\"");
	struct signer s = signer_new(&spec, NULL);
	struct ca *ca = rig_read((const struct signer *[]){&s}, 1);

	(void)state;
	assert_non_null(strstr(ca_subject(ca), "CN = a"));
	for (const char *p = ca_subject(ca); *p != '\0'; p++)
		assert_in_range(*p, 0x20, 0x7e);
	ca_unref(ca);
	signer_free(&s);
}

static void test_not_made(void **state)
{
	static const char *const wrong[] = {"example.com", "10.0.0.1/8"};
	const struct {
		struct ca_request r;
		const char *why;
	} cases[] = {
		{{.common_name = "12345678901234567890123456789012345678901234567890123456789012345", .now_s = NOW_S},
			"the name of the CA: string too long"},
		{{.common_name = "\xff\xfe", .now_s = NOW_S}, "the name of the CA: "},
		{{.common_name = "x", .name_constraints = wrong, .name_constraints_n = 2, .now_s = NOW_S},
			"name constraint \"10.0.0.1/8\": neither a domain nor a network"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char why[256] = "";

		assert_null(ca_make(&cases[i].r, why, sizeof(why)));
		assert_memory_equal(why, cases[i].why, strlen(cases[i].why));
		assert_int_equal(ERR_peek_error(), 0);
	}
}

static void test_key_round_trip(void **state)
{
	struct ca *ca = rig_ca(NULL, 0, NOW_S), *again;
	char *key = ca_key_pem(ca), why[256] = "";

	(void)state;
	assert_true(str_starts(str_of(key), STR("-----BEGIN PRIVATE KEY-----\n")));
	again = ca_read(ca_pem(ca), str_of(key), why, sizeof(why));
	assert_string_equal(why, "");
	assert_non_null(again);
	assert_true(str_eq(ca_der(ca), ca_der(again)));
	assert_string_equal(ca_fingerprint(ca), ca_fingerprint(again));
	assert_int_equal(ERR_peek_error(), 0);
	ca_wipe(key);
	ca_unref(again);
	again = ca_ref(ca);
	ca_unref(ca);
	assert_string_equal(ca_subject(again), "O = viaduct, CN = rig");
	ca_unref(again);
}

static void test_pkcs12(void **state)
{
	struct ca *ca = rig_ca(NULL, 0, NOW_S);
	size_t n = 0;
	unsigned char *der = ca_pkcs12(ca, &n), *own = NULL;
	const unsigned char *p = der;
	PKCS12 *p12 = d2i_PKCS12(NULL, &p, (long)n);
	STACK_OF(X509) *certificates = NULL;
	EVP_PKEY *key = NULL;
	X509 *beside_key = NULL;

	(void)state;
	assert_non_null(p12);
	assert_int_equal(PKCS12_parse(p12, "", &key, &beside_key, &certificates), 1);
	assert_null(key);
	assert_null(beside_key);
	assert_int_equal(sk_X509_num(certificates), 1);
	assert_int_equal(i2d_X509(sk_X509_value(certificates, 0), &own), (int)ca_der(ca).len);
	assert_memory_equal(own, ca_der(ca).p, ca_der(ca).len);
	assert_non_null(memmem(der, n, ca_der(ca).p, ca_der(ca).len)); /* unencrypted: every reader can read it */
	OPENSSL_free(own);
	sk_X509_pop_free(certificates, X509_free);
	PKCS12_free(p12);
	mem_free(der);
	ca_unref(ca);
}

/* One of each kind that a CA is read from. */
struct material {
	struct signer root, other, between, below, usage, client, leaf, rsa, small, small_curve, edwards, big_curve, fixed,
		forged, under;
};

static struct signer with(const char *key, int nid, const char *words, bool is_ca, const struct signer *issuer)
{
	struct signer_spec spec = {.name = "special", .key = key};

	spec.extensions[0].nid = NID_basic_constraints;
	spec.extensions[0].words = is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE";
	spec.extensions[1].nid = nid;
	spec.extensions[1].words = words;
	return signer_new(&spec, issuer);
}

static void material_init(struct material *m)
{
	struct signer_spec root = RIG_CA("root"), between = RIG_CA("between"), below = RIG_CA("below"), fixed = RIG_CA("fixed");

	memset(m, 0, sizeof(*m));
	m->root = signer_new(&root, NULL);
	m->other = signer_new(&root, NULL); /* the same name, another key */
	m->between = signer_new(&between, &m->root);
	m->below = signer_new(&below, &m->between);
	m->usage = with(NULL, NID_key_usage, "critical,cRLSign", true, NULL);
	m->client = with(NULL, NID_ext_key_usage, "clientAuth", true, NULL);
	m->leaf = with(NULL, NID_key_usage, "critical,keyCertSign", false, &m->root);
	m->rsa = with("RSA2048", NID_key_usage, "critical,keyCertSign", true, NULL);
	m->small = with("RSA1024", NID_key_usage, "critical,keyCertSign", true, NULL);
	m->small_curve = with("P-224", NID_key_usage, "critical,keyCertSign", true, NULL);
	m->big_curve = with("P-384", NID_ext_key_usage, "serverAuth", true, NULL);
	/* Two that nothing but their keys tells apart. */
	fixed.extensions[2].words = "AB:CD";
	m->fixed = signer_new(&fixed, NULL);
	m->forged = signer_new(&fixed, NULL);
	m->under = signer_new(&below, &m->fixed);
	m->edwards = with("ED25519", NID_key_usage, "critical,keyCertSign", true, NULL);
}

static void material_fini(struct material *m)
{
	struct signer *all[] = {&m->root, &m->other, &m->between, &m->below, &m->usage, &m->client, &m->leaf, &m->rsa,
		&m->small, &m->small_curve, &m->edwards, &m->big_curve, &m->fixed, &m->forged, &m->under};

	for (size_t i = 0; i < COUNT(all); i++)
		signer_free(all[i]);
}

static void test_read_refused(void **state)
{
	struct material m;

	(void)state;
	material_init(&m);
	const struct {
		const struct signer *certificates[12];
		const struct signer *key;
		const char *why;
	} cases[] = {
		{{&m.root}, &m.other, "the key is not that of the certificate"},
		{{&m.leaf}, &m.leaf, "the certificate is not that of a CA"},
		{{&m.usage}, &m.usage, "the certificate is not for signing others (its key usage lacks keyCertSign)"},
		{{&m.client}, &m.client, "the certificate is not for signing those of servers"},
		{{&m.small}, &m.small, "the key is too small: 1024 bits, at least 2048 are needed"},
		{{&m.small_curve}, &m.small_curve, "the key is too small: 224 bits, at least 256 are needed"},
		{{&m.edwards}, &m.edwards, "the key is neither EC nor RSA"},
		{{&m.root, &m.rsa}, &m.root, "certificate 2 is not the issuer of that before it"},
		{{&m.between, &m.other}, &m.between, "certificate 2 is not the issuer of that before it"},
		{{&m.under, &m.forged}, &m.under, "certificate 2 is not the issuer of that before it"},
		{{&m.between, &m.leaf}, &m.between, "the certificate is not that of a CA"},
		{{&m.between, &m.root, &m.root}, &m.between, "certificate 3 stands behind a root"},
		{{&m.root, &m.root, &m.root, &m.root, &m.root, &m.root, &m.root, &m.root, &m.root, &m.root}, &m.root,
			"more than 9 certificates"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char cert[RIG_TEXT_BYTES] = "", key[RIG_TEXT_BYTES] = "", why[256] = "";

		for (size_t j = 0; cases[i].certificates[j] != NULL; j++)
			text_add_certificate(cert, cases[i].certificates[j]->certificate);
		text_add_key(key, cases[i].key->key, NULL);
		assert_null(ca_read(str_of(cert), str_of(key), why, sizeof(why)));
		if (strncmp(why, cases[i].why, strlen(cases[i].why)) != 0)
			assert_string_equal(why, cases[i].why);
		assert_null(strchr(why, '\n'));
		assert_int_equal(ERR_peek_error(), 0);
	}
	material_fini(&m);
}

/* Texts that are not what they should be. */
static void test_read_garbage(void **state)
{
	struct ca *ca = rig_ca(NULL, 0, NOW_S);
	struct signer s = signer_of(ca);
	char good[RIG_TEXT_BYTES] = "", key[RIG_TEXT_BYTES] = "", locked[RIG_TEXT_BYTES] = "";
	char torn[2 * RIG_TEXT_BYTES], cut_key[2 * RIG_TEXT_BYTES];

	(void)state;
	text_add_certificate(good, s.certificate);
	text_add_key(key, s.key, NULL);
	text_add_key(locked, s.key, "secret");
	snprintf(torn, sizeof(torn), "%s%.*s", good, (int)strlen(good) / 2, good);
	snprintf(cut_key, sizeof(cut_key), "%.*s\n-----END PRIVATE KEY-----\n", (int)strlen(key) / 2, key);
	const struct {
		struct str cert, key;
		const char *why;
	} cases[] = {
		{STR_NONE, str_of(key), "the certificate is empty"},
		{STR(" \r\n\t"), str_of(key), "the certificate is empty"},
		{STR("0"), str_of(key), "there is no certificate in PEM form"},
		{STR("garbage\n"), str_of(key), "there is no certificate in PEM form"},
		{str_of(key), str_of(key), "there is no certificate in PEM form"},
		{ca_der(ca), str_of(key), "the certificate is in DER form, not PEM (openssl x509 "},
		{STR("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), str_of(key),
			"certificate 1 is malformed: "},
		{str_of(torn), str_of(key), "certificate 2 is malformed: "},
		{str_of(good), STR_NONE, "the key is empty"},
		{str_of(good), STR("garbage"), "there is no private key in PEM form"},
		{str_of(good), str_of(good), "there is no private key in PEM form"},
		{str_of(good), STR("\x30\x81\x87"), "the key is in DER form, not PEM (openssl pkey "},
		{str_of(good), str_of(locked), "the key is encrypted (openssl pkey -in FILE -out NEW"},
		{str_of(good), str_of(cut_key), "the key is malformed: "},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char why[256] = "";

		assert_null(ca_read(cases[i].cert, cases[i].key, why, sizeof(why)));
		if (strncmp(why, cases[i].why, strlen(cases[i].why)) != 0)
			assert_string_equal(why, cases[i].why);
		assert_int_equal(ERR_peek_error(), 0);
	}
	signer_free(&s);
	ca_unref(ca);
}

/* A key file whose private half does not belong to the public half beside it. */
static void test_read_damaged_key(void **state)
{
	struct ca *ca = rig_ca(NULL, 0, NOW_S);
	struct signer s = signer_of(ca);
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(s.key);
	unsigned char *der = NULL, number[32], *at;
	int n = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
	BIGNUM *secret = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	char key[RIG_TEXT_BYTES] = "", why[256] = "";

	(void)state;
	assert_int_equal(EVP_PKEY_get_bn_param(s.key, OSSL_PKEY_PARAM_PRIV_KEY, &secret), 1);
	assert_int_equal(BN_bn2binpad(secret, number, sizeof(number)), sizeof(number));
	at = memmem(der, (size_t)n, number, sizeof(number));
	assert_non_null(at);
	at[sizeof(number) - 1] ^= 2;
	assert_true(PEM_write_bio(bio, PEM_STRING_PKCS8INF, "", der, n) > 0);
	text_take(key, bio);
	assert_null(ca_read(ca_pem(ca), str_of(key), why, sizeof(why)));
	assert_string_equal(why, "the key is damaged: what it signs does not verify");
	BN_free(secret);
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
	signer_free(&s);
	ca_unref(ca);
}

static void test_read_chains(void **state)
{
	struct material m;

	(void)state;
	material_init(&m);
	const struct {
		const struct signer *chain[4];
		size_t sent; /* without the root */
	} cases[] = {
		{{&m.root}, 0},
		{{&m.rsa}, 0},
		{{&m.big_curve}, 0},
		{{&m.between}, 1},
		{{&m.between, &m.root}, 1},
		{{&m.under, &m.fixed}, 1},
		{{&m.below, &m.between}, 2},
		{{&m.below, &m.between, &m.root}, 2},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = 0;
		struct ca *ca;

		while (cases[i].chain[n] != NULL)
			n++;
		ca = rig_read(cases[i].chain, n);
		assert_non_null(ca);
		assert_int_equal(ca_chain_count(ca), cases[i].sent);
		for (size_t j = 0; j < cases[i].sent; j++) {
			X509 *sent = x509_of(ca_chain_der(ca, j));

			assert_int_equal(X509_cmp(sent, cases[i].chain[j]->certificate), 0);
			X509_free(sent);
		}
		ca_unref(ca);
	}
	material_fini(&m);
}

/* Key and certificate in one file, in either order, serve as both. */
static void test_read_one_file(void **state)
{
	struct ca *ca = rig_ca(NULL, 0, NOW_S), *read;
	struct signer s = signer_of(ca);
	char why[256] = "";

	(void)state;
	for (int order = 0; order < 2; order++) {
		char both[RIG_TEXT_BYTES] = "";

		if (order == 0)
			text_add_key(both, s.key, NULL);
		text_add_certificate(both, s.certificate);
		if (order == 1)
			text_add_key(both, s.key, NULL);
		read = ca_read(str_of(both), str_of(both), why, sizeof(why));
		assert_string_equal(why, "");
		assert_non_null(read);
		ca_unref(read);
	}
	signer_free(&s);
	ca_unref(ca);
}

static void test_expired_is_read(void **state)
{
	struct signer_spec spec = RIG_CA("old");
	struct signer s;
	struct ca *ca;

	(void)state;
	spec.from_s = -2L * RIG_DAY_S;
	spec.until_s = -RIG_DAY_S;
	s = signer_new(&spec, NULL);
	ca = rig_read((const struct signer *[]){&s}, 1);
	assert_non_null(ca);
	assert_true(ca_not_after_s(ca) < (int64_t)time(NULL));
	ca_unref(ca);
	signer_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_described),
		cmocka_unit_test(test_hostile_subject),
		cmocka_unit_test(test_not_made),
		cmocka_unit_test(test_key_round_trip),
		cmocka_unit_test(test_pkcs12),
		cmocka_unit_test(test_read_refused),
		cmocka_unit_test(test_read_garbage),
		cmocka_unit_test(test_read_damaged_key),
		cmocka_unit_test(test_read_chains),
		cmocka_unit_test(test_read_one_file),
		cmocka_unit_test(test_expired_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
