/* For tests of TLS towards clients: OpenSSL's own client at the far end of a memory pair, turned by hand, so that nothing
 * happens at the same time; and what the proxy's side needs. */
#ifndef VIADUCT_TESTS_TLS_VISITOR_H
#define VIADUCT_TESTS_TLS_VISITOR_H

#include "net/memory.h"
#include "net/tls_internal.h"

#include <string.h>

#include <openssl/err.h>

#include "certificates.h"
#include "turn_until.h"

enum { VISITOR_ROOM = 65536 };

/* The client. */
struct visitor {
	struct transport *end; /* NULL once it is closed */
	SSL *ssl;
	SSL_SESSION *session; /* the newest; for the next visit */
	bool is_shaken, is_failed, is_ended;
	unsigned long code; /* of the failure */
	char got[VISITOR_ROOM];
	size_t got_n;
};

/* What the library has written goes out, as far as it fits. */
static inline void visitor_flush(struct visitor *v)
{
	BIO *bio = SSL_get_wbio(v->ssl);
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);
	size_t sent = 0;
	struct iovec iov = {p, (size_t)n};

	if (v->end == NULL || n <= 0 || v->end->ops->writev(v->end, &iov, 1, &sent) != IO_DONE)
		return;
	while (sent > 0) {
		char skipped[4096];
		int part = BIO_read(bio, skipped, (int)(sent < sizeof(skipped) ? sent : sizeof(skipped)));

		assert_true(part > 0);
		sent -= (size_t)part;
	}
}

/* What has come in goes to the library. */
static inline void visitor_fetch(struct visitor *v)
{
	char bytes[4096];
	struct iovec iov = {bytes, sizeof(bytes)};
	size_t n = 0;

	while (v->end != NULL && v->end->ops->readv(v->end, &iov, 1, &n) == IO_DONE && n > 0)
		assert_int_equal(BIO_write(SSL_get_rbio(v->ssl), bytes, (int)n), n);
}

/* Goes on as far as it can without the other side. */
static inline void visitor_turn(struct visitor *v)
{
	int n;

	visitor_fetch(v);
	ERR_clear_error();
	if (!v->is_shaken && !v->is_failed) {
		n = SSL_do_handshake(v->ssl);
		v->is_shaken = n == 1;
		v->is_failed = n != 1 && SSL_get_error(v->ssl, n) != SSL_ERROR_WANT_READ;
	}
	while (v->is_shaken && !v->is_failed && v->got_n < sizeof(v->got)) {
		n = SSL_read(v->ssl, v->got + v->got_n, (int)(sizeof(v->got) - v->got_n));
		if (n <= 0) {
			int error = SSL_get_error(v->ssl, n);

			v->is_ended = error == SSL_ERROR_ZERO_RETURN;
			v->is_failed = error != SSL_ERROR_WANT_READ && !v->is_ended;
			break;
		}
		v->got_n += (size_t)n;
	}
	if (v->is_failed && v->code == 0)
		v->code = ERR_peek_last_error();
	ERR_clear_error();
	visitor_flush(v);
}

static inline void visitor_say(struct visitor *v, const char *words)
{
	assert_int_equal(SSL_write(v->ssl, words, (int)strlen(words)), strlen(words));
	visitor_flush(v);
}

static inline void visitor_hang_up(struct visitor *v, bool abort)
{
	transport_close(v->end, abort);
	v->end = NULL;
}

static inline int visitor_on_session(SSL *ssl, SSL_SESSION *session)
{
	struct visitor *v = SSL_get_app_data(ssl);

	SSL_SESSION_free(v->session);
	v->session = session;
	return 1;
}

/* A client that trusts everybody; versions: 0 for any. */
static inline SSL_CTX *visitor_ctx_new(int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, visitor_on_session);
	return ctx;
}

/* The proxy's side, and the client's. */
struct visit {
	const struct certificates *certificates;
	struct loop *loop;
	struct bufpool *pool;
	struct tls_key *key, *other_key;
	struct tls_identity *identity, *other_identity;
	struct tls_tickets *tickets;
	struct tls_server *servers[2];
	SSL_CTX *ctx; /* the client's */
	struct visitor v;
	size_t room;
	int done;
	struct transport *under; /* of the proxy's side, while it shakes hands */
	struct transport *t;
	enum error error;
	char detail[160];
	struct bufq in;
	enum io in_end; /* IO_EOF or IO_FAILED once reading has ended */
	int reads;
};

/* As pki/ hands it over. */
static inline struct tls_key *visit_key(EVP_PKEY *key)
{
	PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
	unsigned char *der = NULL;
	int n = i2d_PKCS8_PRIV_KEY_INFO(plain, &der);
	struct tls_key *k = tls_key_new((struct str){(const char *)der, (size_t)n});

	PKCS8_PRIV_KEY_INFO_free(plain);
	OPENSSL_free(der);
	return k;
}

static inline struct tls_identity *visit_identity(const struct identity *id, struct tls_key *k)
{
	unsigned char *der = NULL;
	int n = i2d_X509(id->certificate, &der);
	struct str chain = {(const char *)der, (size_t)n};
	struct tls_identity *i = tls_identity_new(&chain, 1, k);

	OPENSSL_free(der);
	return i;
}

