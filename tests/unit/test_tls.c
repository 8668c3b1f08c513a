/* TLS legs: verification, facts, resumption, ends in order and not, against OpenSSL's server on a socket pair. */
#include "net/tls_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tls_rig.h"

enum { ECHO_BYTES = 700000 };

struct fixture {
	const struct certificates *certificates;
	struct bufpool *pool;
	struct rig rig;
};

static int set_up_all(void **state)
{
	struct certificates *c = calloc(1, sizeof(*c));

	if (!certificates_init(c))
		return -1;
	*state = c;
	return 0;
}

static int tear_down_all(void **state)
{
	struct certificates *c = *state;

	certificates_fini(c);
	free(c);
	return 0;
}

static void init(struct fixture *f, void **state)
{
	*f = (struct fixture){.certificates = *state, .pool = bufpool_new(1 << 20)};
	rig_init(&f->rig, f->certificates->ca_file, STR_NONE);
}

static void fini(struct fixture *f)
{
	rig_fini(&f->rig);
	bufpool_free(f->pool);
}

static enum error verdict(struct fixture *f, const struct identity *id, const char *name)
{
	SSL_CTX *ctx = peer_ctx_new(id);
	enum error error = rig_visit(&f->rig, ctx, name);

	SSL_CTX_free(ctx);
	return error;
}

static void test_good(void **state)
{
	struct fixture f;
	SSL_CTX *ctx;

	init(&f, state);
	ctx = peer_ctx_new(&f.certificates->good);
	assert_int_equal(rig_shake(&f.rig, ctx, PEER_ECHO, "a.test"), ERR_none);
	assert_non_null(f.rig.t->tls);
	assert_string_equal(f.rig.t->tls->version, "TLSv1.3");
	assert_string_equal(f.rig.t->tls->alpn, "http/1.1");
	assert_string_equal(f.rig.t->tls->server_name, "a.test");
	assert_string_equal(f.rig.t->tls->peer->subject, "CN=x");
	assert_string_equal(f.rig.t->tls->peer->issuer, "CN=test CA");
	assert_false(f.rig.t->tls->is_resumed);
	rig_hang_up(&f.rig);
	assert_string_equal(f.rig.peer.server_name, "a.test");
	assert_string_equal(f.rig.peer.alpn, "http/1.1");
	assert_true(f.rig.peer.got_close_notify);
	SSL_CTX_free(ctx);
	fini(&f);
}

static void test_names(void **state)
{
	struct fixture f;

	init(&f, state);
	assert_int_equal(verdict(&f, &f.certificates->good, "A.TEST"), ERR_none);
	assert_int_equal(verdict(&f, &f.certificates->good, "a.test."), ERR_none);
	assert_string_equal(f.rig.peer.server_name, "a.test");
	assert_int_equal(verdict(&f, &f.certificates->good, "x.b.test"), ERR_none);
	assert_int_equal(verdict(&f, &f.certificates->good, "127.0.0.1"), ERR_none);
	assert_string_equal(f.rig.peer.server_name, ""); /* SNI is for names */
	assert_int_equal(verdict(&f, &f.certificates->good, "::1"), ERR_none);
	assert_int_equal(verdict(&f, &f.certificates->good, "127.0.0.2"), ERR_tls_certificate);
	assert_int_equal(verdict(&f, &f.certificates->good, "x.y.b.test"), ERR_tls_certificate);
	assert_int_equal(verdict(&f, &f.certificates->good, "b.test"), ERR_tls_certificate);
	assert_non_null(strstr(f.rig.detail, "a.test"));
	assert_int_equal(verdict(&f, &f.certificates->common_name, "a.test"), ERR_tls_certificate);
	assert_int_equal(verdict(&f, &f.certificates->good, ""), ERR_tls_protocol);
	fini(&f);
}

