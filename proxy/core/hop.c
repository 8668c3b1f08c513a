/* See hop.h. */
#include "core/hop.h"

#include "base/clock.h"
#include "core/exchange.h"
#include "core/forward.h"
#include "core/hop_tls.h"
#include "core/rules.h"
#include "core/worker.h"

enum {
	/* RFC 9110 section 9.2.2 forbids to repeat what is not idempotent, and a body of which no copy is kept cannot be repeated, so such
	 * requests go out on kept connections only while those are too young for an origin to have given them up. */
	YOUNG_IDLE_US = 1000000
};

static void hop_on_change(void *owner)
{
	struct hop *h = owner;

	exchange_wake(h->x);
}

static bool may_repeat(const struct exchange *x, enum method method)
{
	return method_is_idempotent(method) && (!exchange_has_body(x) || x->upload.copy == UPLOAD_WHOLE);
}

struct str hop_method_name(const struct exchange *x, enum method method)
{
	return method == x->facts.request->method ? x->facts.request->method_name : STR("GET");
}

static void hop_chain(struct exchange *x, struct hop *h)
{
	if (x->hop == NULL)
		x->facts.hops = &h->facts;
	else
		x->hop->facts.next = &h->facts;
	h->trail = (struct trail){&h->url, h->method, STR_NONE, x->hop == NULL ? NULL : &x->hop->trail};
	h->facts.number = ++x->facts.hops_n;
	x->hop = h;
}

static struct str hop_url_text(struct exchange *x, const struct hop *h)
{
	if (h->is_tunnel)
		return x->facts.url;
	return url_text(x->arena, &h->url);
}

static enum error hop_check(void *owner, const struct address *to)
{
	return chain_check(owner, to);
}

static struct tls_asks asks_of(const struct rule_verdict *rules)
{
	return (struct tls_asks){
		.skips_verification = rules->verify != NULL && !rule_verify(rules->verify),
		.pins = rules->pins == NULL ? NULL : rule_pins(rules->pins),
		.credentials = rules->credentials == NULL ? NULL : rule_credentials(rules->credentials),
	};
}

struct tls_asks hop_asks_of_place(const struct exchange *x, struct str name, uint16_t port)
{
	struct url url = x->facts.target;
	struct rules_subject subject = {
		.facts = &x->facts,
		.request = x->facts.request,
		.url = &url,
		.method_name = x->nest == NULL ? STR("GET") : x->facts.request->method_name,
		.hop = 1,
	};
	struct rule_verdict v = {0};

	url.scheme = SCHEME_HTTPS;
	url.authority = (struct authority){.host = name, .kind = x->facts.target.authority.kind, .port = port};
	if (url.path.len == 0)
		url.path = STR("/");
	rules_apply(x->settings, &subject, &v);
	return asks_of(&v);
}

/* What a client inside a tunnel asks for is where the tunnel leads, whatever the name service thinks of the name. A redirect to elsewhere is not.
 * Whose certificate is demanded, and to whom ours is shown, goes by the name that the certificate is checked for: the Host field is the client's to fill. */
static void hop_route(struct hop *h)
{
	const struct exchange *x = h->x;
	const struct nest *n = x->nest;
	const struct authority *at = &h->url.authority;

	h->lease.asks = asks_of(&x->chain.rules);
	if (n == NULL || !url_same_origin(&h->url, &x->facts.target))
		return;
	h->lease.to = &n->authority;
	h->lease.tls_name = n->server_name;
	h->lease.prime = n->prime;
	if (!str_eq(at->host, n->server_name) || at->port != n->authority.port)
		h->lease.asks = hop_asks_of_place(x, n->server_name, n->authority.port);
}

static void hop_lease(struct hop *h)
{
	struct exchange *x = h->x;
	struct lease *prime = h->lease.prime;

	pool_lease(x->worker->pool, &h->lease);
	if (prime == NULL)
		return;
	/* It is for one request, once. */
	x->nest->prime = NULL;
	lease_end(prime, true);
}

