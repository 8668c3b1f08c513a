/* Time-outs of an exchange: what is being waited for now, and for how long. One timer serves all phases; the phase that is under
 * way when it is due gives the error its name. */
#include "core/exchange.h"
#include "core/worker.h"

enum { TLS_HANDSHAKE_BYTE = 0x16 };

struct waiting {
	enum error error; /* ERR_none: nothing is bounded here */
	int64_t ms;
};

static struct waiting wait_of_upload(const struct exchange *x)
{
	const struct settings *s = x->settings;

	if (upload_is_blocked(&x->upload))
		return (struct waiting){ERR_send_timeout, s->timeout_send_ms};
	/* The temporary file answers in its own time. */
	if (!upload_waits_for_client(&x->upload))
		return (struct waiting){ERR_none, 0};
	/* Who waits for a 100 waits for the origin. */
	if (x->d->framing.expects_100 && x->d->in_bytes == 0)
		return (struct waiting){ERR_response_head_timeout, s->timeout_response_head_ms};
	return (struct waiting){ERR_request_body_timeout, s->timeout_request_body_ms};
}

static struct waiting wait_of_hop(const struct exchange *x)
{
	const struct settings *s = x->settings;
	const struct hop *h = x->hop;

	if (h->lease.state == LEASE_QUEUED)
		return (struct waiting){ERR_queue_timeout, s->timeout_queue_ms};
	/* The dialer has its own. */
	if (h->u == NULL)
		return (struct waiting){ERR_none, 0};
	if (exchange_has_body(x) && !x->upload.is_ended)
		return wait_of_upload(x);
	if (!h->u->is_sent)
		return (struct waiting){ERR_send_timeout, s->timeout_send_ms};
	return (struct waiting){ERR_response_head_timeout, s->timeout_response_head_ms};
}

/* Streams of events are silent for as long as nothing happens. */
static bool is_event_stream(const struct stream *source)
{
	return source->head != NULL &&
		str_istarts(fields_value(&source->head->fields, STR("Content-Type")), STR("text/event-stream"));
}

static struct waiting wait_of_relay(const struct exchange *x)
{
	const struct settings *s = x->settings;

	/* The origin has said its last word: a client that is silent too will hardly go on. */
	if (x->facts.is_tunnel && x->down.is_ended && s->timeout_client_idle_ms < s->timeout_tunnel_idle_ms)
		return (struct waiting){ERR_tunnel_idle, s->timeout_client_idle_ms};
	if (x->facts.is_tunnel)
		return (struct waiting){ERR_tunnel_idle, s->timeout_tunnel_idle_ms};
	if (x->down.is_ended || pipe_is_blocked(&x->down))
		return (struct waiting){ERR_client_write_timeout, s->timeout_client_write_ms};
	if (is_event_stream(x->source))
		return (struct waiting){ERR_none, 0};
	return (struct waiting){ERR_response_body_timeout, s->timeout_response_body_ms};
}

/* What may become TLS has begun, or the first line of a request, or nothing yet. */
static struct waiting wait_of_peek(const struct exchange *x)
{
	const struct settings *s = x->settings;
	struct str front = bufq_front(&x->d->in);

	/* There is no origin that could speak; who is about to begin TLS is told inside. */
	if (front.len == 0 && x->hop_error != ERR_none)
		return (struct waiting){x->hop_error, OPENING_DEAD_MS};
	if (front.len == 0)
		return (struct waiting){ERR_tunnel_idle, s->timeout_tunnel_idle_ms};
	if (x->opening->has_asked_names)
		return (struct waiting){ERR_none, 0};
	if (front.p[0] == TLS_HANDSHAKE_BYTE)
		return (struct waiting){ERR_client_tls_timeout, s->timeout_tls_ms};
	return (struct waiting){ERR_request_head_timeout, OPENING_LINE_MS};
}

static struct waiting wait_of_opened(const struct exchange *x)
{
	if (x->opening->handshake != NULL)
		return (struct waiting){ERR_client_tls_timeout, x->settings->timeout_tls_ms};
	if (x->opening->is_closed)
		return (struct waiting){ERR_client_write_timeout, x->settings->timeout_client_write_ms};
	/* The client inside has time-outs of its own. */
	return (struct waiting){ERR_none, 0};
}

static struct waiting wait_of(const struct exchange *x)
{
	if (x->step == STEP_PEEK)
		return wait_of_peek(x);
	if (x->step == STEP_OPENED)
		return wait_of_opened(x);
	if (x->step == STEP_HOP)
		return wait_of_hop(x);
	if (x->step == STEP_RELAY)
		return wait_of_relay(x);
	return (struct waiting){ERR_none, 0};
}

/* Changes whenever bytes of this exchange move, also out of a send buffer. */
static uint64_t progress_of(const struct exchange *x)
{
	const struct stream *u = x->hop == NULL ? NULL : x->hop->u;
	uint64_t sum = x->d->in_bytes + x->d->out_bytes + stream_room(x->d);

	if (u != NULL)
		sum += u->in_bytes + u->out_bytes + stream_room(u);
	return sum;
}

/* A slow reader empties the system's buffers long before ours: what is under way to it tells that it is alive. */
static size_t queued_of(const struct exchange *x, enum error wait)
{
	if (wait == ERR_client_write_timeout)
		return x->queued(x->owner);
	if (wait == ERR_send_timeout && x->hop->u != NULL)
		return lease_queued(&x->hop->lease);
	return 0;
}

/* Bounded as a whole, however many bytes come meanwhile: who sends a handshake byte by byte gains nothing. */
static bool is_total(enum error wait)
{
	return wait == ERR_client_tls_timeout;
}

void exchange_arm(struct exchange *x)
{
	enum { SETTLE_MS = 10 };
	struct waiting w = wait_of(x);
	uint64_t progress;

	if (x->settling > 0) {
		timer_set(&x->timer, SETTLE_MS);
		return;
	}
	if (w.error == ERR_none) {
		timer_stop(&x->timer);
		x->wait_error = ERR_none;
		return;
	}
	progress = progress_of(x);
	if (w.error == x->wait_error && (progress == x->wait_progress || is_total(w.error)))
		return;
	x->wait_error = w.error;
	x->wait_progress = progress;
	x->wait_queued = queued_of(x, w.error);
	timer_set(&x->timer, w.ms);
}

void exchange_on_due(void *owner)
{
	struct exchange *x = owner;

	if (x->settling > 0) {
		exchange_wake(x);
		return;
	}
	/* Bytes may have left a buffer without anybody being told. */
	if (!is_total(x->wait_error) && (progress_of(x) != x->wait_progress || queued_of(x, x->wait_error) != x->wait_queued)) {
		x->wait_error = ERR_none;
		exchange_arm(x);
		return;
	}
	/* What does not become a request is relayed. */
	if (x->step == STEP_PEEK && x->wait_error == ERR_request_head_timeout) {
		x->opening->is_tired = true;
		exchange_wake(x);
		return;
	}
	if (x->step == STEP_PEEK && x->hop_error != ERR_none && x->wait_error == x->hop_error)
		exchange_go(x, exchange_fail(x, x->hop_error, x->hop->facts.detail));
	else if (x->facts.is_tunnel && x->down.is_ended)
		exchange_go(x, STEP_DONE);
	else
		exchange_strike(x, x->wait_error);
}
