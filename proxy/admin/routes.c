/* See routes.h. */
#include "admin/routes.h"

#include "admin/answer.h"
#include "admin/change_check.h"
#include "admin/host_check.h"
#include "admin/import.h"
#include "admin/metrics.h"
#include "admin/pac.h"
#include "admin/page_style.h"
#include "admin/passthrough.h"
#include "store/json.h"

enum { NAME_BYTES = 256 };

/* Writes the body of an answer and returns its status. Where that is not 2xx, the body is plain text. */
typedef int route_fn(struct text *t, const struct visit *v, struct str query);

struct route {
	const char *path, *content_type;
	bool is_open;                  /* answers without the token */
	bool is_page;                  /* a token in its query is put into a cookie */
	bool has_id;                   /* the path goes on with one */
	route_fn *get, *post, *delete; /* NULL: not here */
};

static int get_page(struct text *t, const struct visit *v, struct str query)
{
	(void)query;
	status_write_page(t, v->status);
	return 200;
}

static int get_status(struct text *t, const struct visit *v, struct str query)
{
	(void)query;
	status_write_json(t, v->status);
	return 200;
}

static int get_metrics(struct text *t, const struct visit *v, struct str query)
{
	(void)query;
	metrics_write(t, v->status);
	return 200;
}

static int get_pac(struct text *t, const struct visit *v, struct str query)
{
	(void)query;
	pac_write(t, v->proxy);
	return 200;
}

static int get_passthrough(struct text *t, const struct visit *v, struct str query)
{
	(void)query;
	passthrough_write_json(t, v->status->learned, v->status->now_us);
	return 200;
}

/* Their next tunnels are opened again. */
static int delete_passthrough(struct text *t, const struct visit *v, struct str query)
{
	struct learned *learned = v->status->learned;
	char room[NAME_BYTES];
	struct str name;

	if (!passthrough_parse_query(query, room, sizeof(room), &name)) {
		text_put(t, STR("400: only ?name=NAME is understood here\n"));
		return 400;
	}
	text_byte(t, '{');
	json_i64(t, "forgotten", learned == NULL ? 0 : (int64_t)learned_forget(learned, name, v->status->now_us));
	text_put(t, STR("}\n"));
	return 200;
}

static int get_sessions(struct text *t, const struct visit *v, struct str query)
{
	(void)query;
	return sessions_list(t, &v->sessions);
}

static int post_session(struct text *t, const struct visit *v, struct str query)
{
	return sessions_begin(t, &v->sessions, false, v->arena, query);
}

static int post_session_end(struct text *t, const struct visit *v, struct str query)
{
	return sessions_begin(t, &v->sessions, true, v->arena, query);
}

static int post_import(struct text *t, const struct visit *v, struct str query)
{
	return import_begin(t, v->importer, v->arena, query);
}

#define IMPORT_PATH "/api/v1/import/"

static int get_import(struct text *t, const struct visit *v, struct str query)
{
	struct str target = v->request->target;
	struct str path = str_first(target, str_find(target, '?'));

	(void)query;
	return import_tell(t, v->importer, str_from(path, sizeof(IMPORT_PATH) - 1));
}

static const struct route routes[] = {
	{"/", ANSWER_HTML, false, true, false, get_page, NULL, NULL},
	{"/api/v1/import", ANSWER_JSON, false, false, false, NULL, post_import, NULL},
	{IMPORT_PATH, ANSWER_JSON, false, false, true, get_import, NULL, NULL},
	{"/api/v1/passthrough", ANSWER_JSON, false, false, false, get_passthrough, NULL, delete_passthrough},
	{"/api/v1/sessions", ANSWER_JSON, false, false, false, get_sessions, post_session, NULL},
	{"/api/v1/sessions/end", ANSWER_JSON, false, false, false, NULL, post_session_end, NULL},
	{"/api/v1/status", ANSWER_JSON, false, false, false, get_status, NULL, NULL},
	{"/metrics", METRICS_CONTENT_TYPE, false, false, false, get_metrics, NULL, NULL},
	{"/proxy.pac", PAC_CONTENT_TYPE, true, false, false, get_pac, NULL, NULL},
};

static const struct route *find(struct str path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route *r = &routes[i];

		if (r->has_id ? str_starts(path, str_of(r->path)) : str_eq(path, str_of(r->path)))
			return r;
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

static struct stream *answer_route(const struct visit *v, const struct route *r, route_fn *fn, struct str query)
{
	struct text text = {0};
	int status = fn(&text, v, query);
	struct stream *s = answer(v, status, status / 100 == 2 ? r->content_type : ANSWER_TEXT, text_str(&text));

	text_fini(&text);
	return s;
}

/* A request that changes something. The token in the query is not enough: an address may have been passed on. */
static struct stream *answer_change(const struct visit *v, const struct route *r, route_fn *fn, struct str query)
{
	switch (change_check(v->token, &v->request->fields)) {
	case CHANGE_MEANT:
		return answer_route(v, r, fn, query);
	case CHANGE_NO_TOKEN:
		return answer_unauthorized(v);
	case CHANGE_BY_COOKIE:
		return answer(v, 403, ANSWER_TEXT,
			STR("403: send Authorization: Bearer TOKEN, or Viaduct-Request: 1 beside the cookie\n"));
	default:
		return answer(v, 403, ANSWER_TEXT, STR("403: another page may not change anything here\n"));
	}
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
	return answer_route(v, r, r->get, query);
}

/* Refused is what the path has no function for. */
static struct stream *answer_method(const struct visit *v, const struct route *r, struct str query)
{
	enum method method = v->request->method;
	struct str allowed = STR("GET, HEAD");

	if (method == METHOD_DELETE && r->delete != NULL)
		return answer_change(v, r, r->delete, query);
	if (method == METHOD_POST && r->post != NULL)
		return answer_change(v, r, r->post, query);
	if ((method == METHOD_GET || method == METHOD_HEAD) && r->get != NULL)
		return answer_read(v, r, query);
	if (r->delete != NULL)
		allowed = STR("GET, HEAD, DELETE");
	else if (r->post != NULL)
		allowed = r->get != NULL ? STR("GET, HEAD, POST") : STR("POST");
	return answer_not_allowed(v->arena, v->pool, allowed);
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
	return answer_method(v, r, query);
}
