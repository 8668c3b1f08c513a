/* What all transports have in common: moving bytes between a transport and a queue. */
#include "net/transport.h"

enum {
	READ_BYTES_MIN = BUFQ_SLAB_BYTES,
	READ_BYTES_MAX = 8 * BUFQ_SLAB_BYTES,
	READ_VECTORS = 9, /* the rest of a slab and eight fresh ones */
	WRITE_VECTORS = 64
};

/* The room for the next read: twice as much after one that was full, the least again after one that used little of it. */
static void adapt_read(struct transport *t, size_t offered, size_t got)
{
	if (got == offered && offered >= t->read_bytes && t->read_bytes < READ_BYTES_MAX)
		t->read_bytes *= 2;
	else if (got < t->read_bytes / 4)
		t->read_bytes = READ_BYTES_MIN;
}

enum io transport_read(struct transport *t, struct bufq *q, size_t max, size_t *ret_n)
{
	struct iovec iov[READ_VECTORS];
	size_t offered = 0, got = 0;
	enum io io;
	int n;

	*ret_n = 0;
	if (max == 0)
		return IO_AGAIN; /* no room: the system would answer 0, which means the end */
	if (t->read_bytes == 0)
		t->read_bytes = READ_BYTES_MIN;
	if (max > t->read_bytes)
		max = t->read_bytes;
	n = bufq_reserve(q, max, iov, READ_VECTORS);
	for (int i = 0; i < n; i++)
		offered += iov[i].iov_len;
	io = t->ops->readv(t, iov, n, &got);
	if (io != IO_DONE)
		got = 0;
	bufq_commit(q, got);
	if (io == IO_DONE)
		adapt_read(t, offered, got);
	*ret_n = got;
	return io;
}

enum io transport_write(struct transport *t, struct bufq *q, size_t *ret_n)
{
	struct iovec iov[WRITE_VECTORS];
	enum io io = IO_DONE;
	size_t total = 0;

	while (q->len != 0) {
		size_t got = 0;

		io = t->ops->writev(t, iov, bufq_peek(q, iov, WRITE_VECTORS), &got);
		if (io != IO_DONE)
			break;
		bufq_drain(q, got);
		total += got;
	}
	*ret_n = total;
	return io;
}

void transport_watch(struct transport *t, unsigned wanted)
{
	t->ops->watch(t, wanted);
}

void transport_shut(struct transport *t)
{
	t->ops->shut(t);
}

void transport_close(struct transport *t, bool abort)
{
	if (t != NULL)
		t->ops->close(t, abort);
}

bool transport_is_broken(struct transport *t)
{
	return t->ops->is_broken(t);
}

size_t transport_queued(struct transport *t)
{
	return t->ops->queued(t);
}
