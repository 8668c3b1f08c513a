/* The cache of leaves: for which names one is made, when again, by whom it is signed, and that it stays within its bound. */
#include "core/leaves.h"
#include "net/tls_internal.h"
#include "pki/leaf.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#define DAY_S INT64_C(86400)
#define NOW_S INT64_C(1800000000)

enum { MAX = 4, NAMES_TEXT_BYTES = 4096 };

struct rig {
	struct leaves *leaves;
	struct ca *ca;
};

static struct ca *ca_of(const char *const *constraints, size_t n, int64_t now_s)
{
	struct ca_request request = {
		.common_name = "a CA", .name_constraints = constraints, .name_constraints_n = n, .now_s = now_s};
	char why[200] = "";
	struct ca *ca = ca_make(&request, why, sizeof(why));

	assert_string_equal(why, "");
	assert_non_null(ca);
	return ca;
}

static int rig_up(void **state)
{
	static struct rig r;

	r.leaves = leaves_new(MAX);
	assert_non_null(r.leaves);
	r.ca = ca_of(NULL, 0, NOW_S);
	leaves_set_ca(r.leaves, r.ca);
	*state = &r;
	return 0;
}

static int rig_down(void **state)
{
	struct rig *r = *state;

	leaves_free(r->leaves);
	ca_unref(r->ca);
	return 0;
}

static struct tls_identity *get(struct rig *r, const struct leaf_ask *ask, int64_t now_s)
{
	char why[200] = "";
	struct tls_identity *identity = leaves_get_at(r->leaves, ask, now_s, why, sizeof(why));

	assert_string_equal(why, "");
	assert_non_null(identity);
	return identity;
}

/* For tests that only compare: the cache keeps it. */
static struct tls_identity *peek(struct rig *r, const char *host, int64_t now_s)
{
	struct leaf_ask ask = {.host = str_of(host)};
	struct tls_identity *identity = get(r, &ask, now_s);

	tls_identity_unref(identity);
	return identity;
}

static void assert_refused(struct rig *r, const char *host, int64_t now_s, const char *words)
{
	struct leaf_ask ask = {.host = str_of(host)};
	char why[200] = "";

	assert_null(leaves_get_at(r->leaves, &ask, now_s, why, sizeof(why)));
	if (strstr(why, words) == NULL)
		fail_msg("%s: \"%s\", not \"%s\"", host, why, words);
}

static struct leaves_counts counts_of(struct rig *r)
{
	struct leaves_counts counts;

	leaves_count(r->leaves, &counts);
	return counts;
}

/* What a client would get: the certificate in an SSL that is the caller's. */
static SSL *shown(const struct tls_identity *identity)
{
	SSL_CTX *made = SSL_CTX_new(TLS_server_method());
	SSL *ssl = SSL_new(made);

	SSL_CTX_free(made);
	assert_true(tls_identity_use(identity, ssl));
	return ssl;
}

/* "a.test 192.0.2.1": its subject alternative names. */
static void names_of(const struct tls_identity *identity, char to[NAMES_TEXT_BYTES])
{
	SSL *ssl = shown(identity);
	GENERAL_NAMES *names = X509_get_ext_d2i(SSL_get_certificate(ssl), NID_subject_alt_name, NULL, NULL);
	size_t n = 0;

	assert_non_null(names);
	to[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const ASN1_STRING *s = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
		const unsigned char *p = ASN1_STRING_get0_data(s);

		if (n != 0)
			to[n++] = ' ';
		if (name->type == GEN_DNS)
			n += (size_t)snprintf(to + n, NAMES_TEXT_BYTES - n, "%.*s", ASN1_STRING_length(s), (const char *)p);
		else
			n += (size_t)snprintf(to + n, NAMES_TEXT_BYTES - n, "ip/%d:%02x", ASN1_STRING_length(s), p[0]);
	}
	GENERAL_NAMES_free(names);
	SSL_free(ssl);
}

static void assert_names(struct rig *r, const struct leaf_ask *ask, const char *expected)
{
	struct tls_identity *identity = get(r, ask, NOW_S);
	char names[NAMES_TEXT_BYTES];

	names_of(identity, names);
	assert_string_equal(names, expected);
	tls_identity_unref(identity);
}

