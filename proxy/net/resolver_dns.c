/* Questions to name servers: a c-ares channel driven by the loop. c-ares asks by UDP, again by TCP when an answer is truncated,
 * the next server when one fails, and follows resolv.conf(5). Not for caching or joining questions (resolver.c). */
#include "base/mem.h"
#include "net/loop_internal.h"
#include "net/resolver_internal.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include <ares.h>

enum {
	TRY_MS = 2000, /* per server and try; the dialer's own time-out ends a phase */
	TRIES = 3,
	UDP_QUERIES_MAX = 100 /* then another source port: harder to guess */
};

/* One socket of c-ares. */
struct dns_socket {
	struct list node;
	struct dns *dns;
	int fd;
	struct event event;
};

struct dns {
	struct loop *loop;
	ares_channel channel;
	struct list sockets;
	struct timer timer;
	bool is_closing;
};

/* What c-ares carries for a question. */
struct dns_question {
	struct dns *dns;
	int family;
	void (*on_answer)(void *owner, struct answer *a, int64_t ttl_s);
	void *owner;
};

/* Has c-ares come back for its earliest time-out. */
static void update_timer(struct dns *d)
{
	struct timeval tv;

	if (ares_timeout(d->channel, NULL, &tv) == NULL)
		timer_stop(&d->timer);
	else
		timer_set(&d->timer, (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1);
}

static void on_timer(void *owner)
{
	struct dns *d = owner;

	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	update_timer(d);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct dns_socket *s = arg;
	struct dns *d = s->dns; /* s may be closed by what follows */

	loop_woke(d->loop);
	ares_process_fd(d->channel, (what & EV_READ) != 0 ? fd : ARES_SOCKET_BAD,
		(what & EV_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
	update_timer(d);
}

static struct dns_socket *find_socket(struct dns *d, int fd)
{
	for (struct list *node = d->sockets.next; node != &d->sockets; node = node->next) {
		struct dns_socket *s = LIST_ITEM(node, struct dns_socket, node);

		if (s->fd == fd)
			return s;
	}
	return NULL;
}

static void drop_socket(struct dns_socket *s)
{
	event_del(&s->event);
	list_remove(&s->node);
	loop_reap(s->dns->loop, s, mem_free);
}

/* c-ares tells what it waits for on a socket; nothing: it is about to close it. */
static void on_socket_state(void *arg, ares_socket_t fd, int is_reading, int is_writing)
{
	struct dns *d = arg;
	struct dns_socket *s = find_socket(d, fd);
	int what = EV_PERSIST | (is_reading != 0 ? EV_READ : 0) | (is_writing != 0 ? EV_WRITE : 0);

	if (s != NULL)
		drop_socket(s);
	if (is_reading == 0 && is_writing == 0)
		return;
	s = mem_calloc(1, sizeof(*s));
	s->dns = d;
	s->fd = fd;
	list_append(&d->sockets, &s->node);
	event_assign(&s->event, d->loop->base, fd, (short)what, on_socket, s);
	/* If this fails the question ends by its time-out. */
	event_add(&s->event, NULL);
}

/* Fills options in; their strings are only read by ares_init_options. */
static int fill_options(struct dns *d, const char *resolv_conf, struct ares_options *o)
{
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;

	o->timeout = TRY_MS;
	o->tries = TRIES;
	o->lookups = (char *)(uintptr_t)"b"; /* the hosts file is read by us */
	o->sock_state_cb = on_socket_state;
	o->sock_state_cb_data = d;
	if (resolv_conf != NULL) {
		o->resolvconf_path = (char *)(uintptr_t)resolv_conf;
		mask |= ARES_OPT_RESOLVCONF;
	}
#ifdef ARES_OPT_UDP_MAX_QUERIES
	o->udp_max_queries = UDP_QUERIES_MAX;
	mask |= ARES_OPT_UDP_MAX_QUERIES;
#endif
#ifdef ARES_OPT_QUERY_CACHE
	o->qcache_max_ttl = 0; /* we have our own */
	mask |= ARES_OPT_QUERY_CACHE;
#endif
	return mask;
}

struct dns *dns_new(struct loop *l, const char *servers, const char *resolv_conf)
{
	struct dns *d = mem_calloc(1, sizeof(*d));
	struct ares_options options = {.timeout = 0};
	int mask = fill_options(d, resolv_conf, &options);

	d->loop = l;
	list_init(&d->sockets);
	timer_init(&d->timer, l, on_timer, d);
	/* ares_library_init does nothing on Unix but count, and that without a lock, so it is not called. */
	if (ares_init_options(&d->channel, &options, mask) != ARES_SUCCESS) {
		mem_free(d);
		return NULL;
	}
	if (servers != NULL && servers[0] != '\0' && ares_set_servers_ports_csv(d->channel, servers) != ARES_SUCCESS) {
		dns_free(d);
		return NULL;
	}
	return d;
}

void dns_free(struct dns *d)
{
	if (d == NULL)
		return;
	d->is_closing = true;
	ares_destroy(d->channel);
	/* All are told as closed by now; this is for libraries that forget one. */
	while (!list_is_empty(&d->sockets))
		drop_socket(LIST_ITEM(d->sockets.next, struct dns_socket, node));
	timer_stop(&d->timer);
	loop_reap(d->loop, d, mem_free);
}

/* A name without addresses is a fact; everything else is a failure. */
static struct answer *failure_of(int status)
{
	switch (status) {
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
	case ARES_EBADNAME:
	case ARES_ENONAME:
		return answer_new(ERR_name_not_found, ares_strerror(status), NULL, 0);
	default:
		return answer_new(ERR_resolve_failed, ares_strerror(status), NULL, 0);
	}
}

/* The least TTL on the way: aliases count too. */
static int64_t ttl_of(const struct ares_addrinfo *found)
{
	int64_t ttl_s = INT32_MAX;

	for (const struct ares_addrinfo_node *node = found->nodes; node != NULL; node = node->ai_next)
		ttl_s = node->ai_ttl < ttl_s ? node->ai_ttl : ttl_s;
	for (const struct ares_addrinfo_cname *alias = found->cnames; alias != NULL; alias = alias->next)
		ttl_s = alias->ttl < ttl_s ? alias->ttl : ttl_s;
	return ttl_s < 0 ? 0 : ttl_s;
}

static struct answer *answer_of(const struct ares_addrinfo *found, int family)
{
	struct address addresses[ANSWER_ADDRESSES_MAX];
	socklen_t want = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	size_t n = 0;

	for (const struct ares_addrinfo_node *node = found->nodes; node != NULL && n < ANSWER_ADDRESSES_MAX;
		node = node->ai_next) {
		if (node->ai_family != family || node->ai_addrlen < want)
			continue;
		addresses[n] = (struct address){.len = want};
		memcpy(&addresses[n].ss, node->ai_addr, want);
		n++;
	}
	return n != 0 ? answer_new(ERR_none, "", addresses, n) : failure_of(ARES_ENODATA);
}

static void on_addrinfo(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
	struct dns_question *q = arg;
	struct answer *a = NULL;
	int64_t ttl_s = 0;

	(void)timeouts;
	if (!q->dns->is_closing) {
		a = status == ARES_SUCCESS ? answer_of(found, q->family) : failure_of(status);
		if (a->error == ERR_none)
			ttl_s = ttl_of(found);
	}
	if (found != NULL)
		ares_freeaddrinfo(found);
	if (a != NULL)
		q->on_answer(q->owner, a, ttl_s);
	mem_free(q);
}

void dns_ask(struct dns *d, const char *name, int family, void (*on_answer)(void *owner, struct answer *a, int64_t ttl_s),
	void *owner)
{
	struct dns_question *q = mem_alloc(sizeof(*q));
	/* NOSORT: c-ares would open a socket per address to find out which source address it gets. */
	struct ares_addrinfo_hints hints = {.ai_flags = ARES_AI_NOSORT, .ai_family = family, .ai_socktype = SOCK_STREAM};

	*q = (struct dns_question){d, family, on_answer, owner};
	ares_getaddrinfo(d->channel, name, NULL, &hints, on_addrinfo, q);
	update_timer(d);
}
