/* The handshake, of both roles. What follows it is tls_transport.c; what is particular to a role is tls_client.c (which
 * certificates of origins are good) and tls_server.c (which ones are shown to clients). */
#include "net/tls.h"

#include "base/mem.h"
#include "net/tls_internal.h"
#include "net/tls_server.h"

#include <openssl/err.h>

enum {
	SECURITY_LEVEL = 2,
	READ_AHEAD_BYTES = 2 * (SSL3_RT_MAX_PLAIN_LENGTH + SSL3_RT_MAX_ENCRYPTED_OVERHEAD + SSL3_RT_HEADER_LENGTH)
};

struct tls_handshake {
	struct loop *loop;
	struct tls *tls;
	bool is_refused; /* it could not even begin; why is noted */
	struct task step;
	void (*on_done)(void *owner, const struct tls_outcome *o);
	void *owner;
};

bool tls_set_up(SSL_CTX *ctx)
{
	SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY); /* a ticket is no reason to read on */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_AHEAD_BYTES);
	tls_keylog_use(ctx);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
		SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1;
}

/* Writes down what was agreed on. */
static void fill_facts(struct tls *s)
{
	const unsigned char *alpn = NULL;
	unsigned alpn_len = 0;

	SSL_get0_alpn_selected(s->ssl, &alpn, &alpn_len);
	str_escape((struct str){(const char *)alpn, alpn_len}, s->alpn, sizeof(s->alpn));
	s->facts.version = SSL_get_version(s->ssl);
	s->facts.cipher = SSL_get_cipher_name(s->ssl);
	s->facts.alpn = s->alpn;
	s->facts.server_name = s->server_name;
	s->facts.is_resumed = SSL_session_reused(s->ssl) == 1;
}

/* The memory goes at the end of the turn; the transport stays. */
static void handshake_end(struct tls_handshake *h)
{
	task_cancel(&h->step);
	loop_reap(h->loop, h, mem_free);
}

/* Why is noted in the transport. */
static void fail(struct tls_handshake *h)
{
	struct tls *s = h->tls;
	bool is_of_certificate = s->t.error == s->verify_error && s->verify_words[0] != '\0';

	if (s->client != NULL)
		tls_client_note_failed(s);
	/* An alert that says what is wrong has been written; the close sends it before the FIN. What is told lives until the
	 * end of the turn. */
	transport_close(&s->t, false);
	handshake_end(h);
	h->on_done(h->owner,
		&(struct tls_outcome){.error = s->t.error,
			.detail = is_of_certificate ? s->verify_words : s->t.detail,
			.peer = s->peer,
			.is_unanswered = !h->is_refused && BIO_number_read(SSL_get_rbio(s->ssl)) == 0});
}

/* The library is content; the client role has the last word. */
static void finish(struct tls_handshake *h)
{
	struct tls *s = h->tls;

	if (s->client != NULL && tls_client_judge(s) != ERR_none) {
		tls_note_certificate(s);
		fail(h);
		return;
	}
	fill_facts(s);
	tls_establish(s);
	handshake_end(h);
	h->on_done(h->owner, &(struct tls_outcome){.error = ERR_none, .detail = "", .transport = &s->t, .peer = s->peer});
}

/* Goes on as far as the transport below allows. */
static void on_step(void *owner)
{
	struct tls_handshake *h = owner;
	struct tls *s = h->tls;
	int result, error;

	if (h->is_refused) {
		fail(h);
		return;
	}
	ERR_clear_error();
	tls_bio_allow(s);
	result = SSL_do_handshake(s->ssl);
	if (result == 1) {
		finish(h);
		return;
	}
	error = SSL_get_error(s->ssl, result);
	if (error == SSL_ERROR_WANT_READ) {
		transport_watch(s->under, READY_READ);
	} else if (error == SSL_ERROR_WANT_WRITE) {
		transport_watch(s->under, READY_WRITE);
	} else {
		tls_note_failure(s, error);
		fail(h);
	}
}

static void on_under_ready(void *owner, unsigned ready)
{
	(void)ready;
	on_step(owner);
}

/* Puts the library on the transport below. False without memory. */
static bool attach(struct tls *s)
{
	BIO *bio = s->ssl != NULL ? tls_bio_new(s) : NULL;

	if (bio == NULL)
		return false;
	SSL_set_bio(s->ssl, bio, bio);
	if (s->client != NULL)
		SSL_set_connect_state(s->ssl);
	else
		SSL_set_accept_state(s->ssl);
	return SSL_set_app_data(s->ssl, s) == 1;
}

/* Begins in the loop's next tasks, so that nobody is called back from inside. */
static struct tls_handshake *begin(struct tls *s, bool is_prepared, void (*on_done)(void *owner, const struct tls_outcome *o),
	void *owner)
{
	struct tls_handshake *h = mem_calloc(1, sizeof(*h));

	h->loop = s->loop;
	h->tls = s;
	h->on_done = on_done;
	h->owner = owner;
	h->is_refused = !is_prepared;
	if (h->is_refused)
		tls_note_failure(s, SSL_ERROR_SSL);
	s->under->on_ready = on_under_ready;
	s->under->owner = h;
	task_init(&h->step, on_step, h);
	loop_defer(s->loop, &h->step);
	return h;
}

struct tls_handshake *tls_connect(struct tls_client *c, struct loop *l, struct transport *under, const char *name,
	const struct tls_asks *asks, void (*on_done)(void *owner, const struct tls_outcome *o), void *owner)
{
	struct tls *s;

	ERR_clear_error();
	s = tls_wrap(c, NULL, l, under, SSL_new(c->ctx));
	return begin(s, attach(s) && tls_client_prepare(s, name, asks), on_done, owner);
}

struct tls_handshake *tls_accept(struct tls_server *srv, struct loop *l, struct transport *under, struct tls_identity *identity,
	const char *name, void (*on_done)(void *owner, const struct tls_outcome *o), void *owner)
{
	struct tls *s;

	ERR_clear_error();
	s = tls_wrap(NULL, srv, l, under, SSL_new(srv->ctx));
	return begin(s, attach(s) && tls_server_prepare(s, identity, name), on_done, owner);
}

void tls_handshake_cancel(struct tls_handshake *h)
{
	if (h == NULL)
		return;
	transport_close(&h->tls->t, true);
	handshake_end(h);
}
