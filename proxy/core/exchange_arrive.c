/* The steps ARRIVED, RULES and HELD: what was asked for, whether it may be, and what is answered without asking an origin. */
#include "core/exchange.h"
#include "core/follow.h"
#include "core/local.h"
#include "core/worker.h"

#include <string.h>

static void exchange_observe_begin(struct exchange *x)
{
	x->is_begun = true;
	for (size_t i = 0; i < x->worker->observers_n; i++) {
		const struct observer *o = &x->worker->observers[i];

		if (o->on_begin != NULL)
			o->on_begin(o->owner, &x->facts);
	}
}

/* RFC 9112 section 3.2.3: host and port, nothing else. */
static enum error read_authority_target(struct exchange *x, const struct message *m)
{
	struct url *u = &x->facts.target;

	u->scheme = SCHEME_HTTPS;
	u->path = STR("");
	return authority_parse(x->arena, m->target, 0, &u->authority);
}

/* The target in absolute form, which is the one for proxies (RFC 9112 section 3.2.2). */
static enum error read_absolute_target(struct exchange *x, const struct message *m)
{
	enum error error = url_parse_target(x->arena, m->target, &x->facts.target);

	if (error != ERR_none)
		return error;
	/* https inside a plain request would be TLS that the client takes no part in. */
	if (x->facts.target.scheme != SCHEME_HTTP)
		return ERR_scheme_unsupported;
	/* "http://host" alone asks for the origin as a whole (RFC 9112 section 3.2.4). */
	x->is_asterisk = m->method == METHOD_OPTIONS && x->facts.target.is_bare;
	return ERR_none;
}

/* A request inside an opened tunnel is one to an origin (RFC 9112 section 3.2.1): the Host field names it, the tunnel leads there. The absolute form, which
 * servers must take, says the same. Without a Host (HTTP/1.0) it is the tunnel's. */
static enum error read_inside_target(struct exchange *x, const struct message *m)
{
	const struct nest *n = x->nest;
	struct str host = fields_value(&m->fields, STR("Host"));
	struct url *u = &x->facts.target;
	enum error error;

	if (m->method == METHOD_CONNECT)
		return ERR_bad_target;
	if (!str_starts(m->target, STR("/")) && !str_eq(m->target, STR("*"))) {
		error = url_parse_target(x->arena, m->target, u);
		x->is_asterisk = m->method == METHOD_OPTIONS && u->is_bare;
		return error == ERR_none && u->scheme != n->scheme ? ERR_scheme_unsupported : error;
	}
	*u = (struct url){.scheme = n->scheme, .authority = n->authority, .path = m->target};
	if (!target_bytes_are_fine(m->target))
		return ERR_bad_target;
	x->is_asterisk = str_eq(m->target, STR("*"));
	if (x->is_asterisk && m->method != METHOD_OPTIONS)
		return ERR_bad_target;
	if (x->is_asterisk)
		u->path = STR("/");
	return host.len == 0 ? ERR_none : authority_parse(x->arena, host, scheme_port(n->scheme), &u->authority);
}

/* The URL for the record, since the target alone does not say where it is. */
static enum error begin_inside(struct exchange *x, const struct message *m)
{
	enum error error = read_inside_target(x, m);
	struct str url;

	if (error != ERR_none)
		return error;
	x->facts.has_target = true;
	url = url_text(x->arena, &x->facts.target);
	if (url.p == NULL)
		return ERR_head_too_large;
	x->facts.url = url;
	return ERR_none;
}

static enum error read_target(struct exchange *x)
{
	const struct message *m = x->d->head;
	enum error error;

	x->facts.request = m;
	x->facts.url = m->target;
	if (x->d->error != ERR_none)
		return x->d->error;
	if (x->nest != NULL)
		return begin_inside(x, m);
	if (m->method == METHOD_CONNECT)
		error = read_authority_target(x, m);
	else if (local_is_asked(m))
		return ERR_none;
	else
		error = read_absolute_target(x, m);
	x->facts.has_target = error == ERR_none;
	return error;
}

