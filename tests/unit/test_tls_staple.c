/* OCSP responses that come along with a certificate, and certificates that demand one. Rows are run by TLS 1.2 and 1.3, and
 * those that refuse a second time with verification skipped, when they must pass. */
#include "net/tls_checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ocsp.h>

#include "tls_rig.h"

enum { DAY_S = 86400 };

/* Who signs a response. */
enum signer { BY_ISSUER, BY_DELEGATE, BY_LEAF, BY_STRANGER, BY_EXPIRED_DELEGATE };

/* What the server does with a response before it sends it. */
enum damage { WHOLE, NONE_SENT, CUT, TRAILING, GARBAGE, CHANGED, TRY_LATER };

struct row {
	const char *what;
	int status;        /* V_OCSP_CERTSTATUS_… */
	int reason;        /* of a revocation */
	long from_s, to_s; /* of the response, from now; to_s 0: does not say */
	enum signer signer;
	enum damage damage;
	bool is_about_another, is_sha256_id;
	bool is_demanded;   /* the certificate demands a response */
	const char *staple; /* as noted */
	const char *words;  /* that refuse; NULL: taken */
};

#define GOOD .status = V_OCSP_CERTSTATUS_GOOD, .from_s = -3600, .to_s = DAY_S
#define REVOKED .status = V_OCSP_CERTSTATUS_REVOKED, .from_s = -3600, .to_s = DAY_S

static const struct row rows[] = {
	{.what = "none", .damage = NONE_SENT, .staple = ""},
	{.what = "good", GOOD, .staple = "good"},
	{.what = "good, by a delegate", GOOD, .signer = BY_DELEGATE, .staple = "good"},
	{.what = "good, another digest", GOOD, .is_sha256_id = true, .staple = "good"},
	{.what = "good, open-ended", .status = V_OCSP_CERTSTATUS_GOOD, .from_s = -5 * DAY_S, .staple = "good"},
	{.what = "good, within the leeway", .status = V_OCSP_CERTSTATUS_GOOD, .from_s = 240, .to_s = DAY_S, .staple = "good"},
	{.what = "just out of date", .status = V_OCSP_CERTSTATUS_GOOD, .from_s = -DAY_S, .to_s = -240, .staple = "good"},
	{.what = "expired", .status = V_OCSP_CERTSTATUS_GOOD, .from_s = -2 * DAY_S, .to_s = -DAY_S, .staple = "expired"},
	{.what = "of tomorrow", .status = V_OCSP_CERTSTATUS_GOOD, .from_s = DAY_S, .to_s = 2 * DAY_S, .staple = "expired"},
	{.what = "open-ended, old", .status = V_OCSP_CERTSTATUS_GOOD, .from_s = -11 * DAY_S, .staple = "expired"},
	{.what = "unknown", .status = V_OCSP_CERTSTATUS_UNKNOWN, .from_s = -3600, .to_s = DAY_S, .staple = "unknown"},
	{.what = "try later", GOOD, .damage = TRY_LATER, .staple = "unknown"},
	{.what = "revoked",
		REVOKED,
		.reason = -1,
		.staple = "revoked",
		.words = "the certificate (CN=leaf) was revoked on 2026-01-02 (stapled OCSP)"},
	{.what = "revoked, for a reason",
		REVOKED,
		.reason = OCSP_REVOKED_STATUS_KEYCOMPROMISE,
		.staple = "revoked",
		.words = "the certificate (CN=leaf) was revoked on 2026-01-02 (keyCompromise, stapled OCSP)"},
	{.what = "revoked, old news",
		.status = V_OCSP_CERTSTATUS_REVOKED,
		.reason = -1,
		.from_s = -9 * DAY_S,
		.to_s = -DAY_S,
		.staple = "revoked",
		.words = "was revoked on 2026-01-02"},
	{.what = "revoked, by a delegate",
		REVOKED,
		.reason = -1,
		.signer = BY_DELEGATE,
		.staple = "revoked",
		.words = "was revoked on"},
	{.what = "revoked, and demanded",
		REVOKED,
		.reason = -1,
		.is_demanded = true,
		.staple = "revoked",
		.words = "was revoked on"},
	{.what = "cut", GOOD, .damage = CUT, .staple = "malformed", .words = "the stapled OCSP response is malformed"},
	{.what = "with more behind it",
		GOOD,
		.damage = TRAILING,
		.staple = "malformed",
		.words = "the stapled OCSP response is malformed"},
	{.what = "garbage", GOOD, .damage = GARBAGE, .staple = "malformed", .words = "the stapled OCSP response is malformed"},
	{.what = "changed",
		GOOD,
		.damage = CHANGED,
		.staple = "malformed",
		.words = "the stapled OCSP response is not signed by the issuer of the certificate"},
	{.what = "signed by the origin itself",
		GOOD,
		.signer = BY_LEAF,
		.staple = "malformed",
		.words = "the stapled OCSP response is not signed by the issuer"},
	{.what = "signed by a stranger",
		GOOD,
		.signer = BY_STRANGER,
		.staple = "malformed",
		.words = "the stapled OCSP response is not signed by the issuer"},
	{.what = "signed by a delegate of yesterday",
		GOOD,
		.signer = BY_EXPIRED_DELEGATE,
		.staple = "malformed",
		.words = "the stapled OCSP response is not signed by the issuer"},
	{.what = "about another",
		GOOD,
		.is_about_another = true,
		.staple = "malformed",
		.words = "the stapled OCSP response is about another certificate"},
	{.what = "demanded, good", GOOD, .is_demanded = true, .staple = "good"},
	{.what = "demanded, none",
		.damage = NONE_SENT,
		.is_demanded = true,
		.staple = "",
		.words = "the certificate (CN=leaf) demands a stapled OCSP response, and none came"},
	{.what = "demanded, expired",
		.status = V_OCSP_CERTSTATUS_GOOD,
		.from_s = -2 * DAY_S,
		.to_s = -DAY_S,
		.is_demanded = true,
		.staple = "expired",
		.words = "demands a stapled OCSP response, and the one that came is expired"},
	{.what = "demanded, unknown",
		.status = V_OCSP_CERTSTATUS_UNKNOWN,
		.from_s = -3600,
		.to_s = DAY_S,
		.is_demanded = true,
		.staple = "unknown",
		.words = "demands a stapled OCSP response, and the one that came is unknown"},
	{.what = "demanded, try later",
		GOOD,
		.damage = TRY_LATER,
		.is_demanded = true,
		.staple = "unknown",
		.words = "demands a stapled OCSP response, and the one that came is unknown"},
};