static inline void visit_init(struct visit *w, const struct certificates *c, int64_t (*clock_us)(void))
{
	char why[120] = "";

	*w = (struct visit){.certificates = c, .loop = loop_new(), .pool = bufpool_new(1 << 22), .room = VISITOR_ROOM};
	w->key = visit_key(c->good.key);
	w->other_key = visit_key(c->untrusted.key);
	w->identity = visit_identity(&c->good, w->key);
	w->other_identity = visit_identity(&c->untrusted, w->other_key);
	w->tickets = clock_us != NULL ? tls_tickets_new_at(clock_us) : tls_tickets_new();
	for (int i = 0; i < 2; i++) {
		w->servers[i] = tls_server_new(w->tickets, why, sizeof(why));
		assert_non_null(w->servers[i]);
	}
	assert_non_null(w->identity);
	assert_non_null(w->other_identity);
	w->ctx = visitor_ctx_new(0);
	bufq_init(&w->in, w->pool);
}

/* Another kind of client from now on. */
static inline void visit_as(struct visit *w, SSL_CTX *ctx)
{
	SSL_CTX_free(w->ctx);
	w->ctx = ctx;
}

/* Reads all that is there, as an owner does. */
static inline void visit_on_ready(void *owner, unsigned ready)
{
	struct visit *w = owner;
	enum io io = IO_DONE;
	size_t n = 0;

	w->reads++;
	if ((ready & READY_READ) == 0)
		return;
	while (io == IO_DONE)
		io = transport_read(w->t, &w->in, SIZE_MAX, &n);
	if (io == IO_AGAIN)
		return;
	w->in_end = io;
	transport_watch(w->t, 0);
}

static inline void visit_on_done(void *owner, const struct tls_outcome *o)
{
	struct visit *w = owner;

	assert_int_equal(o->transport != NULL, o->error == ERR_none);
	assert_null(o->peer);
	w->done++;
	w->t = o->transport;
	w->error = o->error;
	snprintf(w->detail, sizeof(w->detail), "%s", o->detail);
	if (w->t == NULL)
		return;
	w->t->on_ready = visit_on_ready;
	w->t->owner = w;
	transport_watch(w->t, READY_READ);
}

/* A client at the door; what it has of earlier visits is used. */
static inline struct tls_handshake *visit_begin(struct visit *w, struct tls_server *server, struct tls_identity *identity,
	const char *name)
{
	struct transport *ends[2];
	SSL_SESSION *session = w->v.session;

	memory_pair_new(w->loop, w->room, ends);
	w->under = ends[0];
	w->v = (struct visitor){.end = ends[1], .ssl = SSL_new(w->ctx), .session = session};
	w->done = 0;
	w->in_end = IO_DONE;
	SSL_set_bio(w->v.ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	BIO_set_mem_eof_return(SSL_get_rbio(w->v.ssl), -1);
	SSL_set_app_data(w->v.ssl, &w->v);
	SSL_set_connect_state(w->v.ssl);
	SSL_set_tlsext_host_name(w->v.ssl, name);
	if (session != NULL)
		SSL_set_session(w->v.ssl, session);
	return tls_accept(server, w->loop, ends[0], identity, name, visit_on_done, w);
}

/* Turns both sides until it holds. */
#define VISIT_UNTIL(w, condition)                                                                                              \
	do {                                                                                                                   \
		const int64_t visit_limit_us = clock_mono_us() + TURN_LIMIT_US;                                                \
		while (!(condition) && clock_mono_us() < visit_limit_us) {                                                     \
			visitor_turn(&(w)->v);                                                                                 \
			loop_turn((w)->loop, 0);                                                                               \
		}                                                                                                              \
		assert_true(condition);                                                                                        \
	} while (0)

/* Up to the outcome. */
static inline enum error visit_shake(struct visit *w, int server, struct tls_identity *identity, const char *name)
{
	visit_begin(w, w->servers[server], identity, name);
	assert_int_equal(w->done, 0); /* never from inside */
	VISIT_UNTIL(w, w->done != 0 && (w->error != ERR_none || w->v.is_shaken));
	return w->error;
}

/* Both sides go; the client keeps its session. */
static inline void visit_end(struct visit *w)
{
	/* A leg that is cut spoils the session that it holds. A ticket of TLS 1.2 that was renewed is told of in no other
	 * way. */
	if (w->v.session != NULL && w->v.is_shaken) {
		bool is_old = SSL_version(w->v.ssl) < TLS1_3_VERSION;
		SSL_SESSION *own = SSL_SESSION_dup(is_old ? SSL_get0_session(w->v.ssl) : w->v.session);

		SSL_SESSION_free(w->v.session);
		w->v.session = own;
	}
	transport_close(w->t, false);
	w->t = NULL;
	transport_close(w->v.end, false);
	SSL_free(w->v.ssl);
	w->v.ssl = NULL;
	w->v.end = NULL;
	bufq_clear(&w->in);
	loop_turn(w->loop, 0);
}

static inline void visit_forget(struct visit *w)
{
	SSL_SESSION_free(w->v.session);
	w->v.session = NULL;
}

static inline void visit_fini(struct visit *w)
{
	visit_forget(w);
	for (int i = 0; i < 2; i++)
		tls_server_free(w->servers[i]);
	tls_identity_unref(w->identity);
	tls_identity_unref(w->other_identity);
	tls_key_unref(w->key);
	tls_key_unref(w->other_key);
	SSL_CTX_free(w->ctx);
	loop_free(w->loop);
	tls_tickets_free(w->tickets);
	bufpool_free(w->pool);
}

/* For cmocka's groups. */
static inline int visit_certificates_make(void **state)
{
	struct certificates *c = calloc(1, sizeof(*c));

	if (c == NULL || !certificates_init(c))
		return -1;
	*state = c;
	return 0;
}

static inline int visit_certificates_free(void **state)
{
	certificates_fini(*state);
	free(*state);
	return 0;
}

#endif
