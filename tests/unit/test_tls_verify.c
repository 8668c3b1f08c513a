/* Which certificates of origins are refused, and in which words. Every row is run a second time with verification skipped,
 * and must pass then: so it is the verification that refuses it, and nothing else. */
#include "base/utf8.h"
#include "net/tls_checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tls_rig.h"

/* Those who issue. */
enum issuer {
	SELF,
	ROOT,           /* in the file */
	INTER,          /* by ROOT */
	STRANGER,       /* a root that nobody trusts */
	STRANGER_INTER, /* by STRANGER */
	NO_CA,
	NO_SIGN,
	LIMITED, /* for other.test */
	SHORT,   /* path length 0 */
	BELOW_SHORT,
	SHA1_INTER,
	WEAK_INTER,
	OLD_INTER,
	CLIENT_INTER,
	FAKE_INTER,  /* INTER's name and issuer, another key */
	KNOWN_INTER, /* in the file, by STRANGER */
	OWN,         /* in the file, and our own */
	OWN_INTER,
	ISSUERS
};

static const struct {
	struct identity_spec spec;
	enum issuer by;
} authorities[ISSUERS] = {
	[ROOT] = {{.name = "root", .is_ca = true}, SELF},
	[INTER] = {{.name = "inter", .is_ca = true}, ROOT},
	[STRANGER] = {{.name = "stranger", .is_ca = true}, SELF},
	[STRANGER_INTER] = {{.name = "strange inter", .is_ca = true}, STRANGER},
	[NO_CA] = {{.name = "no CA"}, ROOT},
	[NO_SIGN] = {{.name = "no sign", .is_ca = true, .key_usage = "digitalSignature"}, ROOT},
	[LIMITED] = {{.name = "limited", .is_ca = true, .name_limits = "critical,permitted;DNS:other.test"}, ROOT},
	[SHORT] = {{.name = "short", .constraints = "critical,CA:TRUE,pathlen:0"}, ROOT},
	[BELOW_SHORT] = {{.name = "below short", .is_ca = true}, SHORT},
	[SHA1_INTER] = {{.name = "sha1 inter", .is_ca = true, .is_sha1 = true}, ROOT},
	[WEAK_INTER] = {{.name = "weak inter", .is_ca = true, .rsa_bits = 1024}, ROOT},
	[OLD_INTER] = {{.name = "old inter", .is_ca = true, .from_s = -200000, .to_s = -100000}, ROOT},
	[CLIENT_INTER] = {{.name = "client inter", .is_ca = true, .purpose = "clientAuth"}, ROOT},
	[FAKE_INTER] = {{.name = "inter", .is_ca = true}, ROOT},
	[KNOWN_INTER] = {{.name = "known inter", .is_ca = true}, STRANGER},
	[OWN] = {{.name = "our CA", .is_ca = true}, SELF},
	[OWN_INTER] = {{.name = "our inter", .is_ca = true}, OWN},
};

/* One origin. */
struct row {
	const char *what;
	struct identity_spec leaf;
	enum issuer by;
	enum issuer sends[3]; /* behind the leaf; SELF ends the list */
	const char *host;     /* NULL: a.test */
	const char *words;    /* in the detail; NULL: it is good */
};

#define LEAF(...) {.name = "leaf", .alt_names = "DNS:a.test", __VA_ARGS__}