static struct str first_line(struct str head)
{
	struct str line = str_first(head, str_find(head, '\n'));

	return str_first(line, str_find(line, '\r'));
}

enum error exchange_begin(struct exchange *x)
{
	enum error error = x->d->error;

	x->is_read = true;
	if (x->d->head == NULL)
		x->facts.url = first_line(x->d->rejected);
	else
		error = read_target(x);
	if (error != ERR_none || x->nest != NULL || !local_is_probe(x->d->head))
		exchange_observe_begin(x);
	return error;
}

enum step step_arrived(struct exchange *x)
{
	enum error error;

	/* The recorder keeps every flow, so a new one waits while it is behind. */
	if (x->worker->is_overloaded && x->d->error == ERR_none) {
		if (!list_is_linked(&x->held))
			list_append(&x->worker->held, &x->held);
		return STEP_WAIT;
	}
	error = exchange_begin(x);
	if (error != ERR_none)
		return exchange_fail(x, error, x->d->detail);
	x->is_upgrade = x->d->framing.asks_upgrade && !exchange_has_body(x);
	return STEP_RULES;
}

/* The Host field is for another host than those that the tunnel was asked for (domain fronting). */
static bool is_fronted(const struct exchange *x)
{
	struct str host = x->facts.target.authority.host;

	return x->nest != NULL && !str_eq(host, x->nest->authority.host) && !str_eq(host, x->nest->server_name);
}

static void note_fronting(struct exchange *x)
{
	struct str words;

	if (!is_fronted(x))
		return;
	words = arena_printf(x->arena, "the Host field is for another host than the tunnel, which leads to %.*s",
		STR_ARG(x->nest->server_name));
	x->detail = words.p;
}

/* Why this client may not ask for this; ERR_none if it may. */
static enum error refusal_of(const struct exchange *x)
{
	const struct settings *s = x->settings;
	const struct message *m = x->facts.request;

	if (x->refusal != ERR_none)
		return x->refusal;
	if (x->worker->answerer.is_only && !exchange_is_local(x))
		return ERR_not_a_proxy;
	if (!settings_allows_client(s, &x->facts.client))
		return ERR_access_denied;
	if (m->method == METHOD_CONNECT && !settings_allows_port(s, &x->facts.client, x->facts.target.authority.port))
		return ERR_port_denied;
	if (forward_has_via(m, x->via))
		return ERR_loop_detected;
	if (is_fronted(x) && s->intercept_host_mismatch == INTERCEPT_HOST_MISMATCH_REFUSE)
		return ERR_host_mismatch;
	return ERR_none;
}

bool exchange_is_local(const struct exchange *x)
{
	const struct message *m = x->facts.request;

	if (x->facts.has_target && m->method != METHOD_CONNECT && local_is_setup(x))
		return true;
	return x->nest == NULL ? local_is_asked(m) : local_ends_here(m);
}

static const struct fields *trailers_for_hop(void *owner)
{
	struct exchange *x = owner;

	return hop_trailers(x->hop);
}

/* A copy of the body is kept as far as another hop may need it. */
static void keep_body(struct exchange *x)
{
	const struct settings *s = x->settings;
	const struct rule_verdict *rules = &x->chain.rules;
	struct follow_input in = {
		.settings = s,
		.mode = (enum redirects_mode)(rules->redirects != NULL ? rule_redirects(rules->redirects) : s->redirects_mode),
		.request = x->facts.request,
		.method = x->facts.request->method,
		.is_upgrade = x->is_upgrade,
	};
	bool is_retried = rules->retry != NULL ? rule_retry(rules->retry) : s->retry_enabled;
	int64_t limit = s->redirects_replay_limit;
	const char *words;

	/* What may be sent again only because a kept connection was of no use needs no file. */
	if (!is_retried && follow_mode(&in, &words) != REDIRECTS_FOLLOW && limit > s->redirects_replay_memory)
		limit = s->redirects_replay_memory;
	upload_init(&x->upload,
		&(struct upload_needs){
			.d = x->d,
			.pool = x->worker->bufpool,
			.loop = x->worker->loop,
			.spooler = x->worker->shared->spooler,
			.memory_limit = (uint64_t)s->redirects_replay_memory,
			.limit = (uint64_t)limit,
			.pool_limit = x->worker->budget.limit_bytes / 2,
			.on_change = exchange_on_change,
			.trailers = trailers_for_hop,
			.on_piece = exchange_on_up_piece,
			.owner = x,
		});
}

