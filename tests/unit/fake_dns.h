/* A small name server on loopback for tests, on the loop of the test: UDP and TCP, answers from a table, counts what it is
 * asked. It lives in one process with the asker, so nothing of it needs to be robust. */
#ifndef VIADUCT_TESTS_FAKE_DNS_H
#define VIADUCT_TESTS_FAKE_DNS_H

#include "base/str.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/tcp.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DNS_MESSAGE_BYTES = 2048, DNS_TCP_MAX = 8, DNS_A = 1, DNS_CNAME = 5, DNS_AAAA = 28 };

struct dns_row {
	const char *name;
	const char *v4, *v6; /* addresses divided by spaces; NULL: none */
	int ttl_s;
	int rcode;                       /* 2: server failure, 3: no such name */
	bool is_silent_v4, is_silent_v6; /* no answer at all */
	bool is_truncated;               /* over UDP */
	const char *alias;               /* the addresses are another name's */
	int alias_ttl_s;
};

struct fake_dns {
	struct loop *loop;
	const struct dns_row *rows; /* the last one without a name */
	struct address address;
	char servers[ADDRESS_TEXT_BYTES];
	int udp_fd;
	struct watch *udp_watch;
	struct listener *listener;
	struct bufpool *pool;
	struct transport *tcp[DNS_TCP_MAX];
	struct bufq tcp_in[DNS_TCP_MAX];
	int tcp_n;
	int asked_v4, asked_v6, asked_tcp;
};

struct dns_writer {
	uint8_t bytes[DNS_MESSAGE_BYTES];
	size_t n;
};

static inline void dns_put(struct dns_writer *w, const void *bytes, size_t n)
{
	memcpy(w->bytes + w->n, bytes, n);
	w->n += n;
}

static inline void dns_put_u16(struct dns_writer *w, unsigned value)
{
	const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	dns_put(w, bytes, 2);
}

/* Labels: "a.b" as 1 a 1 b 0. */
static inline void dns_put_name(struct dns_writer *w, const char *name)
{
	while (*name != '\0') {
		size_t n = strcspn(name, ".");
		uint8_t len = (uint8_t)n;

		dns_put(w, &len, 1);
		dns_put(w, name, n);
		name += n + (name[n] == '.');
	}
	dns_put(w, "", 1);
}

/* The addresses of one type, each a record. Returns how many. */
static inline unsigned dns_put_addresses(struct dns_writer *w, const char *list, const char *owner, unsigned type, int ttl_s)
{
	struct str rest = str_of(list);
	unsigned n = 0;

	while (rest.len != 0) {
		size_t end = str_find(rest, ' ');
		struct address a;

		if (!address_parse(str_first(rest, end), 0, &a))
			return n;
		dns_put_name(w, owner);
		dns_put_u16(w, type);
		dns_put_u16(w, 1);
		dns_put_u16(w, (unsigned)ttl_s >> 16);
		dns_put_u16(w, (unsigned)ttl_s & 0xffff);
		dns_put_u16(w, type == DNS_A ? 4 : 16);
		dns_put(w, (const char *)&a.ss + (type == DNS_A ? 4 : 8), type == DNS_A ? 4 : 16);
		n++;
		rest = str_from(rest, end < rest.len ? end + 1 : end);
	}
	return n;
}

static inline unsigned dns_put_alias(struct dns_writer *w, const struct dns_row *row)
{
	if (row->alias == NULL)
		return 0;
	dns_put_name(w, row->name);
	dns_put_u16(w, DNS_CNAME);
	dns_put_u16(w, 1);
	dns_put_u16(w, 0);
	dns_put_u16(w, (unsigned)row->alias_ttl_s);
	dns_put_u16(w, (unsigned)strlen(row->alias) + 2);
	dns_put_name(w, row->alias);
	return 1;
}

static inline const struct dns_row *dns_find(const struct fake_dns *d, const char *name)
{
	const struct dns_row *row = d->rows;

	while (row->name != NULL && !str_ieq(str_of(row->name), str_of(name)))
		row++;
	return row;
}