static const struct row rows[] = {
	{"good", LEAF(.purpose = "serverAuth"), ROOT, {SELF}, NULL, NULL},
	{"good, by an intermediate", LEAF(.rsa_bits = 2048), INTER, {INTER}, NULL, NULL},
	{"good, by a trusted intermediate of a root that is not", LEAF(0), KNOWN_INTER, {SELF}, NULL, NULL},
	{"good, with the wrong intermediates", LEAF(0), INTER, {STRANGER_INTER, INTER, STRANGER}, NULL, NULL},
	{"expired", LEAF(.from_s = -200000, .to_s = -100000), ROOT, {SELF}, NULL, "the certificate (CN=leaf) expired on 2"},
	{"not yet valid", LEAF(.from_s = 100000, .to_s = 200000), ROOT, {SELF}, NULL,
		"the certificate (CN=leaf) is not valid before 2"},
	{"wrong host", {.name = "a.test", .alt_names = "DNS:b.test,DNS:*.c.test,IP:192.0.2.1"}, ROOT, {SELF}, NULL,
		"the certificate is not for a.test, but for b.test, *.c.test, 192.0.2.1"},
	{"many wrong hosts",
		{.name = "m",
			.alt_names = "DNS:one.long.name.test,DNS:two.long.name.test,DNS:three.long.name.test,"
				     "DNS:four.long.name.test"},
		ROOT, {SELF}, NULL, "but for one.long.name.test, two.long.name.test, three.long.name.test, ..."},
	{"wrong address", LEAF(0), ROOT, {SELF}, "127.0.0.1", "the certificate is not for 127.0.0.1, but for a.test"},
	{"address as a name", {.name = "n", .alt_names = "DNS:127.0.0.1"}, ROOT, {SELF}, "127.0.0.1",
		"the certificate is not for 127.0.0.1"},
	{"wildcard for two labels", {.name = "w", .alt_names = "DNS:*.test"}, ROOT, {SELF}, "x.a.test", "but for *.test"},
	{"wildcard in a label", {.name = "w", .alt_names = "DNS:a*.a.test"}, ROOT, {SELF}, "ab.a.test", "but for a*.a.test"},
	{"no names", {.name = "a.test"}, ROOT, {SELF}, NULL,
		"the certificate (CN=a.test) has no subject alternative names; its common name does not count"},
	{"self-signed", {.name = "self", .alt_names = "DNS:a.test"}, SELF, {SELF}, NULL,
		"the certificate (CN=self) is self-signed"},
	{"untrusted root, sent", LEAF(0), STRANGER, {STRANGER}, NULL,
		"the issuing certificate (CN=stranger) is a root that is not trusted"},
	{"untrusted root, not sent", LEAF(0), STRANGER_INTER, {STRANGER_INTER}, NULL,
		"the chain ends at CN=strange inter, whose issuer (CN=stranger) is not trusted"},
	{"incomplete chain", LEAF(0), INTER, {SELF}, NULL,
		"incomplete chain: the issuer (CN=inter) is neither sent nor trusted"},
	{"SHA-1", LEAF(.is_sha1 = true), ROOT, {SELF}, NULL,
		"the certificate (CN=leaf) is signed with SHA-1, which is too weak"},
	{"SHA-1 above", LEAF(0), SHA1_INTER, {SHA1_INTER}, NULL,
		"the issuing certificate (CN=sha1 inter) is signed with SHA-1"},
	{"weak key", LEAF(.rsa_bits = 1024), ROOT, {SELF}, NULL,
		"the key of the certificate (CN=leaf) is too weak (rsaEncryption, 1024 bits)"},
	{"weak key above", LEAF(0), WEAK_INTER, {WEAK_INTER}, NULL,
		"the key of the issuing certificate (CN=weak inter) is too weak"},
	{"expired above", LEAF(0), OLD_INTER, {OLD_INTER}, NULL, "the issuing certificate (CN=old inter) expired on 2"},
	{"signed by somebody else", LEAF(0), FAKE_INTER, {INTER}, NULL,
		"the certificate (CN=leaf) has a signature that is not its issuer's"},
	{"no CA above", LEAF(0), NO_CA, {NO_CA}, NULL, "the issuing certificate (CN=no CA) is not that of a CA"},
	{"a CA that may not sign", LEAF(0), NO_SIGN, {NO_SIGN}, NULL,
		"the issuing certificate (CN=no sign) may not issue certificates (key usage)"},
	{"a CA for clients", LEAF(0), CLIENT_INTER, {CLIENT_INTER}, NULL,
		"the issuing certificate (CN=client inter) may not vouch for servers"},
	{"name constraints", LEAF(0), LIMITED, {LIMITED}, NULL,
		"the certificate (CN=leaf) has names that its issuer may not vouch for (name constraints)"},
	{"path length", LEAF(0), BELOW_SHORT, {BELOW_SHORT, SHORT}, NULL,
		"the issuing certificate (CN=short) allows fewer CAs below it (path length)"},
	{"for clients", LEAF(.purpose = "clientAuth"), ROOT, {SELF}, NULL,
		"the certificate (CN=leaf) is not for servers (extended key usage)"},
	{"our own CA", LEAF(0), OWN, {SELF}, NULL, "issued by this proxy's own CA (CN=our CA)"},
	{"our own CA above", LEAF(0), OWN_INTER, {OWN_INTER}, NULL, "issued by this proxy's own CA (CN=our CA)"},
	{"a hostile name", {.name = "a\n\"b\x1b; CN=root", .alt_names = "DNS:a.test"}, STRANGER, {SELF}, "b.test",
		"incomplete"},
};