/* Without the file the CA is not trusted. */
static void test_trust(void **state)
{
	struct fixture f;
	char why[200] = "";

	init(&f, state);
	assert_null(tls_client_new("/nonexistent/ca.pem", NULL, 0, why, sizeof(why)));
	assert_non_null(strstr(why, "/nonexistent/ca.pem"));
	assert_null(tls_client_new("/dev/null", NULL, 0, why, sizeof(why)));
	tls_client_free(f.rig.client);
	f.rig.client = tls_client_new(NULL, NULL, 0, why, sizeof(why));
	assert_int_equal(verdict(&f, &f.certificates->good, "a.test"), ERR_tls_certificate);
	assert_true(strlen(tls_library_version()) > 5);
	fini(&f);
}

static void test_versions(void **state)
{
	struct fixture f;
	SSL_CTX *ctx;

	init(&f, state);
	ctx = peer_ctx_new(&f.certificates->good);
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	assert_int_equal(rig_shake(&f.rig, ctx, PEER_ECHO, "a.test"), ERR_none);
	assert_string_equal(f.rig.t->tls->version, "TLSv1.2");
	rig_hang_up(&f.rig);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
	assert_int_equal(rig_shake(&f.rig, ctx, PEER_ECHO, "a.test"), ERR_tls_alert);
	assert_string_equal(f.rig.detail, "alert: protocol version");
	rig_hang_up(&f.rig);
	SSL_CTX_free(ctx);
	fini(&f);
}

/* The owner's part of an echo: what comes back, up to an end. */
static enum io read_all(struct fixture *f, struct bufq *in, size_t want)
{
	const int64_t limit_us = clock_mono_us() + TURN_LIMIT_US;
	enum io io = IO_AGAIN;

	while ((io == IO_AGAIN || io == IO_DONE) && in->len < want && clock_mono_us() < limit_us) {
		size_t n;

		io = transport_read(f->rig.t, in, SIZE_MAX, &n);
		if (io == IO_AGAIN) {
			transport_watch(f->rig.t, READY_READ);
			loop_turn(f->rig.loop, 1000);
		}
	}
	return io;
}

static void test_echo(void **state)
{
	struct fixture f;
	SSL_CTX *ctx;
	struct bufq out, in;
	size_t n;

	init(&f, state);
	ctx = peer_ctx_new(&f.certificates->good);
	assert_int_equal(rig_shake(&f.rig, ctx, PEER_ECHO, "a.test"), ERR_none);
	bufq_init(&out, f.pool);
	bufq_init(&in, f.pool);
	for (int i = 0; i < ECHO_BYTES; i++) {
		const char c = (char)(i * 7 >> 2);

		bufq_append(&out, &c, 1);
	}
	/* More than the socket holds: both sides block, and writes are repeated from buffers that have moved. */
	while (in.len < ECHO_BYTES) {
		unsigned wanted = READY_READ;

		if (out.len != 0 && transport_write(f.rig.t, &out, &n) == IO_AGAIN)
			wanted |= READY_WRITE;
		while (transport_read(f.rig.t, &in, 5000, &n) == IO_DONE)
			;
		transport_watch(f.rig.t, wanted);
		if (in.len < ECHO_BYTES)
			loop_turn(f.rig.loop, 1000);
	}
	for (int i = 0; i < ECHO_BYTES; i++) {
		assert_int_equal(*bufq_front(&in).p, (char)(i * 7 >> 2));
		bufq_drain(&in, 1);
	}
	TURN_UNTIL(f.rig.loop, transport_queued(f.rig.t) == 0);
	/* Our side ends, theirs follows in order. */
	transport_shut(f.rig.t);
	assert_int_equal(read_all(&f, &in, 1), IO_EOF);
	rig_hang_up(&f.rig);
	assert_true(f.rig.peer.got_close_notify);
	assert_int_equal(f.rig.peer.got, ECHO_BYTES);
	SSL_CTX_free(ctx);
	fini(&f);
}

