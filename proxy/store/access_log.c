/* The lines of the access log. Not for secrets: no other header value is told, and URLs are masked (mask.h). */
#include "store/access_log.h"

#include "base/log.h"
#include "store/format.h"
#include "store/json.h"
#include "store/redact/mask.h"
#include "store/view_json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

void access_log_open(struct sink *s, const char *path)
{
	int fd = -1;

	if (!path || *path == '\0') {
		sink_init(s, -1, "");
		return;
	}
	/* Not blocking: a log that is a pipe without a reader must not hold anyone. */
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd < 0)
		log_error("%s: the access log cannot be opened: %s", path, strerror(errno));
	sink_init(s, fd, path);
}

static struct str request_field(const struct exchange_facts *x, struct str name)
{
	return x->request ? fields_value(&x->request->fields, name) : STR_NONE;
}

static void put_url(struct text *t, const char *key, struct str url)
{
	struct text masked = {NULL, 0, 0};

	mask_url(&masked, url);
	json_opt(t, key, text_str(&masked));
	text_fini(&masked);
}

static void put_error(struct text *t, enum error error, const char *detail)
{
	json_opt(t, "error", error == ERR_none ? STR_NONE : str_of(error_name(error)));
	json_opt(t, "detail", str_of(detail));
}

static void put_address(struct text *t, const char *key, const struct address *a)
{
	char out[ADDRESS_TEXT_BYTES];

	json_opt(t, key, str_of(address_format(a, out)));
}

static void put_times(struct text *t, const struct hop_times *times)
{
	json_opt_i64(t, "queue_us", times->queue_us);
	json_opt_i64(t, "resolve_us", times->resolve_us);
	json_opt_i64(t, "connect_us", times->connect_us);
	json_opt_i64(t, "tls_us", times->tls_us);
	json_opt_i64(t, "send_us", times->send_us);
	json_opt_i64(t, "wait_us", times->wait_us);
	json_opt_i64(t, "receive_us", times->receive_us);
}

/* What was left out, if anything was. */
static void put_drops(struct text *t, const char *key, const struct drop *first)
{
	if (!first)
		return;
	json_key(t, key);
	text_byte(t, '[');
	for (const struct drop *d = first; d; d = d->next)
		view_json_drop(t, d->name, str_of(d->why));
	text_byte(t, ']');
}

/* Names of cookies and what became of them, never their values. */
static void put_cookies(struct text *t, const struct hop_facts *h)
{
	if (h->cookies.len > 0)
		json_names(t, "cookies_added", h->cookies);
	if (!h->fates)
		return;
	json_key(t, "cookies_set");
	text_byte(t, '[');
	for (const struct cookie_fate *f = h->fates; f; f = f->next)
		view_json_cookie(t, f->name, str_of(f->words), str_of(f->client_words));
	text_byte(t, ']');
}

/* What is known of a leg, each under its name behind a prefix; nothing for NULL. */
static void put_leg(struct text *t, const char *prefix, const struct tls_leg *leg)
{
	const struct {
		const char *name, *value;
	} members[] = {{"version", leg ? leg->version : NULL}, {"cipher", leg ? leg->cipher : NULL},
		{"alpn", leg ? leg->alpn : NULL}, {"server_name", leg ? leg->server_name : NULL}};
	char key[32];

	if (!leg)
		return;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		snprintf(key, sizeof(key), "%s_%s", prefix, members[i].name);
		json_opt(t, key, str_of(members[i].value));
	}
	snprintf(key, sizeof(key), "%s_resumed", prefix);
	json_bool(t, key, leg->is_resumed);
}

/* Who the origin was, as far as a certificate says; nothing for NULL. */
static void put_identity(struct text *t, const struct peer_identity *i)
{
	if (!i)
		return;
	json_key(t, "identity");
	text_byte(t, '{');
	json_opt(t, "subject", str_of(i->subject));
	json_opt(t, "issuer", str_of(i->issuer));
	json_opt(t, "certificate_sha256", str_of(i->certificate_sha256));
	json_opt(t, "spki_sha256", str_of(i->spki_sha256));
	json_i64(t, "not_after_s", i->not_after_s);
	text_byte(t, '}');
	json_opt(t, "tls_pin", str_eq(str_of(i->pin), STR("none")) ? STR_NONE : str_of(i->pin));
	json_opt(t, "tls_staple", str_of(i->staple));
	json_opt(t, "tls_unverified", str_of(i->unverified));
}

static void put_hop(struct text *t, const struct hop_facts *h)
{
	json_next(t);
	text_byte(t, '{');
	json_i64(t, "number", h->number);
	json_str(t, "reason", str_of(hop_reason_name(h->reason)));
	put_url(t, "url", h->url);
	put_address(t, "peer", &h->peer);
	json_opt(t, "peer_class", str_of(h->peer_class));
	json_bool(t, "is_reused", h->is_reused);
	json_bool(t, "is_reply", h->is_reply);
	json_opt_i64(t, "status", h->response ? h->response->status : -1);
	json_i64(t, "delay_us", h->delay_us);
	put_times(t, &h->times);
	json_i64(t, "request_body_bytes", (int64_t)h->request_body_bytes);
	json_i64(t, "response_body_bytes", (int64_t)h->response_body_bytes);
	put_error(t, h->error, h->detail);
	json_opt(t, "decision", str_of(h->decision));
	put_leg(t, "tls", h->tls);
	put_identity(t, h->identity);
	put_drops(t, "dropped", h->drops);
	put_cookies(t, h);
	text_byte(t, '}');
}

