/* For tests of TLS towards origins: a leg to OpenSSL's server at the other end of a socket pair. */
#ifndef VIADUCT_TESTS_TLS_RIG_H
#define VIADUCT_TESTS_TLS_RIG_H

#include "net/tcp.h"
#include "net/tls.h"

#include <fcntl.h>
#include <signal.h>

#include "tls_peer.h"
#include "turn_until.h"

struct rig {
	struct loop *loop;
	struct tls_client *client;
	struct tls_asks asks; /* of the legs to come */
	uint16_t port;        /* that they seem to go to; 0: none */
	struct peer peer;
	struct transport *t;
	const struct tls_peer *seen; /* a reference of ours; NULL: none was seen */
	enum error error;
	char detail[200];
	int done, calls;
};

/* own: the digest of our own CA's key; may be empty. */
static inline void rig_init(struct rig *r, const char *ca_file, struct str own)
{
	char why[200] = "";

	signal(SIGPIPE, SIG_IGN); /* OpenSSL's server writes without MSG_NOSIGNAL */
	*r = (struct rig){.loop = loop_new()};
	r->client = tls_client_new(ca_file, &own, 1, why, sizeof(why));
	assert_string_equal(why, "");
	assert_non_null(r->client);
}

static inline void rig_fini(struct rig *r)
{
	tls_peer_unref(r->seen);
	tls_client_free(r->client);
	loop_free(r->loop);
}

static inline void rig_on_ready(void *owner, unsigned ready)
{
	struct rig *r = owner;

	(void)ready;
	r->calls++;
}

static inline void rig_on_done(void *owner, const struct tls_outcome *o)
{
	struct rig *r = owner;

	assert_int_equal(o->transport != NULL, o->error == ERR_none);
	r->done++;
	r->t = o->transport;
	r->error = o->error;
	r->seen = o->peer != NULL ? tls_peer_ref(o->peer) : NULL;
	snprintf(r->detail, sizeof(r->detail), "%s", o->detail);
	if (r->t != NULL) {
		assert_ptr_equal(r->t->tls->peer, o->peer);
		r->t->on_ready = rig_on_ready;
		r->t->owner = r;
	}
}

static inline struct tls_handshake *rig_begin(struct rig *r, SSL_CTX *ctx, enum peer_deed deed, const char *name)
{
	int fd = peer_start(&r->peer, ctx, deed);
	struct transport *under;

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	r->done = 0;
	tls_peer_unref(r->seen);
	r->seen = NULL;
	under = tcp_new(r->loop, fd);
	if (r->port != 0)
		assert_true(address_parse(STR("127.0.0.1"), r->port, &under->peer));
	return tls_connect(r->client, r->loop, under, name, &r->asks, rig_on_done, r);
}

/* A whole handshake. */
static inline enum error rig_shake(struct rig *r, SSL_CTX *ctx, enum peer_deed deed, const char *name)
{
	rig_begin(r, ctx, deed, name);
	assert_int_equal(r->done, 0); /* never from inside */
	TURN_UNTIL(r->loop, r->done != 0);
	return r->error;
}

static inline void rig_hang_up(struct rig *r)
{
	transport_close(r->t, false);
	r->t = NULL;
	loop_turn(r->loop, 0);
	peer_join(&r->peer);
}

/* A handshake and its end. */
static inline enum error rig_visit(struct rig *r, SSL_CTX *ctx, const char *name)
{
	enum error error = rig_shake(r, ctx, PEER_ECHO, name);

	rig_hang_up(r);
	return error;
}

/* One exchange, so that tickets arrive; then the end. True if the session was resumed. */
static inline bool rig_exchange(struct rig *r, SSL_CTX *ctx, const char *name)
{
	struct iovec out = {(void *)(uintptr_t)"ping", 4};
	char bytes[4];
	struct iovec in = {bytes, sizeof(bytes)};
	size_t n = 0;
	bool is_resumed;

	assert_int_equal(rig_shake(r, ctx, PEER_ECHO, name), ERR_none);
	is_resumed = r->t->tls->is_resumed;
	assert_int_equal(r->t->ops->writev(r->t, &out, 1, &n), IO_DONE);
	n = 0;
	while (r->t->ops->readv(r->t, &in, 1, &n) == IO_AGAIN) {
		transport_watch(r->t, READY_READ);
		loop_turn(r->loop, 1000);
	}
	assert_int_equal(n, 4);
	rig_hang_up(r);
	assert_int_equal(r->peer.is_resumed, is_resumed);
	return is_resumed;
}

#endif
