/* Views as JSON. Not for reading: query.c. */
#include "store/view_json.h"

#include "store/format.h"
#include "store/json.h"

#include <stdio.h>

static void put_tunnel(struct text *t, const struct tunnel_view *v)
{
	json_key(t, "tunnel");
	text_byte(t, '{');
	json_i64(t, "up_bytes", (int64_t)v->up_bytes);
	json_i64(t, "down_bytes", (int64_t)v->down_bytes);
	json_opt(t, "sni", v->sni);
	json_opt(t, "alpn", v->alpn);
	json_opt(t, "tls_version", v->tls_version);
	if (v->has_hello)
		json_bool(t, "has_ech", v->has_ech);
	json_opt(t, "ja4", v->ja4);
	json_str(t, "handling", v->handling);
	json_opt(t, "why", v->why);
	text_byte(t, '}');
}

static void put_time(struct text *t, const char *key, int64_t us)
{
	json_key(t, key);
	text_byte(t, '"');
	format_time_utc(t, us);
	text_byte(t, '"');
}

static void put_target(struct text *t, const struct flow_view *v)
{
	json_opt(t, "method", v->method);
	json_opt(t, "url", v->url);
	json_opt(t, "scheme", v->scheme);
	json_opt(t, "host", v->host);
	json_opt_i64(t, "port", v->port);
	json_opt(t, "path", v->path);
	json_opt(t, "query", v->query);
}

static void put_client(struct text *t, const struct flow_view *v)
{
	json_i64(t, "run", v->run);
	json_i64(t, "worker", v->worker);
	json_i64(t, "client_id", v->client_id);
	json_i64(t, "client_request", v->client_request);
	json_opt(t, "client", v->client);
	json_opt(t, "listener", v->listener);
	json_opt(t, "user", v->user);
}

/* What is known of the client's TLS; nothing but null where there was none. */
static void put_client_tls(struct text *t, const struct leg_view *v)
{
	json_opt(t, "client_tls_version", v->version);
	json_opt(t, "client_tls_cipher", v->cipher);
	json_opt(t, "client_tls_alpn", v->alpn);
	json_opt(t, "client_tls_server_name", v->server_name);
	if (v->resumed < 0)
		json_opt_i64(t, "client_tls_resumed", -1);
	else
		json_bool(t, "client_tls_resumed", v->resumed > 0);
}

/* Which body was kept, and how whole it is; null where none passed, or none is kept. */
static void put_body(struct text *t, const char *key, const struct kept_body *b)
{
	json_key(t, key);
	if (b->id < 0 && b->cut.len == 0) {
		text_put(t, STR("null"));
		return;
	}
	text_byte(t, '{');
	json_opt_i64(t, "id", b->id);
	json_opt(t, "cut", b->cut);
	text_byte(t, '}');
}

/* Sizes of both sides of the client, and what its heads say of the bodies. */
static void put_sizes(struct text *t, const struct flow_view *v)
{
	json_i64(t, "request_head_bytes", (int64_t)v->request_head_bytes);
	json_i64(t, "request_body_bytes", (int64_t)v->request_body_bytes);
	json_i64(t, "response_head_bytes", (int64_t)v->response_head_bytes);
	json_i64(t, "response_body_bytes", (int64_t)v->response_body_bytes);
	json_opt_i64(t, "request_length_bytes", v->request_length_bytes);
	json_opt_i64(t, "response_length_bytes", v->response_length_bytes);
}

void view_json_flow(struct text *t, const struct flow_view *v)
{
	text_byte(t, '{');
	json_i64(t, "id", (int64_t)v->id);
	json_i64(t, "change", v->change);
	put_time(t, "started", v->started_us);
	json_i64(t, "started_us", v->started_us);
	json_opt_i64(t, "ended_us", v->ended_us);
	json_opt_i64(t, "duration_us", v->duration_us);
	put_target(t, v);
	json_opt_i64(t, "status", v->status);
	json_opt(t, "content_type", v->content_type);
	json_str(t, "outcome", v->outcome);
	json_opt(t, "error", v->error);
	json_opt(t, "detail", v->detail);
	put_sizes(t, v);
	put_client(t, v);
	json_i64(t, "hops", v->hops);
	json_i64(t, "redirects", v->redirects);
	json_i64(t, "retries", v->retries);
	json_opt(t, "final_url", v->final_url);
	json_opt(t, "final_host", v->final_host);
	json_opt_i64(t, "session_id", v->session_id);
	json_opt(t, "comment", v->comment);
	put_body(t, "response_body", &v->response_body);
	json_opt_i64(t, "parent_id", v->parent_id);
	put_client_tls(t, &v->client_tls);
	json_bool(t, "is_tunnel", v->is_tunnel);
	if (v->is_tunnel)
		put_tunnel(t, &v->tunnel);
}

void view_json_drop(struct text *t, struct str name, struct str why)
{
	json_next(t);
	text_byte(t, '{');
	json_str(t, "name", name);
	json_opt(t, "why", why);
	text_byte(t, '}');
}

void view_json_drops(struct text *t, const char *key, const struct drop_rows *l)
{
	json_key(t, key);
	text_byte(t, '[');
	for (size_t i = 0; i < l->n; i++)
		view_json_drop(t, l->v[i].name, l->v[i].why);
	text_byte(t, ']');
}

void view_json_cookie(struct text *t, struct str name, struct str fate, struct str client)
{
	json_next(t);
	text_byte(t, '{');
	json_str(t, "name", name);
	json_opt(t, "fate", fate);
	json_opt(t, "client", client);
	text_byte(t, '}');
}

