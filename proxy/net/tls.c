/* The handshake with an origin. What follows it is tls_transport.c; what is checked of the certificate, tls_verify.c. */
#include "net/tls.h"

#include "base/mem.h"
#include "net/tls_internal.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

struct tls_handshake {
	struct loop *loop;
	struct tls *tls;
	bool is_refused; /* the library refused the name or had no memory */
	struct task step;
	void (*on_done)(void *owner, struct transport *t, enum error error, const char *detail);
	void *owner;
};

/* Writes down what is known of the peer. */
static void fill_facts(struct tls *s)
{
	X509 *certificate = SSL_get0_peer_certificate(s->ssl);
	const unsigned char *alpn = NULL;
	unsigned alpn_len = 0;

	SSL_get0_alpn_selected(s->ssl, &alpn, &alpn_len);
	str_escape((struct str){(const char *)alpn, alpn_len}, s->alpn, sizeof(s->alpn));
	s->facts.version = SSL_get_version(s->ssl);
	s->facts.cipher = SSL_get_cipher_name(s->ssl);
	s->facts.alpn = s->alpn;
	s->facts.server_name = s->server_name;
	s->facts.is_resumed = SSL_session_reused(s->ssl) == 1;
	if (certificate != NULL) {
		tls_name_words(X509_get_issuer_name(certificate), s->facts.issuer, sizeof(s->facts.issuer));
		tls_name_words(X509_get_subject_name(certificate), s->facts.subject, sizeof(s->facts.subject));
	}
}

/* The memory goes at the end of the turn; the transport stays. */
static void handshake_end(struct tls_handshake *h)
{
	task_cancel(&h->step);
	loop_reap(h->loop, h, mem_free);
}

/* The handshake is over and good. */
static void succeed(struct tls_handshake *h)
{
	struct tls *s = h->tls;

	fill_facts(s);
	tls_establish(s);
	handshake_end(h);
	h->on_done(h->owner, &s->t, ERR_none, "");
}

static void fail(struct tls_handshake *h)
{
	struct transport *t = &h->tls->t;

	/* An alert that says what is wrong has been written; the close below sends it before the FIN. */
	transport_close(t, false);
	handshake_end(h);
	h->on_done(h->owner, NULL, t->error, t->detail);
}

/* Goes on as far as the transport below allows. */
static void on_step(void *owner)
{
	struct tls_handshake *h = owner;
	struct tls *s = h->tls;
	int result, error;

	ERR_clear_error();
	if (h->is_refused) {
		tls_note_failure(s, SSL_ERROR_SSL);
		fail(h);
		return;
	}
	result = SSL_do_handshake(s->ssl);
	if (result == 1) {
		succeed(h);
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

/* Sessions are cached per name and port: the peer's, so that two services of one host are kept apart. */
static char *make_session_key(const struct tls *s)
{
	char key[sizeof(s->server_name) + 8];

	snprintf(key, sizeof(key), "%s:%u", s->server_name, address_port(&s->t.peer));
	return mem_strdup(key);
}

/* Sets the library up for one peer; false if it refuses. */
static bool prepare(struct tls *s, const char *name)
{
	size_t len = strlen(name);
	SSL_SESSION *session;
	BIO *bio;

	/* The dot of the root is no part of what certificates and SNI name. */
	if (len > 1 && name[len - 1] == '.')
		len--;
	if (s->ssl == NULL || len == 0 || len >= sizeof(s->server_name))
		return false;
	memcpy(s->server_name, name, len);
	s->session_key = make_session_key(s);
	bio = tls_bio_new(s->client->bio_method, s);
	if (bio == NULL)
		return false;
	SSL_set_bio(s->ssl, bio, bio);
	SSL_set_app_data(s->ssl, s);
	SSL_set_connect_state(s->ssl);
	if (!tls_expect_name(s->ssl, s->server_name))
		return false;
	session = tls_sessions_take(&s->client->sessions, s->session_key);
	if (session != NULL) {
		SSL_set_session(s->ssl, session); /* if it does not take it, the handshake is a full one */
		SSL_SESSION_free(session);
	}
	return true;
}

struct tls_handshake *tls_connect(struct tls_client *c, struct loop *l, struct transport *under, const char *name,
	void (*on_done)(void *owner, struct transport *t, enum error error, const char *detail), void *owner)
{
	struct tls_handshake *h = mem_calloc(1, sizeof(*h));

	h->loop = l;
	h->on_done = on_done;
	h->owner = owner;
	h->tls = tls_wrap(c, l, under, SSL_new(c->ctx));
	h->is_refused = !prepare(h->tls, name);
	under->on_ready = on_under_ready;
	under->owner = h;
	task_init(&h->step, on_step, h);
	loop_defer(l, &h->step);
	return h;
}

void tls_handshake_cancel(struct tls_handshake *h)
{
	if (h == NULL)
		return;
	transport_close(&h->tls->t, true);
	handshake_end(h);
}
