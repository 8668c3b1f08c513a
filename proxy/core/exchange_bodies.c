/* What observers see of bodies: each piece at the place where it is taken away, on its way or into the void, so that it is seen once. Not for
 * tunnels. */
#include "core/exchange.h"
#include "core/worker.h"

static void observe(struct exchange *x, const struct hop_facts *h, enum body_direction d, struct str piece)
{
	for (size_t i = 0; i < x->worker->observers_n; i++) {
		const struct observer *o = &x->worker->observers[i];

		if (o->on_body != NULL)
			o->on_body(o->owner, &x->facts, h, d, piece);
	}
}

void exchange_on_up_piece(void *owner, struct str piece)
{
	struct exchange *x = owner;

	observe(x, &x->hop->facts, BODY_UP, piece);
}

void exchange_on_down_piece(void *owner, struct str piece)
{
	struct exchange *x = owner;

	observe(x, x->reply == NULL ? &x->hop->facts : NULL, BODY_DOWN, piece);
}

void exchange_observe_rest(struct exchange *x, const struct hop *h, const struct bufq *q)
{
	const struct piece *cursor = NULL;
	struct str span;

	while (!h->is_tunnel && bufq_each(q, &cursor, &span))
		observe(x, &h->facts, BODY_DOWN, span);
}
