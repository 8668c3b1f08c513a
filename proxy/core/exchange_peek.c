/* The step PEEK: a tunnel stands for the client, and what it carries is looked at before it is decided who speaks with whom. Nothing is held back: as soon as
 * the origin speaks, or the client says what is neither TLS nor HTTP, all of it is relayed. */
#include "core/exchange.h"

#include "base/mem.h"
#include "core/local.h"
#include "core/worker.h"

enum { LOOK_BYTES = HELLO_MAX_BYTES + 1024 };

static enum sniff_verdict look(const struct exchange *x)
{
	const struct bufq *in = &x->d->in;
	struct str front = bufq_front(in);
	enum sniff_verdict v;
	uint8_t *bytes;
	size_t n;

	if (front.len == in->len)
		return sniff((const uint8_t *)front.p, front.len, &x->opening->hello);
	bytes = mem_alloc(LOOK_BYTES);
	n = bufq_copy(in, 0, bytes, LOOK_BYTES);
	v = sniff(bytes, n, &x->opening->hello);
	mem_free(bytes);
	return v;
}

/* The origin has said something, or has ended, before the client could be understood. */
static bool origin_has_spoken(const struct exchange *x)
{
	const struct stream *u = x->hop == NULL ? NULL : x->hop->u;

	return u != NULL && (u->in.len > 0 || u->in_end || u->error != ERR_none);
}

/* It is not opened. The hop that is under way carries it. */
static enum step relay(struct exchange *x)
{
	struct next_hop next = {.reason = HOP_FIRST, .url = x->facts.target, .method = METHOD_CONNECT};

	/* It is nowhere: there is nothing to connect to. */
	if (local_is_setup(x))
		return exchange_fail(x, ERR_name_not_found, "the set-up host speaks HTTP/1.1 only");
	opening_drop_prime(x);
	x->opening->is_decided = true;
	x->up = x->down = (struct pipe){0};
	if ((x->hop == NULL || x->hop->is_over) && hop_start(x, &next, false) == NULL)
		return exchange_fail(x, ERR_internal, NULL);
	return STEP_HOP;
}

static enum step open_tls(struct exchange *x)
{
	if (!opening_begin_tls(x))
		return relay(x);
	x->opening->is_decided = true;
	return STEP_OPENED;
}

static enum step meet_tls(struct exchange *x)
{
	const char *blocked;

	x->facts.tunnel.has_hello = true;
	x->facts.tunnel.hello = x->opening->hello;
	if (!opening_admits_tls(x)) {
		blocked = opening_blocked(x);
		return blocked == NULL ? relay(x) : exchange_fail(x, ERR_blocked, blocked);
	}
	if (opening_ask_names(x))
		return STEP_WAIT;
	return open_tls(x);
}

static enum step meet_http(struct exchange *x)
{
	if (x->opening->wish != OPENING_YES)
		return relay(x);
	opening_begin_http(x);
	x->opening->is_decided = true;
	return STEP_OPENED;
}

enum step step_peek(struct exchange *x)
{
	struct opening *o = x->opening;

	if (x->d->error != ERR_none)
		return exchange_fail(x, x->d->error, x->d->detail);
	if (o->has_asked_names)
		return opening_has_names(x) ? open_tls(x) : STEP_WAIT;
	if (x->hop != NULL && x->hop_error == ERR_none)
		x->hop_error = hop_advance(x->hop);
	if (origin_has_spoken(x))
		return relay(x);
	switch (x->d->in.len == 0 ? SNIFF_MORE : look(x)) {
	case SNIFF_MORE:
		return x->d->in_end || o->is_tired ? relay(x) : STEP_WAIT;
	case SNIFF_TLS:
		return meet_tls(x);
	case SNIFF_HTTP:
		return meet_http(x);
	default:
		return relay(x);
	}
}
