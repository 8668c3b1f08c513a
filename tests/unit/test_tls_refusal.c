/* Clients that do not want our certificate: by an alert in the handshake or behind it, or without a word; and what is no
 * refusal. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include "tls_visitor.h"

/* What a client says that finds the certificate wrong. */
static int on_certificate(X509_STORE_CTX *ctx, void *arg)
{
	X509_STORE_CTX_set_error(ctx, *(const int *)arg);
	return 0;
}

static void test_refusals(void **state)
{
	static const struct {
		int fault;
		enum error error;
		const char *detail;
	} rows[] = {
		{X509_V_ERR_HOSTNAME_MISMATCH, ERR_client_tls_refused, "alert: bad certificate"},
		{X509_V_ERR_INVALID_PURPOSE, ERR_client_tls_refused, "alert: unsupported certificate"},
		{X509_V_ERR_CERT_REVOKED, ERR_client_tls_refused, "alert: certificate revoked"},
		{X509_V_ERR_CERT_HAS_EXPIRED, ERR_client_tls_refused, "alert: certificate expired"},
		{X509_V_ERR_SUITE_B_INVALID_VERSION, ERR_client_tls_refused, "alert: certificate unknown"},
		{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, ERR_client_tls_refused, "alert: unknown CA"},
		{X509_V_ERR_APPLICATION_VERIFICATION, ERR_client_tls_failed, "alert: handshake failure"},
		{X509_V_ERR_UNSPECIFIED, ERR_client_tls_failed, "alert: internal error"},
	};
	struct visit w;

	visit_init(&w, *state, NULL);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		visit_as(&w, visitor_ctx_new(version));
		SSL_CTX_set_verify(w.ctx, SSL_VERIFY_PEER, NULL);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			int fault = rows[i].fault;

			SSL_CTX_set_cert_verify_callback(w.ctx, on_certificate, &fault);
			assert_int_equal(visit_shake(&w, 0, w.identity, "a.test"), rows[i].error);
			assert_string_equal(w.detail, rows[i].detail);
			visit_end(&w);
		}
	}
	visit_fini(&w);
}

/* Ways to go without a word. */
enum leave { LEAVE_CLOSE, LEAVE_RESET, LEAVE_NOTIFY };

static void leave(struct visit *w, enum leave how)
{
	if (how == LEAVE_NOTIFY) {
		/* In clear text, as it is before the keys of TLS 1.2 are agreed on. */
		BIO_write(SSL_get_wbio(w->v.ssl), "\x15\x03\x03\x00\x02\x01\x00", 7);
		visitor_flush(&w->v);
	}
	visitor_hang_up(&w->v, how == LEAVE_RESET);
	TURN_UNTIL(w->loop, w->done != 0);
}

static void test_bare_close(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		for (enum leave how = LEAVE_CLOSE; how <= (version == TLS1_2_VERSION ? LEAVE_NOTIFY : LEAVE_RESET); how++) {
			visit_as(&w, visitor_ctx_new(version));
			visit_begin(&w, w.servers[0], w.identity, "a.test");
			visitor_turn(&w.v);
			loop_turn(w.loop, 0);
			visitor_fetch(&w.v);
			assert_true(BIO_pending(SSL_get_rbio(w.v.ssl)) > 500); /* our flight, with the certificate */
			leave(&w, how);
			assert_int_equal(w.error, ERR_client_tls_refused);
			assert_string_equal(w.detail,
				how == LEAVE_RESET ? "closed right after it got the certificate: the other end is gone"
						   : "closed right after it got the certificate");
			visit_end(&w);
		}
	}
	visit_fini(&w);
}

/* The operations of a transport below whose way to the client breaks. */
static struct transport_ops breaking_ops;
static int breaking_error;

static enum io read_broken(struct transport *t, const struct iovec *iov, int n, size_t *ret_n)
{
	(void)iov;
	(void)n;
	(void)ret_n;
	t->error = ERR_origin_closed;
	t->os_error = breaking_error;
	snprintf(t->detail, sizeof(t->detail), "it broke");
	return IO_FAILED;
}

/* A client that cannot be reached any more has not refused anything; one that resets has. */
static void test_broken_way(void **state)
{
	static const struct {
		int os_error;
		enum error error;
		const char *detail;
	} rows[] = {
		{ETIMEDOUT, ERR_client_tls_failed, "it broke"},
		{EHOSTUNREACH, ERR_client_tls_failed, "it broke"},
		{ECONNRESET, ERR_client_tls_refused, "closed right after it got the certificate: it broke"},
		{EPIPE, ERR_client_tls_refused, "closed right after it got the certificate: it broke"},
	};
	struct visit w;

	visit_init(&w, *state, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct transport *under;

		visit_begin(&w, w.servers[0], w.identity, "a.test");
		under = w.under;
		visitor_turn(&w.v);
		loop_turn(w.loop, 0);
		breaking_ops = *under->ops;
		breaking_ops.readv = read_broken;
		breaking_error = rows[i].os_error;
		under->ops = &breaking_ops;
		visitor_turn(&w.v);
		TURN_UNTIL(w.loop, w.done != 0);
		assert_int_equal(w.error, rows[i].error);
		assert_string_equal(w.detail, rows[i].detail);
		visit_end(&w);
	}
	visit_fini(&w);
}

