/* See html.h. */
#include "admin/html.h"

#include "core/page.h"

void html_put(struct text *t, struct str s)
{
	struct arena *a = arena_new(6 * s.len + 64);

	text_put(t, page_escape_html(a, s));
	arena_free(a);
}

void html_code(struct text *t, struct str s)
{
	text_put(t, STR("<code>"));
	html_put(t, s);
	text_put(t, STR("</code>"));
}

void html_open_row(struct text *t, const char *name)
{
	text_printf(t, "<tr><th scope=\"row\">%s</th><td>", name);
}

void html_close_row(struct text *t)
{
	text_put(t, STR("</td></tr>\n"));
}
