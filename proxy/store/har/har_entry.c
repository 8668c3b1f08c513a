/* One HAR entry: a hop, or a flow that never came to one. Not for its messages, nor for what is our own in it: har_message.c,
 * har_facts.c. */
#include "store/har/har_part.h"

#include "store/har/har_put.h"
#include "store/json.h"

#include <inttypes.h>

enum { QUEUE, RESOLVE, CONNECT, TLS, SEND, WAIT, RECEIVE };

static int64_t known(int64_t us)
{
	return us > 0 ? us : 0;
}

int64_t har_hop_us(const struct hop_view *v)
{
	int64_t sum = 0;

	for (int i = 0; i < HOP_PHASES; i++)
		sum += known(v->times_us[i]);
	return sum;
}

/* HAR has no place for those that were not reached. */
static void put_not_reached(struct text *t, const int64_t *times_us)
{
	size_t before = t->len;
	bool is_any = false;

	json_key(t, "_notReached");
	text_byte(t, '[');
	for (size_t i = SEND; i <= RECEIVE; i++) {
		if (times_us[i] >= 0)
			continue;
		json_next(t);
		json_string(t, str_of(hop_phase_name(i)));
		is_any = true;
	}
	text_byte(t, ']');
	if (!is_any)
		t->len = before;
}

/* ssl is part of connect. */
static int64_t connect_us(const int64_t *times_us)
{
	if (times_us[CONNECT] < 0 && times_us[TLS] < 0)
		return -1;
	return known(times_us[CONNECT]) + known(times_us[TLS]);
}

static void put_timings(struct text *t, const int64_t *times_us)
{
	json_key(t, "timings");
	text_byte(t, '{');
	har_put_ms(t, "blocked", times_us[QUEUE]);
	har_put_ms(t, "dns", times_us[RESOLVE]);
	har_put_ms(t, "connect", connect_us(times_us));
	har_put_ms(t, "ssl", times_us[TLS]);
	har_put_ms(t, "send", known(times_us[SEND]));
	har_put_ms(t, "wait", known(times_us[WAIT]));
	har_put_ms(t, "receive", known(times_us[RECEIVE]));
	har_put_ms(t, "_blocked_queueing", times_us[QUEUE]);
	put_not_reached(t, times_us);
	text_byte(t, '}');
}

/* An address without its port. */
static struct str without_port(struct str address)
{
	size_t n = address.len;

	while (n > 0 && address.p[n - 1] != ':')
		n--;
	if (n == 0)
		return STR_NONE;
	address = str_first(address, n - 1);
	if (address.len > 2 && address.p[0] == '[')
		return str_from(str_first(address, address.len - 1), 1);
	return address;
}

/* The port of an address. */
static struct str port_of(struct str address)
{
	size_t n = address.len;

	while (n > 0 && address.p[n - 1] != ':')
		n--;
	return str_from(address, n);
}

/* Browsers take the connection for the server's port; HAR lets it be the client's, too. */
static void put_peers(struct text *t, struct str peer, const struct flow_view *v)
{
	har_put_opt(t, "serverIPAddress", without_port(peer));
	har_put_opt(t, "connection", port_of(peer.len > 0 ? peer : v->client));
	json_key(t, "_connectionId");
	text_printf(t, "\"%" PRId64 "\"", v->client_id);
}

/* What the proxy itself took, as far as it can be told: the whole, without the hops and the waits before them. */
static void put_overhead(struct text *t, const struct har_flow *f)
{
	int64_t us = f->v->duration_us;

	if (us < 0 || f->v->is_tunnel || f->n == 0)
		return;
	for (size_t i = 0; i < f->n; i++)
		us -= har_hop_us(&f->hops[i].v) + known(f->hops[i].v.delay_us);
	json_key(t, "_proxy");
	text_byte(t, '{');
	har_put_ms(t, "overheadMs", known(us));
	text_byte(t, '}');
}

static void put_flow_members(struct har_out *x, const struct har_flow *f)
{
	har_put_opt(x->t, "comment", har_shown_words(x, f->v->comment));
	har_put_flow_facts(x, f);
	put_overhead(x->t, f);
}

static void put_ids(struct har_out *x, const struct flow_view *v)
{
	json_i64(x->t, "_flowId", (int64_t)v->id);
	har_put_opt(x->t, "_client", v->client);
}

static void put_cache(struct text *t)
{
	json_key(t, "cache");
	text_put(t, STR("{}"));
}