struct fixture {
	struct identity authorities[ISSUERS];
	char file[64];
	unsigned char own[DIGEST_BYTES];
	struct rig rig;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	FILE *file;

	for (int i = SELF + 1; i < ISSUERS; i++)
		f->authorities[i] = identity_new(&authorities[i].spec,
			authorities[i].by != SELF ? &f->authorities[authorities[i].by] : NULL);
	snprintf(f->file, sizeof(f->file), "/tmp/test_tls_verify.XXXXXX");
	file = fdopen(mkstemp(f->file), "w");
	PEM_write_X509(file, f->authorities[ROOT].certificate);
	PEM_write_X509(file, f->authorities[KNOWN_INTER].certificate);
	PEM_write_X509(file, f->authorities[OWN].certificate);
	fclose(file);
	if (!tls_spki_sha256(f->authorities[OWN].certificate, f->own))
		return -1;
	rig_init(&f->rig, f->file, (struct str){(const char *)f->own, sizeof(f->own)});
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	rig_fini(&f->rig);
	for (int i = SELF + 1; i < ISSUERS; i++)
		identity_free(&f->authorities[i]);
	unlink(f->file);
	free(f);
	return 0;
}

/* A server as the row has it. */
static SSL_CTX *server_of(struct fixture *f, const struct row *row)
{
	struct identity leaf = identity_new(&row->leaf, row->by != SELF ? &f->authorities[row->by] : NULL);
	SSL_CTX *ctx = peer_ctx_new(&leaf);

	for (size_t i = 0; i < 3 && row->sends[i] != SELF; i++)
		SSL_CTX_add1_chain_cert(ctx, f->authorities[row->sends[i]].certificate);
	SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
	identity_free(&leaf);
	return ctx;
}

/* Says which row it is, and fails, if text does not have the words; never if they are not to be had. */
static void expect_words(const struct row *row, const char *text)
{
	if (row->words == NULL ? text[0] == '\0' : strstr(text, row->words) != NULL)
		return;
	fail_msg("%s: \"%s\"", row->what, text);
}

/* Both ways, by one version of TLS. */
static void try_row(struct fixture *f, const struct row *row, int version)
{
	const char *host = row->host != NULL ? row->host : "a.test";
	SSL_CTX *ctx = server_of(f, row);
	enum error error;

	SSL_CTX_set_max_proto_version(ctx, version);
	f->rig.asks.skips_verification = false;
	error = rig_visit(&f->rig, ctx, host);
	if (error != (row->words != NULL ? ERR_tls_certificate : ERR_none))
		fail_msg("%s: %s: %s", row->what, error_name(error), f->rig.detail);
	expect_words(row, f->rig.detail);
	assert_non_null(f->rig.seen);
	assert_string_equal(f->rig.seen->unverified, "");
	f->rig.asks.skips_verification = true;
	error = rig_visit(&f->rig, ctx, host);
	if (error != ERR_none)
		fail_msg("%s, skipped: %s: %s", row->what, error_name(error), f->rig.detail);
	expect_words(row, f->rig.seen->unverified);
	assert_string_equal(f->rig.peer.server_name, strcmp(host, "127.0.0.1") == 0 ? "" : host);
	SSL_CTX_free(ctx);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		try_row(*state, &rows[i], TLS1_3_VERSION);
		try_row(*state, &rows[i], TLS1_2_VERSION);
	}
}