struct fixture {
	struct identity root, inter, leaf, demanding, another, delegate, expired_delegate, stranger;
	char ca_file[64];
	struct rig rig;
};

/* What the server staples. */
struct response {
	unsigned char *der;
	size_t n;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct identity_spec leaf = {.name = "leaf", .alt_names = "DNS:a.test"};
	struct identity_spec demanding = leaf;
	FILE *file;

	demanding.tls_features = "status_request";
	f->root = identity_new(&(struct identity_spec){.name = "root", .is_ca = true}, NULL);
	f->stranger = identity_new(&(struct identity_spec){.name = "stranger", .is_ca = true}, NULL);
	f->inter = identity_new(&(struct identity_spec){.name = "inter", .is_ca = true}, &f->root);
	f->leaf = identity_new(&leaf, &f->inter);
	f->demanding = identity_new(&demanding, &f->inter);
	f->another = identity_new(&leaf, &f->inter);
	f->delegate = identity_new(&(struct identity_spec){.name = "responder", .purpose = "OCSPSigning"}, &f->inter);
	f->expired_delegate = identity_new(&(struct identity_spec){.name = "responder",
						   .purpose = "OCSPSigning",
						   .from_s = -2 * DAY_S,
						   .to_s = -DAY_S},
		&f->inter);
	snprintf(f->ca_file, sizeof(f->ca_file), "/tmp/test_tls_staple.XXXXXX");
	file = fdopen(mkstemp(f->ca_file), "w");
	PEM_write_X509(file, f->root.certificate);
	fclose(file);
	rig_init(&f->rig, f->ca_file, STR_NONE);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	struct identity *all[] = {
		&f->root, &f->inter, &f->leaf, &f->demanding, &f->another, &f->delegate, &f->expired_delegate, &f->stranger};

	rig_fini(&f->rig);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		identity_free(all[i]);
	unlink(f->ca_file);
	free(f);
	return 0;
}

