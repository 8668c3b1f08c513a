/* See routes.h. */
#include "admin/routes.h"

#include "admin/host_check.h"
#include "admin/metrics.h"
#include "admin/pac.h"
#include "admin/page_style.h"

struct route {
	const char *path, *content_type;
	bool is_open; /* answers without the token */
	bool is_page; /* a token in its query is put into a cookie */
	void (*write)(struct text *t, const struct visit *v);
};

static void write_page(struct text *t, const struct visit *v)
{
	status_write_page(t, v->status);
}

static void write_json(struct text *t, const struct visit *v)
{
	status_write_json(t, v->status);
}

static void write_metrics(struct text *t, const struct visit *v)
{
	metrics_write(t, v->status);
}

static void write_pac(struct text *t, const struct visit *v)
{
	pac_write(t, v->proxy);
}

static const struct route routes[] = {
	{"/", "text/html; charset=utf-8", false, true, write_page},
	{"/api/v1/status", "application/json", false, false, write_json},
	{"/metrics", METRICS_CONTENT_TYPE, false, false, write_metrics},
	{"/proxy.pac", PAC_CONTENT_TYPE, true, false, write_pac},
};

static const struct route *find(struct str path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (str_eq(path, str_of(routes[i].path)))
			return &routes[i];
	}
	return NULL;
}

/* A reply with what every answer of the inspector carries: no page may frame it, read it, learn its URL or keep it. */
static struct stream *answer(const struct visit *v, int status, const char *content_type, struct str body)
{
	struct stream *s = reply_new(v->arena, v->pool, status, str_of(content_type), body);

	if (s == NULL ||
		!reply_field(s, STR("Content-Security-Policy"),
			STR("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")) ||
		!reply_field(s, STR("X-Content-Type-Options"), STR("nosniff")) ||
		!reply_field(s, STR("Referrer-Policy"), STR("no-referrer")) ||
		!reply_field(s, STR("Cross-Origin-Resource-Policy"), STR("same-origin")) ||
		!reply_field(s, STR("Cache-Control"), STR("no-store")))
		return NULL;
	return s;
}

static struct stream *answer_with(const struct visit *v, int status, struct str name, struct str value, const char *type,
	struct str body)
{
	struct stream *s = answer(v, status, type, body);

	return s != NULL && reply_field(s, name, value) ? s : NULL;
}

static struct stream *answer_unauthorized(const struct visit *v)
{
	static const char html[] = PAGE_OPEN(
		"401 Unauthorized") "<h1>The inspector asks for its token</h1>\n"
				    "<p>viaduct makes a new one at each start. The whole link stands in the line "
				    "<code>viaduct: inspector http://…/?token=…</code> which viaduct prints when it starts; "
				    "the token alone is <code>token</code> in the file given by "
				    "<code>--ready-file</code>.</p>\n"
				    "<p>Programs send it as <code>Authorization: Bearer TOKEN</code>.</p>\n" PAGE_CLOSE;
	static const char text[] =
		"401: the inspector asks for its token: send Authorization: Bearer TOKEN.\n"
		"viaduct makes a new one at each start. It stands in the line \"viaduct: inspector http://.../?token=...\" which\n"
		"viaduct prints when it starts, and as \"token\" in the file given by --ready-file.\n";
	bool is_html = reply_form_of(v->request) == REPLY_HTML;

	/* RFC 9110 section 11.6.1 wants a challenge. */
	return answer_with(v, 401, STR("WWW-Authenticate"), STR("Bearer realm=\"viaduct inspector\""),
		is_html ? "text/html; charset=utf-8" : "text/plain; charset=utf-8", is_html ? STR(html) : STR(text));
}

/* The token moves from the URL into a cookie, so that it does not stay in the browser's history. */
static struct stream *answer_cookie(const struct visit *v)
{
	struct stream *s = answer_with(v, 303, STR("Location"), STR("/"), NULL, STR(""));
	struct str cookie = arena_printf(v->arena, "%s=%s; HttpOnly; SameSite=Strict; Path=/", TOKEN_COOKIE, v->token);

	return s != NULL && cookie.p != NULL && reply_field(s, STR("Set-Cookie"), cookie) ? s : NULL;
}

static struct stream *answer_route(const struct visit *v, const struct route *r)
{
	struct text text = {0};
	struct stream *s;

	r->write(&text, v);
	s = answer(v, 200, r->content_type, text_str(&text));
	text_fini(&text);
	return s;
}

struct stream *routes_answer(const struct visit *v)
{
	struct str target = v->request->target;
	size_t path_len = str_find(target, '?');
	struct str query = path_len < target.len ? str_from(target, path_len + 1) : STR_NONE;
	const struct route *r = find(str_first(target, path_len));
	bool is_in_query = token_is(v->token, token_of_query(query));

	if (!host_check(v->arena, &v->request->fields, v->here))
		return answer(v, 421, NULL, STR(""));
	if (r == NULL)
		return answer(v, 404, "text/plain; charset=utf-8", STR("404: nothing is here; the inspector begins at /\n"));
	if (v->request->method != METHOD_GET && v->request->method != METHOD_HEAD)
		return answer_with(v, 405, STR("Allow"), STR("GET, HEAD"), "text/plain; charset=utf-8",
			STR("405: only GET and HEAD are understood here\n"));
	if (r->is_page && is_in_query)
		return answer_cookie(v);
	if (!r->is_open && !is_in_query && !token_is_in_fields(v->token, &v->request->fields))
		return answer_unauthorized(v);
	return answer_route(v, r);
}
