/* Redirects: whatever an origin answers, a chain goes to http and https only, ends within the limit, takes no credentials to
 * another origin, and says why. The first six bytes choose status, method, mode, options, body and base URL; then come the
 * request's fields, an empty line and the response's, which answers every hop. */
#include "core/follow.h"

#include "http/message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { CHOICES = 6, MAX_HOPS = 4 };

/* A chain while it is followed. */
struct walk {
	struct arena *a;
	struct settings settings;
	struct message *request, *response;
	struct jar jar;
	struct taint taint;
	struct url first;
	bool drops_body;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool is_clean(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.p[i] < ' ' && s.p[i] != '\t')
			return false;
	}
	return true;
}

/* Lines up to an empty one; what a codec would refuse is left out. */
static void read_fields(struct arena *a, struct str *text, struct fields *to)
{
	while (text->len > 0) {
		struct str line = str_first(*text, str_find(*text, '\n'));
		size_t colon = str_find(line, ':');

		*text = str_from(*text, line.len < text->len ? line.len + 1 : line.len);
		if (line.len == 0)
			return;
		if (colon < line.len && str_is_token(str_first(line, colon)) && is_clean(line))
			require(fields_add(a, to, str_first(line, colon), str_trim(str_from(line, colon + 1))));
	}
}

static void read_walk(struct walk *w, const uint8_t *choice, struct str text)
{
	static const int statuses[] = {301, 302, 303, 307, 308, 300, 304, 305, 200, 503};
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "TRACE"};
	static const char *const urls[] = {
		"http://a.example/x/y?z", "https://a.example:8443/", "http://[::1]/", "http://10.0.0.1/"};

	w->request = arena_zalloc(w->a, sizeof(*w->request));
	w->response = arena_zalloc(w->a, sizeof(*w->response));
	require(w->request != NULL && w->response != NULL);
	require(url_parse_target(w->a, str_of(urls[choice[5] % 4]), &w->first) == ERR_none);
	w->request->is_request = true;
	w->request->version = w->response->version = VERSION_1_1;
	w->request->method_name = str_of(methods[choice[1] % 8]);
	w->request->method = method_of(w->request->method_name);
	w->response->status = statuses[choice[0] % 10];
	read_fields(w->a, &text, &w->request->fields);
	read_fields(w->a, &text, &w->response->fields);
	w->settings.redirects_max_hops = MAX_HOPS;
	w->settings.redirects_by_request = choice[3] & 1;
	w->settings.redirects_upgrade = choice[3] >> 1 & 1;
	w->settings.redirects_downgrade = choice[3] >> 2 & 1;
	w->settings.redirects_unsafe_methods = choice[3] >> 3 & 1;
	w->settings.redirects_userinfo = choice[3] >> 4 & 1;
	w->settings.retry_backoff_base = 2;
	w->settings.retry_limit = 2;
	w->settings.retry_status_set[503] = true;
}

/* The request of a hop bears nothing that is not for where it goes. */
static void check_request(const struct walk *w, const struct forwarded *sent, const struct url *to)
{
	static const struct str of_content[] = {{"Content-Type", 12}, {"Content-Encoding", 16}, {"Digest", 6}, {"Trailer", 7},
		{"Expect", 6}, {"Content-Length", 14}, {"Transfer-Encoding", 17}};
	const struct fields *f = &sent->message->fields;

	require(fields_count(f, STR("Host")) == 1 && str_eq(fields_value(f, STR("Host")), url_host_field(w->a, to)));
	require(fields_count(f, STR("Proxy-Authorization")) == 0 && fields_count(f, STR("Viaduct-Redirects")) == 0);
	require(fields_count(f, STR("Cookie")) <= 1);
	require(!w->taint.origin || fields_count(f, STR("Authorization")) == 0);
	require(!w->taint.host || fields_count(f, STR("Cookie2")) == 0);
	require(!w->taint.downgraded || fields_count(f, STR("Referer")) == 0);
	for (size_t i = 0; w->drops_body && i < sizeof(of_content) / sizeof(of_content[0]); i++)
		require(fields_count(f, of_content[i]) == 0);
	for (size_t i = 0; i < f->n; i++)
		require(str_is_token(f->v[i].name) && is_clean(f->v[i].value));
	for (const struct drop *d = sent->drops; d != NULL; d = d->next)
		require(d->why != NULL && d->name.len > 0);
}