static void test_made_once(void **state)
{
	struct rig *r = *state;
	struct tls_identity *first = peek(r, "a.test", NOW_S);

	assert_ptr_equal(peek(r, "a.test", NOW_S + 1), first);
	assert_ptr_equal(peek(r, "A.test.", NOW_S + 1), first);
	assert_ptr_not_equal(peek(r, "b.test", NOW_S), first);
	assert_int_equal(counts_of(r).made, 2);
	assert_int_equal(counts_of(r).hits, 2);
	assert_int_equal(counts_of(r).held, 2);
}

static void test_by_the_wall_clock(void **state)
{
	struct rig *r = *state;
	struct leaf_ask ask = {.host = STR("a.test")};
	struct ca *today = ca_of(NULL, 0, time(NULL));
	struct tls_identity *identity;
	char why[200] = "";
	SSL *ssl;

	leaves_set_ca(r->leaves, today);
	identity = leaves_get(r->leaves, &ask, why, sizeof(why));
	assert_non_null(identity);
	ssl = shown(identity);
	assert_int_equal(X509_cmp_current_time(X509_get0_notBefore(SSL_get_certificate(ssl))), -1);
	assert_int_equal(X509_cmp_current_time(X509_get0_notAfter(SSL_get_certificate(ssl))), 1);
	SSL_free(ssl);
	tls_identity_unref(identity);
	ca_unref(today);
}

static void test_names(void **state)
{
	static const struct {
		const char *host, *plain, *wide;
	} rows[] = {
		{"www.example.com", "www.example.com", "*.example.com"},
		{"a.b.example.com", "a.b.example.com", "*.b.example.com"},
		{"xn--bcher-kva.example.com", "xn--bcher-kva.example.com", "*.example.com"},
		{"example.com", "example.com", "example.com"},
		{"example.co.uk", "example.co.uk", "example.co.uk"},
		{"me.github.io", "me.github.io", "me.github.io"},
		{"www.example.co.uk", "www.example.co.uk", "*.example.co.uk"},
		{"localhost", "localhost", "localhost"},
		{"app.localhost", "app.localhost", "app.localhost"},
		{"a_b.example.com", "a_b.example.com", "a_b.example.com"}, /* OpenSSL lets no wildcard stand for it */
		{"192.0.2.1", "ip/4:c0", "ip/4:c0"},
		{"2001:db8::1", "ip/16:20", "ip/16:20"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct leaf_ask ask = {.host = str_of(rows[i].host)};

		assert_names(*state, &ask, rows[i].plain);
		ask.wildcard = true;
		assert_names(*state, &ask, rows[i].wide);
	}
}

/* One leaf for siblings, and only for them; a client accepts it for each. */
static void test_wildcard_is_shared(void **state)
{
	static const char *const hosts[] = {"a.example.com", "b.example.com", "a-b.example.com", "xn--bcher-kva.example.com"};
	struct rig *r = *state;
	struct leaf_ask ask = {.wildcard = true};

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct tls_identity *identity;
		SSL *ssl;

		ask.host = str_of(hosts[i]);
		identity = get(r, &ask, NOW_S);
		ssl = shown(identity);
		assert_int_equal(X509_check_host(SSL_get_certificate(ssl), hosts[i], 0, 0, NULL), 1);
		assert_int_equal(X509_check_host(SSL_get_certificate(ssl), "a.b.example.com", 0, 0, NULL), 0);
		assert_int_equal(X509_check_host(SSL_get_certificate(ssl), "example.com", 0, 0, NULL), 0);
		SSL_free(ssl);
		tls_identity_unref(identity);
	}
	assert_int_equal(counts_of(r).made, 1);
	ask.wildcard = false;
	assert_names(r, &ask, hosts[3]);
	assert_int_equal(counts_of(r).made, 2);
}

