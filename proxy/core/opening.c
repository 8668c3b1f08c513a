/* See opening.h. Here: whether a tunnel is opened, and what is learnt from how that went. */
#include "core/opening.h"

#include "base/clock.h"
#include "core/carrier.h"
#include "core/client.h"
#include "core/exchange.h"
#include "core/hop_tls.h"
#include "core/leaves.h"
#include "core/local.h"
#include "core/rules.h"
#include "core/worker.h"

#include <stdio.h>

static void note(struct exchange *x, enum tunnel_handling handling, struct str why)
{
	x->facts.tunnel.handling = handling;
	x->facts.tunnel.why = why.p;
}

static void note_rule(struct exchange *x, const struct rule *r)
{
	note(x, TUNNEL_PASSED, arena_printf(x->arena, "%s says intercept: false", rule_name(r)));
}

enum opening_wish opening_wish(struct exchange *x)
{
	const struct settings *s = x->settings;
	const struct rule *rule = x->chain.rules.intercept;

	if (s->intercept == INTERCEPT_NONE || x->worker->tls_server == NULL || x->worker->shared->leaves == NULL)
		return OPENING_NO;
	if (local_is_setup(x))
		return OPENING_YES;
	if (rule != NULL && !rule_intercept(rule)) {
		note_rule(x, rule);
		return OPENING_NO;
	}
	if (s->intercept == INTERCEPT_ALL || rule != NULL)
		return OPENING_YES;
	return rule_set_intercepts(s->rules) ? OPENING_PERHAPS : OPENING_NO;
}

/* What the rules say of the same tunnel under the name that the client expects a certificate for. */
static struct rule_verdict rules_of_name(const struct exchange *x)
{
	struct url url = x->facts.target;
	struct rules_subject subject = {
		.facts = &x->facts,
		.request = x->facts.request,
		.url = &url,
		.method_name = x->facts.request->method_name,
		.hop = 1,
	};
	struct rule_verdict v = x->chain.rules;

	if (str_eq(x->opening->name, url.authority.host))
		return v;
	url.authority.host = x->opening->name;
	url.authority.kind = HOST_NAME;
	rules_apply(x->settings, &subject, &v);
	return v;
}

const char *opening_blocked(struct exchange *x)
{
	const struct rule *block = rules_of_name(x).block;

	if (block == NULL || !rule_block(block))
		return NULL;
	return arena_printf(x->arena, "%s blocks it by the name in the ClientHello", rule_name(block)).p;
}

static struct learned_key key_of(const struct exchange *x)
{
	return (struct learned_key){
		.client = &x->facts.client,
		.ja4 = x->opening->hello.ja4,
		.name = x->opening->name,
	};
}

static bool is_learned(struct exchange *x)
{
	struct learned_key key = key_of(x);
	char why[LEARNED_WHY_BYTES];

	if (x->settings->intercept_learned_ttl_ms == 0 ||
		!learned_is_passed(x->worker->shared->learned, &key, clock_mono_us(), why))
		return false;
	note(x, TUNNEL_PASSED, arena_str(x->arena, str_of(why)));
	return true;
}

/* Whose name the client expects. */
static void read_names(struct exchange *x)
{
	struct opening *o = x->opening;
	char name[sizeof(o->hello.server_name)];

	if (sniff_server_name(&o->hello, name))
		o->server_name = arena_str(x->arena, str_of(name));
	o->name = o->server_name.len > 0 ? o->server_name : x->facts.target.authority.host;
}

