/* Leaf certificates in the eyes of careful clients: accepted for their names and no others, under CAs of all makes. */
#include "pki/leaf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "leaf_rig.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct client_case {
	const char *names[4], *asked;
	bool is_good;
};

static const struct client_case CLIENT_CASES[] = {
	{{"a.test"}, "a.test", true},
	{{"a.test"}, "A.Test", true},
	{{"a.test"}, "b.test", false},
	{{"a.test"}, "x.a.test", false},
	{{"*.a.test"}, "x.a.test", true},
	{{"*.a.test"}, "a.test", false},
	{{"*.a.test"}, "x.y.a.test", false},
	{{"xn--bcher-kva.test"}, "xn--bcher-kva.test", true},
	{{"127.0.0.1"}, "127.0.0.1", true},
	{{"127.0.0.1"}, "127.0.0.2", false},
	{{"::1"}, "::1", true},
	{{"::1"}, "::2", false},
	{{"b.test", "a.test", "::1"}, "a.test", true},
	{{"b.test", "a.test", "::1"}, "::1", true},
	{{LABEL_60 ".comx.test"}, LABEL_60 ".comx.test", true},
};

/* All cases with one CA. chain: what it sends along is verified up to root. */
static void check_clients(const struct ca *ca, X509 *root, int64_t now_s)
{
	struct leaf_key *k = leaf_key_new();
	STACK_OF(X509) *between = sk_X509_new_null();

	for (size_t i = 0; i < ca_chain_count(ca); i++)
		sk_X509_push(between, x509_of(ca_chain_der(ca, i)));
	for (size_t i = 0; i < COUNT(CLIENT_CASES); i++) {
		const struct client_case *c = &CLIENT_CASES[i];
		X509 *leaf = leaf_of(ca, k, c->names, now_s);
		int verdict = client_verdict(leaf, between, root, c->asked, now_s);

		if ((verdict == X509_V_OK) != c->is_good)
			fail_msg("%s: case %zu: %s: %s", ca_subject(ca), i, c->asked, X509_verify_cert_error_string(verdict));
		X509_free(leaf);
	}
	sk_X509_pop_free(between, X509_free);
	leaf_key_free(k);
}

static void test_clients(void **state)
{
	static const char *const limits[] = {"test", "127.0.0.0/8", "::/64"};
	struct ca *free_ca = rig_ca(NULL, 0, (int64_t)time(NULL)), *limited = rig_ca(limits, 3, (int64_t)time(NULL));
	struct ca *all[] = {free_ca, limited};

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		X509 *root = x509_of(ca_der(all[i]));

		check_clients(all[i], root, (int64_t)time(NULL));
		X509_free(root);
		ca_unref(all[i]);
	}
}

/* CAs of other makes: RSA, a bigger curve, below a root, limited. */
static void test_clients_of_given_cas(void **state)
{
	struct signer_spec root_spec = RIG_CA("root"), between_spec = RIG_CA("between"), rsa_spec = RIG_CA("rsa");
	struct signer_spec curve_spec = RIG_CA("curve"), limited_spec = RIG_CA("limited");
	struct signer root = signer_new(&root_spec, NULL), between = signer_new(&between_spec, &root), rsa, curve, limited;

	(void)state;
	rsa_spec.key = "RSA2048";
	curve_spec.key = "P-521";
	limited_spec.extensions[4].nid = NID_name_constraints;
	limited_spec.extensions[4].words =
		"critical,permitted;DNS:test,permitted;IP:0.0.0.0/0.0.0.0,permitted;IP:::/::,excluded;"
		"email:x.test";
	rsa = signer_new(&rsa_spec, NULL);
	curve = signer_new(&curve_spec, NULL);
	limited = signer_new(&limited_spec, NULL);
	const struct {
		const struct signer *chain[2];
		X509 *root;
	} cases[] = {
		{{&between}, root.certificate},
		{{&between, &root}, root.certificate},
		{{&rsa}, rsa.certificate},
		{{&curve}, curve.certificate},
		{{&limited}, limited.certificate},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ca *ca = rig_read(cases[i].chain, cases[i].chain[1] != NULL ? 2 : 1);

		assert_non_null(ca);
		check_clients(ca, cases[i].root, (int64_t)time(NULL));
		ca_unref(ca);
	}
	signer_free(&root);
	signer_free(&between);
	signer_free(&rsa);
	signer_free(&curve);
	signer_free(&limited);
}

/* A CA that permits subjects of one organisation only signs leaves without a subject, which no such limit covers. */
static void test_limited_subjects(void **state)
{
	static const unsigned char limit[] = {0x30, 0x17, 0xa0, 0x15, 0x30, 0x13, 0xa4, 0x11, 0x30, 0x0f, 0x31, 0x0d, 0x30,
		0x0b, 0x06, 0x03, 0x55, 0x04, 0x0a, 0x0c, 0x04, 't', 'e', 's', 't'};
	struct signer_spec spec = RIG_CA("limited");
	struct signer s = signer_new(&spec, NULL);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;
	struct ca *ca;

	(void)state;
	ASN1_OCTET_STRING_set(value, limit, sizeof(limit));
	extension = X509_EXTENSION_create_by_NID(NULL, NID_name_constraints, 1, value);
	X509_add_ext(s.certificate, extension, -1);
	X509_sign(s.certificate, s.key, EVP_sha256());
	ca = rig_read((const struct signer *[]){&s}, 1);
	assert_non_null(ca);
	check_clients(ca, s.certificate, (int64_t)time(NULL));
	ca_unref(ca);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	signer_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_clients_of_given_cas),
		cmocka_unit_test(test_limited_subjects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
