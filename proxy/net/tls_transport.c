/* TLS as a transport over another one, once the handshake is over. Role-neutral. Not for the handshake (tls.c) or what
 * failures mean (tls_failure.c).
 *
 * Reading is on the level: what OpenSSL has buffered is not seen by the transport below, so as long as the last read ended
 * because the owner's room was full, the owner is called again from a task. */
#include "base/mem.h"
#include "net/loop_internal.h"
#include "net/tls_internal.h"

#include <string.h>

#include <openssl/err.h>

static struct tls *tls_of(struct transport *t)
{
	return (struct tls *)(void *)t;
}

/* What a read that moved nothing means. */
static enum io judge_read(struct tls *s, int result)
{
	int error = SSL_get_error(s->ssl, result);

	/* It may have stopped for another reason than lack of bytes: what it was allowed is used up, or keys were changed, when later
	 * versions than 3.0 put aside what they have read already, where SSL_has_pending does not see it. */
	s->may_have_more = error == SSL_ERROR_WANT_READ && !s->is_under_empty;
	s->read_wants_write = error == SSL_ERROR_WANT_WRITE;
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return IO_AGAIN;
	/* It stays like this, and the transport below may not tell of it any more. */
	s->may_have_more = true;
	if (error == SSL_ERROR_ZERO_RETURN) {
		s->read_end = IO_EOF;
	} else {
		tls_note_failure(s, error);
		s->read_end = IO_FAILED;
	}
	return s->read_end;
}

/* Fills one vector; IO_DONE when it is full. */
static enum io read_vector(struct tls *s, const struct iovec *iov, size_t *total)
{
	size_t at = 0;

	while (at < iov->iov_len) {
		size_t got = 0;
		int result;

		ERR_clear_error();
		tls_bio_allow(s);
		result = SSL_read_ex(s->ssl, (char *)iov->iov_base + at, iov->iov_len - at, &got);
		if (result != 1)
			return judge_read(s, result);
		at += got;
		*total += got;
	}
	return IO_DONE;
}

/* Calls the owner again, in the next turn, while there may be more to read than the transport below knows. */
static void defer_again(struct tls *s)
{
	if (!s->is_closed && (s->wanted & READY_READ) != 0 && s->may_have_more)
		loop_defer_later(s->loop, &s->again);
}

static enum io tls_readv(struct transport *t, const struct iovec *iov, int n, size_t *ret_n)
{
	struct tls *s = tls_of(t);
	size_t total = 0;
	enum io io = IO_DONE;

	if (s->read_end != IO_DONE)
		return s->read_end;
	s->may_have_more = true;
	for (int i = 0; i < n && io == IO_DONE; i++)
		io = read_vector(s, &iov[i], &total);
	defer_again(s);
	if (total == 0)
		return io;
	*ret_n = total;
	return IO_DONE;
}

/* The bytes of the next record: the first vector where it is long enough, else several copied together, because every record
 * costs a header, a tag and a call. */
static size_t gather(const struct iovec *iov, int n, char scratch[SSL3_RT_MAX_PLAIN_LENGTH], const void **ret_from)
{
	size_t at = 0;

	*ret_from = iov[0].iov_base;
	if (n == 1 || iov[0].iov_len >= SSL3_RT_MAX_PLAIN_LENGTH)
		return iov[0].iov_len < SSL3_RT_MAX_PLAIN_LENGTH ? iov[0].iov_len : SSL3_RT_MAX_PLAIN_LENGTH;
	for (int i = 0; i < n && at < SSL3_RT_MAX_PLAIN_LENGTH; i++) {
		size_t part = SSL3_RT_MAX_PLAIN_LENGTH - at;

		if (part > iov[i].iov_len)
			part = iov[i].iov_len;
		memcpy(scratch + at, iov[i].iov_base, part);
		at += part;
	}
	*ret_from = scratch;
	return at;
}

static enum io tls_writev(struct transport *t, const struct iovec *iov, int n, size_t *ret_n)
{
	struct tls *s = tls_of(t);
	char scratch[SSL3_RT_MAX_PLAIN_LENGTH];
	const void *from;
	size_t size, sent = 0;
	int result, error;

	if (s->is_failed)
		return IO_FAILED;
	size = gather(iov, n, scratch, &from);
	ERR_clear_error();
	result = SSL_write_ex(s->ssl, from, size, &sent);
	if (result == 1) {
		s->write_wants_read = false;
		s->pending_bytes = 0;
		*ret_n = sent;
		return IO_DONE;
	}
	error = SSL_get_error(s->ssl, result);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
		s->write_wants_read = error == SSL_ERROR_WANT_READ;
		s->pending_bytes = size;
		return IO_AGAIN;
	}
	tls_note_failure(s, error);
	return IO_FAILED;
}

