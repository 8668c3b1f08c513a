/* A transport: an ordered byte channel with back-pressure. TCP, TLS over any transport, memory (tests); later a tunnelled
 * stream. Driven by readiness: the owner says what it waits for, is called back when it may go on, and then reads or writes
 * until IO_AGAIN. */
#ifndef VIADUCT_NET_TRANSPORT_H
#define VIADUCT_NET_TRANSPORT_H

#include "base/bufq.h"
#include "base/error.h"
#include "net/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

enum io {
	IO_DONE,  /* some bytes moved */
	IO_AGAIN, /* nothing now; wait */
	IO_EOF,   /* reading only: the peer has ended its side in order */
	IO_FAILED /* broken; transport_failure says how */
};

enum { READY_READ = 1, READY_WRITE = 2 };

struct transport;
struct tls_facts;

struct transport_ops {
	/* Scatter and gather; at most what fits one system call. Short counts are normal. */
	enum io (*readv)(struct transport *t, const struct iovec *iov, int n, size_t *ret_n);
	enum io (*writev)(struct transport *t, const struct iovec *iov, int n, size_t *ret_n);
	void (*watch)(struct transport *t, unsigned wanted);
	void (*shut)(struct transport *t);
	void (*close)(struct transport *t, bool abort);
	size_t (*queued)(struct transport *t);
	bool (*is_broken)(struct transport *t);
};

struct transport {
	const struct transport_ops *ops;
	void (*on_ready)(void *owner, unsigned ready);
	void *owner;
	struct address peer, local;
	enum error error; /* of IO_FAILED: ERR_origin_closed (reset, broken pipe), ERR_tls_protocol, ERR_tls_alert … */
	int os_error;     /* errno behind it, or 0 */
	char detail[120]; /* in words; may be empty */
	const struct tls_facts *tls; /* NULL for clear text */
	size_t read_bytes;           /* room for the next read: grows while reads fill it; 0: not read yet */
};

/* Reads once, up to max bytes (at least 1), to the end of q. IO_DONE with the count, or the other outcomes with 0. */
enum io transport_read(struct transport *t, struct bufq *q, size_t max, size_t *ret_n);
/* Writes from the front of q and drains what was written; loops until q is empty or the transport takes no more. IO_DONE: q is
 * empty now. IO_AGAIN: some is left. */
enum io transport_write(struct transport *t, struct bufq *q, size_t *ret_n);
/* What the owner waits for: READY_ bits, replacing the earlier ones. Reading and writing may be called at any time without.
 * on_ready may come spuriously. Edge cases like buffered TLS records count as readable. With 0 a broken peer is still
 * noticed where the system tells (on_ready with READY_READ). */
void transport_watch(struct transport *t, unsigned wanted);
/* Ends our side: FIN, close_notify. All bytes must have been given to transport_write before. */
void transport_shut(struct transport *t);
/* Closes; memory goes at the end of the turn; no callback comes any more. abort: as broken as the medium allows (RST). */
void transport_close(struct transport *t, bool abort);
/* Bytes written that the peer's system has not acknowledged yet, as far as the medium tells; 0 else. */
size_t transport_queued(struct transport *t);
/* The peer is gone altogether, as opposed to having ended its side: a read does not tell that behind an end of file. */
bool transport_is_broken(struct transport *t);

#endif