/* The tunnel is granted before anything is known of where it leads: what goes wrong there is told inside, in words. */
static enum step admit_opening(struct exchange *x)
{
	struct next_hop next = {.reason = HOP_FIRST, .url = x->facts.target, .method = METHOD_CONNECT};

	if (!exchange_grant_connect(x))
		return exchange_fail(x, ERR_internal, NULL);
	/* An origin that may speak first must not wait for its client. Where a connection to it is kept, TLS is spoken there. */
	if (local_is_setup(x) || pool_has_kept_tls(x->worker->pool, &x->facts.target.authority))
		return STEP_PEEK;
	return hop_start(x, &next, false) == NULL ? exchange_fail(x, ERR_internal, NULL) : STEP_PEEK;
}

/* Whether the tunnel is to be opened. False when the arena is full. */
static bool consider_opening(struct exchange *x)
{
	enum opening_wish wish = opening_wish(x);

	if (wish == OPENING_NO)
		return true;
	x->opening = arena_zalloc(x->arena, sizeof(*x->opening));
	if (x->opening == NULL)
		return false;
	x->opening->wish = wish;
	return true;
}

/* After access was granted: an answer of our own, or the first hop. */
static enum step admit(struct exchange *x)
{
	const struct message *request = x->facts.request;
	struct next_hop next = {.reason = HOP_FIRST, .url = x->facts.target, .method = request->method};
	const char *why = NULL;
	enum error error;

	if (exchange_is_local(x))
		return exchange_answer(x, local_answer(x));
	note_fronting(x);
	error = chain_admit(x, &next.url, next.method, &x->chain.rules, &why);
	if (error != ERR_none)
		return exchange_fail(x, error, why);
	if (request->method == METHOD_CONNECT && !consider_opening(x))
		return exchange_fail(x, ERR_internal, NULL);
	if (x->opening != NULL && x->opening->wish == OPENING_YES)
		return admit_opening(x);
	if (exchange_has_body(x))
		keep_body(x);
	if (hop_start(x, &next, false) == NULL)
		return exchange_fail(x, ERR_internal, NULL);
	retry_budget_deposit(&x->worker->retries, x->settings);
	return STEP_HOP;
}

enum step step_rules(struct exchange *x)
{
	enum error refusal = refusal_of(x);

	if (refusal != ERR_none)
		return exchange_fail(x, refusal, NULL);
	/* What the proxy says of itself is no secret, and the inspector has a token of its own. */
	if (x->settings->users == NULL || x->nest != NULL || exchange_is_local(x) || x->auth.verdict == AUTH_RIGHT)
		return admit(x);
	auth_check(x->worker->auth, &x->auth, x->settings, fields_value(&x->facts.request->fields, STR("Proxy-Authorization")),
		x->arena);
	return STEP_HELD;
}

enum step step_held(struct exchange *x)
{
	if (x->chain.is_paused)
		return exchange_resume(x);
	if (x->d->error == ERR_cancelled)
		return exchange_fail(x, ERR_cancelled, NULL);
	switch (x->auth.verdict) {
	case AUTH_WAIT:
		return STEP_WAIT;
	case AUTH_WRONG:
		return exchange_fail(x, ERR_auth_required, NULL);
	default:
		x->facts.user = x->auth.user;
		return STEP_RULES;
	}
}