bool opening_admits_tls(struct exchange *x)
{
	struct opening *o = x->opening;
	const struct rule *by_host = x->chain.rules.intercept, *by_name;
	const char *purpose = sniff_port_purpose(x->facts.target.authority.port);
	bool is_listed;

	read_names(x);
	by_name = rules_of_name(x).intercept;
	if (by_name != NULL && !rule_intercept(by_name)) {
		note_rule(x, by_name);
		return false;
	}
	is_listed = by_host != NULL || by_name != NULL;
	if (!is_listed && o->wish == OPENING_PERHAPS)
		return false;
	if (!is_listed && purpose != NULL) {
		note(x, TUNNEL_PASSED, arena_printf(x->arena, "port %u is for %s", x->facts.target.authority.port, purpose));
		return false;
	}
	if (!sniff_alpn_is_http1(o->hello.alpn)) {
		note(x, TUNNEL_PASSED, arena_printf(x->arena, "the client offers %s only", o->hello.alpn));
		return false;
	}
	return !is_learned(x);
}

static size_t carrier_queued_of(void *owner)
{
	struct exchange *x = owner;

	return x->queued(x->owner);
}

static void on_carrier_close(void *owner, bool abort)
{
	struct exchange *x = owner;

	x->opening->carrier = NULL;
	x->opening->is_closed = true;
	x->opening->is_aborted = abort;
	exchange_wake(x);
}

static void begin_carrier(struct exchange *x)
{
	struct carrier_needs needs = {
		.loop = x->worker->loop,
		.pool = x->worker->bufpool,
		.stream = x->d,
		.peer = x->facts.client,
		.local = x->facts.listener,
		.queued = carrier_queued_of,
		.on_close = on_carrier_close,
		.owner = x,
	};

	x->opening->carrier = carrier_new(&needs);
}

/* It has shown that it trusts us: at once, since its answer may be read before this tunnel is looked at again. */
static void on_request(void *owner)
{
	struct exchange *x = owner;
	struct opening *o = x->opening;
	struct learned_key key = key_of(x);

	if (o->is_trusted || x->facts.client_tls == NULL || o->nest->is_other)
		return;
	o->is_trusted = true;
	learned_success(x->worker->shared->learned, &key, clock_mono_us());
}

static void begin_nest(struct exchange *x, enum scheme scheme)
{
	struct opening *o = x->opening;
	struct nest from = {
		.parent_id = x->facts.id,
		.client_id = x->facts.client_id,
		.client_requests = x->facts.client_request,
		.scheme = scheme,
		.authority = x->facts.target.authority,
		.server_name = o->name,
		.user = x->facts.user,
		.tls = x->facts.client_tls,
		.prime = o->prime,
		.on_request = on_request,
		.owner = x,
	};

	o->nest = nest_new(&from);
}

static void begin_client(struct exchange *x, struct transport *t)
{
	struct client *c = client_new_inside(x->worker, t, x->opening->nest);

	if (x->worker->is_draining)
		client_drain(c);
}

static int64_t ttl_us_of(const struct exchange *x)
{
	return x->settings->intercept_learned_ttl_ms * 1000;
}

/* An alert says what it means, and so does a client of whom nothing else is known. One that has taken our certificate before and just closes may
 * as well have been stopped. */
static bool is_certain(const struct exchange *x, const struct learned_key *key, const char *why)
{
	return str_starts(str_of(why), STR("alert")) ||
		!learned_is_trusting(x->worker->shared->learned, key, clock_mono_us(), ttl_us_of(x));
}

/* The client refused our certificate, for this reason, or seems to. The words of the record say what comes of it. */
static void learn_refusal(struct exchange *x, const char *why)
{
	struct opening *o = x->opening;
	struct learned *l = x->worker->shared->learned;
	struct learned_key key = key_of(x);
	bool certain = is_certain(x, &key, why);
	bool is_passed = certain ? learned_refusal(l, &key, why, clock_mono_us(), ttl_us_of(x))
				 : learned_doubt(l, &key, why, clock_mono_us(), ttl_us_of(x));

	o->error = certain || is_passed ? ERR_client_tls_refused : ERR_cancelled;
	snprintf(o->detail, sizeof(o->detail), "%.100s%s", why,
		is_passed ? "; its next tunnels to this name are passed through" : "");
}

