/* Members of our own in HAR entries: what a proxy knows and a browser does not. Listed in HAR.md. */
#include "store/har/har_part.h"

#include "store/har/har_put.h"
#include "store/json.h"

static void open_object(struct text *t, const char *key)
{
	json_key(t, key);
	text_byte(t, '{');
}

void har_put_drops(struct text *t, const char *key, const struct drop_rows *l)
{
	if (l->n == 0)
		return;
	json_key(t, key);
	text_byte(t, '[');
	for (size_t i = 0; i < l->n; i++) {
		json_next(t);
		text_byte(t, '{');
		har_put_exact(t, "name", l->v[i].name);
		har_put_opt(t, "why", l->v[i].why);
		text_byte(t, '}');
	}
	text_byte(t, ']');
}

static void put_client_tls(struct text *t, const struct leg_view *v)
{
	if (v->resumed < 0)
		return;
	open_object(t, "clientTls");
	har_put_opt(t, "version", v->version);
	har_put_opt(t, "cipher", v->cipher);
	har_put_opt(t, "alpn", v->alpn);
	har_put_opt(t, "serverName", v->server_name);
	har_put_flag(t, "isResumed", v->resumed > 0);
	text_byte(t, '}');
}

/* Where it came from, and on which client connection. */
static void put_client(struct text *t, const struct flow_view *v)
{
	if (v->parent_id >= 0)
		json_i64(t, "parentId", v->parent_id);
	har_put_opt(t, "listener", v->listener);
	har_put_opt(t, "user", v->user);
	json_i64(t, "worker", v->worker);
	json_i64(t, "clientId", v->client_id);
	json_i64(t, "clientRequest", v->client_request);
}

static void put_end(struct har_out *x, const struct flow_view *v)
{
	har_put_time(x->t, "startedDateTime", v->started_us);
	if (v->ended_us >= 0)
		har_put_time(x->t, "endedDateTime", v->ended_us);
	if (v->duration_us >= 0)
		har_put_ms(x->t, "duration", v->duration_us);
	har_put_str(x->t, "outcome", v->outcome);
	har_put_opt(x->t, "error", v->error);
	har_put_opt(x->t, "detail", har_shown_words(x, v->detail));
	json_i64(x->t, "hops", v->hops);
	json_i64(x->t, "redirects", v->redirects);
	json_i64(x->t, "retries", v->retries);
	har_put_opt(x->t, "finalUrl", har_shown_url(x, v->final_url));
}

void har_put_flow_facts(struct har_out *x, const struct har_flow *f)
{
	const struct flow_view *v = f->v;

	open_object(x->t, "_flow");
	put_end(x, v);
	put_client(x->t, v);
	json_i64(x->t, "requestHeadBytes", (int64_t)v->request_head_bytes);
	json_i64(x->t, "requestBodyBytes", (int64_t)v->request_body_bytes);
	json_i64(x->t, "responseHeadBytes", (int64_t)v->response_head_bytes);
	json_i64(x->t, "responseBodyBytes", (int64_t)v->response_body_bytes);
	put_client_tls(x->t, &v->client_tls);
	har_put_drops(x->t, "dropped", &f->dropped);
	text_byte(x->t, '}');
}

static void put_cookie_fates(struct text *t, const struct cookie_rows *l)
{
	if (l->n == 0)
		return;
	json_key(t, "cookiesSet");
	text_byte(t, '[');
	for (size_t i = 0; i < l->n; i++) {
		json_next(t);
		text_byte(t, '{');
		har_put_exact(t, "name", l->v[i].name);
		har_put_opt(t, "fate", l->v[i].fate);
		har_put_opt(t, "client", l->v[i].client);
		text_byte(t, '}');
	}
	text_byte(t, ']');
}

static void put_chain(struct har_out *x, const struct har_flow *f, size_t i)
{
	const struct hop_view *v = &f->hops[i].v;

	open_object(x->t, "_redirectChain");
	json_i64(x->t, "id", (int64_t)f->v->id);
	json_i64(x->t, "index", (int64_t)i);
	json_opt_i64(x->t, "parent", (int64_t)i - 1);
	har_put_str(x->t, "reason", v->reason);
	har_put_opt(x->t, "decision", har_shown_words(x, v->decision));
	text_byte(x->t, '}');
}

void har_put_hop_facts(struct har_out *x, const struct har_flow *f, size_t i)
{
	const struct hop_view *v = &f->hops[i].v;

	put_chain(x, f, i);
	open_object(x->t, "_hop");
	har_put_opt(x->t, "peer", v->peer);
	har_put_opt(x->t, "peerClass", v->peer_class);
	har_put_flag(x->t, "isReused", v->is_reused);
	har_put_flag(x->t, "isReply", v->is_reply);
	har_put_flag(x->t, "isUnsent", !f->hops[i].request);
	if (v->delay_us > 0)
		har_put_ms(x->t, "delay", v->delay_us);
	if (v->cookies_added.len > 0)
		json_names(x->t, "cookiesAdded", v->cookies_added);
	put_cookie_fates(x->t, &v->cookies);
	har_put_opt(x->t, "error", v->error);
	har_put_opt(x->t, "detail", har_shown_words(x, v->detail));
	text_byte(x->t, '}');
	har_put_drops(x->t, "_dropped", &v->drops);
}