static const struct identity *signer_of(const struct fixture *f, enum signer signer)
{
	switch (signer) {
	case BY_DELEGATE:
		return &f->delegate;
	case BY_EXPIRED_DELEGATE:
		return &f->expired_delegate;
	case BY_LEAF:
		return &f->leaf;
	case BY_STRANGER:
		return &f->stranger;
	default:
		return &f->inter;
	}
}

/* The signed part, as the row has it. */
static OCSP_BASICRESP *basic_of(const struct fixture *f, const struct row *row, const struct identity *leaf)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	const struct identity *signer = signer_of(f, row->signer);
	OCSP_CERTID *id = OCSP_cert_to_id(row->is_sha256_id ? EVP_sha256() : EVP_sha1(),
		row->is_about_another ? f->another.certificate : leaf->certificate, f->inter.certificate);
	ASN1_TIME *from = X509_gmtime_adj(NULL, row->from_s), *to = row->to_s != 0 ? X509_gmtime_adj(NULL, row->to_s) : NULL;
	ASN1_GENERALIZEDTIME *from_general = ASN1_TIME_to_generalizedtime(from, NULL);
	ASN1_GENERALIZEDTIME *to_general = to != NULL ? ASN1_TIME_to_generalizedtime(to, NULL) : NULL;
	ASN1_TIME *since = ASN1_TIME_new();

	assert_int_equal(ASN1_TIME_set_string(since, "20260102030405Z"), 1);
	assert_non_null(OCSP_basic_add1_status(basic, id, row->status, row->reason, since, from_general, to_general));
	assert_int_equal(OCSP_basic_sign(basic, signer->certificate, signer->key, EVP_sha256(), NULL,
				 row->damage == CHANGED ? OCSP_NOCERTS : 0),
		1);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	ASN1_TIME_free(since);
	ASN1_GENERALIZEDTIME_free(from_general);
	ASN1_GENERALIZEDTIME_free(to_general);
	return basic;
}

/* The bytes that are stapled, in a block of the library's. */
static struct response response_of(const struct fixture *f, const struct row *row, const struct identity *leaf)
{
	struct response r = {NULL, 0};
	OCSP_BASICRESP *basic;
	OCSP_RESPONSE *whole;
	unsigned char *der = NULL;
	int n;

	if (row->damage == NONE_SENT)
		return r;
	basic = row->damage != TRY_LATER ? basic_of(f, row, leaf) : NULL;
	whole = OCSP_response_create(basic != NULL ? OCSP_RESPONSE_STATUS_SUCCESSFUL : OCSP_RESPONSE_STATUS_TRYLATER, basic);
	n = i2d_OCSP_RESPONSE(whole, &der);
	assert_true(n > 0);
	r.n = (size_t)n;
	r.der = OPENSSL_zalloc(r.n + 1);
	memcpy(r.der, der, r.n);
	OPENSSL_free(der);
	OCSP_RESPONSE_free(whole);
	OCSP_BASICRESP_free(basic);
	if (row->damage == CUT)
		r.n /= 2;
	else if (row->damage == TRAILING)
		r.n++;
	else if (row->damage == GARBAGE)
		memset(r.der, 'x', r.n);
	return r;
}

/* The library's callback on the server: gives the response out. */
static int on_status(SSL *ssl, void *arg)
{
	const struct response *r = arg;
	unsigned char *copy;

	if (r->der == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	copy = OPENSSL_memdup(r->der, r->n);
	SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)r->n);
	return SSL_TLSEXT_ERR_OK;
}

static void expect(const struct row *row, const struct rig *r, enum error error, const char *words)
{
	if (r->error != error)
		fail_msg("%s: %s: %s", row->what, error_name(r->error), r->detail);
	if (words != NULL ? strstr(row->words == NULL || error == ERR_none ? r->seen->unverified : r->detail, words) == NULL
			  : r->seen->unverified[0] != '\0')
		fail_msg("%s: \"%s\" \"%s\"", row->what, r->detail, r->seen->unverified);
	if (strcmp(r->seen->staple, row->staple) != 0)
		fail_msg("%s: staple \"%s\"", row->what, r->seen->staple);
}

