/* The step RELAY: the response, or the tunnel, goes to the client. */
#include "core/exchange.h"

#include "base/clock.h"
#include "core/worker.h"

static void peek(void *owner, struct str piece)
{
	struct exchange *x = owner;

	tunnel_peek(&x->tunnel, piece);
	if (x->tunnel.is_peek_over)
		x->up.on_piece = NULL;
}

/* A body without one: the lengths that the head states are still the client's to know. */
static void plan_head_only(const struct message *m, struct body_plan *plan)
{
	struct str length = fields_value(&m->fields, STR("Content-Length"));

	plan->is_head_only = true;
	plan->kind = BODY_NONE;
	if (str_to_u64(length, INT64_MAX, &plan->length))
		plan->kind = BODY_LENGTH;
	else if (fields_count(&m->fields, STR("Transfer-Encoding")) > 0)
		plan->kind = BODY_CHUNKED;
}

static bool is_much_to_come(const struct stream *d)
{
	enum { LITTLE_BYTES = 65536 };

	return d->framing.kind != BODY_LENGTH || d->framing.length - d->in_bytes > LITTLE_BYTES;
}

/* After a request that was not understood, or a refused tunnel, what follows has no known meaning. */
static bool must_close(const struct exchange *x)
{
	const struct message *request = x->facts.request;

	if (request == NULL || x->d->error != ERR_none || request->method == METHOD_CONNECT || x->worker->is_draining)
		return true;
	if (x->refusal != ERR_none)
		return true;
	/* The answer came early. A little is read of what is still to come; a client with more to send is told that it is of no use. */
	if (!x->d->in_end && (x->outcome == OUTCOME_FAILED || is_much_to_come(x->d)))
		return true;
	return x->outcome == OUTCOME_FAILED && error_row(x->error)->phase == PHASE_ARRIVE;
}

/* Not what an origin said: an error, a help page. A redirect that was put aside is a reply only by the way it is kept. */
static bool is_made_here(const struct exchange *x)
{
	return x->reply != NULL && !x->chain.is_returned;
}

static struct body_plan response_plan(const struct exchange *x)
{
	const struct message *m = x->source->head;
	const struct framing *f = &x->source->framing;
	struct body_plan plan = {.kind = f->kind, .length = f->length};
	const struct message *request = x->facts.request;

	if (request != NULL && request->method == METHOD_HEAD) {
		plan_head_only(m, &plan);
		if (is_made_here(x)) {
			plan.kind = BODY_LENGTH;
			plan.length = f->length;
		}
	} else if (m->status == 304) {
		plan_head_only(m, &plan);
	} else if (f->kind == BODY_CLOSE) {
		plan.kind = BODY_CHUNKED;
	} else if (f->kind == BODY_NONE && m->status != 204) {
		plan.kind = BODY_LENGTH;
		plan.length = 0;
	}
	plan.close = must_close(x);
	return plan;
}

/* Who speaks with whom is known. */
static void relay_join(struct exchange *x)
{
	x->down.from = x->source;
	x->down.to = x->d;
	if (!x->facts.is_tunnel) {
		/* A redirect that was put aside has been seen. */
		x->down.on_piece = x->reply != NULL && x->chain.is_returned ? NULL : exchange_on_down_piece;
		x->down.owner = x;
		return;
	}
	tunnel_init(&x->tunnel, &x->facts.tunnel);
	x->up = (struct pipe){.from = x->d, .to = x->source, .on_piece = peek, .owner = x};
	/* It may have been seen already. */
	if (x->facts.tunnel.has_hello)
		x->up.on_piece = NULL;
}

