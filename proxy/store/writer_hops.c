/* Hops to rows, with what belongs to them: heads, bodies, drops, cookies, and who answered. Values are bound without a copy. Not
 * for the exchange itself: writer_exchange.c. */
#include "store/writer_part.h"

/* Which row it is, and what came of it this time. */
static void put_identity(struct row *r, const struct identity_noted *noted, const struct peer_identity *i)
{
	struct str pin = str_of(i ? i->pin : NULL);

	row_i64_if(r, i != NULL, noted->id);
	row_opt(r, str_eq(pin, STR("none")) ? STR_NONE : pin);
	row_opt(r, str_of(i ? i->staple : NULL));
	row_opt(r, str_of(i ? i->unverified : NULL));
	row_i64_if(r, noted->change_id != 0, noted->change_id);
}

/* Where it led. */
static void put_route(struct row *r, struct row_texts *t, uint64_t id, const struct hop_facts *h)
{
	row_i64(r, (int64_t)id);
	row_i64(r, h->number);
	row_own(r, hop_reason_name(h->reason));
	row_bytes(r, h->url);
	writer_put_address(r, &h->peer, &t->peer);
	row_i64(r, h->is_reused);
	row_i64(r, h->is_reply);
	writer_put_status(r, h->response);
	row_own(r, h->tls ? h->tls->version : NULL);
	row_own(r, h->tls ? h->tls->cipher : NULL);
	row_i64(r, h->tls && h->tls->is_resumed);
	row_i64(r, h->started_us);
}

static void put_times(struct row *r, const struct hop_times *t)
{
	const int64_t times[] = {t->queue_us, t->resolve_us, t->connect_us, t->tls_us, t->send_us, t->wait_us, t->receive_us};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		row_i64_if(r, times[i] >= 0, times[i]);
}

static struct str extra_of(const struct hop_extra *extras, unsigned hop)
{
	while (extras && extras->hop != hop)
		extras = extras->next;
	return extras ? extras->json : STR_NONE;
}

int writer_bind_hop(struct writer *w, struct row *r, struct row_texts *t, const struct queued_hop *q)
{
	const struct hop_facts *h = q->h;
	uint64_t id = q->flow->x->id;
	struct body_ref up = body_book_ref(w->bodies, id, h->number, BODY_UP);
	struct body_ref down = body_book_ref(w->bodies, id, h->number, BODY_DOWN);
	int rc = writer_make_heads(w, t, id, h->request, h->response);

	if (rc != SQLITE_OK)
		return rc;
	put_route(r, t, id, h);
	put_times(r, &h->times);
	writer_put_sizes(r, h->request_head_bytes, h->request_body_bytes, h->response_head_bytes, h->response_body_bytes);
	writer_put_error(r, h->error, h->detail);
	row_opt(r, str_of(h->decision));
	row_own(r, h->peer_class);
	row_i64(r, h->delay_us);
	row_opt(r, h->cookies);
	row_opt(r, str_of(h->tls ? h->tls->alpn : NULL));
	row_opt(r, str_of(h->tls ? h->tls->server_name : NULL));
	put_identity(r, &q->noted, h->identity);
	writer_put_body(r, &up);
	writer_put_body(r, &down);
	writer_put_heads(r, t, h->request, h->response);
	row_opt(r, extra_of(q->flow->extras, h->number));
	return SQLITE_OK;
}

static int put_cookies(struct writer *w, uint64_t id, const struct hop_facts *h)
{
	int rc = SQLITE_OK;
	unsigned position = 1;

	for (const struct cookie_fate *f = h->fates; f && rc == SQLITE_OK; f = f->next) {
		struct row r = writer_row(w, PUT_COOKIE);

		row_i64(&r, (int64_t)id);
		row_i64(&r, h->number);
		row_i64(&r, position++);
		row_opt(&r, f->name);
		row_opt(&r, str_of(f->words));
		row_opt(&r, str_of(f->client_words));
		rc = row_end(&r);
	}
	return rc;
}

int writer_put_drops(struct writer *w, uint64_t id, unsigned hop, const struct drop *first)
{
	int rc = SQLITE_OK;
	unsigned position = 1;

	for (const struct drop *d = first; d && rc == SQLITE_OK; d = d->next) {
		struct row r = writer_row(w, PUT_DROP);

		row_i64(&r, (int64_t)id);
		row_i64(&r, hop);
		row_i64(&r, position++);
		row_bytes(&r, d->name);
		row_own(&r, d->why);
		rc = row_end(&r);
	}
	return rc;
}

int writer_put_belongings(struct writer *w, uint64_t id, const struct hop_facts *h)
{
	int rc = writer_put_drops(w, id, h->number, h->drops);

	return rc == SQLITE_OK ? put_cookies(w, id, h) : rc;
}