/* Has the transport below watched for what all of us wait for. */
static void watch_under(struct tls *s)
{
	unsigned wanted = s->is_shut_pending ? READY_WRITE : 0;

	if ((s->wanted & READY_READ) != 0)
		wanted |= s->read_wants_write ? READY_WRITE : READY_READ;
	if ((s->wanted & READY_WRITE) != 0)
		wanted |= s->write_wants_read ? READY_READ : READY_WRITE;
	transport_watch(s->under, wanted);
}

static void tls_watch(struct transport *t, unsigned wanted)
{
	struct tls *s = tls_of(t);

	s->wanted = wanted;
	watch_under(s);
	defer_again(s);
}

static void tell_owner(struct tls *s, unsigned ready)
{
	if (ready != 0 && s->t.on_ready != NULL)
		s->t.on_ready(s->t.owner, ready);
}

/* The task. */
static void on_again(void *owner)
{
	struct tls *s = owner;

	if ((s->wanted & READY_READ) == 0)
		return;
	tell_owner(s, READY_READ);
	defer_again(s);
}

/* Sends close_notify; what does not fit goes on when the transport below takes more. */
static void send_close_notify(struct tls *s)
{
	int result;

	ERR_clear_error();
	result = SSL_shutdown(s->ssl);
	s->is_shut_pending = result < 0 && SSL_get_error(s->ssl, result) == SSL_ERROR_WANT_WRITE;
	ERR_clear_error();
	if (!s->is_shut_pending)
		transport_shut(s->under);
}

/* The transport below is ready. */
static void on_under_ready(void *owner, unsigned ready)
{
	struct tls *s = owner;
	unsigned told = 0;

	if (s->is_shut_pending && (ready & READY_WRITE) != 0) {
		send_close_notify(s);
		if (!s->is_shut_pending)
			watch_under(s);
	}
	if ((ready & READY_READ) != 0 || s->read_wants_write)
		told |= READY_READ;
	if ((ready & READY_WRITE) != 0 || s->write_wants_read)
		told |= READY_WRITE;
	/* With nothing wanted, readable means broken, which the owner is to know too. */
	tell_owner(s, s->wanted != 0 ? told & s->wanted : told & READY_READ);
}

static void tls_shut(struct transport *t)
{
	struct tls *s = tls_of(t);

	if (s->is_shut || s->is_failed)
		return;
	s->is_shut = true;
	send_close_notify(s);
	if (s->is_shut_pending)
		watch_under(s);
}

static void tls_reaped(void *p)
{
	struct tls *s = p;

	SSL_free(s->ssl);
	if (s->client != NULL)
		tls_client_unref(s->client);
	if (s->server != NULL)
		tls_server_unref(s->server);
	tls_identity_unref(s->identity);
	tls_peer_unref(s->peer);
	mem_free(s->session_key);
	mem_free(s);
}

static void tls_close(struct transport *t, bool abort)
{
	struct tls *s = tls_of(t);

	if (s->is_established && !abort && !s->is_shut && !s->is_failed) {
		ERR_clear_error();
		SSL_shutdown(s->ssl); /* what does not fit now is lost: nobody waits for it any more */
		ERR_clear_error();
	}
	s->is_closed = true;
	s->t.on_ready = NULL;
	task_cancel(&s->again);
	transport_close(s->under, abort);
	loop_reap(s->loop, s, tls_reaped);
}

static bool tls_is_broken(struct transport *t)
{
	return transport_is_broken(tls_of(t)->under);
}

static size_t tls_queued(struct transport *t)
{
	struct tls *s = tls_of(t);

	return s->pending_bytes + s->is_shut_pending + transport_queued(s->under);
}

static const struct transport_ops tls_ops = {
	.readv = tls_readv,
	.writev = tls_writev,
	.watch = tls_watch,
	.shut = tls_shut,
	.close = tls_close,
	.queued = tls_queued,
	.is_broken = tls_is_broken,
};

struct tls *tls_wrap(struct tls_client *c, struct tls_server *srv, struct loop *l, struct transport *under, SSL *ssl)
{
	struct tls *s = mem_calloc(1, sizeof(*s));

	s->t.ops = &tls_ops;
	s->t.peer = under->peer;
	s->t.local = under->local;
	s->loop = l;
	s->client = c;
	s->server = srv;
	*(c != NULL ? &c->users : &srv->users) += 1;
	s->under = under;
	s->ssl = ssl;
	s->read_end = IO_DONE;
	task_init(&s->again, on_again, s);
	return s;
}

void tls_establish(struct tls *s)
{
	s->is_established = true;
	s->may_have_more = true; /* the last flight of the handshake may have brought more than itself */
	s->t.tls = &s->facts;
	s->under->on_ready = on_under_ready;
	s->under->owner = s;
	transport_watch(s->under, 0);
}
