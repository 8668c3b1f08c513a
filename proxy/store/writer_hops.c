/* Hops to rows, with what belongs to them: heads, drops, cookies, and who answered. Values are bound without a copy. Not for
 * the exchange itself: writer.c. */
#include "store/writer_part.h"

#include "store/json.h"

struct row writer_row(struct writer *w, enum statement statement)
{
	return (struct row){w->statements[statement], 0};
}

void writer_put_error(struct row *r, enum error error, const char *detail)
{
	row_own(r, error == ERR_none ? NULL : error_name(error));
	row_opt(r, str_of(detail));
}

void writer_put_sizes(struct row *r, uint64_t request_head, uint64_t request_body, uint64_t response_head,
	uint64_t response_body)
{
	row_i64(r, (int64_t)request_head);
	row_i64(r, (int64_t)request_body);
	row_i64(r, (int64_t)response_head);
	row_i64(r, (int64_t)response_body);
}

void writer_put_status(struct row *r, const struct message *response)
{
	row_i64_if(r, response != NULL, response ? response->status : 0);
}

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

static int put_hop(struct writer *w, uint64_t id, const struct hop_facts *h, const struct identity_noted *noted)
{
	struct row r = writer_row(w, PUT_HOP);
	char peer[ADDRESS_TEXT_BYTES];
	const int64_t times[] = {h->times.queue_us, h->times.resolve_us, h->times.connect_us, h->times.tls_us, h->times.send_us,
		h->times.wait_us, h->times.receive_us};

	row_i64(&r, (int64_t)id);
	row_i64(&r, h->number);
	row_own(&r, hop_reason_name(h->reason));
	row_bytes(&r, h->url);
	row_own(&r, address_format(&h->peer, peer));
	row_i64(&r, h->is_reused);
	row_i64(&r, h->is_reply);
	writer_put_status(&r, h->response);
	row_own(&r, h->tls ? h->tls->version : NULL);
	row_own(&r, h->tls ? h->tls->cipher : NULL);
	row_i64(&r, h->tls && h->tls->is_resumed);
	row_i64(&r, h->started_us);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		row_i64_if(&r, times[i] >= 0, times[i]);
	writer_put_sizes(&r, h->request_head_bytes, h->request_body_bytes, h->response_head_bytes, h->response_body_bytes);
	writer_put_error(&r, h->error, h->detail);
	row_opt(&r, str_of(h->decision));
	row_own(&r, h->peer_class);
	row_i64(&r, h->delay_us);
	row_opt(&r, h->cookies);
	row_opt(&r, str_of(h->tls ? h->tls->alpn : NULL));
	row_opt(&r, str_of(h->tls ? h->tls->server_name : NULL));
	put_identity(&r, noted, h->identity);
	return row_end(&r);
}

/* hop 0: response fields that were left out for the client. */
static int put_drops(struct writer *w, uint64_t id, unsigned hop, const struct drop *first)
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

static void format_start_line(struct text *t, const struct message *m)
{
	text_clear(t);
	if (m->is_request) {
		text_put(t, m->method_name);
		text_byte(t, ' ');
		text_put(t, m->target);
		text_byte(t, ' ');
		text_put(t, str_of(version_name(m->version)));
		return;
	}
	text_put(t, str_of(version_name(m->version)));
	text_byte(t, ' ');
	text_i64(t, m->status);
	text_byte(t, ' ');
	text_put(t, m->reason);
}

/* hop 0: the client's side. A head that there was not is no row. */
static int put_head(struct writer *w, uint64_t id, unsigned hop, const struct message *m)
{
	struct row r = writer_row(w, PUT_HEAD);

	if (!m)
		return SQLITE_OK;
	format_start_line(&w->start_line, m);
	text_clear(&w->fields);
	json_fields(&w->fields, &m->fields);
	row_i64(&r, (int64_t)id);
	row_i64(&r, hop);
	row_own(&r, m->is_request ? "request" : "response");
	row_bytes(&r, text_str(&w->start_line));
	sqlite3_bind_text64(r.s, ++r.at, w->fields.p, w->fields.len, SQLITE_STATIC, SQLITE_UTF8);
	if (m->trailers.n > 0) {
		text_clear(&w->trailers);
		json_fields(&w->trailers, &m->trailers);
		sqlite3_bind_text64(r.s, ++r.at, w->trailers.p, w->trailers.len, SQLITE_STATIC, SQLITE_UTF8);
	} else {
		row_null(&r);
	}
	return row_end(&r);
}

int writer_put_messages(struct writer *w, uint64_t id, unsigned hop, const struct message *request,
	const struct message *response, const struct drop *drops)
{
	int rc = put_head(w, id, hop, request);

	if (rc == SQLITE_OK)
		rc = put_head(w, id, hop, response);
	return rc == SQLITE_OK ? put_drops(w, id, hop, drops) : rc;
}

int writer_put_hops(struct writer *w, const struct exchange_facts *x)
{
	bool has_ended = x->outcome != OUTCOME_PENDING;
	int rc = SQLITE_OK;

	for (const struct hop_facts *h = x->hops; h && rc == SQLITE_OK; h = h->next) {
		struct identity_noted noted;

		rc = identity_book_note(w->identities, x->id, has_ended, h, &noted);
		if (rc == SQLITE_OK)
			rc = put_hop(w, x->id, h, &noted);
		if (rc == SQLITE_OK)
			rc = writer_put_messages(w, x->id, h->number, h->request, h->response, h->drops);
		if (rc == SQLITE_OK)
			rc = put_cookies(w, x->id, h);
	}
	return rc;
}