/* A 2xx to CONNECT has neither a length nor a body (RFC 9110 section 9.3.6). */
static struct message *begin_connect(struct exchange *x, struct body_plan *plan)
{
	struct message *m = arena_zalloc(x->arena, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->version = VERSION_1_1;
	m->status = 200;
	m->reason = STR("OK");
	*plan = (struct body_plan){.kind = BODY_RAW};
	x->facts.is_tunnel = true;
	return m;
}

static struct message *begin_upgrade(struct exchange *x, struct body_plan *plan)
{
	struct forward_response f = {.received = x->source->head, .via = x->via, .keep_upgrade = true};
	struct message *m = forward_response(x->arena, &f, &x->facts.drops);

	*plan = (struct body_plan){.kind = BODY_RAW, .is_upgrade = true};
	stream_make_raw(x->source);
	x->facts.is_tunnel = true;
	return m;
}

static struct str count_words(struct exchange *x, unsigned n, const char *one, const char *many)
{
	return n == 0 ? STR("") : arena_printf(x->arena, "%u %s", n, n == 1 ? one : many);
}

/* "2 redirects followed, 1 retry; returned: target is private". p NULL when the arena is full. */
static struct str chain_words(struct exchange *x)
{
	struct str redirects = count_words(x, x->chain.redirects, "redirect followed", "redirects followed");
	struct str retries = count_words(x, x->chain.retries, "retry", "retries");
	const char *comma = redirects.len > 0 && retries.len > 0 ? ", " : "";
	const char *words = x->tells_decision && x->decision != NULL ? x->decision : "";
	const char *semicolon = words[0] != '\0' && redirects.len + retries.len > 0 ? "; " : "";

	if (redirects.p == NULL || retries.p == NULL)
		return STR_NONE;
	return arena_printf(x->arena, "%.*s%s%.*s%s%s", STR_ARG(redirects), comma, STR_ARG(retries), semicolon, words);
}

/* What the client is told of the chain: nothing if there was none. */
static bool tell(struct exchange *x, struct message *m)
{
	struct str words, url = STR_NONE;

	if (x->settings->redirects_tell == REDIRECTS_TELL_OFF)
		return true;
	if (x->chain.redirects + x->chain.retries == 0 && !x->tells_decision)
		return true;
	words = chain_words(x);
	if (x->chain.redirects > 0) {
		url = url_text(x->arena, &x->hop->url);
		if (url.p == NULL)
			return false;
	}
	return words.p != NULL && forward_tell(x->arena, m, STR("viaduct"), x->hop->facts.number, url, words.p);
}

static struct message *begin_response(struct exchange *x, struct body_plan *plan)
{
	struct forward_response f = {.received = x->source->head, .via = x->via};
	struct message *m;