/* Without knowing our own CA, the same chains verify: it is its key that they are refused for. */
static void test_own_unknown(void **state)
{
	struct fixture *f = *state;
	struct rig rig;

	rig_init(&rig, f->file, STR_NONE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		SSL_CTX *ctx;

		if (rows[i].by != OWN && rows[i].by != OWN_INTER)
			continue;
		ctx = server_of(f, &rows[i]);
		assert_int_equal(rig_visit(&rig, ctx, "a.test"), ERR_none);
		SSL_CTX_free(ctx);
	}
	rig_fini(&rig);
}

/* A former CA of ours is ours still. */
static void test_own_former(void **state)
{
	struct fixture *f = *state;
	const struct row row = {"former", LEAF(0), OWN_INTER, {OWN_INTER}, NULL, NULL};
	unsigned char present[DIGEST_BYTES], former[DIGEST_BYTES];
	const struct str own[] = {
		{(const char *)present, sizeof(present)}, STR("not a digest"), {(const char *)former, sizeof(former)}};
	SSL_CTX *ctx = server_of(f, &row);

	assert_true(tls_spki_sha256(f->authorities[STRANGER].certificate, present));
	memcpy(former, f->own, sizeof(former));
	tls_client_free(f->rig.client);
	f->rig.client = tls_client_new(f->file, own, 3, f->rig.detail, sizeof(f->rig.detail));
	memset(former, 0, sizeof(former)); /* copied */
	assert_int_equal(rig_visit(&f->rig, ctx, "a.test"), ERR_tls_certificate);
	assert_non_null(strstr(f->rig.detail, "issued by this proxy's own CA (CN=our CA)"));
	SSL_CTX_free(ctx);
}

/* Names are for people: as they are, but for what would do something to a terminal; never cut inside a character. */
static void test_names_as_they_are(void **state)
{
	static const struct {
		const char *name, *subject;
	} names[] = {
		{"M\u00fcller + S\u00f6hne, \"Inc.\"", "CN=M\u00fcller + S\u00f6hne, \"Inc.\""},
		{"a\\b\nc\x1b[m\u202ed", "CN=a\\b\\x0ac\\x1b[m\\xe2\\x80\\xaed"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct row row = {"name", {.name = names[i].name, .alt_names = "DNS:a.test"}, ROOT, {SELF}, NULL, NULL};
		SSL_CTX *ctx = server_of(f, &row);
		char words[200];

		assert_int_equal(rig_visit(&f->rig, ctx, "a.test"), ERR_none);
		assert_string_equal(f->rig.seen->subject, names[i].subject);
		assert_non_null(strstr(f->rig.seen->chain, names[i].subject));
		assert_int_equal(rig_visit(&f->rig, ctx, "127.0.0.1"), ERR_tls_certificate);
		utf8_legible(str_of(f->rig.detail), words, sizeof(words)); /* what is legible stays */
		assert_string_equal(words, f->rig.detail);
		SSL_CTX_free(ctx);
	}
}

/* What is skipped is the certificate only: old versions and weak ciphers are refused as ever. */
static void test_skipped_leg(void **state)
{
	static const char *const ciphers[] = {"NULL", "AECDH-NULL-SHA:AECDH-AES256-SHA", "PSK"};
	struct fixture *f = *state;
	const struct row good = {"good", LEAF(.rsa_bits = 2048), STRANGER, {SELF}, NULL, NULL};
	SSL_CTX *ctx = server_of(f, &good);

	f->rig.asks.skips_verification = true;
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
	assert_int_not_equal(rig_visit(&f->rig, ctx, "a.test"), ERR_none);
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		assert_int_equal(SSL_CTX_set_cipher_list(ctx, ciphers[i]), 1);
		assert_int_not_equal(rig_visit(&f->rig, ctx, "a.test"), ERR_none);
		assert_null(f->rig.seen);
	}
	SSL_CTX_free(ctx);
}

