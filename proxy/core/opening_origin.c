/* See opening.h. Here: what is begun with the origin before a client has asked it for anything. */
#include "core/exchange.h"
#include "core/local.h"
#include "core/worker.h"

static void on_prime_due(void *owner)
{
	opening_drop_prime(owner);
}

void opening_keep_prime(struct exchange *x)
{
	struct opening *o = x->opening;
	struct hop *h = x->hop;

	if (h == NULL || h->is_over)
		return;
	if (x->hop_error != ERR_none) {
		hop_end(h, x->hop_error, "opened: the requests inside make their own hops", true);
		x->hop_error = ERR_none;
		return;
	}
	hop_hand_over(h, "opened: kept for the first request inside");
	o->prime = &h->lease;
	timer_init(&o->prime_timer, x->worker->loop, on_prime_due, x);
	timer_set(&o->prime_timer, OPENING_PRIME_MS);
}

void opening_drop_prime(struct exchange *x)
{
	struct opening *o = x->opening;

	if (o->prime == NULL)
		return;
	timer_stop(&o->prime_timer);
	if (o->nest != NULL)
		o->nest->prime = NULL;
	lease_end(o->prime, true);
	o->prime = NULL;
}

static void on_names_change(void *owner)
{
	exchange_wake(owner);
}

static enum error check_names(void *owner, const struct address *to)
{
	return chain_check_access(owner, to);
}

bool opening_ask_names(struct exchange *x)
{
	struct opening *o = x->opening;

	if (!x->settings->intercept_copy_names || o->has_asked_names || local_is_setup(x) || x->hop_error != ERR_none)
		return false;
	o->has_asked_names = true;
	opening_keep_prime(x);
	o->names_url = x->facts.target;
	o->names_url.scheme = SCHEME_HTTPS;
	o->names_url.path = STR("/");
	o->names = (struct lease){
		.on_change = on_names_change,
		.check = check_names,
		.owner = x,
		.arena = x->arena,
		.url = &o->names_url,
		.to = &o->names_url.authority,
		.tls_name = o->name,
		.asks = hop_asks_of_place(x, o->name, o->names_url.authority.port),
		.prime = o->prime,
		.max_idle_us = INT64_MAX,
	};
	pool_lease(x->worker->pool, &o->names);
	/* Other names are a nicety: nobody waits in line for them. */
	if (o->names.state == LEASE_QUEUED)
		lease_end(&o->names, true);
	return o->names.state != LEASE_ENDED;
}

bool opening_has_names(struct exchange *x)
{
	return x->opening->names.state != LEASE_DIALLING;
}
