/* TLS towards clients: versions, ALPN, bytes in pieces, ends, and what clients must not do. For clients that refuse the
 * certificate: test_tls_refusal.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls_visitor.h"

enum { ECHO_BYTES = 400000, UPDATES = 8000 };

static void test_versions(void **state)
{
	const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct visit w;

	visit_init(&w, *state, NULL);
	for (size_t i = 0; i < 2; i++) {
		visit_as(&w, visitor_ctx_new(versions[i]));
		assert_int_equal(visit_shake(&w, 0, w.identity, "a.test"), ERR_none);
		assert_string_equal(w.detail, "");
		assert_string_equal(w.t->tls->version, versions[i] == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
		assert_string_equal(w.t->tls->server_name, "a.test");
		assert_string_equal(w.t->tls->cipher, SSL_get_cipher_name(w.v.ssl));
		assert_string_equal(w.t->tls->alpn, "");
		assert_false(w.t->tls->is_resumed);
		assert_null(w.t->tls->peer);
		assert_int_equal(X509_cmp(SSL_get0_peer_certificate(w.v.ssl), w.certificates->good.certificate), 0);
		visit_forget(&w);
		visit_end(&w);
	}
	visit_fini(&w);
}

/* A client that prefers ChaCha20 gets it: it has its reasons. */
static void test_ciphers(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	SSL_CTX_set_ciphersuites(w.ctx, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256");
	assert_int_equal(visit_shake(&w, 0, w.identity, "a.test"), ERR_none);
	assert_string_equal(w.t->tls->cipher, "TLS_CHACHA20_POLY1305_SHA256");
	visit_end(&w);
	visit_fini(&w);
}

static const char *alpn_for(struct visit *w, const char *offer, unsigned n)
{
	static char chosen[32];
	const unsigned char *alpn = NULL;
	unsigned len = 0;

	SSL_CTX_set_alpn_protos(w->ctx, (const unsigned char *)offer, n);
	assert_int_equal(visit_shake(w, 0, w->identity, "a.test"), ERR_none);
	SSL_get0_alpn_selected(w->v.ssl, &alpn, &len);
	snprintf(chosen, sizeof(chosen), "%.*s", (int)len, len != 0 ? (const char *)alpn : "");
	assert_string_equal(w->t->tls->alpn, chosen);
	visit_end(w);
	visit_forget(w);
	return chosen;
}

static void test_alpn(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	assert_string_equal(alpn_for(&w, "\x08http/1.1", 9), "http/1.1");
	assert_string_equal(alpn_for(&w, "\x02h2\x08http/1.1", 12), "http/1.1");
	assert_string_equal(alpn_for(&w, "\x02h2", 3), "");
	assert_string_equal(alpn_for(&w, "\x08http/1.0", 9), "");
	visit_fini(&w);
}

/* An address is asked for without SNI; the name is what we were told. */
static void test_without_sni(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	visit_begin(&w, w.servers[0], w.identity, "127.0.0.1");
	SSL_set_tlsext_host_name(w.v.ssl, NULL);
	VISIT_UNTIL(&w, w.done != 0);
	assert_int_equal(w.error, ERR_none);
	assert_string_equal(w.t->tls->server_name, "127.0.0.1");
	visit_end(&w);
	visit_fini(&w);
}

/* Byte by byte in both directions. */
static void test_fragments(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	w.room = 1;
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		visit_as(&w, visitor_ctx_new(version));
		assert_int_equal(visit_shake(&w, 0, w.identity, "a.test"), ERR_none);
		visitor_say(&w.v, "hello");
		VISIT_UNTIL(&w, w.in.len == 5);
		visit_end(&w);
		visit_forget(&w);
	}
	visit_fini(&w);
}

/* The hello may lie there before anybody reads, and the first bytes of the program right behind the handshake. */
static void test_lies_ready(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	visit_as(&w, visitor_ctx_new(TLS1_3_VERSION));
	visit_begin(&w, w.servers[0], w.identity, "a.test");
	visitor_turn(&w.v);
	while (!w.v.is_shaken) {
		loop_turn(w.loop, 0);
		visitor_fetch(&w.v);
		w.v.is_shaken = SSL_do_handshake(w.v.ssl) == 1; /* what it has to say stays with it */
	}
	assert_int_equal(w.done, 0);
	visitor_say(&w.v, "at once");
	VISIT_UNTIL(&w, w.in.len == 7);
	assert_int_equal(w.done, 1);
	visit_end(&w);
	visit_fini(&w);
}