static void test_further_names(void **state)
{
	struct rig *r = *state;
	char wide[300] = "*.", long_name[260];
	const char *more[] = {"WWW.Example.com", "www.example.com", "*.example.org", "*.com", "*.co.uk", "*.", "*", "a.*.test",
		"192.0.2.1", "::1", "192.0.2.1", "a b", "", "..", "user@example.com", "1.2.3", "*.localhost", "a_b.test", wide,
		long_name};
	const char *fewer[] = {"b.test"}, *others[] = {"c.test"};
	struct leaf_ask ask = {.host = STR("host.test"), .more = more, .more_n = sizeof(more) / sizeof(more[0])};

	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	for (size_t i = 2; i < 2 + 252; i++)
		wide[i] = i % 50 == 0 ? '.' : 'a';
	assert_names(r, &ask, "host.test www.example.com *.example.org ip/4:c0 ip/16:00 a_b.test");
	/* With other names it is another leaf. */
	ask.more_n = 1;
	ask.more = fewer;
	assert_names(r, &ask, "host.test b.test");
	ask.more = others;
	assert_names(r, &ask, "host.test c.test");
	ask.more_n = 0;
	assert_names(r, &ask, "host.test");
	assert_int_equal(counts_of(r).made, 4);
	ask.more = fewer;
	ask.more_n = 1;
	assert_names(r, &ask, "host.test b.test");
	assert_int_equal(counts_of(r).hits, 1);
}

/* As many as a leaf can hold; those behind are left out. */
static void test_many_further_names(void **state)
{
	enum { MANY = LEAF_NAMES_MAX + 20 };
	struct rig *r = *state;
	char texts[MANY][16], names[NAMES_TEXT_BYTES];
	const char *more[MANY];
	struct leaf_ask ask = {.host = STR("host.test"), .more = more, .more_n = MANY};
	struct tls_identity *identity;

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(texts[i], sizeof(texts[i]), "n%u.test", i);
		more[i] = texts[i];
	}
	identity = get(r, &ask, NOW_S);
	names_of(identity, names);
	assert_non_null(strstr(names, "n98.test"));
	assert_null(strstr(names, "n99.test"));
	tls_identity_unref(identity);
}

static void test_no_name(void **state)
{
	static const char *const hosts[] = {
		"", ".", "a b", "a..b", "*.example.com", "127.1", "[::1]", "a:443", "\xc3\xa4.test"};

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		assert_refused(*state, hosts[i], NOW_S, "no name that can stand in a certificate");
	assert_int_equal(counts_of(*state).made, 0);
}

static void test_no_ca(void **state)
{
	struct rig *r = *state;

	peek(r, "a.test", NOW_S);
	leaves_set_ca(r->leaves, NULL);
	assert_null(leaves_ca(r->leaves));
	assert_int_equal(counts_of(r).held, 0);
	assert_refused(r, "a.test", NOW_S, "no CA");
}

static void test_name_constraints(void **state)
{
	static const char *const constraints[] = {"example.com", "host.example.org", "10.0.0.0/8"};
	static const char *const more[] = {
		"other.test", "b.example.com", "*.example.com", "*.example.org", "10.1.1.1", "192.0.2.1"};
	struct rig *r = *state;
	struct ca *ca = ca_of(constraints, sizeof(constraints) / sizeof(constraints[0]), NOW_S);
	struct leaf_ask ask = {.host = STR("a.example.com"), .wildcard = true};

	leaves_set_ca(r->leaves, ca);
	assert_refused(r, "other.test", NOW_S, "example.com");
	assert_refused(r, "192.0.2.1", NOW_S, "10.0.0.0/8");
	assert_names(r, &ask, "*.example.com");
	ask.host = STR("host.example.org"); /* its parent is not the CA's */
	assert_names(r, &ask, "host.example.org");
	ask = (struct leaf_ask){.host = STR("10.0.0.1"), .more = more, .more_n = sizeof(more) / sizeof(more[0])};
	assert_names(r, &ask, "ip/4:0a b.example.com *.example.com ip/4:0a");
	ca_unref(ca);
}

