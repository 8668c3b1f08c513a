/* See meter.h. */
#include "admin/meter.h"

#include "base/mem.h"

#include <stdatomic.h>

struct meter {
	struct observer observer;
	_Atomic uint64_t cells[METER_CELLS];
};

/* There is one writer, so a plain addition between two relaxed accesses loses nothing and costs no locked instruction. */
static void meter_count(struct meter *m, unsigned cell, uint64_t n)
{
	uint64_t before = atomic_load_explicit(&m->cells[cell], memory_order_relaxed);

	atomic_store_explicit(&m->cells[cell], before + n, memory_order_relaxed);
}

static void meter_count_both(struct meter *m, unsigned cell, uint64_t up, uint64_t down)
{
	meter_count(m, cell + BODY_UP, up);
	meter_count(m, cell + BODY_DOWN, down);
}

static void meter_on_begin(void *owner, const struct exchange_facts *x)
{
	(void)x;
	meter_count(owner, METER_BEGUN, 1);
}

/* The handshake that a hop made, if it made one: a reused upstream, and clear text, need none. */
static void meter_count_origin_tls(struct meter *m, const struct hop_facts *h)
{
	switch (h->error) {
	case ERR_tls_protocol:
	case ERR_tls_alert:
	case ERR_tls_certificate:
	case ERR_pin_mismatch:
	case ERR_tls_timeout:
		meter_count(m, METER_ORIGIN_TLS + HANDSHAKE_FAILED, 1);
		break;
	default:
		if (h->tls != NULL && !h->is_reused)
			meter_count(m, METER_ORIGIN_TLS + (h->tls->is_resumed ? HANDSHAKE_RESUMED : HANDSHAKE_FULL), 1);
	}
}

static void meter_on_hop(void *owner, const struct exchange_facts *x, const struct hop_facts *h)
{
	meter_count(owner, METER_HOP + h->reason, 1);
	meter_count_origin_tls(owner, h);
	/* What went through a tunnel is no body. */
	if (!x->is_tunnel)
		meter_count_both(owner, METER_ORIGIN_BYTES, h->request_body_bytes, h->response_body_bytes);
}

/* 1 to 5; 0 if nothing was sent. */
static unsigned status_class(const struct message *response)
{
	unsigned digit = response == NULL ? 0 : (unsigned)response->status / 100;

	return digit > 5 ? 0 : digit;
}

static enum meter_withheld withheld_kind(struct str name)
{
	if (str_ieq(name, STR("Authorization")))
		return WITHHELD_AUTHORIZATION;
	return str_ieq(name, STR("Cookie")) ? WITHHELD_COOKIE : WITHHELD_OTHER;
}

/* A hop of an exchange that ended: what was decided after it, what was withheld from it. */
static void meter_count_hop(struct meter *m, const struct hop_facts *h)
{
	struct str decision = str_of(h->decision);

	if (str_starts(decision, STR("passed:")))
		meter_count(m, METER_REDIRECTS + REDIRECTS_PASSED, 1);
	else if (str_starts(decision, STR("returned:")))
		meter_count(m, METER_REDIRECTS + REDIRECTS_RETURNED, 1);
	for (const struct drop *d = h->drops; d != NULL; d = d->next)
		meter_count(m, METER_WITHHELD + withheld_kind(d->name), 1);
}

/* Counted at the end, since the decision after a hop can change until then: a redirect whose target turns out to be private. */
static void meter_count_chain(struct meter *m, const struct exchange_facts *x)
{
	meter_count(m, METER_REDIRECTS + REDIRECTS_FOLLOWED, x->redirects);
	meter_count(m, METER_RETRIES, x->retries);
	for (const struct hop_facts *h = x->hops; h != NULL; h = h->next)
		meter_count_hop(m, h);
}

/* Of the CONNECT whose tunnel was opened, not of the exchanges inside, which share the one leg. */
static void meter_count_client_tls(struct meter *m, const struct exchange_facts *x)
{
	switch (x->error) {
	case ERR_client_tls_refused:
		meter_count(m, METER_REFUSALS, 1);
		/* fallthrough */
	case ERR_client_tls_failed:
	case ERR_client_tls_timeout:
		meter_count(m, METER_CLIENT_TLS + HANDSHAKE_FAILED, 1);
		break;
	default:
		if (x->client_tls != NULL && x->is_tunnel && x->tunnel.handling == TUNNEL_TLS)
			meter_count(m, METER_CLIENT_TLS + (x->client_tls->is_resumed ? HANDSHAKE_RESUMED : HANDSHAKE_FULL), 1);
	}
}

static void meter_on_end(void *owner, const struct exchange_facts *x)
{
	meter_count(owner, METER_OUTCOME + x->outcome, 1);
	if (x->outcome == OUTCOME_FAILED)
		meter_count(owner, METER_ERROR + x->error, 1);
	meter_count(owner, METER_STATUS + status_class(x->response), 1);
	meter_count_chain(owner, x);
	meter_count_client_tls(owner, x);
	if (!x->is_tunnel) {
		meter_count_both(owner, METER_CLIENT_BYTES, x->request_body_bytes, x->response_body_bytes);
		return;
	}
	meter_count(owner, METER_TUNNELS + x->tunnel.handling, 1);
	meter_count_both(owner, METER_TUNNEL_BYTES, x->tunnel.up_bytes, x->tunnel.down_bytes);
}

struct meter *meter_new(void)
{
	struct meter *m = mem_calloc(1, sizeof(*m));

	m->observer = (struct observer){
		.owner = m,
		.on_begin = meter_on_begin,
		.on_hop = meter_on_hop,
		.on_end = meter_on_end,
	};
	return m;
}

void meter_free(struct meter *m)
{
	mem_free(m);
}

const struct observer *meter_observer(const struct meter *m)
{
	return &m->observer;
}

void meter_add_to(const struct meter *m, struct meter_counts *sum)
{
	for (size_t i = 0; i < METER_CELLS; i++)
		sum->cells[i] += atomic_load_explicit(&m->cells[i], memory_order_relaxed);
}

uint64_t meter_done(const struct meter_counts *c)
{
	uint64_t n = 0;

	for (unsigned o = 0; o <= OUTCOME_CANCELLED; o++)
		n += c->cells[METER_OUTCOME + o];
	return n;
}

uint64_t meter_in_flight(const struct meter_counts *c)
{
	uint64_t begun = c->cells[METER_BEGUN], done = meter_done(c);

	/* The cells are read one after the other; an exchange may have come and gone between. */
	return begun > done ? begun - done : 0;
}