/* One row by one version of TLS. */
static void try_row(struct fixture *f, const struct row *row, int version)
{
	const struct identity *leaf = row->is_demanded ? &f->demanding : &f->leaf;
	struct response response = response_of(f, row, leaf);
	SSL_CTX *ctx = peer_ctx_new(leaf);

	if (row->damage == CHANGED)
		response.der[response.n - 1] ^= 1; /* of the signature: no certificates are behind it */
	SSL_CTX_add1_chain_cert(ctx, f->inter.certificate);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_tlsext_status_cb(ctx, on_status);
	SSL_CTX_set_tlsext_status_arg(ctx, &response);
	f->rig.asks.skips_verification = false;
	rig_visit(&f->rig, ctx, "a.test");
	expect(row, &f->rig, row->words != NULL ? ERR_tls_certificate : ERR_none, row->words);
	f->rig.asks.skips_verification = true;
	rig_visit(&f->rig, ctx, "a.test");
	expect(row, &f->rig, ERR_none, row->words);
	assert_true(f->rig.peer.was_asked_status);
	SSL_CTX_free(ctx);
	OPENSSL_free(response.der);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		try_row(*state, &rows[i], TLS1_3_VERSION);
		try_row(*state, &rows[i], TLS1_2_VERSION);
	}
}

/* A resumed leg brings no response, also where the certificate demands one: it stands by the first. */
static void test_resumed(void **state)
{
	struct fixture *f = *state;
	const struct row row = {.what = "resumed", GOOD};
	struct response response = response_of(f, &row, &f->demanding);
	SSL_CTX *ctx = peer_ctx_new(&f->demanding);
	char why[100];

	SSL_CTX_add1_chain_cert(ctx, f->inter.certificate);
	SSL_CTX_set_tlsext_status_cb(ctx, on_status);
	SSL_CTX_set_tlsext_status_arg(ctx, &response);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		SSL_CTX_set_max_proto_version(ctx, version);
		assert_false(rig_exchange(&f->rig, ctx, "a.test"));
		assert_true(rig_exchange(&f->rig, ctx, "a.test"));
		assert_string_equal(f->rig.seen->staple, "good");
		tls_client_free(f->rig.client);
		f->rig.client = tls_client_new(f->ca_file, NULL, 0, why, sizeof(why));
	}
	SSL_CTX_free(ctx);
	OPENSSL_free(response.der);
}

/* What comes with a chain that does not verify says nothing. */
static void test_unverified(void **state)
{
	struct fixture *f = *state;
	const struct row row = {.what = "unverified", REVOKED, .reason = -1};
	struct response response = response_of(f, &row, &f->leaf);
	SSL_CTX *ctx = peer_ctx_new(&f->leaf);

	SSL_CTX_set_tlsext_status_cb(ctx, on_status);
	SSL_CTX_set_tlsext_status_arg(ctx, &response);
	f->rig.asks.skips_verification = true;
	assert_int_equal(rig_visit(&f->rig, ctx, "a.test"), ERR_none);
	assert_non_null(strstr(f->rig.seen->unverified, "incomplete chain"));
	assert_string_equal(f->rig.seen->staple, "unverified");
	SSL_CTX_free(ctx);
	OPENSSL_free(response.der);
}

/* Of a certificate that is trusted by itself nobody knows the issuer, who alone could vouch for it: that is no objection, but no
 * answer either, if one is demanded. */
static void test_anchored_leaf(void **state)
{
	struct fixture *f = *state;
	const struct row row = {.what = "anchored", GOOD};
	FILE *file = fopen(f->ca_file, "w");
	char why[100];

	PEM_write_X509(file, f->leaf.certificate);
	PEM_write_X509(file, f->demanding.certificate);
	fclose(file);
	tls_client_free(f->rig.client);
	f->rig.client = tls_client_new(f->ca_file, NULL, 0, why, sizeof(why));
	for (int is_demanded = 0; is_demanded <= 1; is_demanded++) {
		const struct identity *leaf = is_demanded ? &f->demanding : &f->leaf;
		struct response response = response_of(f, &row, leaf);
		SSL_CTX *ctx = peer_ctx_new(leaf);

		SSL_CTX_set_tlsext_status_cb(ctx, on_status);
		SSL_CTX_set_tlsext_status_arg(ctx, &response);
		assert_int_equal(rig_visit(&f->rig, ctx, "a.test"), is_demanded ? ERR_tls_certificate : ERR_none);
		assert_string_equal(f->rig.seen->staple, "unverified");
		SSL_CTX_free(ctx);
		OPENSSL_free(response.der);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rows),
		TEST(test_resumed),
		TEST(test_unverified),
		TEST(test_anchored_leaf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