static void test_echo(void **state)
{
	const int64_t limit_us = clock_mono_us() + TURN_LIMIT_US;
	struct bufq out;
	struct visit w;
	size_t said = 0, heard = 0, n;
	char bytes[10000];

	visit_init(&w, *state, NULL);
	w.room = 20000;
	assert_int_equal(visit_shake(&w, 0, w.identity, "a.test"), ERR_none);
	bufq_init(&out, w.pool);
	while (heard < ECHO_BYTES && clock_mono_us() < limit_us) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char)((said + i) * 7 >> 3);
		if (said < ECHO_BYTES && BIO_pending(SSL_get_wbio(w.v.ssl)) == 0) {
			assert_int_equal(SSL_write(w.v.ssl, bytes, sizeof(bytes)), sizeof(bytes));
			said += sizeof(bytes);
		}
		visitor_turn(&w.v);
		loop_turn(w.loop, 0);
		bufq_move(&out, &w.in, w.in.len);
		transport_watch(w.t, transport_write(w.t, &out, &n) == IO_AGAIN ? READY_READ | READY_WRITE : READY_READ);
		for (size_t i = 0; i < w.v.got_n; i++)
			assert_int_equal(w.v.got[i], (char)((heard + i) * 7 >> 3));
		heard += w.v.got_n;
		w.v.got_n = 0;
	}
	assert_int_equal(heard, ECHO_BYTES);
	transport_shut(w.t);
	VISIT_UNTIL(&w, w.v.is_ended);
	SSL_shutdown(w.v.ssl);
	VISIT_UNTIL(&w, w.in_end == IO_EOF);
	visit_end(&w);
	visit_fini(&w);
}

/* Ends in order, and cuts. */
static void test_ends(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	for (int abort = 0; abort < 2; abort++) {
		assert_int_equal(visit_shake(&w, 0, w.identity, "a.test"), ERR_none);
		visitor_turn(&w.v);
		visitor_hang_up(&w.v, abort != 0);
		VISIT_UNTIL(&w, w.in_end != IO_DONE);
		assert_int_equal(w.in_end, IO_FAILED);
		assert_int_equal(w.t->error, ERR_origin_closed);
		assert_string_equal(w.t->detail, abort != 0 ? "the other end is gone" : "closed without close_notify");
		visit_end(&w);
	}
	visit_fini(&w);
}

/* Whatever is not TLS. */
static void test_garbage(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *detail;
	} rows[] = {
		{"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", 32, "http request"},
		{"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c", 13, NULL},
		{"\x16\x03\x01\xff\xff\x01\x00\xff\xff\xff\xff", 11, NULL},             /* a record longer than any */
		{"\x16\x03\x01\x00\x09\x01\x00\x00\x05\x03\x03\x00\x00\x00", 14, NULL}, /* a hello that ends early */
		{"\x16\x03\x01\x00\x04\x0b\x00\x00\x00", 9, "unexpected message"},      /* another message first */
		{"\x15\x03\x01\x00\x02\x02\x30", 7, NULL},                              /* an alert first */
		{"\x17\x03\x03\x00\x05hello", 10, NULL},                                /* data first */
		{"\x16\x03\x01\x00\x09\x01\x00\x00\x05\x02\x00\x00\x00\x00", 14, NULL}, /* SSL 2 inside */
	};
	struct visit w;

	visit_init(&w, *state, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		visit_begin(&w, w.servers[0], w.identity, "a.test");
		BIO_write(SSL_get_wbio(w.v.ssl), rows[i].bytes, (int)rows[i].n);
		visitor_flush(&w.v);
		TURN_UNTIL(w.loop, w.done != 0);
		assert_int_equal(w.error, ERR_client_tls_failed);
		assert_true(w.detail[0] != '\0');
		if (rows[i].detail != NULL)
			assert_string_equal(w.detail, rows[i].detail);
		visit_end(&w);
	}
	visit_fini(&w);
}

static void test_nothing_in_common(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	visit_as(&w, visitor_ctx_new(TLS1_1_VERSION));
	SSL_CTX_set_cipher_list(w.ctx, "ALL:@SECLEVEL=0");
	assert_int_equal(visit_shake(&w, 0, w.identity, "a.test"), ERR_client_tls_failed);
	assert_string_equal(w.detail, "unsupported protocol");
	visit_end(&w);
	visit_as(&w, visitor_ctx_new(TLS1_2_VERSION));
	SSL_CTX_set_cipher_list(w.ctx, "ECDHE-RSA-AES128-GCM-SHA256");
	assert_int_equal(visit_shake(&w, 0, w.identity, "a.test"), ERR_client_tls_failed);
	assert_string_equal(w.detail, "no shared cipher");
	visit_end(&w);
	visit_fini(&w);
}