/* Bytes that the library has buffered are told although the socket is empty. */
static void test_buffered(void **state)
{
	struct fixture f;
	SSL_CTX *ctx;
	struct bufq in;
	enum io io = IO_DONE;
	size_t n, total = 0;

	init(&f, state);
	ctx = peer_ctx_new(&f.certificates->good);
	assert_int_equal(rig_shake(&f.rig, ctx, PEER_TALK, "a.test"), ERR_none);
	bufq_init(&in, f.pool);
	transport_watch(f.rig.t, READY_READ);
	while (io != IO_EOF) {
		int calls = f.rig.calls;

		/* A little for each call, and never until IO_AGAIN. */
		TURN_UNTIL(f.rig.loop, f.rig.calls > calls);
		io = transport_read(f.rig.t, &in, 9000, &n);
		assert_int_not_equal(io, IO_FAILED);
		total += n;
		bufq_clear(&in);
	}
	assert_int_equal(total, PEER_TALK_BYTES);
	rig_hang_up(&f.rig);
	SSL_CTX_free(ctx);
	fini(&f);
}

/* Nothing to read: the loop sleeps. */
static void test_no_spinning(void **state)
{
	struct fixture f;
	SSL_CTX *ctx;
	struct bufq in;
	int64_t end_us;
	int turns = 0;

	init(&f, state);
	ctx = peer_ctx_new(&f.certificates->good);
	assert_int_equal(rig_shake(&f.rig, ctx, PEER_ECHO, "a.test"), ERR_none);
	bufq_init(&in, f.pool);
	for (end_us = clock_mono_us() + 100000; clock_mono_us() < end_us; turns++) {
		size_t n;

		assert_int_equal(transport_read(f.rig.t, &in, 100, &n), IO_AGAIN);
		transport_watch(f.rig.t, READY_READ);
		loop_turn(f.rig.loop, 30);
	}
	assert_true(turns < 20);
	rig_hang_up(&f.rig);
	SSL_CTX_free(ctx);
	fini(&f);
}

/* An end in order is IO_EOF, a cut is not: an attacker can cut, but not say close_notify. */
static void test_ends(void **state)
{
	struct fixture f;
	SSL_CTX *ctx;
	struct bufq in;

	init(&f, state);
	ctx = peer_ctx_new(&f.certificates->good);
	bufq_init(&in, f.pool);
	assert_int_equal(rig_shake(&f.rig, ctx, PEER_END, "a.test"), ERR_none);
	assert_int_equal(read_all(&f, &in, 100), IO_EOF);
	assert_int_equal(in.len, 3);
	assert_int_equal(read_all(&f, &in, 100), IO_EOF);
	bufq_clear(&in);
	rig_hang_up(&f.rig);
	assert_int_equal(rig_shake(&f.rig, ctx, PEER_CUT, "a.test"), ERR_none);
	assert_int_equal(read_all(&f, &in, 100), IO_FAILED);
	assert_int_equal(in.len, 3);
	assert_int_equal(f.rig.t->error, ERR_origin_closed);
	bufq_clear(&in);
	rig_hang_up(&f.rig);
	assert_int_equal(rig_shake(&f.rig, ctx, PEER_CUT_EARLY, "a.test"), ERR_tls_protocol);
	assert_string_equal(f.rig.detail, "closed during the handshake");
	rig_hang_up(&f.rig);
	SSL_CTX_free(ctx);
	fini(&f);
}

static void test_resumption(void **state)
{
	struct fixture f;
	SSL_CTX *ctx;

	init(&f, state);
	ctx = peer_ctx_new(&f.certificates->good);
	for (int version = TLS1_3_VERSION; version >= TLS1_2_VERSION; version--) {
		SSL_CTX_set_max_proto_version(ctx, version);
		tls_client_free(f.rig.client);
		f.rig.client = tls_client_new(f.certificates->ca_file, NULL, 0, f.rig.detail, sizeof(f.rig.detail));
		assert_false(rig_exchange(&f.rig, ctx, "a.test"));
		assert_true(rig_exchange(&f.rig, ctx, "a.test"));
		assert_true(rig_exchange(&f.rig, ctx, "a.test"));
		assert_false(rig_exchange(&f.rig, ctx, "x.b.test")); /* another name, another session */
	}
	SSL_CTX_free(ctx);
	fini(&f);
}

