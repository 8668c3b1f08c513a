/* Dialling an origin: from its name to a transport, through phases that each have a time-out.
 *
 *   BEGIN --> RESOLVE --first usable address--> CONNECT --first success--> [TLS] --> done
 *     |                                                                      |
 *     +--a connection that stands already------------------------------------+
 *
 * How a connection is found: dialer_search.c. */
#include "net/dialer.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/dialer_internal.h"

#include <stdio.h>

static void dial_reaped(void *p)
{
	struct dial *d = p;

	mem_free(d->host);
	tls_client_free(d->tls);
	mem_free(d->tls_name);
	mem_free(d);
}

/* Ends the dial without a word. */
static void dial_end(struct dial *d)
{
	dial_search_stop(d);
	task_cancel(&d->start);
	tls_handshake_cancel(d->handshake);
	d->handshake = NULL;
	transport_close(d->connected, true);
	d->connected = NULL;
	timer_stop(&d->phase_timer);
	loop_reap(d->loop, d, dial_reaped);
}

/* Notes how long the phase took that ends now. */
static void measure_phase(struct dial *d)
{
	int64_t took_us = clock_mono_us() - d->phase_since_us;

	switch (d->phase) {
	case DIAL_BEGIN:
		break;
	case DIAL_RESOLVE:
		d->outcome.resolve_us = took_us;
		break;
	case DIAL_CONNECT:
		d->outcome.connect_us = took_us;
		break;
	case DIAL_TLS:
		d->outcome.tls_us = took_us;
		break;
	}
}

void dial_enter(struct dial *d, enum dial_phase phase, int64_t limit_ms)
{
	measure_phase(d);
	d->phase = phase;
	d->phase_since_us = clock_mono_us();
	timer_set(&d->phase_timer, limit_ms);
}

/* Ends the dial and tells the owner what became of it. */
static void dial_finish(struct dial *d)
{
	measure_phase(d);
	dial_end(d);
	d->on_done(d->owner, &d->outcome);
}

void dial_fail(struct dial *d, enum error error, const char *detail)
{
	d->outcome.error = error;
	if (detail != d->outcome.detail)
		snprintf(d->outcome.detail, sizeof(d->outcome.detail), "%s", detail);
	dial_finish(d);
}

/* Nothing is known yet. */
static void begin(struct dial *d)
{
	d->phase = DIAL_BEGIN;
	d->outcome = (struct dial_outcome){.resolve_us = -1, .connect_us = -1, .tls_us = -1};
}

static void on_tls_done(void *owner, const struct tls_outcome *o)
{
	struct dial *d = owner;

	d->handshake = NULL;
	if (o->error != ERR_none && o->is_unanswered && d->may_begin_anew) {
		/* The connection had gone stale while it stood; its origin has seen nothing. */
		d->may_begin_anew = false;
		begin(d);
		dial_search_start(d);
		return;
	}
	d->outcome.tls_peer = o->peer;
	d->outcome.transport = o->transport;
	if (o->error != ERR_none)
		dial_fail(d, o->error, o->detail);
	else
		dial_finish(d);
}

void dial_connected(struct dial *d, struct transport *t)
{
	dial_search_stop(d);
	d->outcome.peer = t->peer;
	d->outcome.error = ERR_none;
	d->outcome.detail[0] = '\0';
	if (!d->is_tls) {
		d->outcome.transport = t;
		dial_finish(d);
		return;
	}
	dial_enter(d, DIAL_TLS, d->limits.tls_ms);
	d->handshake =
		tls_connect(d->tls, d->loop, t, d->tls_name != NULL ? d->tls_name : d->host, &d->tls_asks, on_tls_done, d);
}

/* The time-out of a phase. */
static void on_phase_timeout(void *owner)
{
	struct dial *d = owner;
	char text[ADDRESS_TEXT_BYTES], detail[sizeof(d->outcome.detail)];

	if (d->phase != DIAL_TLS) {
		dial_search_time_out(d);
		return;
	}
	snprintf(detail, sizeof(detail), "%s: the handshake made no end", address_format(&d->outcome.peer, text));
	dial_fail(d, ERR_tls_timeout, detail);
}

/* The first step. */
static void on_start(void *owner)
{
	struct dial *d = owner;
	struct transport *t = d->connected;

	d->connected = NULL;
	if (t != NULL && transport_is_broken(t)) {
		transport_close(t, true);
		t = NULL;
	}
	if (t != NULL) {
		d->may_begin_anew = true;
		dial_connected(d, t);
	} else {
		dial_search_start(d);
	}
}

/* What a new dial and one that is adopted have in common. */
static void take_target(struct dial *d, struct tls_client *tls, const struct dial_target *target,
	void (*on_done)(void *owner, const struct dial_outcome *o), void *owner)
{
	/* Settings may change, and what was made of the old ones go, while names are looked up. */
	tls_client_ref(tls);
	tls_client_free(d->tls);
	d->tls = tls;
	d->is_tls = target->is_tls;
	mem_free(d->tls_name);
	d->tls_name = target->tls_name.len != 0 ? mem_strndup(target->tls_name.p, target->tls_name.len) : NULL;
	d->tls_asks = target->tls_asks;
	d->check = target->check;
	d->on_done = on_done;
	d->owner = owner;
}

/* Until it is used, nobody is to be told of a connection that stands. */
static void on_nothing(void *owner, unsigned ready)
{
	(void)owner;
	(void)ready;
}

struct dial *dial_start(struct loop *l, struct resolver *r, struct tls_client *tls, const struct dial_target *target,
	const struct dial_limits *limits, void (*on_done)(void *owner, const struct dial_outcome *o), void *owner)
{
	struct dial *d = mem_calloc(1, sizeof(*d));

	d->loop = l;
	d->resolver = r;
	d->host = mem_strndup(target->host.p, target->host.len);
	d->port = target->port;
	d->limits = *limits;
	take_target(d, tls, target, on_done, owner);
	d->connected = target->connected;
	if (d->connected != NULL) {
		d->connected->on_ready = on_nothing;
		transport_watch(d->connected, 0);
	}
	timer_init(&d->phase_timer, l, on_phase_timeout, d);
	dial_search_init(d);
	begin(d);
	task_init(&d->start, on_start, d);
	loop_defer(l, &d->start);
	return d;
}

void dial_adopt(struct dial *d, struct tls_client *tls, const struct dial_target *target,
	void (*on_done)(void *owner, const struct dial_outcome *o), void *owner)
{
	take_target(d, tls, target, on_done, owner);
}

void dial_cancel(struct dial *d)
{
	if (d != NULL)
		dial_end(d);
}
