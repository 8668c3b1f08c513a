/* How OpenSSL reads from and writes to a transport. Not for readiness: it only reports "again".
 *
 * The library reads on by itself as long as it gets records without a byte for the program in them (key updates, requests to
 * renegotiate, which it answers). So what one call of it may read is bounded here. */
#include "net/tls_internal.h"

#include <pthread.h>

/* More than the longest record, and the longest message of a handshake comes in several calls. */
enum { ALLOWED_BYTES = 65536 };

void tls_bio_allow(struct tls *s)
{
	s->may_read_bytes = ALLOWED_BYTES;
	s->is_under_empty = false;
}

static int bio_read(BIO *bio, char *to, size_t size, size_t *ret_n)
{
	struct tls *s = BIO_get_data(bio);
	struct iovec iov = {to, size < s->may_read_bytes ? size : s->may_read_bytes};
	enum io io = IO_AGAIN;

	BIO_clear_retry_flags(bio);
	*ret_n = 0;
	if (iov.iov_len != 0) {
		io = s->under->ops->readv(s->under, &iov, 1, ret_n);
		s->is_under_empty = io == IO_AGAIN;
	}
	if (io == IO_DONE)
		s->may_read_bytes -= *ret_n;
	else if (io == IO_AGAIN)
		BIO_set_retry_read(bio);
	else if (io == IO_EOF)
		s->is_under_eof = true; /* the library asks by BIO_CTRL_EOF, and so can tell it from a failure */
	return io == IO_DONE;
}

static int bio_write(BIO *bio, const char *from, size_t size, size_t *ret_n)
{
	struct tls *s = BIO_get_data(bio);
	struct iovec iov = {(void *)(uintptr_t)from, size};
	enum io io;

	BIO_clear_retry_flags(bio);
	*ret_n = 0;
	io = s->under->ops->writev(s->under, &iov, 1, ret_n);
	if (io == IO_AGAIN)
		BIO_set_retry_write(bio);
	else if (io == IO_DONE)
		s->is_certificate_sent = s->is_certificate_made;
	return io == IO_DONE;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	const struct tls *s = BIO_get_data(bio);

	(void)number;
	(void)pointer;
	if (command == BIO_CTRL_FLUSH)
		return 1;
	if (command == BIO_CTRL_EOF)
		return s->is_under_eof ? 1 : 0;
	return 0;
}

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

/* For the process, because the library has only some hundred numbers for kinds of BIO. Written once, before it is read. */
static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void make_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "transport");

	if (m == NULL)
		return;
	if (BIO_meth_set_read_ex(m, bio_read) == 1 && BIO_meth_set_write_ex(m, bio_write) == 1 &&
		BIO_meth_set_ctrl(m, bio_ctrl) == 1 && BIO_meth_set_create(m, bio_create) == 1)
		method = m;
	else
		BIO_meth_free(m);
}

BIO *tls_bio_new(struct tls *s)
{
	BIO *bio = NULL;

	if (pthread_once(&method_once, make_method) == 0 && method != NULL)
		bio = BIO_new(method);
	if (bio != NULL)
		BIO_set_data(bio, s);
	return bio;
}