static void put_cookies(struct text *t, const struct cookie_rows *l)
{
	json_key(t, "cookies_set");
	text_byte(t, '[');
	for (size_t i = 0; i < l->n; i++)
		view_json_cookie(t, l->v[i].name, l->v[i].fate, l->v[i].client);
	text_byte(t, ']');
}

void view_json_identity(struct text *t, const struct identity_view *v)
{
	if (!v) {
		text_put(t, STR("null"));
		return;
	}
	text_byte(t, '{');
	json_i64(t, "id", v->id);
	json_str(t, "host", v->host);
	json_i64(t, "port", v->port);
	json_opt(t, "subject", v->subject);
	json_opt(t, "issuer", v->issuer);
	json_opt(t, "chain", v->chain);
	json_str(t, "certificate_sha256", v->certificate_sha256);
	json_opt(t, "spki_sha256", v->spki_sha256);
	json_i64(t, "not_before_s", v->not_before_s);
	json_i64(t, "not_after_s", v->not_after_s);
	json_i64(t, "first_us", v->first_us);
	json_i64(t, "last_us", v->last_us);
	json_i64(t, "shown_us", v->shown_us);
	json_i64(t, "first_exchange_id", v->first_exchange_id);
	json_i64(t, "flows", v->flows);
	json_i64(t, "refused_flows", v->refused_flows);
	json_bool(t, "is_accepted", v->is_accepted);
	json_bool(t, "is_verified", v->is_verified);
	text_byte(t, '}');
}

void view_json_change(struct text *t, const struct change_view *v)
{
	if (!v) {
		text_put(t, STR("null"));
		return;
	}
	text_byte(t, '{');
	json_i64(t, "id", v->id);
	json_str(t, "host", v->host);
	json_i64(t, "port", v->port);
	put_time(t, "at", v->at_us);
	json_i64(t, "at_us", v->at_us);
	json_str(t, "what", v->what);
	json_opt(t, "before", v->before);
	json_opt(t, "after", v->after);
	json_i64(t, "before_id", v->before_id);
	json_i64(t, "after_id", v->after_id);
	json_i64(t, "exchange_id", v->exchange_id);
	json_i64(t, "times", v->times);
	json_i64(t, "last_us", v->last_us);
	json_bool(t, "is_accepted", v->is_accepted);
	text_byte(t, '}');
}

/* Of a hop: its TLS, and who answered. */
static void put_hop_tls(struct text *t, const struct hop_view *v)
{
	json_opt(t, "tls_version", v->tls_version);
	json_opt(t, "tls_cipher", v->tls_cipher);
	json_bool(t, "tls_resumed", v->tls_resumed);
	json_opt(t, "tls_alpn", v->tls_alpn);
	json_opt(t, "tls_server_name", v->tls_server_name);
	json_opt(t, "tls_pin", v->tls_pin);
	json_opt(t, "tls_staple", v->tls_staple);
	json_opt(t, "tls_unverified", v->tls_unverified);
	json_opt_i64(t, "identity_id", v->identity_id);
	json_key(t, "identity");
	view_json_identity(t, v->identity);
	json_opt_i64(t, "identity_change_id", v->identity_change_id);
	json_key(t, "identity_change");
	view_json_change(t, v->identity_change);
}

void view_json_hop(struct text *t, const struct hop_view *v)
{
	char key[32];

	text_byte(t, '{');
	json_i64(t, "number", v->number);
	json_str(t, "reason", v->reason);
	json_str(t, "url", v->url);
	json_opt(t, "peer", v->peer);
	json_opt(t, "peer_class", v->peer_class);
	json_bool(t, "is_reused", v->is_reused);
	json_bool(t, "is_reply", v->is_reply);
	json_opt_i64(t, "status", v->status);
	put_hop_tls(t, v);
	json_i64(t, "started_us", v->started_us);
	json_i64(t, "delay_us", v->delay_us);
	for (size_t i = 0; i < HOP_PHASES; i++) {
		snprintf(key, sizeof(key), "%s_us", hop_phase_name(i));
		json_opt_i64(t, key, v->times_us[i]);
	}
	json_i64(t, "request_head_bytes", (int64_t)v->request_head_bytes);
	json_i64(t, "request_body_bytes", (int64_t)v->request_body_bytes);
	json_i64(t, "response_head_bytes", (int64_t)v->response_head_bytes);
	json_i64(t, "response_body_bytes", (int64_t)v->response_body_bytes);
	put_body(t, "request_body", &v->request_body);
	put_body(t, "response_body", &v->response_body);
	json_opt(t, "error", v->error);
	json_opt(t, "detail", v->detail);
	json_opt(t, "decision", v->decision);
	view_json_drops(t, "dropped", &v->drops);
	json_names(t, "cookies_added", v->cookies_added);
	put_cookies(t, &v->cookies);
}

void view_json_session(struct text *t, const struct session_view *v)
{
	text_byte(t, '{');
	json_i64(t, "id", v->id);
	json_opt_i64(t, "run", v->run);
	json_str(t, "name", v->name);
	put_time(t, "started", v->started_us);
	json_i64(t, "started_us", v->started_us);
	json_opt_i64(t, "ended_us", v->ended_us);
	json_bool(t, "is_import", v->is_import);
	json_i64(t, "flows", v->flows);
	text_byte(t, '}');
}

void view_json_head(struct text *t, const struct head_view *v)
{
	if (!v) {
		text_put(t, STR("null"));
		return;
	}
	text_byte(t, '{');
	json_str(t, "start_line", v->start_line);
	json_key(t, "fields");
	json_fields(t, &v->fields);
	json_key(t, "trailers");
	json_fields(t, &v->trailers);
	text_byte(t, '}');
}