/* Who has not seen a certificate has not refused it: one who goes in the middle of the hello, and one who resumes. */
static void test_early_close(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	for (enum leave how = LEAVE_CLOSE; how <= LEAVE_RESET; how++) {
		struct iovec half = {(char[]){0x16, 3, 1, 2, 0, 1, 0, 1, (char)0xfc, 3, 3}, 11};
		size_t n;

		visit_begin(&w, w.servers[0], w.identity, "a.test");
		assert_int_equal(w.v.end->ops->writev(w.v.end, &half, 1, &n), IO_DONE);
		loop_turn(w.loop, 0);
		leave(&w, how);
		assert_int_equal(w.error, ERR_client_tls_failed);
		assert_string_equal(w.detail, how == LEAVE_RESET ? "the other end is gone" : "closed during the handshake");
		visit_end(&w);
	}
	visit_as(&w, visitor_ctx_new(TLS1_3_VERSION));
	assert_int_equal(visit_shake(&w, 0, w.identity, "a.test"), ERR_none);
	VISIT_UNTIL(&w, w.v.session != NULL);
	visit_end(&w);
	visit_begin(&w, w.servers[0], w.identity, "a.test");
	visitor_turn(&w.v);
	loop_turn(w.loop, 0);
	leave(&w, LEAVE_CLOSE);
	assert_int_equal(w.error, ERR_client_tls_failed);
	visit_end(&w);
	visit_fini(&w);
}

/* The client's secret for what it sends, from the line of its key log. */
static unsigned char secret[32];

static void on_secret(const SSL *ssl, const char *line)
{
	const char *hex = strrchr(line, ' ');

	(void)ssl;
	if (strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) != 0)
		return;
	assert_int_equal(strlen(hex + 1), 2 * sizeof(secret));
	for (size_t i = 0; i < sizeof(secret); i++) {
		char pair[3] = {hex[1 + 2 * i], hex[2 + 2 * i], '\0'};

		secret[i] = (unsigned char)strtoul(pair, NULL, 16);
	}
}

/* HKDF-Expand-Label (RFC 8446 section 7.1). */
static void expand(const char *label, unsigned char *to, size_t n)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	unsigned char full[32];
	size_t len =
		(size_t)snprintf((char *)full, sizeof(full), "%c%c%ctls13 %s%c", 0, (int)n, (int)strlen(label) + 6, label, 0);
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, sizeof(secret)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, full, len),
		OSSL_PARAM_construct_end(),
	};

	assert_int_equal(EVP_KDF_derive(ctx, to, n, params), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

/* An alert as the first record behind the client's handshake, which OpenSSL's client would not send: TLS_AES_128_GCM_SHA256. */
static void send_alert(struct visitor *v, int alert)
{
	unsigned char key[16], nonce[12], record[5 + 3 + 16] = {0x17, 3, 3, 0, 3 + 16};
	const unsigned char inner[3] = {2, (unsigned char)alert, 0x15};
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;

	expand("key", key, sizeof(key));
	expand("iv", nonce, sizeof(nonce)); /* the number of the record is 0 */
	assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, nonce), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &n, record, 5), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, record + 5, &n, inner, 3), 1);
	assert_int_equal(EVP_EncryptFinal_ex(ctx, record + 8, &n), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, record + 8), 1);
	EVP_CIPHER_CTX_free(ctx);
	BIO_write(SSL_get_wbio(v->ssl), record, sizeof(record));
	visitor_flush(v);
}

/* A client whose program looks at the certificate when its library is done. */
static void test_late_alert(void **state)
{
	static const struct {
		int alert;
		enum error error;
		const char *detail;
	} rows[] = {
		{SSL_AD_UNKNOWN_CA, ERR_client_tls_refused, "alert: unknown CA"},
		{SSL_AD_CERTIFICATE_UNKNOWN, ERR_client_tls_refused, "alert: certificate unknown"},
		{SSL_AD_INTERNAL_ERROR, ERR_client_tls_failed, "alert: internal error"},
	};
	struct visit w;

	visit_init(&w, *state, NULL);
	visit_as(&w, visitor_ctx_new(TLS1_3_VERSION));
	SSL_CTX_set_ciphersuites(w.ctx, "TLS_AES_128_GCM_SHA256");
	SSL_CTX_set_keylog_callback(w.ctx, on_secret);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(visit_shake(&w, 0, w.identity, "a.test"), ERR_none);
		send_alert(&w.v, rows[i].alert);
		TURN_UNTIL(w.loop, w.in_end != IO_DONE);
		assert_int_equal(w.in_end, IO_FAILED);
		assert_int_equal(w.t->error, rows[i].error);
		assert_string_equal(w.t->detail, rows[i].detail);
		visit_end(&w);
		visit_forget(&w);
	}
	visit_fini(&w);
}

/* Bytes that do not decrypt are nobody's refusal. */
static void test_late_garbage(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	assert_int_equal(visit_shake(&w, 0, w.identity, "a.test"), ERR_none);
	BIO_write(SSL_get_wbio(w.v.ssl), "\x17\x03\x03\x00\x14nothing that decrypts", 25);
	visitor_flush(&w.v);
	TURN_UNTIL(w.loop, w.in_end != IO_DONE);
	assert_int_equal(w.in_end, IO_FAILED);
	assert_int_equal(w.t->error, ERR_client_tls_failed);
	visit_end(&w);
	visit_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_bare_close),
		cmocka_unit_test(test_broken_way),
		cmocka_unit_test(test_early_close),
		cmocka_unit_test(test_late_alert),
		cmocka_unit_test(test_late_garbage),
	};

	return cmocka_run_group_tests(tests, visit_certificates_make, visit_certificates_free);
}
