/* The step HOP: an attempt is under way. */
#include "core/exchange.h"
#include "core/follow.h"
#include "core/worker.h"

static struct message *interim_new(struct exchange *x, int status)
{
	struct message *m = arena_zalloc(x->arena, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->version = VERSION_1_1;
	m->status = status;
	return m;
}

/* A client that closes looks like one that has only shut its side (RFC 9112 section 9.6), and one that is gone must not keep a hop going. What
 * is written to one that is gone comes back as a reset: an interim response, which every 1.1 client must expect at any time (RFC 9110 section
 * 15.2), tells the two apart. A 1.0 client can be told nothing before its answer. */
void exchange_probe(struct exchange *x)
{
	struct message *m;

	if (!x->d->is_peer_shut || x->is_probed || x->is_head_sent || x->d->head->version == VERSION_1_0)
		return;
	x->is_probed = true;
	m = interim_new(x, 100);
	if (m != NULL)
		stream_send_interim(x->d, m);
}

/* The client waits to be told to send its body. That is told at once: nothing can be judged before. */
static bool is_go_on(const struct exchange *x, const struct message *m)
{
	return m->status == 100 && x->d->framing.expects_100 && !x->is_told_100;
}

static void tell_to_go_on(struct exchange *x)
{
	struct message *m = interim_new(x, 100);

	x->is_told_100 = true;
	if (m != NULL)
		stream_send_interim(x->d, m);
}

/* A 1xx of an attempt that may yet be followed is none of the client's business unless it is delivered in the end. */
static void keep_interim(struct exchange *x, struct message *m)
{
	if (exchange_is_final(x))
		stream_send_interim(x->d, m);
	else if (x->interims < sizeof(x->held_interims) / sizeof(x->held_interims[0]))
		x->held_interims[x->interims++] = m;
}

static void relay_interim(struct exchange *x, struct stream *u)
{
	struct forward_response f = {.received = u->interim, .via = x->via};
	struct message *m = NULL;

	if (is_go_on(x, u->interim))
		tell_to_go_on(x);
	/* Behind a redirect its fields are for another place than the one that the client believes to have asked. */
	else if (x->chain.redirects == 0)
		m = forward_response(x->arena, &f, NULL);
	if (m != NULL)
		keep_interim(x, m);
	u->interim = NULL;
	stream_took(u);
}

/* The lease of the present hop has moved on. */
static void steer_former(struct exchange *x, const struct hop *h)
{
	if (x->chain.former == NULL)
		return;
	if (h->u != NULL)
		chain_release(x);
	else if (h->lease.state == LEASE_QUEUED)
		chain_let_go(x);
}

enum step step_hop(struct exchange *x)
{
	struct hop *h = x->hop;

	if (x->d->error != ERR_none)
		return exchange_fail(x, x->d->error, x->d->detail);
	exchange_probe(x);
	x->hop_error = hop_advance(h);
	steer_former(x, h);
	/* Runs without a hop, too: what a redirect dropped is read to its end. */
	if (exchange_has_upload(x))
		upload_run(&x->upload);
	if (x->upload.is_broken && x->hop_error == ERR_none && !hop_is_answered(h))
		x->hop_error = ERR_replay_failed;
	while (h->u != NULL && h->u->interim != NULL)
		relay_interim(x, h->u);
	if (x->hop_error != ERR_none || hop_is_answered(h))
		return STEP_JUDGE;
	return STEP_WAIT;
}