/* How it was come by: the counts, where it ended, and each hop. */
static void put_chain(struct text *t, const struct exchange_facts *x)
{
	json_i64(t, "hops", x->hops_n);
	json_i64(t, "redirects", x->redirects);
	json_i64(t, "retries", x->retries);
	put_url(t, "final_url", x->final_url);
	put_drops(t, "response_dropped", x->drops);
	json_key(t, "chain");
	text_byte(t, '[');
	for (const struct hop_facts *h = x->hops; h; h = h->next)
		put_hop(t, h);
	text_byte(t, ']');
}

static void put_tunnel(struct text *t, const struct tunnel_facts *f)
{
	json_key(t, "tunnel");
	text_byte(t, '{');
	json_i64(t, "up_bytes", (int64_t)f->up_bytes);
	json_i64(t, "down_bytes", (int64_t)f->down_bytes);
	if (f->has_hello) {
		json_opt(t, "sni", str_of(f->hello.server_name));
		json_opt(t, "alpn", str_of(f->hello.alpn));
		json_opt(t, "ja4", str_of(f->hello.ja4));
	}
	json_str(t, "handling", str_of(tunnel_handling_name(f->handling)));
	json_opt(t, "why", str_of(f->why));
	text_byte(t, '}');
}

/* What came of the exchange, and its sizes. */
static void put_result(struct text *t, const struct exchange_facts *x)
{
	json_opt_i64(t, "status", x->response ? x->response->status : -1);
	json_str(t, "outcome", str_of(outcome_name(x->outcome)));
	put_error(t, x->error, x->detail);
	json_i64(t, "duration_us", x->duration_us);
	json_i64(t, "request_head_bytes", (int64_t)x->request_head_bytes);
	json_i64(t, "request_body_bytes", (int64_t)x->request_body_bytes);
	json_i64(t, "response_head_bytes", (int64_t)x->response_head_bytes);
	json_i64(t, "response_body_bytes", (int64_t)x->response_body_bytes);
}

void access_log_json(struct text *t, const struct exchange_facts *x)
{
	text_put(t, STR("{\"time\":\""));
	format_time_utc(t, x->started_us);
	text_byte(t, '"');
	json_i64(t, "id", (int64_t)x->id);
	json_i64(t, "worker", x->worker);
	json_i64(t, "client_id", (int64_t)x->client_id);
	json_i64(t, "client_request", x->client_request);
	put_address(t, "client", &x->client);
	put_address(t, "listener", &x->listener);
	json_opt(t, "user", x->user);
	json_opt(t, "method", x->request ? x->request->method_name : STR_NONE);
	put_url(t, "url", x->url);
	put_result(t, x);
	json_opt(t, "user_agent", request_field(x, STR("user-agent")));
	put_url(t, "referer", request_field(x, STR("referer")));
	if (x->parent_id != 0)
		json_i64(t, "parent_id", (int64_t)x->parent_id);
	put_leg(t, "client_tls", x->client_tls);
	if (x->is_tunnel)
		put_tunnel(t, &x->tunnel);
	put_chain(t, x);
	text_put(t, STR("}\n"));
}

/* Hostile bytes, escaped; "-" for nothing. A blank would end an unquoted item: it becomes an underscore. */
static void put_item(struct text *t, struct str s, bool is_quoted)
{
	size_t from = t->len;

	if (s.len == 0) {
		text_byte(t, '-');
		return;
	}
	text_escaped(t, s);
	for (size_t i = from; !is_quoted && i < t->len; i++) {
		if (t->p[i] == ' ')
			t->p[i] = '_';
	}
}

static void put_masked(struct text *t, struct str url)
{
	struct text masked = {NULL, 0, 0};

	mask_url(&masked, url);
	put_item(t, text_str(&masked), true);
	text_fini(&masked);
}

static void put_request_line(struct text *t, const struct exchange_facts *x)
{
	text_byte(t, '"');
	put_item(t, x->request ? x->request->method_name : STR_NONE, true);
	text_byte(t, ' ');
	put_masked(t, x->url);
	if (x->request) {
		text_byte(t, ' ');
		text_put(t, str_of(version_name(x->request->version)));
	}
	text_byte(t, '"');
}

/* host - user [time] "request line" status bytes "referer" "user agent" */
void access_log_combined(struct text *t, const struct exchange_facts *x)
{
	char host[ADDRESS_TEXT_BYTES];
	uint64_t bytes = x->is_tunnel ? x->tunnel.down_bytes : x->response_body_bytes;

	put_item(t, str_of(address_format_host(&x->client, host)), false);
	text_put(t, STR(" - "));
	put_item(t, x->user, false);
	text_put(t, STR(" ["));
	format_time_local(t, x->started_us, TIME_COMBINED);
	text_put(t, STR("] "));
	put_request_line(t, x);
	text_byte(t, ' ');
	text_i64(t, x->response ? x->response->status : 0);
	text_byte(t, ' ');
	text_i64(t, (int64_t)bytes);
	text_put(t, STR(" \""));
	put_masked(t, request_field(x, STR("referer")));
	text_put(t, STR("\" \""));
	put_item(t, request_field(x, STR("user-agent")), true);
	text_put(t, STR("\"\n"));
}
