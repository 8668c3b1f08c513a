/* What is asked of one origin beyond the default: pins, client certificates; what a resumed leg knows; and ids of all that. */
#include "net/tls_checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tls_rig.h"

enum { PIN_BYTES = 128 };

struct fixture {
	struct identity root, inter, leaf, other;
	char folder[64], ca_file[96];
	SSL_CTX *ctx;
	struct rig rig;
};

/* A file in the folder. */
static const char *path_of(struct fixture *f, const char *name, char to[96])
{
	snprintf(to, 96, "%s/%s", f->folder, name);
	return to;
}

/* Writes certificates and a key, those that are given. */
static void write_pem(const char *path, X509 *a, X509 *b, EVP_PKEY *key, const char *passphrase)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	if (a != NULL)
		assert_int_equal(PEM_write_X509(file, a), 1);
	if (b != NULL)
		assert_int_equal(PEM_write_X509(file, b), 1);
	if (key != NULL)
		assert_int_equal(PEM_write_PrivateKey(file, key, passphrase != NULL ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
					 (void *)(uintptr_t)passphrase),
			1);
	fclose(file);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->root = identity_new(&(struct identity_spec){.name = "root", .is_ca = true}, NULL);
	f->inter = identity_new(&(struct identity_spec){.name = "inter", .is_ca = true}, &f->root);
	f->leaf = identity_new(&(struct identity_spec){.name = "leaf", .alt_names = "DNS:a.test"}, &f->inter);
	f->other = identity_new(&(struct identity_spec){.name = "visitor"}, &f->root);
	f->ctx = peer_ctx_new(&f->leaf);
	SSL_CTX_add1_chain_cert(f->ctx, f->inter.certificate);
	snprintf(f->folder, sizeof(f->folder), "/tmp/test_tls_pins.XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		return -1;
	write_pem(path_of(f, "ca.pem", f->ca_file), f->root.certificate, NULL, NULL, NULL);
	rig_init(&f->rig, f->ca_file, STR_NONE);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const files[] = {"ca.pem", "cert.pem", "key.pem", "other.pem", "bad.pem"};
	struct fixture *f = *state;
	char path[96];

	rig_fini(&f->rig);
	SSL_CTX_free(f->ctx);
	identity_free(&f->root);
	identity_free(&f->inter);
	identity_free(&f->leaf);
	identity_free(&f->other);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(path_of(f, files[i], path));
	rmdir(f->folder);
	free(f);
	return 0;
}

/* The pins of a certificate: of its key, as curl writes it or RFC 7469, or of itself. */
static void pin_of(const X509 *certificate, const char *form, char to[PIN_BYTES])
{
	unsigned char digest[DIGEST_BYTES];
	unsigned char text[64];

	if (strstr(form, "cert") == NULL) {
		assert_true(tls_spki_sha256(certificate, digest));
		EVP_EncodeBlock(text, digest, DIGEST_BYTES);
		snprintf(to, PIN_BYTES, "%s%s", form, text);
		return;
	}
	assert_true(tls_certificate_sha256(certificate, digest));
	snprintf(to, PIN_BYTES, "cert-sha256/");
	for (size_t i = 0; i < DIGEST_BYTES; i++)
		snprintf(to + strlen(to), PIN_BYTES - strlen(to), strchr(form, ':') != NULL ? "%s%02X" : "%.0s%02x",
			i != 0 ? ":" : "", digest[i]);
}

/* One pin. */
static struct tls_pins *pins_new(const char *item, bool only_warns)
{
	char why[200] = "";
	struct tls_pins *p = tls_pins_new(&item, 1, only_warns, why, sizeof(why));

	assert_string_equal(why, "");
	assert_non_null(p);
	assert_int_equal(tls_pins_only_warn(p), only_warns);
	return p;
}

/* A visit with one pin. */
static enum error visit(struct fixture *f, const char *item, bool only_warns, const char *host)
{
	struct tls_pins *pins = pins_new(item, only_warns);
	enum error error;

	f->rig.asks.pins = pins;
	error = rig_visit(&f->rig, f->ctx, host);
	f->rig.asks.pins = NULL;
	tls_pins_free(pins);
	return error;
}

static void test_matched(void **state)
{
	static const char *const forms[] = {"sha256/", "sha256//", "cert", "cert:"};
	struct fixture *f = *state;
	X509 *chain[] = {f->leaf.certificate, f->inter.certificate, f->root.certificate};
	char pin[PIN_BYTES];

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		for (size_t k = 0; k < 3; k++) {
			pin_of(chain[k], forms[i], pin);
			assert_int_equal(visit(f, pin, false, "a.test"), ERR_none);
			assert_int_equal(f->rig.seen->pin, TLS_PIN_MATCHED);
		}
	}
}

