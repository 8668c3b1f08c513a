/* Whether redirects of a request are followed at all: what it is, what it says itself, the options and rules, and what tells a
 * browser from a program (see follow.h). */
#include "core/follow_part.h"

static bool has_value(const struct message *m, struct str name, struct str value)
{
	return str_ieq(fields_value(&m->fields, name), value);
}

static bool begins(const struct message *m, struct str name, struct str prefix)
{
	return str_istarts(fields_value(&m->fields, name), prefix);
}

/* What is to become a document, or code with an origin of its own. */
static bool is_dest_of_browser(struct str dest)
{
	static const struct str dests[] = {
		{"document", 8},
		{"iframe", 6},
		{"frame", 5},
		{"object", 6},
		{"embed", 5},
		{"worker", 6},
		{"sharedworker", 12},
		{"serviceworker", 13},
		{"fencedframe", 11},
	};

	for (size_t i = 0; i < sizeof(dests) / sizeof(dests[0]); i++) {
		if (str_ieq(dest, dests[i]))
			return true;
	}
	return false;
}

/* A browser that fetches ahead of a navigation says so by one of these. */
static bool is_prefetch(const struct message *m)
{
	return begins(m, STR("Sec-Purpose"), STR("prefetch")) || begins(m, STR("Purpose"), STR("prefetch")) ||
		begins(m, STR("X-Moz"), STR("prefetch")) || begins(m, STR("X-Purpose"), STR("preview"));
}

/* What tells a browser from a program: it marks what it sends. A navigation that is followed unseen would have the wrong base
 * URL, origin and history; a CORS request would get around the checks of the browser. */
static const char *browser_mark(const struct message *m)
{
	struct str mode = fields_value(&m->fields, STR("Sec-Fetch-Mode"));
	bool is_plain_fetch = str_ieq(mode, STR("no-cors")) && has_value(m, STR("Sec-Fetch-Site"), STR("same-origin"));
	bool is_get = m->method == METHOD_GET || m->method == METHOD_HEAD;

	if (mode.p != NULL && !is_plain_fetch)
		return "passed: Sec-Fetch-Mode shows a browser";
	if (is_dest_of_browser(fields_value(&m->fields, STR("Sec-Fetch-Dest"))))
		return "passed: Sec-Fetch-Dest shows a browser";
	if (is_get && fields_find(&m->fields, STR("Origin"), 0) != NULL)
		return "passed: Origin shows a browser";
	if (has_value(m, STR("Upgrade-Insecure-Requests"), STR("1")))
		return "passed: Upgrade-Insecure-Requests shows a browser";
	if (has_value(m, STR("Service-Worker"), STR("script")))
		return "passed: Service-Worker shows a browser";
	if (is_prefetch(m))
		return "passed: Purpose shows a browser";
	if (mode.p == NULL && begins(m, STR("Accept"), STR("text/html")) && begins(m, STR("User-Agent"), STR("Mozilla/")))
		return "passed: Accept and User-Agent show a browser";
	return NULL;
}

/* What is never followed, whoever asks for it; NULL if nothing is against it. */
static const char *kind_mark(const struct follow_input *in)
{
	const struct message *m = in->request;

	if (in->is_upgrade)
		return "passed: the request asks for an upgrade";
	if (m->method == METHOD_CONNECT)
		return "passed: the request is a CONNECT";
	/* The Fetch standard makes a redirect of a preflight an error; a program's OPTIONS has no such field. */
	if (m->method == METHOD_OPTIONS && fields_find(&m->fields, STR("Access-Control-Request-Method"), 0) != NULL)
		return "passed: the request is a CORS preflight";
	if (begins(m, STR("Content-Type"), STR("application/grpc")))
		return "passed: the request is gRPC";
	return NULL;
}

/* The first Viaduct-Redirects that says one of the two words; auto if there is none. */
static enum redirects_mode wish(const struct message *m)
{
	const struct fields *f = &m->fields;

	for (size_t i = 0; i < f->n; i++) {
		if (!str_ieq(f->v[i].name, STR("Viaduct-Redirects")))
			continue;
		if (str_ieq(str_trim(f->v[i].value), STR("follow")))
			return REDIRECTS_FOLLOW;
		if (str_ieq(str_trim(f->v[i].value), STR("pass")))
			return REDIRECTS_PASS;
	}
	return REDIRECTS_AUTO;
}

static const char *pass_words(const struct follow_input *in)
{
	static const char plain[] = "passed: a rule says so";
	struct str from = str_of(in->mode_words);

	if (from.len == 0 || str_eq(from, STR("redirects.mode")))
		return "passed: redirects.mode is pass";
	if (str_starts(from, STR("rule ")))
		return follow_words(arena_printf(in->arena, "passed: %s", in->mode_words), plain);
	return follow_words(arena_printf(in->arena, "passed: rule %s", in->mode_words), plain);
}

/* The mode, and the words that cost nothing; NULL where they are pass_words. */
static enum redirects_mode resolve(const struct follow_input *in, const char **ret_words)
{
	enum redirects_mode wished = REDIRECTS_AUTO;

	*ret_words = kind_mark(in);
	if (*ret_words != NULL)
		return REDIRECTS_PASS;
	if (in->settings->redirects_by_request)
		wished = wish(in->request);
	if (wished == REDIRECTS_PASS)
		*ret_words = "passed: Viaduct-Redirects asks for it";
	if (wished != REDIRECTS_AUTO || in->mode != REDIRECTS_AUTO)
		return wished != REDIRECTS_AUTO ? wished : in->mode;
	*ret_words = browser_mark(in->request);
	return *ret_words == NULL ? REDIRECTS_FOLLOW : REDIRECTS_PASS;
}

enum redirects_mode follow_mode(const struct follow_input *in, const char **ret_words)
{
	const char *words;
	enum redirects_mode mode = resolve(in, &words);

	if (mode == REDIRECTS_PASS)
		*ret_words = words == NULL ? pass_words(in) : words;
	return mode;
}

bool follow_is_off(const struct follow_input *in)
{
	struct retry_input retry;
	const char *words;

	if (resolve(in, &words) != REDIRECTS_PASS)
		return false;
	follow_describe_retry(in, &retry);
	return !retry_is_open(&retry);
}
