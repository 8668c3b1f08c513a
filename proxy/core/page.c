/* See page.h. */
#include "core/page.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

#define PAGE_STYLE                                                                                                                \
	"<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44em;margin:3em auto;padding:0 1em;color:#222;background:#fff}" \
	"code,pre{font:14px/1.5 ui-monospace,monospace;background:#f2f2f2;padding:.1em .3em}pre{padding:.8em;overflow:auto}"      \
	"small{color:#666}@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}code,pre{background:#282828}}"     \
	"</style>"

static const char *html_reference(char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

struct str page_escape_html(struct arena *a, struct str s)
{
	char *out = arena_alloc(a, 6 * s.len + 1);
	size_t n = 0;

	if (out == NULL)
		return STR_NONE;
	for (size_t i = 0; i < s.len; i++) {
		const char *reference = html_reference(s.p[i]);
		size_t len = reference == NULL ? 1 : strlen(reference);

		memcpy(out + n, reference == NULL ? s.p + i : reference, len);
		n += len;
	}
	return (struct str){out, n};
}

struct str page_escape_json(struct arena *a, struct str s)
{
	size_t size = 6 * s.len + 1, n = 0;
	char *out = arena_alloc(a, size);

	if (out == NULL)
		return STR_NONE;
	while (s.len > 0) {
		size_t len = utf8_first(s);
		unsigned char c = (unsigned char)s.p[0];

		if (len > 1) {
			memcpy(out + n, s.p, len);
			n += len;
		} else if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
			n += (size_t)snprintf(out + n, size - n, "\\u%04x", c);
		} else {
			out[n++] = (char)c;
		}
		s = str_from(s, len > 1 ? len : 1);
	}
	return (struct str){out, n};
}

static bool page_done(struct page *ret, const char *content_type, struct str body)
{
	if (body.p == NULL)
		return false;
	*ret = (struct page){str_of(content_type), body};
	return true;
}

static bool error_html(struct arena *a, const struct error_row *row, struct str detail, struct str host, struct page *ret)
{
	struct str h = page_escape_html(a, host), d = page_escape_html(a, detail);
	const char *reason = status_reason(row->status);

	return page_done(ret, "text/html; charset=utf-8",
		arena_printf(a,
			"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
			"<meta name=\"viewport\" content=\"width=device-width\"><title>%d %s</title>" PAGE_STYLE
			"<h1>%d %s</h1><p>viaduct: %s.</p>%s%.*s%s%s%.*s%s<p><small>error <code>%s</code>, blame: %s, "
			"phase: %s</small></p></html>\n",
			row->status, reason, row->status, reason, row->sentence, h.len > 0 ? "<p>Host: <code>" : "", STR_ARG(h),
			h.len > 0 ? "</code></p>" : "", d.len > 0 ? "<p>" : "", STR_ARG(d), d.len > 0 ? "</p>" : "", row->name,
			blame_name(row->blame), phase_name(row->phase)));
}

static bool error_json(struct arena *a, const struct error_row *row, struct str detail, struct str host, struct page *ret)
{
	struct str h = page_escape_json(a, host), d = page_escape_json(a, detail);

	return page_done(ret, "application/json",
		arena_printf(a,
			"{\"error\":\"%s\",\"status\":%d,\"blame\":\"%s\",\"phase\":\"%s\",\"retryable\":%s,\"host\":\"%.*s\","
			"\"message\":\"%s\",\"detail\":\"%.*s\"}\n",
			row->name, row->status, blame_name(row->blame), phase_name(row->phase),
			row->is_retryable ? "true" : "false", STR_ARG(h), row->sentence, STR_ARG(d)));
}

/* s for a terminal. p NULL when the arena is full. */
static struct str escape_text(struct arena *a, struct str s)
{
	size_t size = 4 * s.len + 1;
	char *to = arena_alloc(a, size);

	if (to == NULL)
		return STR_NONE;
	return (struct str){to, utf8_legible(s, to, size)};
}

static bool error_text(struct arena *a, const struct error_row *row, struct str detail, struct str host, struct page *ret)
{
	struct str h = escape_text(a, host), d = escape_text(a, detail);

	return page_done(ret, "text/plain; charset=utf-8",
		arena_printf(a, "viaduct: %s (%s)%s%.*s%s%.*s\n", row->sentence, row->name, h.len > 0 ? "\nhost: " : "",
			STR_ARG(h), d.len > 0 ? "\n" : "", STR_ARG(d)));
}

bool page_of_error(struct arena *a, enum error error, struct str detail, struct str host, enum reply_form form,
	struct page *ret)
{
	const struct error_row *row = error_row(error);

	switch (form) {
	case REPLY_HTML:
		return error_html(a, row, detail, host, ret);
	case REPLY_JSON:
		return error_json(a, row, detail, host, ret);
	default:
		return error_text(a, row, detail, host, ret);
	}
}

static bool help_html(struct arena *a, struct str proxy, struct str inspector, struct page *ret)
{
	struct str p = page_escape_html(a, proxy), i = page_escape_html(a, inspector);

	return page_done(ret, "text/html; charset=utf-8",
		arena_printf(a,
			"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
			"<meta name=\"viewport\" content=\"width=device-width\"><title>viaduct</title>" PAGE_STYLE
			"<h1>This is viaduct, an HTTP proxy</h1><p>It works. It is not a web site: set it as the proxy of a "
			"program, and the program's requests go through it and are kept for you to look at.</p>"
			"<pre>curl -x http://%.*s http://example.com/\n"
			"export http_proxy=http://%.*s https_proxy=http://%.*s</pre>"
			"<p>In a system's or a browser's network settings: HTTP proxy and HTTPS proxy <code>%.*s</code>.</p>"
			"<p>What went through: <code>viaduct flows</code>, and <code>viaduct show ID</code> for one of "
			"them.</p>%s%.*s%s%.*s%s</html>\n",
			STR_ARG(p), STR_ARG(p), STR_ARG(p), STR_ARG(p), i.len > 0 ? "<p>Inspector: <a href=\"" : "", STR_ARG(i),
			i.len > 0 ? "\">" : "", STR_ARG(i), i.len > 0 ? "</a></p>" : ""));
}

static bool help_json(struct arena *a, struct str proxy, struct str inspector, struct page *ret)
{
	return page_done(ret, "application/json",
		arena_printf(a, "{\"name\":\"viaduct\",\"proxy\":\"%.*s\",\"inspector\":\"%.*s\"}\n",
			STR_ARG(page_escape_json(a, proxy)), STR_ARG(page_escape_json(a, inspector))));
}

bool page_of_help(struct arena *a, struct str proxy, struct str inspector, enum reply_form form, struct page *ret)
{
	if (form == REPLY_HTML)
		return help_html(a, proxy, inspector, ret);
	if (form == REPLY_JSON)
		return help_json(a, proxy, inspector, ret);
	return page_done(ret, "text/plain; charset=utf-8",
		arena_printf(a,
			"This is viaduct, an HTTP proxy. It works.\nIt is not a web site: set it as the proxy of a program.\n\n"
			"  curl -x http://%.*s http://example.com/\n  export http_proxy=http://%.*s https_proxy=http://%.*s\n\n"
			"What went through: viaduct flows; one of them: viaduct show ID\n%s%.*s%s",
			STR_ARG(proxy), STR_ARG(proxy), STR_ARG(proxy), inspector.len > 0 ? "Inspector: " : "",
			STR_ARG(inspector), inspector.len > 0 ? "\n" : ""));
}