/* The words name the pins that would do, and these do. */
static void test_mismatched(void **state)
{
	struct fixture *f = *state;
	char pin[PIN_BYTES], key[PIN_BYTES], issuer[PIN_BYTES], words[400];

	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		SSL_CTX_set_max_proto_version(f->ctx, version);
		pin_of(f->other.certificate, "sha256/", pin);
		assert_int_equal(visit(f, pin, false, "a.test"), ERR_pin_mismatch);
		pin_of(f->leaf.certificate, "sha256/", key);
		pin_of(f->inter.certificate, "sha256/", issuer);
		snprintf(words, sizeof(words), "no pin matches: its key is %s, its issuer's %s", key, issuer);
		assert_string_equal(f->rig.detail, words);
		assert_int_equal(f->rig.seen->pin, TLS_PIN_MISMATCHED);
		assert_string_equal(f->rig.seen->subject, "CN=leaf");
		assert_int_equal(visit(f, pin, true, "a.test"), ERR_none);
		assert_int_equal(f->rig.seen->pin, TLS_PIN_MISMATCHED);
		assert_string_equal(f->rig.seen->unverified, "");
	}
}

/* One of several will do: the others are for the time after the next change of keys. */
static void test_backup(void **state)
{
	struct fixture *f = *state;
	char pins[2][PIN_BYTES], why[100];
	const char *items[] = {pins[0], pins[1]};

	pin_of(f->other.certificate, "sha256/", pins[0]);
	pin_of(f->leaf.certificate, "sha256/", pins[1]);
	f->rig.asks.pins = tls_pins_new(items, 2, false, why, sizeof(why));
	assert_int_equal(rig_visit(&f->rig, f->ctx, "a.test"), ERR_none);
	assert_int_equal(f->rig.seen->pin, TLS_PIN_MATCHED);
	tls_pins_free((struct tls_pins *)(uintptr_t)f->rig.asks.pins);
}

/* A chain that does not verify is refused for that, whatever is pinned. */
static void test_pins_do_not_replace(void **state)
{
	struct fixture *f = *state;
	char pin[PIN_BYTES];

	pin_of(f->leaf.certificate, "sha256/", pin);
	assert_int_equal(visit(f, pin, false, "b.test"), ERR_tls_certificate);
	assert_int_equal(f->rig.seen->pin, TLS_PIN_NONE);
}

/* Where any certificate will do, only the one counts whose key the origin has proved to hold: certificates of others can be
 * sent behind it by anybody. */
static void test_unverified(void **state)
{
	struct fixture *f = *state;
	char pin[PIN_BYTES];

	f->rig.asks.skips_verification = true;
	pin_of(f->leaf.certificate, "sha256/", pin);
	assert_int_equal(visit(f, pin, false, "b.test"), ERR_none);
	assert_int_equal(f->rig.seen->pin, TLS_PIN_MATCHED);
	pin_of(f->inter.certificate, "sha256/", pin);
	assert_int_equal(visit(f, pin, false, "b.test"), ERR_pin_mismatch);
	assert_non_null(strstr(f->rig.detail, "no pin matches: its key is sha256/"));
	assert_null(strstr(f->rig.detail, "issuer"));
	assert_non_null(strstr(f->rig.seen->unverified, "is not for b.test"));
	assert_int_equal(visit(f, pin, true, "b.test"), ERR_none);
	assert_int_equal(f->rig.seen->pin, TLS_PIN_MISMATCHED);
	assert_int_equal(visit(f, pin, false, "a.test"), ERR_none); /* it verifies after all */
	assert_int_equal(f->rig.seen->pin, TLS_PIN_MATCHED);
}

static void test_malformed(void **state)
{
	static const char *const items[] = {"", "sha256/", "sha256",
		"sha1/AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* no padding */
		"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",   /* bits that nobody reads */
		"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",   /* 31 bytes */
		"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=A",  /* more */
		"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nA=", /* another alphabet */
		"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-A=", "cert-sha256/00",
		"cert-sha256/00000000000000000000000000000000000000000000000000000000000000000",
		"cert-sha256/000000000000000000000000000000000000000000000000000000000000000g",
		"cert-sha256/00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00-00",
		"pin-sha256=\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\""};
	char why[200];

	(void)state;
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		why[0] = '\0';
		assert_null(tls_pins_new(&items[i], 1, false, why, sizeof(why)));
		assert_non_null(strstr(why, "is no pin"));
		assert_null(strchr(why, '\n'));
	}
	assert_null(tls_pins_new(items, 0, false, why, sizeof(why)));
	assert_string_equal(why, "no pin is given");
	tls_pins_free(NULL);
	tls_credentials_free(NULL);
}

