/* Dialling an origin (RFC 8305, Happy Eyeballs version 2).
 *
 *   RESOLVE --first usable address--> CONNECT --first success--> [TLS] --> done
 *
 * Both families are asked at once. Attempts are started one after the other, each a little after the one before or as soon as
 * that has failed; the first that succeeds wins. Addresses that come late join those not tried yet. */
#include "net/dialer.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/dialer_internal.h"
#include "net/tcp.h"

#include <stdio.h>
#include <string.h>

enum dial_phase { DIAL_RESOLVE, DIAL_CONNECT, DIAL_TLS };

/* One family's question. */
struct lookup {
	struct dial *dial;
	struct query *query; /* NULL: not asked, or answered */
	enum error error;
	char detail[80];
};

/* One connection under way. */
struct attempt {
	struct list node;
	struct dial *dial;
	struct tcp_connect *connect;
	struct address to;
};

struct dial {
	struct loop *loop;
	struct tls_client *tls;
	char *host;
	uint16_t port;
	bool is_tls;
	enum error refusal;     /* what check said of an address last; ERR_none: nothing */
	struct address refused; /* that address */
	enum error (*check)(void *owner, const struct address *to);
	struct dial_limits limits;
	void (*on_done)(void *owner, const struct dial_outcome *o);
	void *owner;

	enum dial_phase phase;
	int64_t phase_since_us;
	struct lookup lookups[FAMILIES];
	struct address_queue addresses;
	struct list attempts;
	struct tls_handshake *handshake;
	struct timer phase_timer;    /* the time-out of the phase */
	struct timer attempt_timer;  /* the resolution delay, then the delay between attempts */
	struct task start;           /* for literals, which have nothing to wait for */
	struct dial_outcome outcome; /* error and detail: the most telling failure so far */
};

/* Gives up one attempt. */
static void attempt_end(struct attempt *a)
{
	list_remove(&a->node);
	tcp_connect_cancel(a->connect);
	loop_reap(a->dial->loop, a, mem_free);
}

/* Stops everything that looks for a connection. */
static void stop_search(struct dial *d)
{
	for (enum family f = FAMILY_V6; f < FAMILIES; f++) {
		query_cancel(d->lookups[f].query);
		d->lookups[f].query = NULL;
	}
	while (!list_is_empty(&d->attempts))
		attempt_end(LIST_ITEM(d->attempts.next, struct attempt, node));
	timer_stop(&d->attempt_timer);
	task_cancel(&d->start);
}

static void dial_reaped(void *p)
{
	struct dial *d = p;

	mem_free(d->host);
	mem_free(d);
}

/* Ends the dial without a word. */
static void dial_end(struct dial *d)
{
	stop_search(d);
	tls_handshake_cancel(d->handshake);
	d->handshake = NULL;
	timer_stop(&d->phase_timer);
	loop_reap(d->loop, d, dial_reaped);
}

