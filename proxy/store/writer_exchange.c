/* The row of an exchange, and that of its tunnel. Values are bound without a copy. Not for its hops:
 * writer_hops.c. */
#include "store/writer_part.h"

#include "store/origin_text.h"

/* Host and port of a CONNECT whose target was not kept parsed. */
static void put_connect_target(struct row *r, struct str url)
{
	size_t colon = url.len;
	uint64_t port;

	while (colon > 0 && url.p[colon - 1] != ':')
		colon--;
	if (colon == 0 || !str_to_u64(str_from(url, colon), UINT16_MAX, &port)) {
		row_opt(r, url);
		row_null(r);
		return;
	}
	row_opt(r, str_first(url, colon - 1));
	row_i64(r, (int64_t)port);
}

/* scheme, host, port, path, query; a CONNECT has only host and port. */
static void put_target(struct row *r, const struct exchange_facts *x)
{
	const struct url *u = &x->target;
	bool is_connect = x->request && x->request->method == METHOD_CONNECT;
	bool has_path = x->has_target && !is_connect;
	size_t mark = has_path ? str_find(u->path, '?') : 0;

	row_own(r, has_path ? scheme_name(u->scheme) : NULL);
	if (x->has_target) {
		row_opt(r, u->authority.host);
		row_i64(r, u->authority.port);
	} else {
		put_connect_target(r, is_connect ? x->url : STR_NONE);
	}
	row_opt(r, has_path ? str_first(u->path, mark) : STR_NONE);
	if (has_path && mark < u->path.len)
		row_bytes(r, str_from(u->path, mark + 1));
	else
		row_null(r);
}

/* What the response says of its body's type: as delivered, else as the last hop received it. */
static struct str content_type(const struct exchange_facts *x)
{
	const struct message *m = x->response;

	for (const struct hop_facts *h = x->hops; !x->response && h; h = h->next)
		m = h->response;
	return m ? fields_value(&m->fields, STR("content-type")) : STR_NONE;
}

/* Of the client's side; NULL throughout where there was no TLS. */
static void put_client_leg(struct row *r, const struct tls_leg *leg)
{
	row_own(r, leg ? leg->version : NULL);
	row_own(r, leg ? leg->cipher : NULL);
	row_opt(r, str_of(leg ? leg->alpn : NULL));
	row_opt(r, str_of(leg ? leg->server_name : NULL));
	row_i64_if(r, leg != NULL, leg && leg->is_resumed);
}

/* Whose request it is, and when it came. */
static void put_origin(struct row *r, const struct writer *w, struct row_texts *t, const struct exchange_facts *x,
	int64_t change)
{
	bool has_ended = x->outcome != OUTCOME_PENDING;

	row_i64(r, (int64_t)x->id);
	row_i64(r, change);
	row_i64(r, w->run);
	row_i64(r, x->worker);
	row_i64(r, (int64_t)x->client_id);
	row_i64(r, x->client_request);
	writer_put_address(r, &x->client, &t->client);
	writer_put_address(r, &x->listener, &t->listener);
	row_opt(r, x->user);
	row_i64(r, x->started_us);
	row_i64_if(r, has_ended, x->ended_us);
	row_i64_if(r, has_ended, x->duration_us);
	row_opt(r, x->request ? x->request->method_name : STR_NONE);
	row_opt(r, x->url);
}

/* What came of it. */
static void put_end(struct row *r, const struct exchange_facts *x)
{
	writer_put_status(r, x->response);
	row_opt(r, content_type(x));
	row_own(r, outcome_name(x->outcome));
	writer_put_error(r, x->error, x->detail);
	writer_put_sizes(r, x->request_head_bytes, x->request_body_bytes, x->response_head_bytes, x->response_body_bytes);
	row_i64(r, x->hops_n);
	row_i64(r, x->is_tunnel);
	row_opt(r, x->final_url);
	row_opt(r, origin_text_host(x->final_url));
	row_i64(r, x->redirects);
	row_i64(r, x->retries);
	row_i64_if(r, x->parent_id != 0, (int64_t)x->parent_id);
	put_client_leg(r, x->client_tls);
}

int writer_bind_exchange(struct writer *w, struct row *r, struct row_texts *t, const struct queued_flow *f)
{
	const struct exchange_facts *x = f->x;
	struct body_ref body = body_book_ref(w->bodies, x->id, 0, BODY_DOWN);
	int rc = writer_make_heads(w, t, x->id, x->request, x->response);

	if (rc != SQLITE_OK)
		return rc;
	put_origin(r, w, t, x, f->change);
	put_target(r, x);
	put_end(r, x);
	row_i64_if(r, f->session_id != 0, f->session_id);
	writer_put_request_length(r, x->request);
	writer_put_response_length(r, x->request, x->response);
	writer_put_body(r, &body);
	writer_put_heads(r, t, x->request, x->response);
	row_opt(r, f->comment);
	return SQLITE_OK;
}

static const char *tls_version_text(uint16_t version)
{
	switch (version) {
	case 0x0304:
		return "TLS 1.3";
	case 0x0303:
		return "TLS 1.2";
	case 0x0302:
		return "TLS 1.1";
	case 0x0301:
		return "TLS 1.0";
	case 0x0300:
		return "SSL 3.0";
	default:
		return NULL;
	}
}

int writer_put_tunnel(struct writer *w, uint64_t id, const struct tunnel_facts *t)
{
	struct row r = writer_row(w, PUT_TUNNEL);
	const struct clienthello *hello = t->has_hello ? &t->hello : NULL;

	row_i64(&r, (int64_t)id);
	row_i64(&r, (int64_t)t->up_bytes);
	row_i64(&r, (int64_t)t->down_bytes);
	row_opt(&r, str_of(hello ? hello->server_name : NULL));
	row_opt(&r, str_of(hello ? hello->alpn : NULL));
	row_own(&r, hello ? tls_version_text(hello->version) : NULL);
	row_i64_if(&r, hello != NULL, hello && hello->has_ech);
	row_own(&r, hello ? hello->ja4 : NULL);
	row_own(&r, tunnel_handling_name(t->handling));
	row_opt(&r, str_of(t->why));
	return row_end(&r);
}