static void test_ids(void **state)
{
	static const char *const texts[] = {
		"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=",
		"cert-sha256/0000000000000000000000000000000000000000000000000000000000000000"};
	struct fixture *f = *state;
	uint64_t ids[9];
	struct tls_pins *pins;
	char cert[96], why[200] = "";
	struct tls_credentials *credentials;
	size_t n = 0;

	write_pem(path_of(f, "cert.pem", cert), f->other.certificate, NULL, f->other.key, NULL);
	credentials = tls_credentials_new(cert, cert, why, sizeof(why));
	assert_string_equal(why, "");
	assert_int_equal(tls_asks_id(&(struct tls_asks){.pins = NULL}), 0);
	ids[n++] = tls_asks_id(&(struct tls_asks){.skips_verification = true});
	ids[n++] = tls_asks_id(&(struct tls_asks){.credentials = credentials});
	ids[n++] = tls_asks_id(&(struct tls_asks){.credentials = credentials, .skips_verification = true});
	for (size_t i = 0; i < 3; i++) {
		for (int warns = 0; warns < 2; warns++) {
			pins = pins_new(texts[i], warns == 1);
			ids[n++] = tls_asks_id(&(struct tls_asks){.pins = pins});
			tls_pins_free(pins);
			pins = pins_new(texts[i], warns == 1);
			assert_true(tls_asks_id(&(struct tls_asks){.pins = pins}) == ids[n - 1]);
			tls_pins_free(pins);
		}
	}
	for (size_t i = 0; i < n; i++) {
		assert_true(ids[i] != 0);
		for (size_t k = 0; k < i; k++)
			assert_true(ids[i] != ids[k]);
	}
	tls_credentials_free(credentials);
	credentials = tls_credentials_new(cert, cert, why, sizeof(why));
	assert_true(tls_asks_id(&(struct tls_asks){.credentials = credentials}) == ids[1]);
	tls_credentials_free(credentials);
}

/* Shown to an origin that asks, and not to one that does not. */
static void test_credentials(void **state)
{
	struct fixture *f = *state;
	struct tls_credentials *credentials;
	char cert[96], key[96], why[200] = "";

	write_pem(path_of(f, "cert.pem", cert), f->other.certificate, f->root.certificate, NULL, NULL);
	write_pem(path_of(f, "key.pem", key), NULL, NULL, f->other.key, NULL);
	credentials = tls_credentials_new(cert, key, why, sizeof(why));
	assert_string_equal(why, "");
	assert_string_equal(tls_credentials_subject(credentials), "CN=visitor");
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		SSL_CTX_set_max_proto_version(f->ctx, version);
		SSL_CTX_set_verify(f->ctx, SSL_VERIFY_NONE, NULL);
		f->rig.asks.credentials = credentials;
		assert_false(rig_exchange(&f->rig, f->ctx, "a.test"));
		assert_string_equal(f->rig.peer.visitor, "");
		peer_ask_certificate(f->ctx);
		f->rig.asks.skips_verification = true; /* another id, so that nothing is resumed */
		assert_false(rig_exchange(&f->rig, f->ctx, "a.test"));
		assert_string_equal(f->rig.peer.visitor, "visitor");
		f->rig.asks = (struct tls_asks){.pins = NULL};
		assert_false(rig_exchange(&f->rig, f->ctx, "a.test"));
		assert_string_equal(f->rig.peer.visitor, "");
		tls_client_free(f->rig.client);
		f->rig.client = tls_client_new(f->ca_file, NULL, 0, why, sizeof(why));
	}
	tls_credentials_free(credentials);
}

/* One line that names the file. */
static void expect_refused(const char *cert, const char *key, const char *file, const char *words)
{
	char why[200] = "", want[200];

	assert_null(tls_credentials_new(cert, key, why, sizeof(why)));
	snprintf(want, sizeof(want), "%s: %s", file, words);
	assert_memory_equal(why, want, strlen(want));
	assert_null(strchr(why, '\n'));
}

