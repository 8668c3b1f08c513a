/* Heads to columns: a start line, and fields as references and pairs (head_book.h). Not for reading them: heads.c. */
#include "store/writer_part.h"

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

static int make_head(struct writer *w, struct head_text *h, uint64_t id, const struct message *m)
{
	int rc;

	if (!m)
		return SQLITE_OK;
	format_start_line(&h->line, m);
	text_clear(&h->fields);
	text_clear(&h->trailers);
	rc = head_book_put(w->heads, &h->fields, &m->fields, id, m->is_request);
	if (rc == SQLITE_OK && m->trailers.n > 0)
		rc = head_book_put(w->heads, &h->trailers, &m->trailers, id, m->is_request);
	return rc;
}

int writer_make_heads(struct writer *w, struct row_texts *t, uint64_t id, const struct message *request,
	const struct message *response)
{
	int rc = make_head(w, &t->request, id, request);

	return rc == SQLITE_OK ? make_head(w, &t->response, id, response) : rc;
}

static void put_head(struct row *r, const struct message *m, const struct head_text *h)
{
	if (!m) {
		row_null(r);
		row_null(r);
		row_null(r);
		return;
	}
	row_bytes(r, text_str(&h->line));
	row_json(r, text_str(&h->fields));
	row_json(r, text_str(&h->trailers));
}

void writer_put_heads(struct row *r, const struct row_texts *t, const struct message *request, const struct message *response)
{
	put_head(r, request, &t->request);
	put_head(r, response, &t->response);
}

static void put_length(struct row *r, const struct message *m)
{
	struct str value = m ? fields_value(&m->fields, STR("content-length")) : STR_NONE;
	uint64_t n = 0;
	bool is_known = str_to_u64(value, INT64_MAX, &n);

	row_i64_if(r, is_known, (int64_t)n);
}

void writer_put_request_length(struct row *r, const struct message *request)
{
	put_length(r, request);
}

/* RFC 9110 section 8.6: there, the field tells what the body of another response would be. */
void writer_put_response_length(struct row *r, const struct message *request, const struct message *response)
{
	bool is_bodiless = response && (response->status == 304 || (request && request->method == METHOD_HEAD));

	put_length(r, is_bodiless ? NULL : response);
}