/* Two services of one host are two origins. */
static void test_resumption_by_port(void **state)
{
	struct fixture f;
	SSL_CTX *ctx;

	init(&f, state);
	ctx = peer_ctx_new(&f.certificates->good);
	f.rig.port = 443;
	assert_false(rig_exchange(&f.rig, ctx, "a.test"));
	f.rig.port = 444;
	assert_false(rig_exchange(&f.rig, ctx, "a.test"));
	f.rig.port = 443;
	assert_true(rig_exchange(&f.rig, ctx, "a.test"));
	SSL_CTX_free(ctx);
	fini(&f);
}

/* An origin that asks for a second handshake (TLS 1.2) does not get one: the peer stays who it was. */
static void test_renegotiation(void **state)
{
	struct fixture f;
	SSL_CTX *ctx;
	struct bufq in;

	init(&f, state);
	ctx = peer_ctx_new(&f.certificates->good);
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	bufq_init(&in, f.pool);
	assert_int_equal(rig_shake(&f.rig, ctx, PEER_RENEGOTIATE, "a.test"), ERR_none);
	assert_int_equal(read_all(&f, &in, 1), IO_FAILED);
	assert_int_equal(in.len, 0);
	assert_ptr_equal(f.rig.t->tls->peer, f.rig.seen);
	rig_hang_up(&f.rig);
	assert_int_equal(f.rig.peer.reason, SSL_R_NO_RENEGOTIATION);
	assert_int_equal(SSL_CTX_sess_accept_good(ctx), 1);
	SSL_CTX_free(ctx);
	fini(&f);
}

/* Chains up to 64 KiB are taken, and the session that is kept has none of it. */
static void test_long_chains(void **state)
{
	struct fixture f;
	SSL_CTX *ctx;
	unsigned char *der = NULL;
	int one;

	init(&f, state);
	ctx = peer_ctx_new(&f.certificates->good);
	one = i2d_X509(f.certificates->other_ca.certificate, &der);
	OPENSSL_free(der);
	for (int bytes = 0; bytes < 60000; bytes += one + 8)
		SSL_CTX_add1_chain_cert(ctx, f.certificates->other_ca.certificate);
	assert_false(rig_exchange(&f.rig, ctx, "a.test"));
	assert_true(f.rig.client->sessions.n > 0);
	assert_true(f.rig.client->sessions.bytes < f.rig.client->sessions.n * 8192);
	assert_true(rig_exchange(&f.rig, ctx, "a.test"));
	for (int bytes = 0; bytes < 10000; bytes += one + 8)
		SSL_CTX_add1_chain_cert(ctx, f.certificates->other_ca.certificate);
	assert_int_equal(rig_visit(&f.rig, ctx, "x.b.test"), ERR_tls_protocol);
	assert_string_equal(f.rig.detail, "excessive message size");
	SSL_CTX_free(ctx);
	fini(&f);
}

static void test_cancel(void **state)
{
	struct fixture f;
	SSL_CTX *ctx;

	init(&f, state);
	ctx = peer_ctx_new(&f.certificates->good);
	for (int turns = 0; turns < 3; turns++) {
		struct tls_handshake *h = rig_begin(&f.rig, ctx, PEER_ECHO, "a.test");

		for (int i = 0; i < turns && f.rig.done == 0; i++)
			loop_turn(f.rig.loop, 0);
		if (f.rig.done == 0)
			tls_handshake_cancel(h);
		rig_hang_up(&f.rig);
	}
	tls_handshake_cancel(NULL);
	SSL_CTX_free(ctx);
	fini(&f);
}

/* The shared part lives as long as its legs. */
static void test_client_goes_first(void **state)
{
	struct fixture f;
	SSL_CTX *ctx;

	init(&f, state);
	ctx = peer_ctx_new(&f.certificates->good);
	assert_int_equal(rig_shake(&f.rig, ctx, PEER_ECHO, "a.test"), ERR_none);
	tls_client_free(f.rig.client);
	f.rig.client = NULL;
	rig_hang_up(&f.rig);
	SSL_CTX_free(ctx);
	fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_buffered),
		cmocka_unit_test(test_no_spinning),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_resumption),
		cmocka_unit_test(test_resumption_by_port),
		cmocka_unit_test(test_renegotiation),
		cmocka_unit_test(test_long_chains),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_client_goes_first),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
