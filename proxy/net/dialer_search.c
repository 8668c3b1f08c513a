/* The search for a connection (RFC 8305, Happy Eyeballs version 2): both families are asked at once. Attempts are started one
 * after the other, each a little after the one before or as soon as that has failed; the first that succeeds wins. Addresses
 * that come late join those not tried yet. Not for what is done with the connection (dialer.c). */
#include "base/mem.h"
#include "net/dialer_internal.h"

#include <stdio.h>
#include <string.h>

/* One connection under way. */
struct attempt {
	struct list node;
	struct dial *dial;
	struct tcp_connect *connect;
	struct address to;
};

/* Gives up one attempt. */
static void attempt_end(struct attempt *a)
{
	list_remove(&a->node);
	tcp_connect_cancel(a->connect);
	loop_reap(a->dial->loop, a, mem_free);
}

void dial_search_stop(struct dial *d)
{
	for (enum family f = FAMILY_V6; f < FAMILIES; f++) {
		query_cancel(d->lookups[f].query);
		d->lookups[f].query = NULL;
	}
	while (!list_is_empty(&d->attempts))
		attempt_end(LIST_ITEM(d->attempts.next, struct attempt, node));
	timer_stop(&d->attempt_timer);
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
	dial_enter(d, DIAL_CONNECT, d->limits.connect_ms);
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

static void on_attempt_done(void *owner, struct transport *t, enum error error, int os_error)
{
	struct attempt *a = owner;
	struct dial *d = a->dial;
	const char *words;

	a->connect = NULL;
	list_remove(&a->node);
	if (error == ERR_none) {
		loop_reap(d->loop, a, mem_free);
		dial_connected(d, t);
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
		/* Late. If all others have failed, it is either of use now or the end; if the delay since the last attempt is
		 * over, it need not wait either. */
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

/* Asks for both families; AAAA goes out first (RFC 8305 section 3). */
static void start_lookups(struct dial *d)
{
	static const int families[FAMILIES] = {[FAMILY_V6] = AF_INET6, [FAMILY_V4] = AF_INET};

	dial_enter(d, DIAL_RESOLVE, d->limits.resolve_ms);
	for (enum family f = FAMILY_V6; f < FAMILIES; f++) {
		d->lookups[f] = (struct lookup){.dial = d};
		d->lookups[f].query = resolver_ask(d->resolver, str_of(d->host), families[f], on_resolved, &d->lookups[f]);
	}
}

void dial_search_init(struct dial *d)
{
	list_init(&d->attempts);
	timer_init(&d->attempt_timer, d->loop, on_attempt_timer, d);
}

void dial_search_start(struct dial *d)
{
	struct address literal;

	d->refusal = ERR_none;
	address_queue_init(&d->addresses, d->limits.max_addresses != 0 ? d->limits.max_addresses : 1);
	if (!address_parse(str_of(d->host), d->port, &literal)) {
		start_lookups(d);
		return;
	}
	address_queue_add(&d->addresses, &literal, 1, d->port);
	dial_enter(d, DIAL_CONNECT, d->limits.connect_ms);
	attempt_next(d);
}

void dial_search_time_out(struct dial *d)
{
	char host[80], text[ADDRESS_TEXT_BYTES], detail[sizeof(d->outcome.detail)];

	if (d->phase == DIAL_RESOLVE) {
		str_escape(str_of(d->host), host, sizeof(host));
		snprintf(detail, sizeof(detail), "%.72s: no answer from the name servers", host);
		dial_fail(d, ERR_resolve_timeout, detail);
	} else if (list_is_empty(&d->attempts) && d->outcome.error != ERR_none) {
		/* All attempts have failed; only a name server was still waited for. */
		dial_fail(d, d->outcome.error, d->outcome.detail);
	} else {
		snprintf(detail, sizeof(detail), "%s: no answer", address_format(&d->outcome.peer, text));
		dial_fail(d, ERR_connect_timeout, detail);
	}
}
