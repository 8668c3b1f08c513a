/* See routes.h. */
#include "admin/routes.h"

#include "admin/answer.h"
#include "admin/change_check.h"
#include "admin/host_check.h"
#include "admin/metrics.h"
#include "admin/pac.h"
#include "admin/page_style.h"
#include "admin/passthrough.h"
#include "store/json.h"

enum { NAME_BYTES = 256 };

struct route {
	const char *path, *content_type;
	bool is_open; /* answers without the token */
	bool is_page; /* a token in its query is put into a cookie */
	void (*write)(struct text *t, const struct visit *v);
	/* DELETE; NULL: not here. False if the query cannot be understood. */
	bool (*delete)(struct text *t, const struct visit *v, struct str query);
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

static void write_passthrough(struct text *t, const struct visit *v)
{
	passthrough_write_json(t, v->status->learned, v->status->now_us);
}

/* Their next tunnels are opened again. */
static bool forget_passthrough(struct text *t, const struct visit *v, struct str query)
{
	struct learned *learned = v->status->learned;
	char room[NAME_BYTES];
	struct str name;

	if (!passthrough_parse_query(query, room, sizeof(room), &name))
		return false;
	text_byte(t, '{');
	json_i64(t, "forgotten", learned == NULL ? 0 : (int64_t)learned_forget(learned, name, v->status->now_us));
	text_put(t, STR("}\n"));
	return true;
}

static const struct route routes[] = {
	{"/", ANSWER_HTML, false, true, write_page, NULL},
	{"/api/v1/passthrough", ANSWER_JSON, false, false, write_passthrough, forget_passthrough},
	{"/api/v1/status", ANSWER_JSON, false, false, write_json, NULL},
	{"/metrics", METRICS_CONTENT_TYPE, false, false, write_metrics, NULL},
	{"/proxy.pac", PAC_CONTENT_TYPE, true, false, write_pac, NULL},
};

static const struct route *find(struct str path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (str_eq(path, str_of(routes[i].path)))
			return &routes[i];
	}
	return NULL;
}

static struct stream *answer(const struct visit *v, int status, const char *content_type, struct str body)
{
	return answer_guarded(v->arena, v->pool, status, content_type, body);
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
	return answer_field(answer(v, 401, is_html ? ANSWER_HTML : ANSWER_TEXT, is_html ? STR(html) : STR(text)),
		STR("WWW-Authenticate"), STR("Bearer realm=\"viaduct inspector\""));
}

/* The token moves from the URL into a cookie, so that it does not stay in the browser's history. */
static struct stream *answer_cookie(const struct visit *v)
{
	struct stream *s = answer_field(answer(v, 303, NULL, STR("")), STR("Location"), STR("/"));
	struct str cookie = arena_printf(v->arena, "%s=%s; HttpOnly; SameSite=Strict; Path=/", TOKEN_COOKIE, v->token);

	return answer_field(s, STR("Set-Cookie"), cookie);
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

/* A request that changes something. The token in the query is not enough: an address may have been passed on. */
static struct stream *answer_delete(const struct visit *v, const struct route *r, struct str query)
{
	struct text text = {0};
	struct stream *s;

	switch (change_check(v->token, &v->request->fields)) {
	case CHANGE_MEANT:
		break;
	case CHANGE_NO_TOKEN:
		return answer_unauthorized(v);
	case CHANGE_BY_COOKIE:
		return answer(v, 403, ANSWER_TEXT,
			STR("403: send Authorization: Bearer TOKEN, or Viaduct-Request: 1 beside the cookie\n"));
	default:
		return answer(v, 403, ANSWER_TEXT, STR("403: another page may not change anything here\n"));
	}
	if (r->delete(&text, v, query))
		s = answer(v, 200, r->content_type, text_str(&text));
	else
		s = answer(v, 400, ANSWER_TEXT, STR("400: only ?name=NAME is understood here\n"));
	text_fini(&text);
	return s;
}

/* What nobody needs a token for. */
static struct stream *answer_setup(const struct visit *v, struct str path)
{
	struct setup_visit setup = {
		.request = v->request,
		.path = path,
		.is_inspector = true,
		.proxy = v->status->proxy,
		.intercept = v->status->intercept,
		.ca = v->ca,
		.arena = v->arena,
		.pool = v->pool,
	};

	return setup_answer(&setup);
}

/* GET and HEAD. */
static struct stream *answer_read(const struct visit *v, const struct route *r, struct str query)
{
	bool is_in_query = token_is(v->token, token_of_query(query));

	if (r->is_page && is_in_query)
		return answer_cookie(v);
	if (!r->is_open && !is_in_query && !token_is_in_fields(v->token, &v->request->fields))
		return answer_unauthorized(v);
	return answer_route(v, r);
}

struct stream *routes_answer(const struct visit *v)
{
	struct str target = v->request->target;
	size_t path_len = str_find(target, '?');
	struct str path = str_first(target, path_len);
	struct str query = path_len < target.len ? str_from(target, path_len + 1) : STR_NONE;
	const struct route *r = find(path);

	if (!host_check(v->arena, &v->request->fields, v->here))
		return answer(v, 421, NULL, STR(""));
	if (setup_is_path(path))
		return answer_setup(v, path);
	if (r == NULL)
		return answer(v, 404, ANSWER_TEXT, STR("404: nothing is here; the inspector begins at /\n"));
	if (v->request->method == METHOD_DELETE && r->delete != NULL)
		return answer_delete(v, r, query);
	if (v->request->method != METHOD_GET && v->request->method != METHOD_HEAD)
		return answer_not_allowed(v->arena, v->pool, r->delete != NULL ? STR("GET, HEAD, DELETE") : STR("GET, HEAD"));
	return answer_read(v, r, query);
}