/* Notes how long the phase took that ends now. */
static void measure_phase(struct dial *d)
{
	int64_t took_us = clock_mono_us() - d->phase_since_us;

	switch (d->phase) {
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

static void enter_phase(struct dial *d, enum dial_phase phase, int64_t limit_ms)
{
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

static void dial_fail(struct dial *d, enum error error, const char *detail)
{
	d->outcome.error = error;
	if (detail != d->outcome.detail)
		snprintf(d->outcome.detail, sizeof(d->outcome.detail), "%s", detail);
	dial_finish(d);
}

/* How much a failure of an attempt tells: a refusal more than silence, silence more than a missing route. */
static int weight_of(enum error error)
{
	switch (error) {
	case ERR_none:
		return 0;
	case ERR_connect_failed:
		return 2;
	case ERR_connect_refused:
		return 3;
	default:
		return 1;
	}
}

/* Keeps a failure if it tells more than the one that is kept. */
static void keep_failure(struct dial *d, enum error error, const char *words, const struct address *to)
{
	char text[ADDRESS_TEXT_BYTES];

	if (weight_of(error) <= weight_of(d->outcome.error))
		return;
	d->outcome.error = error;
	snprintf(d->outcome.detail, sizeof(d->outcome.detail), "%s: %s", address_format(to, text), words);
}

static bool is_asking(const struct dial *d)
{
	return d->lookups[FAMILY_V6].query != NULL || d->lookups[FAMILY_V4].query != NULL;
}

/* Nothing was found in the name service. The name does not exist only if both families say so. */
static void fail_resolve(struct dial *d)
{
	const struct lookup *l = &d->lookups[FAMILY_V4];
	char host[80], detail[sizeof(d->outcome.detail)];

	if (l->error == ERR_name_not_found && d->lookups[FAMILY_V6].error != ERR_name_not_found)
		l = &d->lookups[FAMILY_V6];
	str_escape(str_of(d->host), host, sizeof(host));
	snprintf(detail, sizeof(detail), "%.72s: %s", host, l->detail);
	dial_fail(d, l->error, detail);
}

static void on_attempt_done(void *owner, struct transport *t, enum error error, int os_error);

static void attempt_start(struct dial *d, const struct address *to)
{
	struct attempt *a = mem_calloc(1, sizeof(*a));

	a->dial = d;
	a->to = *to;
	list_append(&d->attempts, &a->node);
	d->outcome.peer = *to;
	a->connect = tcp_connect_start(d->loop, to, on_attempt_done, a);
	timer_set(&d->attempt_timer, d->limits.attempt_delay_ms);
}

/* No address is left. What the owner forbade tells more than what was tried beside it: the name leads where it must not. */
static void fail_connect(struct dial *d)
{
	char text[ADDRESS_TEXT_BYTES], detail[sizeof(d->outcome.detail)];

	if (d->refusal == ERR_none) {
		dial_fail(d, d->outcome.error != ERR_none ? d->outcome.error : ERR_connect_failed, d->outcome.detail);
		return;
	}
	d->outcome.peer = d->refused;
	snprintf(detail, sizeof(detail), "%s: not to be dialled%s%.90s", address_format(&d->refused, text),
		d->outcome.error != ERR_none ? "; " : "", d->outcome.error != ERR_none ? d->outcome.detail : "");
	dial_fail(d, d->refusal, detail);
}

/* Starts the next attempt; ends the dial if there is none, none under way, and none to come. */
static void attempt_next(struct dial *d)
{
	struct address to;

	while (address_queue_take(&d->addresses, &to)) {
		enum error refused = d->check != NULL ? d->check(d->owner, &to) : ERR_none;

		if (refused == ERR_none) {
			attempt_start(d, &to);
			return;
		}
		d->refusal = refused;
		d->refused = to;
		d->addresses.left++; /* only what is dialled counts */
	}
	if (list_is_empty(&d->attempts) && (!is_asking(d) || d->addresses.left == 0))
		fail_connect(d);
}

/* The first usable address is there. */
static void begin_connect(struct dial *d)
{
	if (d->phase != DIAL_RESOLVE)
		return;
	measure_phase(d);
	enter_phase(d, DIAL_CONNECT, d->limits.connect_ms);
	attempt_next(d);
}

static void on_attempt_timer(void *owner)
{
	struct dial *d = owner;

	if (d->phase == DIAL_RESOLVE)
		begin_connect(d); /* the resolution delay is over */
	else
		attempt_next(d);
}

static void on_tls_done(void *owner, struct transport *t, enum error error, const char *detail)
{
	struct dial *d = owner;

	d->handshake = NULL;
	if (error != ERR_none) {
		dial_fail(d, error, detail);
		return;
	}
	d->outcome.transport = t;
	dial_finish(d);
}

/* A connection stands. */
static void on_connected(struct dial *d, struct transport *t)
{
	stop_search(d);
	d->outcome.peer = t->peer;
	d->outcome.error = ERR_none;
	d->outcome.detail[0] = '\0';
	if (!d->is_tls) {
		d->outcome.transport = t;
		dial_finish(d);
		return;
	}
	measure_phase(d);
	enter_phase(d, DIAL_TLS, d->limits.tls_ms);
	d->handshake = tls_connect(d->tls, d->loop, t, d->host, on_tls_done, d);
}

static void on_attempt_done(void *owner, struct transport *t, enum error error, int os_error)
{
	struct attempt *a = owner;
	struct dial *d = a->dial;
	const char *words;

	a->connect = NULL;
	list_remove(&a->node);
	if (error == ERR_none) {
		loop_reap(d->loop, a, mem_free);
		on_connected(d, t);
		return;
	}
	words = strerrordesc_np(os_error);
	keep_failure(d, error, words != NULL ? words : "unknown error", &a->to);
	loop_reap(d->loop, a, mem_free);
	attempt_next(d);
}

/* Decides what an answer changes. */
static void judge_answers(struct dial *d, enum family f)
{
	bool is_good = d->lookups[f].error == ERR_none;
	bool has_any = d->addresses.n[FAMILY_V6] + d->addresses.n[FAMILY_V4] != 0;

	if (d->phase == DIAL_CONNECT) {
		/* Late. If all others have failed, it is either of use now or the end; if the delay since the last attempt is over,
		 * it need not wait either. */
		if (list_is_empty(&d->attempts) || (is_good && !timer_is_set(&d->attempt_timer)))
			attempt_next(d);
	} else if (!is_asking(d)) {
		if (has_any)
			begin_connect(d);
		else
			fail_resolve(d);
	} else if (is_good && f == FAMILY_V6) {
		begin_connect(d);
	} else if (is_good) {
		timer_set(&d->attempt_timer, d->limits.resolution_delay_ms);
	}
}

static void on_resolved(void *owner, const struct resolved *answer)
{
	struct lookup *l = owner;
	struct dial *d = l->dial;

	l->query = NULL;
	l->error = answer->error;
	snprintf(l->detail, sizeof(l->detail), "%s", answer->detail);
	if (answer->error == ERR_none)
		address_queue_add(&d->addresses, answer->addresses, answer->n, d->port);
	judge_answers(d, l == &d->lookups[FAMILY_V6] ? FAMILY_V6 : FAMILY_V4);
}

static void on_literal(void *owner)
{
	struct dial *d = owner;

	enter_phase(d, DIAL_CONNECT, d->limits.connect_ms);
	attempt_next(d);
}

/* The time-out of a phase. */
static void on_phase_timeout(void *owner)
{
	struct dial *d = owner;
	char host[80], text[ADDRESS_TEXT_BYTES], detail[sizeof(d->outcome.detail)];

	str_escape(str_of(d->host), host, sizeof(host));
	address_format(&d->outcome.peer, text);
	switch (d->phase) {
	case DIAL_RESOLVE:
		snprintf(detail, sizeof(detail), "%.72s: no answer from the name servers", host);
		dial_fail(d, ERR_resolve_timeout, detail);
		break;
	case DIAL_CONNECT:
		if (list_is_empty(&d->attempts) && d->outcome.error != ERR_none) {
			/* All attempts have failed; only a name server was still waited for. */
			dial_fail(d, d->outcome.error, d->outcome.detail);
			return;
		}
		snprintf(detail, sizeof(detail), "%s: no answer", text);
		dial_fail(d, ERR_connect_timeout, detail);
		break;
	case DIAL_TLS:
		snprintf(detail, sizeof(detail), "%s: the handshake made no end", text);
		dial_fail(d, ERR_tls_timeout, detail);
		break;
	}
}

/* Asks for both families; AAAA goes out first (RFC 8305 section 3). */
static void start_lookups(struct dial *d, struct resolver *r)
{
	static const int families[FAMILIES] = {[FAMILY_V6] = AF_INET6, [FAMILY_V4] = AF_INET};

	enter_phase(d, DIAL_RESOLVE, d->limits.resolve_ms);
	for (enum family f = FAMILY_V6; f < FAMILIES; f++) {
		d->lookups[f].dial = d;
		d->lookups[f].query = resolver_ask(r, str_of(d->host), families[f], on_resolved, &d->lookups[f]);
	}
}

struct dial *dial_start(struct loop *l, struct resolver *r, struct tls_client *tls, const struct dial_target *target,
	const struct dial_limits *limits, void (*on_done)(void *owner, const struct dial_outcome *o), void *owner)
{
	struct dial *d = mem_calloc(1, sizeof(*d));
	struct address literal;

	d->loop = l;
	d->tls = tls;
	d->host = mem_strndup(target->host.p, target->host.len);
	d->port = target->port;
	d->is_tls = target->is_tls;
	d->check = target->check;
	d->limits = *limits;
	d->on_done = on_done;
	d->owner = owner;
	d->outcome = (struct dial_outcome){.resolve_us = -1, .connect_us = -1, .tls_us = -1};
	list_init(&d->attempts);
	timer_init(&d->phase_timer, l, on_phase_timeout, d);
	timer_init(&d->attempt_timer, l, on_attempt_timer, d);
	task_init(&d->start, on_literal, d);
	address_queue_init(&d->addresses, limits->max_addresses != 0 ? limits->max_addresses : 1);
	if (address_parse(target->host, target->port, &literal)) {
		address_queue_add(&d->addresses, &literal, 1, target->port);
		loop_defer(l, &d->start);
	} else {
		start_lookups(d, r);
	}
	return d;
}

void dial_cancel(struct dial *d)
{
	if (d != NULL)
		dial_end(d);
}