static void put_identity(struct text *t, const struct identity_view *v)
{
	har_put_opt(t, "host", v->host);
	if (v->port > 0)
		json_i64(t, "port", v->port);
	har_put_opt(t, "subject", v->subject);
	har_put_opt(t, "issuer", v->issuer);
	har_put_opt(t, "chain", v->chain);
	har_put_opt(t, "certificateSha256", v->certificate_sha256);
	har_put_opt(t, "spkiSha256", v->spki_sha256);
	har_put_time(t, "notBefore", v->not_before_s * 1000000);
	har_put_time(t, "notAfter", v->not_after_s * 1000000);
}

void har_put_tls(struct har_out *x, const struct hop_view *v)
{
	if (v->tls_version.len == 0 && !v->identity)
		return;
	open_object(x->t, "_tls");
	har_put_opt(x->t, "version", v->tls_version);
	har_put_opt(x->t, "cipher", v->tls_cipher);
	har_put_opt(x->t, "alpn", v->tls_alpn);
	har_put_opt(x->t, "serverName", v->tls_server_name);
	har_put_flag(x->t, "isResumed", v->tls_resumed);
	if (v->identity)
		put_identity(x->t, v->identity);
	har_put_opt(x->t, "pin", v->tls_pin);
	har_put_opt(x->t, "staple", v->tls_staple);
	har_put_opt(x->t, "unverified", v->tls_unverified);
	text_byte(x->t, '}');
}

void har_put_tunnel(struct har_out *x, const struct flow_view *v)
{
	const struct tunnel_view *w = &v->tunnel;
	bool is_connect = str_eq(v->method, STR("CONNECT"));

	if (!v->is_tunnel && !is_connect)
		return;
	open_object(x->t, "_tunnel");
	if (is_connect)
		har_put_opt(x->t, "target", har_shown_url(x, v->url));
	if (v->is_tunnel) {
		json_i64(x->t, "upBytes", (int64_t)w->up_bytes);
		json_i64(x->t, "downBytes", (int64_t)w->down_bytes);
		har_put_opt(x->t, "handling", w->handling);
		har_put_opt(x->t, "why", w->why);
		har_put_opt(x->t, "sni", w->sni);
		har_put_opt(x->t, "alpn", w->alpn);
		har_put_opt(x->t, "tlsVersion", w->tls_version);
		if (w->has_hello)
			json_bool(x->t, "hasEch", w->has_ech);
		har_put_opt(x->t, "ja4", w->ja4);
	}
	text_byte(x->t, '}');
}

/* Where a head is not what the entry shows; NULL: there is none to compare with. */
static void put_differences(struct har_out *x, const struct head_view *mine, const struct head_view *shown)
{
	if (!shown || !str_eq(mine->start_line, shown->start_line))
		har_put_exact(x->t, "line", har_shown_line(x, mine->start_line));
	if (!shown || !har_fields_equal(&mine->fields, &shown->fields))
		har_put_fields(x, "headers", &mine->fields);
	if (!har_fields_equal(&mine->trailers, shown ? &shown->trailers : &(struct fields){NULL, 0, 0}))
		har_put_fields(x, "trailers", &mine->trailers);
}

/* Takes an object away that nothing was put in. */
static void close_object(struct text *t, size_t before)
{
	text_byte(t, '}');
	if (t->p[t->len - 2] == '{')
		t->len = before;
}

void har_put_received(struct har_out *x, const struct har_flow *f)
{
	size_t before = x->t->len;

	open_object(x->t, "_asReceived");
	if (!str_eq(f->v->url, f->hops[0].v.url))
		har_put_exact(x->t, "url", har_shown_url(x, f->v->url));
	if (f->received && f->hops[0].request)
		put_differences(x, f->received, f->hops[0].request);
	close_object(x->t, before);
}

bool har_put_delivered(struct har_out *x, const struct har_flow *f)
{
	const struct head_view *last = f->hops[f->n - 1].response;
	const struct flow_view *v = f->v;
	size_t before = x->t->len;
	bool ok = true;

	if (!f->delivered) {
		if (last) {
			json_key(x->t, "_asDelivered");
			text_put(x->t, STR("null"));
		}
		return true;
	}
	open_object(x->t, "_asDelivered");
	put_differences(x, f->delivered, last);
	if (v->response_body.id >= 0 || v->response_body.cut.len > 0)
		ok = har_put_content(x,
			&(struct har_passed_body){v->response_body, v->response_body_bytes, &f->delivered->fields});
	close_object(x->t, before);
	return ok;
}
