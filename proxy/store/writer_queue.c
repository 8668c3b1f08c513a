/* The queue of flows, and how it is written: rows of exchanges, then of hops, then the few others. Not for the columns:
 * writer_exchange.c, writer_hops.c. */
#include "store/writer_queue.h"

#include "base/mem.h"
#include "store/writer_part.h"

/* Some flows of the queue, one after the other. */
struct span {
	struct writer *w;
	const struct queued_flow *flows;
	size_t n;
	const struct queued_hop *hops; /* theirs */
	size_t hops_n;
};

bool writer_queue_has(const struct writer_queue *q, uint64_t id)
{
	for (size_t i = 0; i < q->n; i++) {
		if (q->flows[i].x->id == id)
			return true;
	}
	return false;
}

bool writer_queue_is_full(const struct writer_queue *q)
{
	return q->n == WRITER_QUEUE_FLOWS;
}

void writer_queue_clear(struct writer_queue *q)
{
	for (size_t i = 0; i < q->n; i++)
		arena_free(q->flows[i].arena);
	q->n = q->hops_n = 0;
}

void writer_queue_fini(struct writer_queue *q)
{
	writer_queue_clear(q);
	mem_free(q->hops);
}

bool writer_is_record_fault(int rc)
{
	int primary = rc & 0xff;

	return primary == SQLITE_TOOBIG || primary == SQLITE_CONSTRAINT || primary == SQLITE_MISMATCH ||
		primary == SQLITE_RANGE;
}

static struct queued_hop *next_hop(struct writer_queue *q)
{
	if (q->hops_n == q->hops_cap) {
		q->hops_cap = q->hops_cap > 0 ? q->hops_cap * 2 : WRITER_QUEUE_FLOWS;
		q->hops = mem_realloc(q->hops, q->hops_cap * sizeof(*q->hops));
	}
	return &q->hops[q->hops_n++];
}

int writer_enqueue(struct writer *w, const struct queued_flow *f)
{
	struct writer_queue *q = &w->queue;
	struct queued_flow *to = &q->flows[q->n];
	bool has_ended = f->x->outcome != OUTCOME_PENDING;
	int rc = SQLITE_OK;

	*to = *f;
	to->first_hop = q->hops_n;
	for (const struct hop_facts *h = f->x->hops; h && rc == SQLITE_OK; h = h->next) {
		struct queued_hop *hop = next_hop(q);

		*hop = (struct queued_hop){.flow = to, .h = h};
		rc = identity_book_note(w->identities, f->x->id, has_ended, h, &hop->noted);
	}
	if (rc == SQLITE_OK)
		q->n++;
	else
		q->hops_n = to->first_hop;
	return rc;
}

static int bind_exchange(void *owner, struct row *r, size_t i)
{
	const struct span *s = owner;

	return writer_bind_exchange(s->w, r, &s->w->texts[i % ROWS_AT_ONCE], &s->flows[i]);
}

static int bind_hop(void *owner, struct row *r, size_t i)
{
	const struct span *s = owner;

	return writer_bind_hop(s->w, r, &s->w->texts[i % ROWS_AT_ONCE], &s->hops[i]);
}

/* What few flows have. */
static int put_others(const struct span *s)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; i < s->n && rc == SQLITE_OK; i++) {
		const struct exchange_facts *x = s->flows[i].x;

		rc = writer_put_drops(s->w, x->id, 0, x->drops);
		if (rc == SQLITE_OK && x->is_tunnel)
			rc = writer_put_tunnel(s->w, x->id, &x->tunnel);
	}
	for (size_t i = 0; i < s->hops_n && rc == SQLITE_OK; i++)
		rc = writer_put_belongings(s->w, s->hops[i].flow->x->id, s->hops[i].h);
	return rc;
}

/* Exchanges come first: what is there of a flow is found by its row. */
static int put_span(struct span *s)
{
	int rc = rows_put(&s->w->exchanges, s->n, bind_exchange, s);

	if (rc == SQLITE_OK)
		rc = rows_put(&s->w->hops, s->hops_n, bind_hop, s);
	return rc == SQLITE_OK ? put_others(s) : rc;
}

/* n flows from number `from` on. */
static struct span span_of(struct writer *w, size_t from, size_t n)
{
	const struct writer_queue *q = &w->queue;
	size_t first = from < q->n ? q->flows[from].first_hop : q->hops_n;
	size_t end = from + n < q->n ? q->flows[from + n].first_hop : q->hops_n;

	return (struct span){w, q->flows + from, n, q->hops + first, end - first};
}

static void count(struct writer *w, const struct span *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct exchange_facts *x = s->flows[i].x;

		w->sum.ended += x->outcome != OUTCOME_PENDING;
		if (x->id > w->sum.last_id)
			w->sum.last_id = x->id;
	}
}

/* In place of whatever is there of it. */
static int put_alone(struct writer *w, size_t i)
{
	struct span one = span_of(w, i, 1);
	uint64_t id = one.flows->x->id;
	int rc = writer_delete(w, id);

	if (rc == SQLITE_OK)
		rc = put_span(&one);
	if (rc == SQLITE_OK)
		count(w, &one);
	if (!writer_is_record_fault(rc))
		return rc;
	w->sum.lost++;
	return writer_delete(w, id);
}

static int put_each(struct writer *w)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; i < w->queue.n && rc == SQLITE_OK; i++)
		rc = put_alone(w, i);
	return rc;
}

static void done(struct writer *w)
{
	for (size_t i = 0; i < w->queue.n; i++) {
		const struct exchange_facts *x = w->queue.flows[i].x;

		body_book_done(w->bodies, x->id, x->outcome != OUTCOME_PENDING);
	}
	writer_queue_clear(&w->queue);
}

int writer_flush(struct writer *w)
{
	struct span all = span_of(w, 0, w->queue.n);
	int rc = put_span(&all);

	if (rc == SQLITE_OK)
		count(w, &all);
	else if (writer_is_record_fault(rc))
		rc = put_each(w);
	if (rc == SQLITE_OK)
		done(w);
	return rc;
}