static void test_bad_credentials(void **state)
{
	struct fixture *f = *state;
	struct identity weak =
		identity_new(&(struct identity_spec){.name = "weak", .alt_names = "DNS:a.test", .rsa_bits = 1024}, NULL);
	char cert[96], key[96], other[96], bad[96];
	FILE *file;

	write_pem(path_of(f, "cert.pem", cert), f->other.certificate, NULL, NULL, NULL);
	write_pem(path_of(f, "key.pem", key), NULL, NULL, f->other.key, "secret");
	write_pem(path_of(f, "other.pem", other), NULL, NULL, f->leaf.key, NULL);
	path_of(f, "bad.pem", bad);
	expect_refused(bad, key, bad, "No such file or directory");
	expect_refused(cert, bad, bad, "No such file or directory");
	expect_refused(f->folder, key, f->folder, "");
	expect_refused(other, other, other, "holds no certificate in PEM form");
	expect_refused(cert, cert, cert, "holds no private key in PEM form");
	expect_refused(cert, key, key, "the key is encrypted; it must not be");
	expect_refused(cert, other, other, "the key is not that of the certificate");
	write_pem(bad, f->other.certificate, NULL, NULL, NULL);
	file = fopen(bad, "a");
	fputs("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", file);
	fclose(file);
	expect_refused(bad, key, bad, "holds a malformed certificate");
	write_pem(bad, weak.certificate, NULL, weak.key, NULL);
	expect_refused(bad, bad, bad, "cannot be used: ee key too small");
	identity_free(&weak);
}

/* A resumed leg knows whom it has to do with, as its first one knew; a leg of which something else is asked is not resumed. */
static void test_resumed(void **state)
{
	struct fixture *f = *state;
	char pin[PIN_BYTES], why[100];
	struct tls_pins *pins;

	pin_of(f->inter.certificate, "sha256/", pin);
	pins = pins_new(pin, false);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		SSL_CTX_set_max_proto_version(f->ctx, version);
		f->rig.asks = (struct tls_asks){.pins = NULL};
		assert_false(rig_exchange(&f->rig, f->ctx, "a.test"));
		assert_true(rig_exchange(&f->rig, f->ctx, "a.test"));
		assert_int_equal(f->rig.seen->pin, TLS_PIN_NONE);
		f->rig.asks.pins = pins;
		assert_false(rig_exchange(&f->rig, f->ctx, "a.test"));
		for (int i = 0; i < 3; i++) {
			assert_true(rig_exchange(&f->rig, f->ctx, "a.test"));
			assert_int_equal(f->rig.seen->pin, TLS_PIN_MATCHED);
			assert_string_equal(f->rig.seen->chain, "CN=leaf; CN=inter; CN=root");
			assert_string_equal(f->rig.seen->names[0], "a.test");
		}
		f->rig.asks = (struct tls_asks){.skips_verification = true};
		assert_false(rig_exchange(&f->rig, f->ctx, "b.test"));
		assert_true(rig_exchange(&f->rig, f->ctx, "b.test"));
		assert_non_null(strstr(f->rig.seen->unverified, "is not for b.test"));
		f->rig.asks.skips_verification = false;
		assert_int_equal(rig_visit(&f->rig, f->ctx, "b.test"), ERR_tls_certificate);
		tls_client_free(f->rig.client);
		f->rig.client = tls_client_new(f->ca_file, NULL, 0, why, sizeof(why));
	}
	tls_pins_free(pins);
}

/* A session whose peer does not take it any more: the peer is the new one, and none where the leg fails before it is seen. */
static void test_not_resumed(void **state)
{
	struct fixture *f = *state;
	struct identity again = identity_new(&(struct identity_spec){.name = "again", .alt_names = "DNS:a.test"}, &f->root);
	SSL_CTX *ctx = peer_ctx_new(&again);

	assert_false(rig_exchange(&f->rig, f->ctx, "a.test"));
	assert_false(rig_exchange(&f->rig, ctx, "a.test"));
	assert_string_equal(f->rig.seen->subject, "CN=again");
	rig_shake(&f->rig, ctx, PEER_CUT_EARLY, "a.test");
	assert_int_equal(f->rig.error, ERR_tls_protocol);
	assert_null(f->rig.seen);
	rig_hang_up(&f->rig);
	SSL_CTX_free(ctx);
	identity_free(&again);
}

/* A session is no better than the certificate that it was made with. */
static void test_expired_meanwhile(void **state)
{
	struct fixture *f = *state;

	assert_false(rig_exchange(&f->rig, f->ctx, "a.test"));
	/* Time passes; the sessions have the same peer. */
	((struct tls_peer *)(uintptr_t)f->rig.seen)->not_after_s = clock_wall_us() / 1000000 - 1;
	assert_false(rig_exchange(&f->rig, f->ctx, "a.test"));
	assert_true(f->rig.seen->not_after_s > clock_wall_us() / 1000000);
	assert_true(rig_exchange(&f->rig, f->ctx, "a.test"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_matched),
		TEST(test_mismatched),
		TEST(test_backup),
		TEST(test_pins_do_not_replace),
		TEST(test_unverified),
		TEST(test_malformed),
		TEST(test_ids),
		TEST(test_credentials),
		TEST(test_bad_credentials),
		TEST(test_resumed),
		TEST(test_not_resumed),
		TEST(test_expired_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
