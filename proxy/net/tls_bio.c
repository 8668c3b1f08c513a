/* How OpenSSL reads from and writes to a transport. Not for readiness: it only reports "again". */
#include "net/tls_internal.h"

static int bio_read(BIO *bio, char *to, size_t size, size_t *ret_n)
{
	struct tls *s = BIO_get_data(bio);
	struct iovec iov = {to, size};
	enum io io;

	BIO_clear_retry_flags(bio);
	*ret_n = 0;
	io = s->under->ops->readv(s->under, &iov, 1, ret_n);
	if (io == IO_AGAIN)
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

BIO_METHOD *tls_bio_method_new(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "transport");

	if (method == NULL)
		return NULL;
	if (BIO_meth_set_read_ex(method, bio_read) == 1 && BIO_meth_set_write_ex(method, bio_write) == 1 &&
		BIO_meth_set_ctrl(method, bio_ctrl) == 1 && BIO_meth_set_create(method, bio_create) == 1)
		return method;
	BIO_meth_free(method);
	return NULL;
}

BIO *tls_bio_new(BIO_METHOD *method, struct tls *s)
{
	BIO *bio = BIO_new(method);

	if (bio != NULL)
		BIO_set_data(bio, s);
	return bio;
}