/* What is known of a peer, whether it is taken or not. */
static void test_peer(void **state)
{
	struct fixture *f = *state;
	const struct row row = {"peer",
		{.name = "p\n;x", .alt_names = "DNS:a.test,IP:192.0.2.1,IP:2001:db8::1,email:x@a.test,DNS:*.a.test"}, INTER,
		{INTER, STRANGER}, NULL, NULL};
	SSL_CTX *ctx = server_of(f, &row);

	for (int i = 0; i < 2; i++) {
		const bool is_good = i == 0;

		assert_int_equal(rig_visit(&f->rig, ctx, is_good ? "a.test" : "b.test"),
			is_good ? ERR_none : ERR_tls_certificate);
		assert_string_equal(f->rig.seen->subject, "CN=p\\x0a;x");
		assert_string_equal(f->rig.seen->issuer, "CN=inter");
		/* As it was verified; as it was sent. */
		assert_string_equal(f->rig.seen->chain,
			is_good ? "CN=p\\x0a;x; CN=inter; CN=root" : "CN=p\\x0a;x; CN=inter; CN=stranger");
		assert_int_equal(strlen(f->rig.seen->certificate_sha256), 64);
		assert_int_equal(strlen(f->rig.seen->spki_sha256), 44);
		assert_int_equal(f->rig.seen->not_after_s - f->rig.seen->not_before_s, 86400 + 3600);
		assert_string_equal(tls_pin_result_name(f->rig.seen->pin), "none");
		assert_int_equal(f->rig.seen->names_n, 4);
		assert_string_equal(f->rig.seen->names[0], "a.test");
		assert_string_equal(f->rig.seen->names[1], "192.0.2.1");
		assert_string_equal(f->rig.seen->names[2], "2001:db8::1");
		assert_string_equal(f->rig.seen->names[3], "*.a.test");
		assert_string_equal(f->rig.seen->staple, "");
	}
	SSL_CTX_free(ctx);
}

/* As many names as are kept, of which those that cannot be names are left out. */
static void test_many_names(void **state)
{
	struct fixture *f = *state;
	char names[4096] = "DNS:a.test";
	const struct row row = {"names", {.name = "n", .alt_names = names}, ROOT, {SELF}, NULL, NULL};
	SSL_CTX *ctx;

	for (int i = 0; i < 150; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), ",DNS:n%d.test", i);
	ctx = server_of(f, &row);
	assert_int_equal(rig_visit(&f->rig, ctx, "n149.test"), ERR_none);
	assert_int_equal(f->rig.seen->names_n, TLS_NAMES_MAX);
	assert_string_equal(f->rig.seen->names[TLS_NAMES_MAX - 1], "n98.test");
	SSL_CTX_free(ctx);
}

/* Names that are none: refused before a byte is sent. */
static void test_impossible_names(void **state)
{
	static const char *const names[] = {"", ".", ".a.test"};
	struct fixture *f = *state;
	char longest[300];
	SSL_CTX *ctx = server_of(f, &rows[0]);

	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(rig_visit(&f->rig, ctx, names[i]), ERR_tls_protocol);
		assert_null(f->rig.seen);
	}
	assert_int_equal(rig_visit(&f->rig, ctx, longest), ERR_tls_protocol);
	SSL_CTX_free(ctx);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rows),
		TEST(test_own_unknown),
		TEST(test_own_former),
		TEST(test_names_as_they_are),
		TEST(test_skipped_leg),
		TEST(test_peer),
		TEST(test_many_names),
		TEST(test_impossible_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