struct hop *hop_start(struct exchange *x, const struct next_hop *next, bool needs_new)
{
	struct hop *h = arena_zalloc(x->arena, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->x = x;
	h->url = next->url;
	h->method = next->method;
	h->is_tunnel = next->method == METHOD_CONNECT;
	h->facts.reason = next->reason;
	h->facts.delay_us = next->delay_us;
	h->facts.times = (struct hop_times){-1, -1, -1, -1, -1, -1, -1};
	h->facts.url = hop_url_text(x, h);
	h->facts.started_us = clock_wall_us();
	if (h->facts.url.p == NULL)
		return NULL;
	h->lease.on_change = hop_on_change;
	h->lease.check = hop_check;
	h->lease.owner = h;
	h->lease.arena = x->arena;
	h->lease.url = &h->url;
	h->lease.is_raw = h->is_tunnel;
	if (!needs_new)
		h->lease.max_idle_us = may_repeat(x, next->method) ? INT64_MAX : YOUNG_IDLE_US;
	if (!h->is_tunnel)
		hop_route(h);
	hop_chain(x, h);
	hop_lease(h);
	return h;
}

static struct body_plan hop_plan(const struct exchange *x)
{
	const struct framing *framing = &x->d->framing;
	struct body_plan plan = {.kind = framing->kind, .length = framing->length, .is_upgrade = x->is_upgrade};

	if (framing->kind == BODY_RAW || framing->kind == BODY_CLOSE || x->chain.drops_body)
		plan.kind = BODY_NONE;
	return plan;
}

/* What forward is asked for. */
static struct forward_request hop_describe(const struct hop *h)
{
	const struct exchange *x = h->x;

	return (struct forward_request){
		.original = x->facts.request,
		.url = &h->url,
		.method = h->method,
		.via = x->via,
		.taint = x->chain.taint,
		.sensitive = &x->settings->redirects_sensitive_fields,
		.jar = x->chain.redirects > 0 ? &x->chain.jar : NULL,
		.now_s = clock_wall_us() / 1000000,
		.drops_body = x->chain.drops_body,
		/* A retry of the first hop asks anew, unless the client was told to go on. */
		.is_first = x->chain.redirects == 0 && !x->is_told_100,
		.is_upgrade = x->is_upgrade,
		.asterisk = x->is_asterisk && x->chain.redirects == 0,
	};
}

const struct fields *hop_trailers(struct hop *h)
{
	struct forward_request f = hop_describe(h);

	return forward_trailers(h->x->arena, &f, &h->facts.drops);
}

static bool hop_send(struct hop *h)
{
	struct exchange *x = h->x;
	struct body_plan plan = hop_plan(x);
	struct forward_request f = hop_describe(h);
	struct forwarded out;

	if (!forward_request(x->arena, &f, &out))
		return false;
	h->facts.request = out.message;
	h->facts.drops = out.drops;
	h->facts.cookies = out.jar_names;
	h->trail.cookies = out.cookies;
	stream_send_head(h->u, out.message, &plan);
	if (!forward_add_sent(x->arena, out.message, &h->u->sent_framing))
		return false;
	if (exchange_has_body(x))
		upload_start(&x->upload, h->u);
	else
		stream_end(h->u, NULL);
	return true;
}

static void hop_note_peer(struct hop *h)
{
	h->facts.peer = h->lease.peer;
	if (h->lease.peer.len == 0)
		return;
	h->facts.peer_class = address_class_name(worker_is_own(h->x->worker, &h->lease.peer)
			? ADDRESS_SELF
			: address_class_of(&h->lease.peer));
}

/* Which place the certificate stands for: the name that it was checked for, and the port dialled. */
static struct authority hop_place(const struct hop *h)
{
	struct authority place = h->lease.to != NULL ? *h->lease.to : h->url.authority;