/* What cannot be shown is refused before anything is sent. */
static void test_bad_identity(void **state)
{
	struct visit w;
	struct tls_key *weak_key;
	struct tls_identity *weak;
	char long_name[TLS_NAME_BYTES + 1];

	visit_init(&w, *state, NULL);
	weak_key = visit_key(w.certificates->weak.key);
	weak = visit_identity(&w.certificates->weak, weak_key);
	assert_int_equal(visit_shake(&w, 0, weak, "a.test"), ERR_client_tls_failed);
	assert_string_equal(w.detail, "ee key too small");
	visit_end(&w);
	memset(long_name, 'a', TLS_NAME_BYTES);
	long_name[TLS_NAME_BYTES] = '\0';
	visit_begin(&w, w.servers[0], w.identity, long_name);
	VISIT_UNTIL(&w, w.done != 0);
	assert_int_equal(w.error, ERR_client_tls_failed);
	visit_end(&w);
	tls_identity_unref(weak);
	tls_key_unref(weak_key);
	visit_fini(&w);
}

static void test_identity_parsing(void **state)
{
	struct certificates *c = *state;
	struct tls_key *k = visit_key(c->good.key), *other = visit_key(c->ca.key);
	unsigned char *der = NULL;
	int n = i2d_X509(c->good.certificate, &der);
	char *longer = calloc(1, (size_t)n + 1);
	struct str chain[17];
	struct tls_identity *i;

	assert_non_null(longer);
	memcpy(longer, der, (size_t)n);
	for (size_t j = 0; j < 17; j++)
		chain[j] = (struct str){longer, (size_t)n};
	assert_null(tls_key_new(STR("nonsense")));
	assert_null(tls_key_new(STR_NONE));
	assert_null(tls_identity_new(chain, 1, other));
	assert_null(tls_identity_new(chain, 0, k));
	assert_null(tls_identity_new(chain, 17, k));
	i = tls_identity_new(chain, 16, k);
	assert_non_null(i);
	assert_ptr_equal(tls_identity_ref(i), i);
	tls_identity_unref(i);
	tls_identity_unref(i);
	chain[1].len = (size_t)n + 1; /* a byte behind it */
	assert_null(tls_identity_new(chain, 2, k));
	chain[1].len = (size_t)n - 1;
	assert_null(tls_identity_new(chain, 2, k));
	tls_identity_unref(NULL);
	tls_key_unref(NULL);
	tls_key_unref(k);
	tls_key_unref(other);
	OPENSSL_free(der);
	free(longer);
}

/* RFC 5746 does not oblige us, and a client cannot make us work that way. */
static void test_renegotiation(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	visit_as(&w, visitor_ctx_new(TLS1_2_VERSION));
	assert_int_equal(visit_shake(&w, 0, w.identity, "a.test"), ERR_none);
	visitor_say(&w.v, "before");
	VISIT_UNTIL(&w, w.in.len == 6);
	assert_int_equal(SSL_renegotiate(w.v.ssl), 1);
	w.v.is_shaken = false;
	VISIT_UNTIL(&w, w.v.is_failed);
	assert_int_equal(ERR_GET_REASON(w.v.code), SSL_R_NO_RENEGOTIATION);
	VISIT_UNTIL(&w, w.in_end == IO_FAILED);
	assert_int_equal(w.t->error, ERR_client_tls_failed);
	assert_string_equal(w.t->detail, "alert: handshake failure");
	visit_end(&w);
	visit_fini(&w);
}

/* Padding with which the library's buffer (two records and their overhead, less 3 bytes for alignment) always ends in the header of
 * a record, behind 4 bytes of it: the library reads on by itself then, for as long as it gets something. */
static size_t on_padding(SSL *ssl, int type, size_t len, void *arg)
{
	const size_t buffer_bytes = 2 * (SSL3_RT_MAX_PLAIN_LENGTH + SSL3_RT_MAX_ENCRYPTED_OVERHEAD + SSL3_RT_HEADER_LENGTH);
	size_t record_bytes = SSL3_RT_HEADER_LENGTH + len + 16, padding = 0;

	(void)ssl;
	(void)arg;
	if (type != SSL3_RT_HANDSHAKE)
		return 0;
	while ((buffer_bytes - 3 - 4) % (record_bytes + padding) != 0)
		padding++;
	return padding;
}

