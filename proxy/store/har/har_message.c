/* Requests and responses of HAR entries. Not for bodies, fields and cookies: har_content.c, har_fields.c, har_cookies.c. */
#include "store/har/har_part.h"

#include "http/url.h"
#include "store/har/har_put.h"
#include "store/json.h"

static const struct fields no_fields = {NULL, 0, 0};

/* A start line in its parts; what is missing is empty. */
struct line {
	struct str first, middle, last;
};

static struct line split_line(struct str s)
{
	size_t space = str_find(s, ' ');
	struct line l = {.first = str_first(s, space)};

	s = str_from(s, space < s.len ? space + 1 : space);
	space = str_find(s, ' ');
	l.middle = str_first(s, space);
	l.last = str_from(s, space < s.len ? space + 1 : space);
	return l;
}

/* Path and query of an absolute URL, "/" where there is none. */
static struct str path_of(struct str url)
{
	size_t host = 0;

	url = str_first(url, str_find(url, '#'));
	while (host + 3 <= url.len && !str_starts(str_from(url, host), STR("://")))
		host++;
	url = str_from(url, host + 3 <= url.len ? host + 3 : url.len);
	url = str_from(url, str_find(url, '/'));
	return url.len > 0 ? url : STR("/");
}

static bool is_absolute(struct str url)
{
	if (!str_istarts(url, STR("http://")) && !str_istarts(url, STR("https://")))
		return false;
	return target_bytes_are_fine(str_first(url, str_find(url, '#')));
}

/* A line that does not follow from the members beside it. */
static void put_odd_line(struct har_out *x, const struct har_request *m, const struct line *l)
{
	if (is_absolute(m->url) && str_eq(l->middle, path_of(m->url)))
		return;
	har_put_exact(x->t, "_line", har_shown_line(x, m->head->start_line));
}

static void put_url(struct har_out *x, const struct har_request *m, struct str shown)
{
	struct str url = shown;

	if (!is_absolute(m->url)) {
		bool is_place = m->is_connect && m->url.len > 0 && target_bytes_are_fine(m->url);

		url = is_place ? arena_printf(x->arena, "https://%.*s/", STR_ARG(shown)) : STR("about:invalid");
	}
	har_put_str(x->t, "url", url);
	if (!is_absolute(m->url) && !m->is_connect)
		har_put_opt(x->t, "_url", shown);
}

static void put_request_head(struct har_out *x, const struct har_request *m)
{
	struct line l = {m->method, STR_NONE, STR_NONE};
	const struct fields *fields = m->head ? &m->head->fields : &no_fields;
	struct str shown = har_shown_url(x, m->url);

	if (m->head)
		l = split_line(m->head->start_line);
	har_put_exact(x->t, "method", l.first);
	put_url(x, m, shown);
	har_put_exact(x->t, "httpVersion", l.last);
	if (m->head)
		put_odd_line(x, m, &l);
	har_put_request_cookies(x, fields);
	har_put_fields(x, "headers", fields);
	har_put_query(x, shown);
}

/* HAR has no place for them. */
static void put_trailers(struct har_out *x, const struct head_view *head)
{
	if (head && head->trailers.n > 0)
		har_put_fields(x, "_trailers", &head->trailers);
}

bool har_put_request(struct har_out *x, const struct har_request *m)
{
	bool ok;

	json_key(x->t, "request");
	text_byte(x->t, '{');
	put_request_head(x, m);
	put_trailers(x, m->head);
	ok = har_put_post(x, &m->body);
	json_i64(x->t, "headersSize", m->head_bytes > 0 ? (int64_t)m->head_bytes : -1);
	json_i64(x->t, "bodySize", m->is_connect ? -1 : (int64_t)m->body.passed_bytes);
	text_byte(x->t, '}');
	return ok;
}

static void put_response_head(struct har_out *x, const struct har_response *m)
{
	struct line l = {STR_NONE, STR_NONE, STR_NONE};
	const struct fields *fields = m->head ? &m->head->fields : &no_fields;

	if (m->head)
		l = split_line(m->head->start_line);
	json_i64(x->t, "status", m->status >= 0 ? m->status : 0);
	har_put_exact(x->t, "statusText", l.last);
	har_put_exact(x->t, "httpVersion", l.first);
	har_put_response_cookies(x, fields, m->at_us);
	har_put_fields(x, "headers", fields);
	put_trailers(x, m->head);
}

bool har_put_response(struct har_out *x, const struct har_response *m)
{
	bool ok;

	json_key(x->t, "response");
	text_byte(x->t, '{');
	put_response_head(x, m);
	ok = har_put_content(x, &m->body);
	har_put_str(x->t, "redirectURL", har_shown_url(x, m->redirect_url));
	json_i64(x->t, "headersSize", m->head_bytes > 0 ? (int64_t)m->head_bytes : -1);
	json_i64(x->t, "bodySize", m->is_tunnel || !m->head ? -1 : (int64_t)m->body.passed_bytes);
	json_i64(x->t, "_transferSize", (int64_t)(m->head_bytes + m->body.passed_bytes));
	har_put_opt(x->t, "_error", m->error);
	text_byte(x->t, '}');
	return ok;
}

struct str har_location(struct har_out *x, struct str base, const struct head_view *response)
{
	struct str location = response ? fields_value(&response->fields, STR("Location")) : STR_NONE, resolved;
	struct url from, to;

	if (location.len == 0)
		return STR_NONE;
	if (url_parse_target(x->arena, str_first(base, str_find(base, '#')), &from) != ERR_none)
		return location;
	if (url_resolve(x->arena, &from, location, false, &to) != LOCATION_OK)
		return location;
	resolved = url_report(x->arena, &to);
	return resolved.p ? resolved : location;
}