static void check_verdict(const struct walk *w, const struct follow_input *in, const struct verdict *v)
{
	struct url again;
	const char *words;

	require(v->words != NULL && v->words[0] != '\0');
	if (v->kind != VERDICT_REDIRECT) {
		require(v->kind != VERDICT_FAIL || v->error != ERR_none);
		return;
	}
	require(in->redirects < MAX_HOPS && follow_mode(in, &words) == REDIRECTS_FOLLOW && !in->is_upgrade);
	require(v->url.scheme == SCHEME_HTTP || v->url.scheme == SCHEME_HTTPS);
	require(url_parse_target(w->a, url_text(w->a, &v->url), &again) == ERR_none && url_same_origin(&v->url, &again));
	require(v->method == in->method || (v->method == METHOD_GET && v->drops_body));
	require(in->response->status != 303 || v->method == METHOD_GET || v->method == METHOD_HEAD);
	require(v->drops_body || (in->body != BODY_STATE_TOO_LARGE && in->body != BODY_STATE_LOST));
}

/* What the client gets in the end. */
static void check_response(struct walk *w, const struct url *final)
{
	struct forward_response f = {.received = w->response,
		.via = STR("me"),
		.request = w->request,
		.first = &w->first,
		.final = final,
		.jar = &w->jar};
	bool is_elsewhere = !url_same_origin(&w->first, final);
	struct message *m = forward_response(w->a, &f, NULL);

	require(m != NULL && fields_count(&m->fields, STR("Viaduct-Hops")) == 0);
	require(!is_elsewhere || fields_count(&m->fields, STR("Strict-Transport-Security")) == 0);
	require(forward_tell(w->a, m, f.via, 2, url_text(w->a, final), "words"));
	for (size_t i = 0; i < m->fields.n; i++)
		require(is_clean(m->fields.v[i].value));
}

static void walk(struct walk *w, const uint8_t *choice)
{
	struct url urls[MAX_HOPS + 1] = {w->first};
	struct trail trail[MAX_HOPS + 1];
	struct follow_input in = {.arena = w->a,
		.settings = &w->settings,
		.request = w->request,
		.response = w->response,
		.mode = (enum redirects_mode)(choice[2] % 3),
		.is_upgrade = choice[3] >> 5 & 1,
		.retry_enabled = choice[3] >> 6 & 1,
		.method = w->request->method,
		.method_name = w->request->method_name,
		.body = (enum body_state)(choice[4] % 5),
		.jar = &w->jar,
		.nothing_delivered = true};
	struct cookie_fate *fates;
	struct verdict v = {.kind = VERDICT_REDIRECT};

	for (unsigned hop = 0; v.kind == VERDICT_REDIRECT; hop++) {
		struct forward_request f = {.original = w->request,
			.url = &urls[hop],
			.method = in.method,
			.via = STR("me"),
			.taint = w->taint,
			.jar = &w->jar,
			.drops_body = w->drops_body,
			.is_first = hop == 0};
		struct forwarded sent;

		require(hop <= MAX_HOPS && forward_request(w->a, &f, &sent));
		check_request(w, &sent, &urls[hop]);
		require(jar_take(&w->jar, w->a, &urls[hop], &w->response->fields, 0, &fates));
		trail[hop] = (struct trail){&urls[hop], in.method, sent.cookies, hop == 0 ? NULL : &trail[hop - 1]};
		in.url = &urls[hop];
		in.trail = &trail[hop];
		in.redirects = hop;
		in.taint = w->taint;
		follow(&in, &v);
		check_verdict(w, &in, &v);
		if (v.kind != VERDICT_REDIRECT) {
			check_response(w, &urls[hop]);
			return;
		}
		taint_add(&w->taint, &urls[hop], &v.url);
		urls[hop + 1] = v.url;
		w->drops_body |= v.drops_body;
		in.body = w->drops_body ? BODY_STATE_NONE : in.body;
		in.method_name = v.method == in.method ? in.method_name : STR("GET");
		in.method = v.method;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct walk w = {.a = NULL};

	if (size <= CHOICES)
		return 0;
	w.a = arena_new(1 << 26);
	read_walk(&w, bytes, (struct str){(const char *)bytes + CHOICES, size - CHOICES});
	walk(&w, bytes);
	arena_free(w.a);
	return 0;
}