/* Many records without a byte in them for the program, then a byte. */
static void send_updates(struct visit *w)
{
	SSL_set_record_padding_callback(w->v.ssl, on_padding);
	for (int i = 0; i < UPDATES; i++) {
		assert_int_equal(SSL_key_update(w->v.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(w->v.ssl), 1);
	}
	visitor_say(&w->v, "x");
	assert_int_equal(BIO_pending(SSL_get_wbio(w->v.ssl)), 0);
}

static void watch_nothing(struct transport *t, unsigned wanted)
{
	(void)t;
	(void)wanted;
}

/* What one call of the library may read is used up: that there is more is known without the transport below. */
static void test_more_than_allowed(void **state)
{
	struct transport_ops quiet;
	struct visit w;

	visit_init(&w, *state, NULL);
	visit_as(&w, visitor_ctx_new(TLS1_3_VERSION));
	w.room = 1 << 20;
	assert_int_equal(visit_shake(&w, 0, w.identity, "a.test"), ERR_none);
	visitor_turn(&w.v);
	for (int i = 0; i < 3; i++)
		loop_turn(w.loop, 0);
	quiet = *w.under->ops;
	quiet.watch = watch_nothing;
	transport_watch(w.under, 0);
	w.under->ops = &quiet;
	send_updates(&w);
	visit_on_ready(&w, READY_READ); /* once */
	assert_int_equal(w.in.len, 0);
	TURN_UNTIL(w.loop, w.in.len == 1);
	visit_end(&w);
	visit_fini(&w);
}

/* Records without a byte in them for the program, without end: each turn does a bounded piece of that work, and what lies behind
 * them arrives all the same. */
static void test_flood_of_updates(void **state)
{
	const int64_t limit_us = clock_mono_us() + TURN_LIMIT_US;
	struct visit w;
	size_t waiting;

	visit_init(&w, *state, NULL);
	visit_as(&w, visitor_ctx_new(TLS1_3_VERSION));
	w.room = 1 << 20;
	assert_int_equal(visit_shake(&w, 0, w.identity, "a.test"), ERR_none);
	visitor_turn(&w.v);
	send_updates(&w);
	waiting = transport_queued(w.v.end);
	assert_true(waiting > UPDATES * 20);
	while (w.in.len == 0 && clock_mono_us() < limit_us) {
		size_t left;

		loop_turn(w.loop, 0);
		left = transport_queued(w.v.end);
		assert_true(waiting - left <= 2 * 65536);
		waiting = left;
	}
	assert_int_equal(w.in.len, 1);
	visit_end(&w);
	visit_fini(&w);
}

/* What came in one piece with new keys is in the library's hands, and nothing more comes that would have it looked at. */
static void test_words_behind_updates(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	visit_as(&w, visitor_ctx_new(TLS1_3_VERSION));
	assert_int_equal(visit_shake(&w, 0, w.identity, "a.test"), ERR_none);
	visitor_turn(&w.v);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(SSL_key_update(w.v.ssl, i == 1 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(w.v.ssl), 1);
	}
	visitor_say(&w.v, "here");
	TURN_UNTIL(w.loop, w.in.len == 4);
	visit_end(&w);
	visit_fini(&w);
}

static void test_cancel(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		visit_as(&w, visitor_ctx_new(version));
		for (int turns = 0; turns < 6; turns++) {
			struct tls_handshake *h = visit_begin(&w, w.servers[0], w.identity, "a.test");

			for (int i = 0; i < turns && w.done == 0; i++) {
				if (i > 0)
					visitor_turn(&w.v);
				loop_turn(w.loop, 0);
			}
			if (w.done == 0)
				tls_handshake_cancel(h);
			visit_end(&w);
			visit_forget(&w);
		}
	}
	visit_fini(&w);
}

/* The shared parts live as long as the legs. */
static void test_server_goes_first(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	assert_int_equal(visit_shake(&w, 0, w.identity, "a.test"), ERR_none);
	tls_server_free(w.servers[0]);
	w.servers[0] = NULL;
	tls_identity_unref(w.identity);
	w.identity = NULL;
	visitor_say(&w.v, "still here");
	VISIT_UNTIL(&w, w.in.len == 10);
	visit_end(&w);
	visit_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_ciphers),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_without_sni),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_lies_ready),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_nothing_in_common),
		cmocka_unit_test(test_bad_identity),
		cmocka_unit_test(test_identity_parsing),
		cmocka_unit_test(test_renegotiation),
		cmocka_unit_test(test_flood_of_updates),
		cmocka_unit_test(test_more_than_allowed),
		cmocka_unit_test(test_words_behind_updates),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_server_goes_first),
	};

	return cmocka_run_group_tests(tests, visit_certificates_make, visit_certificates_free);
}