	if (h->lease.tls_name.len > 0)
		place.host = h->lease.tls_name;
	return place;
}

/* The lease is ready: the stream is ours. */
static enum error hop_begin(struct hop *h)
{
	if (h->lease.tls != NULL) {
		h->facts.tls = hop_tls_leg(h->x->arena, h->lease.tls);
		h->facts.identity = hop_tls_identity(h->x->arena, h->lease.tls->peer, hop_place(h));
	}
	h->u = h->lease.stream;
	h->u->on_change = hop_on_change;
	h->u->owner = h;
	h->has_begun_send = true;
	h->send_us = clock_mono_us();
	h->facts.is_reused = h->lease.is_reused;
	hop_note_peer(h);
	if (h->x->chain.redirects == 0) {
		h->x->chain.has_reach = true;
		h->x->chain.reach = address_class_of(&h->lease.peer);
	}
	if (!h->is_tunnel && !hop_send(h))
		return ERR_internal;
	return ERR_none;
}

void hop_note_sent(struct hop *h)
{
	if (h->u->is_sent && h->sent_us == 0)
		h->sent_us = clock_mono_us();
}

/* Of an alert in the middle of a connection the codec knows only that there was one. */
static const char *hop_words(const struct hop *h)
{
	const char *alert = lease_alert(&h->lease);

	return alert[0] != '\0' ? alert : h->u->detail;
}

enum error hop_advance(struct hop *h)
{
	if (h->u == NULL) {
		if (h->lease.state == LEASE_FAILED) {
			hop_note_peer(h);
			h->facts.identity = hop_tls_identity(h->x->arena, h->lease.tls_peer, hop_place(h));
			h->facts.detail = h->lease.detail;
			return h->lease.error;
		}
		if (h->lease.state != LEASE_READY)
			return ERR_none;
		return hop_begin(h);
	}
	hop_note_sent(h);
	if (h->u->error != ERR_none)
		h->facts.detail = hop_words(h);
	return h->u->error;
}

bool hop_is_answered(const struct hop *h)
{
	return h->u != NULL && (h->is_tunnel || h->u->head != NULL);
}

void hop_measure(struct hop *h)
{
	struct hop_times *t = &h->facts.times;
	const struct stream *u = h->u;

	t->queue_us = lease_waited_us(&h->lease);
	t->resolve_us = h->lease.resolve_us;
	t->connect_us = h->lease.connect_us;
	t->tls_us = h->lease.tls_us;
	if (u == NULL)
		return;
	h->facts.response = u->head;
	h->facts.request_body_bytes = u->out_bytes;
	h->facts.response_body_bytes = u->in_bytes;
	h->facts.request_head_bytes = u->head_out_bytes;
	h->facts.response_head_bytes = u->head_in_bytes;
	if (u->in_end && h->received_us == 0)
		h->received_us = clock_mono_us();
	if (h->is_tunnel)
		return;
	/* An origin may answer before it has the whole request: then sending ends, for the record, with the answer. */
	if (u->first_byte_us != 0 && (h->sent_us == 0 || h->sent_us > u->first_byte_us))
		h->sent_us = u->first_byte_us;
	if (h->sent_us != 0)
		t->send_us = h->sent_us > h->send_us ? h->sent_us - h->send_us : 0;
	if (u->first_byte_us != 0)
		t->wait_us = u->first_byte_us - h->sent_us;
	else if (h->sent_us != 0)
		t->wait_us = clock_mono_us() - h->sent_us; /* so far, or in vain */
}

/* Completes the facts and tells the observers. */
static void hop_close_facts(struct hop *h, enum error error, const char *decision)
{
	struct str detail;

	h->is_over = true;
	hop_measure(h);
	if (h->u != NULL && h->u->first_byte_us != 0)
		h->facts.times.receive_us = (h->received_us != 0 ? h->received_us : clock_mono_us()) - h->u->first_byte_us;
	h->facts.error = error;
	h->facts.decision = decision;
	if (h->facts.detail != NULL) {
		detail = arena_str(h->x->arena, str_of(h->facts.detail));
		h->facts.detail = detail.p;
	}
	exchange_observe_hop(h->x, h);
}

void hop_end(struct hop *h, enum error error, const char *decision, bool abort)
{
	if (h->is_over)
		return;
	hop_close_facts(h, error, decision);
	if (h->u != NULL) {
		h->u->on_change = NULL;
		if (h->x->upload.to == h->u)
			upload_stop(&h->x->upload);
	}
	h->u = NULL;
	lease_end(&h->lease, abort);
}

void hop_hand_over(struct hop *h, const char *decision)
{
	if (h->u != NULL)
		h->u->on_change = NULL;
	else
		hop_note_peer(h);
	hop_close_facts(h, ERR_none, decision);
	h->u = NULL;
}

bool hop_leave(struct hop *h, const char *decision)
{
	exchange_observe_rest(h->x, h, &h->u->in);
	bufq_clear(&h->u->in);
	if (h->u->in_end) {
		hop_end(h, ERR_none, decision, false);
		return false;
	}
	stream_took(h->u);
	if (h->x->upload.to == h->u)
		upload_stop(&h->x->upload);
	hop_close_facts(h, ERR_none, decision);
	h->u = NULL;
	return true;
}