static void on_accepted(void *owner, const struct tls_outcome *outcome)
{
	struct exchange *x = owner;
	struct opening *o = x->opening;

	o->handshake = NULL;
	exchange_wake(x);
	if (outcome->error == ERR_client_tls_refused) {
		learn_refusal(x, outcome->detail);
		return;
	}
	if (outcome->error != ERR_none) {
		o->error = outcome->error;
		snprintf(o->detail, sizeof(o->detail), "%s", outcome->detail);
		return;
	}
	x->facts.client_tls = hop_tls_leg(x->arena, outcome->transport->tls);
	o->since_us = clock_mono_us();
	o->is_resumed = outcome->transport->tls->is_resumed;
	begin_nest(x, SCHEME_HTTPS);
	begin_client(x, outcome->transport);
}

/* The certificate to show. */
static struct tls_identity *identity_of(struct exchange *x, char *ret_why, size_t size)
{
	struct opening *o = x->opening;
	struct leaf_ask ask = {.host = o->name, .wildcard = x->settings->intercept_wildcards};
	const struct tls_peer *peer = NULL;

	if (o->has_asked_names && o->names.state == LEASE_READY && o->names.tls != NULL)
		peer = o->names.tls->peer;
	if (peer != NULL) {
		ask.more = (const char *const *)peer->names;
		ask.more_n = peer->names_n;
	}
	return leaves_get(x->worker->shared->leaves, &ask, ret_why, size);
}

bool opening_begin_tls(struct exchange *x)
{
	struct opening *o = x->opening;
	char why[160] = "";
	char name[256];
	struct tls_identity *identity = identity_of(x, why, sizeof(why));

	if (o->has_asked_names)
		lease_end(&o->names, false);
	if (identity == NULL) {
		note(x, TUNNEL_PASSED, arena_printf(x->arena, "no certificate can be made for it: %s", why));
		return false;
	}
	opening_keep_prime(x);
	note(x, TUNNEL_TLS, STR_NONE);
	snprintf(name, sizeof(name), "%.*s", STR_ARG(o->name));
	begin_carrier(x);
	o->handshake = tls_accept(x->worker->tls_server, x->worker->loop, o->carrier, identity, name, on_accepted, x);
	tls_identity_unref(identity);
	return true;
}

void opening_begin_http(struct exchange *x)
{
	struct opening *o = x->opening;

	o->name = x->facts.target.authority.host;
	opening_keep_prime(x);
	note(x, TUNNEL_HTTP, STR_NONE);
	begin_carrier(x);
	begin_nest(x, SCHEME_HTTP);
	begin_client(x, o->carrier);
}

void opening_look_back(struct exchange *x)
{
	struct opening *o = x->opening;
	struct learned_key key = key_of(x);
	int64_t stood_us = clock_mono_us() - o->since_us;

	if (x->facts.client_tls == NULL || o->nest == NULL || o->error != ERR_none)
		return;
	if (o->nest->refusal[0] != '\0') {
		learn_refusal(x, o->nest->refusal);
	} else if (o->nest->requests == 0 && !o->is_resumed && !x->worker->is_draining &&
		stood_us < (int64_t)OPENING_REFUSAL_MS * 1000) {
		learn_refusal(x, "closed right after the handshake, without a request");
	} else if (o->nest->is_other) {
		learned_unfit(x->worker->shared->learned, &key, "what is inside is not HTTP", clock_mono_us(), ttl_us_of(x));
		x->detail = "what is inside is not HTTP; its next tunnels to this name are passed through";
	}
}

void opening_fini(struct exchange *x)
{
	struct opening *o = x->opening;

	if (o == NULL)
		return;
	if (o->has_asked_names)
		lease_end(&o->names, true);
	opening_drop_prime(x);
	/* The handshake owns the carrier, until a client does; neither has anything to tell any more. */
	if (o->carrier != NULL)
		carrier_cut(o->carrier);
	o->carrier = NULL;
	tls_handshake_cancel(o->handshake);
	o->handshake = NULL;
	if (o->nest != NULL)
		o->nest->on_request = NULL;
	nest_unref(o->nest);
	o->nest = NULL;
}
