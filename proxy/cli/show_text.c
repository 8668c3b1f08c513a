/* How viaduct show looks to people. All bytes from outside are escaped. Not for reading the flow: cli_show.c. */
#include "cli/cli_show.h"

#include "store/format.h"

#include <inttypes.h>

static void put_title(struct text *t, const char *title, struct show_style style)
{
	enum colour c = style.has_colour ? COLOUR_BOLD : COLOUR_NONE;

	format_colour(t, c);
	text_put(t, str_of(title));
	format_colour_end(t, c);
}

static void put_label(struct text *t, const char *label)
{
	text_printf(t, "  %-11s", label);
}

/* A label and a text, if there is one. */
static void put_line(struct text *t, const char *label, struct str s)
{
	if (s.len == 0)
		return;
	put_label(t, label);
	text_visible(t, s);
	text_byte(t, '\n');
}

static void put_outcome(struct text *t, struct str outcome, struct str error, struct str detail)
{
	text_visible(t, outcome);
	if (error.len > 0) {
		text_put(t, STR(": "));
		text_visible(t, error);
	}
	if (detail.len > 0) {
		text_put(t, STR(" ("));
		text_visible(t, detail);
		text_put(t, STR(")"));
	}
}

static void put_status(struct text *t, int64_t status, struct show_style style)
{
	enum colour c = style.has_colour && status > 0 ? colour_of_status((int)status) : COLOUR_NONE;

	format_colour(t, c);
	text_printf(t, "%" PRId64, status);
	format_colour_end(t, c);
}

static void put_sizes(struct text *t, uint64_t request_head, uint64_t request_body, uint64_t response_head,
	uint64_t response_body)
{
	put_label(t, "bytes");
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

static void put_tunnel(struct text *t, const struct tunnel_view *v)
{
	put_label(t, "tunnel");
	format_bytes(t, v->up_bytes);
	text_put(t, STR(" from the client, "));
	format_bytes(t, v->down_bytes);
	text_put(t, STR(" to the client\n"));
	put_line(t, "SNI", v->sni);
	put_line(t, "ALPN", v->alpn);
	put_line(t, "TLS offer", v->tls_version);
	if (v->has_ech)
		put_line(t, "ECH", STR("yes"));
	put_line(t, "JA4", v->ja4);
}

static void put_client(struct text *t, const struct flow_view *v)
{
	put_label(t, "client");
	text_visible(t, v->client);
	text_printf(t, ", request %" PRId64 " of client %" PRId64, v->client_request, v->client_id);
	if (v->listener.len > 0) {
		text_put(t, STR(" to "));
		text_visible(t, v->listener);
	}
	if (v->user.len > 0) {
		text_put(t, STR(", user "));
		text_visible(t, v->user);
	}
	text_byte(t, '\n');
}

void show_flow(struct text *t, const struct flow_view *v, struct show_style style)
{
	text_printf(t, "flow %" PRIu64 "  ", v->id);
	format_colour(t, style.has_colour ? COLOUR_BOLD : COLOUR_NONE);
	text_visible(t, v->method.len > 0 ? v->method : STR("-"));
	text_byte(t, ' ');
	text_visible(t, v->url.len > 0 ? v->url : STR("-"));
	format_colour_end(t, style.has_colour ? COLOUR_BOLD : COLOUR_NONE);
	text_byte(t, '\n');
	put_label(t, "outcome");
	if (v->status >= 0) {
		put_status(t, v->status, style);
		text_byte(t, ' ');
	}
	put_outcome(t, v->outcome, v->error, v->detail);
	text_byte(t, '\n');
	put_label(t, "started");
	format_time_local(t, v->started_us, TIME_LONG);
	if (!flow_view_is_pending(v)) {
		text_put(t, STR(", took "));
		format_duration(t, v->duration_us);
	}
	text_byte(t, '\n');
	put_client(t, v);
	put_line(t, "type", v->content_type);
	put_sizes(t, v->request_head_bytes, v->request_body_bytes, v->response_head_bytes, v->response_body_bytes);
	if (v->is_tunnel)
		put_tunnel(t, &v->tunnel);
}

/* The phases that took place, in ms. */
static void put_times(struct text *t, const struct hop_view *v)
{
	size_t from;

	put_label(t, "times");
	from = t->len;
	for (size_t i = 0; i < HOP_PHASES; i++) {
		int64_t us = v->times_us[i];

		if (us < 0)
			continue;
		if (t->len > from)
			text_put(t, STR(", "));
		text_printf(t, "%s %" PRId64 ".%03" PRId64 " ms", hop_phase_name(i), us / 1000, us % 1000);
	}
	text_put(t, t->len == from ? STR("none\n") : STR("\n"));
}

static void put_peer(struct text *t, const struct hop_view *v)
{
	if (v->is_reply) {
		put_line(t, "to", STR("answered by the proxy itself"));
		return;
	}
	if (v->peer.len == 0)
		return;
	put_label(t, "to");
	text_visible(t, v->peer);
	text_put(t, v->is_reused ? STR(", on a kept connection") : STR(", on a new connection"));
	if (v->tls_version.len > 0) {
		text_put(t, STR(", "));
		text_visible(t, v->tls_version);
		text_byte(t, ' ');
		text_visible(t, v->tls_cipher);
		text_put(t, v->tls_resumed ? STR(", resumed") : STR(""));
	}
	text_byte(t, '\n');
}

void show_hop(struct text *t, const struct hop_view *v, int64_t flow_started_us, struct show_style style)
{
	int64_t since_us = v->started_us - flow_started_us;

	text_byte(t, '\n');
	put_title(t, "hop ", style);
	text_printf(t, "%" PRId64 " (", v->number);
	text_visible(t, v->reason);
	text_put(t, STR(") at +"));
	format_duration(t, since_us > 0 ? since_us : 0);
	text_put(t, STR("  "));
	text_visible(t, v->url);
	text_byte(t, '\n');
	put_peer(t, v);
	put_label(t, "answer");
	if (v->status >= 0)
		put_status(t, v->status, style);
	if (v->error.len > 0)
		put_outcome(t, v->status >= 0 ? STR(", failed") : STR("failed"), v->error, v->detail);
	else if (v->status < 0)
		text_put(t, STR("none"));
	text_byte(t, '\n');
	put_line(t, "decision", v->decision);
	put_line(t, "withheld", v->dropped);
	put_times(t, v);
	put_sizes(t, v->request_head_bytes, v->request_body_bytes, v->response_head_bytes, v->response_body_bytes);
}

static void put_fields(struct text *t, const struct fields *f)
{
	for (size_t i = 0; i < f->n; i++) {
		text_put(t, STR("    "));
		text_visible(t, f->v[i].name);
		text_put(t, STR(": "));
		text_visible(t, f->v[i].value);
		text_byte(t, '\n');
	}
}

void show_head(struct text *t, const char *title, const struct head_view *v, struct show_style style)
{
	if (!v)
		return;
	text_put(t, STR("\n  "));
	put_title(t, title, style);
	text_put(t, STR("\n    "));
	text_visible(t, v->start_line);
	text_byte(t, '\n');
	put_fields(t, &v->fields);
	if (v->trailers.n > 0) {
		text_put(t, STR("  trailers\n"));
		put_fields(t, &v->trailers);
	}
}