/* Of a head that may be missing. */
static const struct fields *fields_of(const struct head_view *head)
{
	static const struct fields none = {NULL, 0, 0};

	return head ? &head->fields : &none;
}

/* Refused, answered here, or never understood: the client's side is all there is. */
static bool put_hopless(struct har_out *x, const struct har_flow *f)
{
	const struct flow_view *v = f->v;
	int64_t times_us[HOP_PHASES] = {
		-1, -1, -1, -1, 0, v->is_tunnel ? 0 : v->duration_us, v->is_tunnel ? v->duration_us : 0};
	struct har_request request = {.method = v->method,
		.url = v->url,
		.head = f->received,
		.body = {{-1, STR_NONE}, v->request_body_bytes, fields_of(f->received)},
		.head_bytes = v->request_head_bytes,
		.is_connect = str_eq(v->method, STR("CONNECT"))};
	struct har_response response = {.status = v->status,
		.head = f->delivered,
		.body = {v->response_body, v->response_body_bytes, fields_of(f->delivered)},
		.head_bytes = v->response_head_bytes,
		.redirect_url = har_location(x, v->url, f->delivered),
		.error = v->error,
		.at_us = v->started_us,
		.is_tunnel = v->is_tunnel};

	har_put_time(x->t, "startedDateTime", v->started_us);
	har_put_ms(x->t, "time", known(v->duration_us));
	if (!har_put_request(x, &request) || !har_put_response(x, &response))
		return false;
	put_cache(x->t);
	put_timings(x->t, times_us);
	put_peers(x->t, STR_NONE, v);
	put_ids(x, v);
	har_put_opt(x->t, "_error", v->error);
	put_flow_members(x, f);
	har_put_tunnel(x, v);
	return true;
}

/* Where the next hop went, else where the response leads. */
static struct str redirect_url(struct har_out *x, const struct har_flow *f, size_t i)
{
	const struct har_hop *h = &f->hops[i];

	if (i + 1 < f->n && str_eq(h[1].v.reason, STR("redirect")))
		return h[1].v.url;
	return har_location(x, h->v.url, h->response);
}

/* Of the hop; the last one tells that of the flow, if it has none of its own. */
static struct str error_of(const struct har_flow *f, size_t i)
{
	return f->hops[i].v.error.len > 0 || i + 1 < f->n ? f->hops[i].v.error : f->v->error;
}

static bool put_messages(struct har_out *x, const struct har_flow *f, size_t i)
{
	const struct har_hop *h = &f->hops[i];
	const struct hop_view *v = &h->v;
	const struct head_view *head = !h->request && i == 0 ? f->received : h->request;
	struct har_request request = {.method = f->v->method,
		.url = v->url,
		.head = head,
		.body = {v->request_body, v->request_body_bytes, fields_of(head)},
		.head_bytes = v->request_head_bytes,
		.is_connect = str_eq(f->v->method, STR("CONNECT"))};
	struct har_response response = {.status = v->status,
		.head = h->response,
		.body = {v->response_body, v->response_body_bytes, fields_of(h->response)},
		.head_bytes = v->response_head_bytes,
		.redirect_url = redirect_url(x, f, i),
		.error = error_of(f, i),
		.at_us = v->started_us,
		.is_tunnel = f->v->is_tunnel && i + 1 == f->n};

	return har_put_request(x, &request) && har_put_response(x, &response);
}

static bool put_last(struct har_out *x, const struct har_flow *f)
{
	har_put_tunnel(x, f->v);
	return har_put_delivered(x, f);
}

static bool put_hop(struct har_out *x, const struct har_flow *f, size_t i)
{
	const struct hop_view *v = &f->hops[i].v;
	bool is_last = i + 1 == f->n;

	har_put_time(x->t, "startedDateTime", v->started_us);
	har_put_ms(x->t, "time", har_hop_us(v));
	if (!put_messages(x, f, i))
		return false;
	put_cache(x->t);
	put_timings(x->t, v->times_us);
	put_peers(x->t, v->peer, f->v);
	put_ids(x, f->v);
	har_put_opt(x->t, "_error", error_of(f, i));
	har_put_hop_facts(x, f, i);
	har_put_tls(x, v);
	if (i == 0) {
		put_flow_members(x, f);
		har_put_received(x, f);
	}
	return !is_last || put_last(x, f);
}

bool har_put_entry(struct har_out *x, const struct har_flow *f, size_t i)
{
	bool ok;

	text_byte(x->t, '{');
	ok = f->n > 0 ? put_hop(x, f, i) : put_hopless(x, f);
	text_byte(x->t, '}');
	return ok;
}