	*plan = response_plan(x);
	/* It has no hops behind it, and no Via. */
	if (is_made_here(x))
		return x->reply->head;
	if (x->chain.redirects > 0) {
		f.request = x->facts.request;
		f.first = &x->facts.target;
		f.final = &x->hop->url;
		f.jar = &x->chain.jar;
		f.freshness = &x->chain.freshness;
		f.now_s = clock_wall_us() / 1000000;
	}
	m = forward_response(x->arena, &f, &x->facts.drops);
	if (m == NULL || !tell(x, m))
		return NULL;
	return m;
}

static void send_head(struct exchange *x, struct message *m, const struct body_plan *plan)
{
	x->facts.response = m;
	x->is_head_sent = true;
	stream_send_head(x->d, m, plan);
	/* If the arena is full now, the record lacks these fields; the client does not. */
	(void)forward_add_sent(x->arena, m, &x->d->sent_framing);
}

bool exchange_grant_connect(struct exchange *x)
{
	struct body_plan plan;
	struct message *m = begin_connect(x, &plan);

	if (m == NULL)
		return false;
	send_head(x, m, &plan);
	return true;
}

static bool relay_begin(struct exchange *x)
{
	struct body_plan plan;
	struct message *m;

	if (x->reply == NULL && x->hop->is_tunnel)
		m = begin_connect(x, &plan);
	else if (x->source->framing.kind == BODY_RAW)
		m = begin_upgrade(x, &plan);
	else
		m = begin_response(x, &plan);
	if (m == NULL)
		return false;
	for (unsigned i = 0; i < x->interims; i++)
		stream_send_interim(x->d, x->held_interims[i]);
	x->interims = 0;
	send_head(x, m, &plan);
	relay_join(x);
	if (plan.is_head_only) {
		bufq_clear(&x->source->in);
		x->down.is_ended = true;
		stream_end(x->d, NULL);
	}
	return true;
}

static void relay_move(struct exchange *x)
{
	struct hop *h = x->reply == NULL ? x->hop : NULL;

	if (h != NULL)
		hop_note_sent(h);
	if (h != NULL && h->u->error == ERR_none && x->facts.is_tunnel)
		pipe_run(&x->up);
	else if (exchange_has_upload(x) && (h == NULL || h->u->error == ERR_none))
		upload_run(&x->upload);
	pipe_run(&x->down);
	if (x->facts.is_tunnel) {
		x->facts.tunnel.up_bytes = x->up.moved_bytes;
		x->facts.tunnel.down_bytes = x->down.moved_bytes;
	}
}

static bool relay_is_over(const struct exchange *x)
{
	if (!x->down.is_ended || !x->d->is_sent)
		return false;
	/* An origin that has said all it had may well not read to the end what the client has to say. */
	return !x->facts.is_tunnel || (x->up.is_ended && x->source->is_sent) || x->source->error != ERR_none;
}

/* The origin has said its last word and the client has it: that it goes then without ceremony breaks nothing off. */
static bool is_left(const struct exchange *x)
{
	return x->facts.is_tunnel && x->down.is_ended && x->d->is_sent && x->d->error == ERR_cancelled;
}

/* A client that closes looks like one that has shut its side, until it answers our bytes with a reset. So such a one is watched for
 * a moment before it is said that the response was delivered. */
static bool relay_is_settled(struct exchange *x)
{
	enum { LOOKS = 100 };

	if (x->facts.is_tunnel || x->settling >= LOOKS)
		return true;
	x->settling++;
	return x->is_settled(x->owner) && x->d->error != ERR_cancelled;
}

/* Some of what the client has to say has not reached the hop yet. */
static bool is_sending(const struct exchange *x)
{
	return x->facts.is_tunnel ? !x->up.is_ended : x->upload.to != NULL && !x->upload.is_ended;
}

/* Why it cannot go on; ERR_none while it can. An origin that breaks is told of when all that it sent has been passed on. */
static enum error relay_error(const struct exchange *x)
{
	enum error error = x->source->error;

	if (x->d->error == ERR_cancelled)
		return ERR_cancelled;
	/* The rest of the request will not come, and with it the end of an answer that waits for it. */
	if (is_sending(x) && !x->down.is_ended && x->d->error != ERR_none)
		return x->d->error;
	if (x->upload.is_broken && !x->down.is_ended)
		return ERR_replay_failed;
	if (x->reply != NULL || error == ERR_none || x->source->in.len > 0 || x->down.is_ended)
		return ERR_none;
	if (x->facts.is_tunnel && error == ERR_origin_closed)
		return ERR_tunnel_broken;
	return error;
}

enum step step_relay(struct exchange *x)
{
	enum error error;

	if (!x->is_head_sent && x->d->error != ERR_cancelled && !relay_begin(x))
		return exchange_fail(x, ERR_internal, NULL);
	/* The tunnel stands; what it carries is looked at first. */
	if (x->opening != NULL && !x->opening->is_decided && x->facts.is_tunnel)
		return STEP_PEEK;
	if (x->down.from == NULL)
		relay_join(x);
	if (x->d->error != ERR_cancelled)
		relay_move(x);
	if (relay_is_over(x) && x->d->error != ERR_cancelled)
		return relay_is_settled(x) ? STEP_DONE : STEP_WAIT;
	if (is_left(x))
		return STEP_DONE;
	error = relay_error(x);
	if (error != ERR_none)
		return exchange_fail(x, error, x->source->detail);
	return STEP_WAIT;
}
