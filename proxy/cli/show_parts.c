/* See show_parts.h. */
#include "cli/show_parts.h"

#include <inttypes.h>

void show_title(struct text *t, const char *title, struct show_style style)
{
	enum colour c = style.has_colour ? COLOUR_BOLD : COLOUR_NONE;

	format_colour(t, c);
	text_put(t, str_of(title));
	format_colour_end(t, c);
}

void show_label(struct text *t, const char *label)
{
	text_printf(t, "  %-11s", label);
}

void show_line(struct text *t, const char *label, struct str s)
{
	if (s.len == 0)
		return;
	show_label(t, label);
	text_legible(t, s);
	text_byte(t, '\n');
}

void show_outcome(struct text *t, struct str outcome, struct str error, struct str detail)
{
	text_visible(t, outcome);
	if (error.len > 0) {
		text_put(t, STR(": "));
		text_visible(t, error);
	}
	if (detail.len > 0) {
		text_put(t, STR(" ("));
		text_legible(t, detail);
		text_put(t, STR(")"));
	}
}

void show_leg(struct text *t, const char *label, const struct leg_view *v)
{
	if (v->version.len == 0)
		return;
	show_label(t, label);
	text_visible(t, v->version);
	text_byte(t, ' ');
	text_visible(t, v->cipher);
	if (v->alpn.len > 0) {
		text_put(t, STR(", ALPN "));
		text_visible(t, v->alpn);
	}
	if (v->server_name.len > 0) {
		text_put(t, STR(", server name "));
		text_visible(t, v->server_name);
	}
	text_put(t, v->resumed > 0 ? STR(", resumed\n") : STR("\n"));
}

void show_status(struct text *t, int64_t status, struct show_style style)
{
	enum colour c = style.has_colour && status > 0 ? colour_of_status((int)status) : COLOUR_NONE;

	format_colour(t, c);
	text_printf(t, "%" PRId64, status);
	format_colour_end(t, c);
}

void show_sizes(struct text *t, uint64_t request_head, uint64_t request_body, uint64_t response_head, uint64_t response_body)
{
	show_label(t, "bytes");
	text_put(t, STR("request "));
	format_bytes(t, request_head);
	text_put(t, STR(" head, "));
	format_bytes(t, request_body);
	text_put(t, STR(" body; response "));
	format_bytes(t, response_head);
	text_put(t, STR(" head, "));
	format_bytes(t, response_body);
	text_put(t, STR(" body\n"));
}

void show_drops(struct text *t, const char *label, const struct drop_rows *l)
{
	for (size_t i = 0; i < l->n; i++) {
		show_label(t, i == 0 ? label : "");
		text_visible(t, l->v[i].name);
		if (l->v[i].why.len > 0) {
			text_put(t, STR(": "));
			text_visible(t, l->v[i].why);
		}
		text_byte(t, '\n');
	}
}