/* Answers a question; false for no answer. */
static inline bool dns_answer(struct fake_dns *d, const uint8_t *question, size_t n, bool is_tcp, struct dns_writer *w)
{
	static const struct dns_row unknown = {.rcode = 3};
	char name[256] = "";
	size_t at = 12, len = 0;
	unsigned type, count = 0, flags = 0x8180;
	const struct dns_row *row;

	while (at < n && question[at] != 0) {
		len += (size_t)snprintf(name + len, sizeof(name) - len, "%s%.*s", len != 0 ? "." : "", question[at],
			(const char *)question + at + 1);
		at += 1U + question[at];
	}
	type = (unsigned)question[at + 1] << 8 | question[at + 2];
	d->asked_v4 += type == DNS_A;
	d->asked_v6 += type == DNS_AAAA;
	d->asked_tcp += is_tcp;
	row = dns_find(d, name);
	if (row->name == NULL)
		row = &unknown;
	if (type == DNS_A ? row->is_silent_v4 : row->is_silent_v6)
		return false;
	w->n = 0;
	dns_put(w, question, 2);
	flags |= (unsigned)row->rcode | (row->is_truncated && !is_tcp ? 0x0200U : 0);
	dns_put_u16(w, flags);
	dns_put_u16(w, 1);
	dns_put_u16(w, 0); /* answers: below */
	dns_put_u16(w, 0);
	dns_put_u16(w, 0);
	dns_put(w, question + 12, at + 5 - 12);
	if ((flags & 0x0200) == 0) {
		count += dns_put_alias(w, row);
		count += dns_put_addresses(w, type == DNS_A ? row->v4 : row->v6, row->alias != NULL ? row->alias : name, type,
			row->ttl_s);
	}
	w->bytes[7] = (uint8_t)count;
	return true;
}

static inline void dns_on_udp(void *owner)
{
	struct fake_dns *d = owner;
	uint8_t question[DNS_MESSAGE_BYTES];
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	struct dns_writer w;
	ssize_t n = recvfrom(d->udp_fd, question, sizeof(question), 0, (struct sockaddr *)&from, &len);

	if (n > 16 && dns_answer(d, question, (size_t)n, false, &w))
		sendto(d->udp_fd, w.bytes, w.n, 0, (struct sockaddr *)&from, len);
}

/* One question per length and message, over any of the TCP connections. */
static inline void dns_on_tcp(void *owner, unsigned ready)
{
	struct fake_dns *d = owner;
	uint8_t question[DNS_MESSAGE_BYTES];
	struct dns_writer w;
	size_t n;

	(void)ready;
	for (int i = 0; i < d->tcp_n; i++) {
		struct bufq *q = &d->tcp_in[i];

		if (transport_read(d->tcp[i], q, DNS_MESSAGE_BYTES, &n) != IO_DONE && q->len == 0) {
			transport_watch(d->tcp[i], 0);
			continue;
		}
		n = bufq_copy(q, 0, question, sizeof(question));
		if (n < 16 || n < 2U + question[1])
			continue;
		bufq_clear(q);
		if (dns_answer(d, question + 2, n - 2, true, &w)) {
			const uint8_t head[2] = {(uint8_t)(w.n >> 8), (uint8_t)w.n};

			bufq_append(q, head, 2);
			bufq_append(q, w.bytes, w.n);
			transport_write(d->tcp[i], q, &n);
		}
	}
}

static inline void dns_on_accept(void *owner, struct transport *t)
{
	struct fake_dns *d = owner;

	if (d->tcp_n == DNS_TCP_MAX) {
		transport_close(t, true);
		return;
	}
	t->on_ready = dns_on_tcp;
	t->owner = d;
	bufq_init(&d->tcp_in[d->tcp_n], d->pool);
	d->tcp[d->tcp_n++] = t;
	transport_watch(t, READY_READ);
}

static inline bool fake_dns_init(struct fake_dns *d, struct loop *l, const struct dns_row *rows)
{
	int fd;

	*d = (struct fake_dns){.loop = l, .rows = rows, .pool = bufpool_new(0)};
	address_parse_listen(STR("127.0.0.1:0"), &d->address);
	fd = tcp_listen(&d->address);
	d->listener = listener_new(l, fd, dns_on_accept, d);
	d->udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(d->udp_fd, (const struct sockaddr *)&d->address.ss, d->address.len) != 0)
		return false;
	d->udp_watch = watch_new(l, d->udp_fd, dns_on_udp, d);
	address_format(&d->address, d->servers);
	return true;
}

static inline void fake_dns_fini(struct fake_dns *d)
{
	for (int i = 0; i < d->tcp_n; i++) {
		bufq_clear(&d->tcp_in[i]);
		transport_close(d->tcp[i], true);
	}
	listener_free(d->listener);
	watch_free(d->udp_watch);
	close(d->udp_fd);
	bufpool_free(d->pool);
}

#endif
