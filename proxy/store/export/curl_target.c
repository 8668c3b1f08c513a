/* The request line of a curl command: method, URL, target, version. */
#include "store/export/curl_part.h"
#include "store/export/shell_quote.h"

#include <string.h>

/* Takes what stands before the first blank off the line. */
static struct str next_word(struct str *line)
{
	size_t end = str_find(*line, ' ');
	struct str word = str_first(*line, end);

	*line = str_from(*line, end < line->len ? end + 1 : end);
	return word;
}

static size_t authority_length(struct str s)
{
	size_t n = 0;

	while (n < s.len && s.p[n] != '/' && s.p[n] != '?' && s.p[n] != '#')
		n++;
	return n;
}

/* What stands behind http:// or https://, or nothing. */
static struct str behind_scheme(struct str url)
{
	if (str_istarts(url, STR("http://")))
		return str_from(url, 7);
	return str_istarts(url, STR("https://")) ? str_from(url, 8) : STR_NONE;
}

/* What an origin is asked for where a proxy was asked for a whole URL (RFC 9112 section 3.2). */
static struct str origin_form(struct curl_command *c, struct str target)
{
	struct str rest = behind_scheme(target);

	if (rest.len == 0)
		return target;
	rest = str_from(rest, authority_length(rest));
	if (rest.len == 0)
		return str_eq(c->method, STR("OPTIONS")) ? STR("*") : STR("/");
	return rest.p[0] == '/' ? rest : arena_printf(c->arena, "/%.*s", STR_ARG(rest));
}

/* User information is no part of what an origin is sent (RFC 9110 section 4.2.4): curl would make credentials of it. */
static struct str without_user(struct str authority)
{
	size_t at = authority.len;

	while (at > 0 && authority.p[at - 1] != '@')
		at--;
	return str_from(authority, at);
}

bool curl_read_target(struct curl_command *c)
{
	struct str line = c->head->start_line;
	struct str rest = behind_scheme(c->url);

	c->method = next_word(&line);
	c->target = next_word(&line);
	c->version = line;
	c->authority = without_user(str_first(rest, authority_length(rest)));
	if (str_eq(c->method, STR("CONNECT"))) {
		curl_note(c, "a tunnel: what went through it is in flows of its own, where it was opened");
		return false;
	}
	if (c->authority.len == 0 || c->target.len == 0) {
		curl_note(c, "no request that curl could send");
		return false;
	}
	if (c->hop == 0)
		c->target = origin_form(c, c->target);
	return true;
}

/* True if curl sends the target as it stands in a URL, whatever its version: with --globoff, and --path-as-is. */
static bool is_plain(struct str target)
{
	static const char others[] = "-._~!$&'()*+,;=:@%/?[]{}";

	for (size_t i = 0; i < target.len; i++) {
		char c = target.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    (c != '\0' && strchr(others, c))))
			return false;
	}
	/* A question mark with nothing behind it is lost in some versions. */
	return target.len > 0 && target.p[0] == '/' && str_find(target, '?') + 1 != target.len;
}

/* True if a segment of its path begins with a dot, perhaps encoded: curl would take such segments out. */
static bool has_dots(struct str target)
{
	for (; target.len > 0 && target.p[0] != '?'; target = str_from(target, 1)) {
		if (str_istarts(target, STR("/.")) || str_istarts(target, STR("/%2e")))
			return true;
	}
	return false;
}

/* True if curl would read it as a pattern for several URLs. */
static bool has_globs(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '[' || s.p[i] == ']' || s.p[i] == '{' || s.p[i] == '}')
			return true;
	}
	return false;
}

static void put_url(struct curl_command *c, struct str path)
{
	struct text url = {NULL, 0, 0};

	text_put(&url, str_istarts(c->url, STR("https://")) ? STR("https://") : STR("http://"));
	text_put(&url, c->authority);
	text_put(&url, path);
	text_byte(&c->words, ' ');
	shell_word(&c->words, text_str(&url));
	text_fini(&url);
}

static void put_method(struct curl_command *c)
{
	if (str_eq(c->method, STR("HEAD")) && !c->has_body) {
		curl_option(c, "--head");
		return;
	}
	if (str_eq(c->method, STR("HEAD")))
		curl_note(c, "curl waits for a body that does not come in answer to HEAD; end it by hand");
	if (str_eq(c->method, c->has_body ? STR("POST") : STR("GET")))
		return;
	curl_option(c, "--request ");
	shell_word(&c->words, c->method);
}

bool curl_is_later_version(const struct curl_command *c)
{
	return str_starts(c->version, STR("HTTP/2")) || str_starts(c->version, STR("HTTP/3"));
}

void curl_put_target(struct curl_command *c)
{
	struct text redacted = {NULL, 0, 0};
	struct str target = c->target;
	bool is_in_url;

	if (c->redactor) {
		redact_url(c->redactor, &redacted, target);
		target = text_str(&redacted);
	}
	is_in_url = is_plain(target);
	text_put(&c->words, STR("curl"));
	put_url(c, is_in_url ? target : STR("/"));
	if (has_globs(c->authority) || (is_in_url && has_globs(target)))
		curl_option(c, "--globoff");
	if (is_in_url && has_dots(target))
		curl_option(c, "--path-as-is");
	if (!is_in_url) {
		curl_option(c, "--request-target ");
		shell_word(&c->words, target);
	}
	put_method(c);
	if (str_eq(c->version, STR("HTTP/1.0")))
		curl_option(c, "--http1.0");
	else if (str_istarts(c->url, STR("https://")) && !curl_is_later_version(c))
		curl_option(c, "--http1.1");
	text_fini(&redacted);
}