static void test_made_anew_in_time(void **state)
{
	struct rig *r = *state;
	const int64_t end_s = NOW_S + (LEAF_DAYS - 1) * DAY_S;
	struct tls_identity *first = peek(r, "a.test", NOW_S), *second;

	assert_ptr_equal(peek(r, "a.test", end_s - LEAF_FRESH_DAYS * DAY_S - DAY_S), first);
	second = peek(r, "a.test", end_s - LEAF_FRESH_DAYS * DAY_S + DAY_S);
	assert_int_equal(counts_of(r).made, 2);
	assert_int_equal(counts_of(r).held, 1);
	assert_int_equal(counts_of(r).evicted, 0);
	assert_ptr_equal(peek(r, "a.test", end_s + DAY_S), second);
}

/* Made while the clock was in the future: nobody would take it now. */
static void test_made_anew_when_the_clock_was_wrong(void **state)
{
	struct rig *r = *state;
	struct tls_identity *first = peek(r, "a.test", NOW_S + 20 * DAY_S);

	assert_ptr_equal(peek(r, "a.test", NOW_S + 20 * DAY_S - 3600), first);
	peek(r, "a.test", NOW_S);
	assert_int_equal(counts_of(r).made, 2);
}

/* Near the CA's end a new leaf would last no longer: it is not made anew each time. */
static void test_end_of_the_ca(void **state)
{
	struct rig *r = *state;
	int64_t end_s = ca_not_after_s(r->ca);
	struct tls_identity *first = peek(r, "a.test", end_s - 3 * DAY_S);

	assert_ptr_equal(peek(r, "a.test", end_s - DAY_S), first);
	assert_int_equal(counts_of(r).made, 1);
	assert_refused(r, "a.test", end_s + 1, "");
	assert_refused(r, "b.test", end_s + 1, "");
}

static void test_another_ca(void **state)
{
	struct rig *r = *state;
	struct ca *other = ca_of(NULL, 0, NOW_S), *now;
	struct leaf_ask ask = {.host = STR("a.test")};
	struct tls_identity *first = get(r, &ask, NOW_S);
	char names[NAMES_TEXT_BYTES];

	leaves_set_ca(r->leaves, r->ca); /* the same: nothing is lost */
	assert_int_equal(counts_of(r).held, 1);
	leaves_set_ca(r->leaves, other);
	assert_int_equal(counts_of(r).held, 0);
	now = leaves_ca(r->leaves);
	assert_ptr_equal(now, other);
	ca_unref(now);
	peek(r, "a.test", NOW_S);
	assert_int_equal(counts_of(r).made, 2);
	names_of(first, names); /* a tunnel that has it keeps it */
	assert_string_equal(names, "a.test");
	tls_identity_unref(first);
	ca_unref(other);
}

static void test_bounded(void **state)
{
	static const char *const hosts[] = {"a.test", "b.test", "c.test", "d.test", "e.test", "f.test"};
	struct rig *r = *state;
	struct tls_identity *used = peek(r, hosts[0], NOW_S);

	for (size_t i = 1; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		peek(r, hosts[i], NOW_S);
		assert_ptr_equal(peek(r, hosts[0], NOW_S), used);
	}
	assert_int_equal(counts_of(r).held, MAX);
	assert_int_equal(counts_of(r).evicted, 2);
	leaves_set_max(r->leaves, 1);
	assert_int_equal(counts_of(r).held, 1);
	assert_int_equal(counts_of(r).evicted, 5);
	assert_ptr_equal(peek(r, hosts[0], NOW_S), used);
	leaves_set_max(r->leaves, 100);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		peek(r, hosts[i], NOW_S);
	assert_int_equal(counts_of(r).held, sizeof(hosts) / sizeof(hosts[0]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_up, rig_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_made_once),
		TEST(test_by_the_wall_clock),
		TEST(test_names),
		TEST(test_wildcard_is_shared),
		TEST(test_further_names),
		TEST(test_many_further_names),
		TEST(test_no_name),
		TEST(test_no_ca),
		TEST(test_name_constraints),
		TEST(test_made_anew_in_time),
		TEST(test_made_anew_when_the_clock_was_wrong),
		TEST(test_end_of_the_ca),
		TEST(test_another_ca),
		TEST(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
