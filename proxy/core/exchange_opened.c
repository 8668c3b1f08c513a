/* The step OPENED: a tunnel whose inside is spoken here. The requests in it are exchanges of their own; this one carries their bytes, and ends when the client
 * inside has ended. */
#include "core/exchange.h"

#include "core/carrier.h"
#include "core/worker.h"

/* How it went, for the record: a handshake that failed is a failure of this flow. */
static void note_outcome(struct exchange *x)
{
	const struct opening *o = x->opening;

	if (o->error == ERR_none || x->outcome != OUTCOME_PENDING)
		return;
	if (o->error == ERR_cancelled) {
		x->outcome = OUTCOME_CANCELLED;
		x->detail = o->detail;
		return;
	}
	x->outcome = OUTCOME_FAILED;
	x->error = o->error;
	x->detail = o->detail;
}

enum step step_opened(struct exchange *x)
{
	struct opening *o = x->opening;

	x->facts.tunnel.up_bytes = x->d->in_bytes;
	x->facts.tunnel.down_bytes = x->d->out_bytes;
	if (o->carrier != NULL)
		carrier_wake(o->carrier);
	if (!o->is_closed)
		return STEP_WAIT;
	if (!o->has_looked_back) {
		o->has_looked_back = true;
		opening_look_back(x);
		note_outcome(x);
	}
	if (x->d->error != ERR_none || o->is_aborted)
		return STEP_DONE;
	/* An alert of ours is the last word. */
	if (!x->d->is_sent)
		return STEP_WAIT;
	x->down.is_ended = true;
	return STEP_DONE;
}
