/* How viaduct show looks to people. All bytes from outside are escaped. Not for reading the flow: cli_show.c; not for
 * hops: show_chain.c. */
#include "cli/cli_show.h"

#include "cli/show_parts.h"
#include "store/format.h"
#include "store/tunnel_text.h"

#include <inttypes.h>
#include <stdio.h>

/* How the tunnel was handled, and why. */
static void put_handling(struct text *t, const struct tunnel_view *v)
{
	show_label(t, "tunnel");
	text_visible(t, v->handling);
	if (v->why.len > 0) {
		text_put(t, STR(": "));
		text_visible(t, v->why);
	}
	text_byte(t, '\n');
}

/* The flows that came through it: all, or the first and the last. */
static void put_children(struct text *t, const uint64_t *ids, size_t n)
{
	size_t shown = n <= SHOW_CHILDREN ? n : SHOW_CHILDREN - 1;

	if (n == 0)
		return;
	show_label(t, "inside");
	text_printf(t, "%zu %s:", n, n == 1 ? "flow" : "flows");
	for (size_t i = 0; i < shown; i++)
		text_printf(t, "%s %" PRIu64, i > 0 ? "," : "", ids[i]);
	if (shown < n)
		text_printf(t, ", ... %" PRIu64, ids[n - 1]);
	text_byte(t, '\n');
}

static void put_tunnel(struct text *t, const struct tunnel_view *v)
{
	put_handling(t, v);
	show_label(t, "carried");
	format_bytes(t, v->up_bytes);
	text_put(t, STR(" from the client, "));
	format_bytes(t, v->down_bytes);
	text_put(t, STR(" to the client\n"));
	show_line(t, "SNI", v->sni);
	show_line(t, "ALPN", v->alpn);
	show_line(t, "TLS offer", v->tls_version);
	if (v->has_ech)
		show_line(t, "ECH", STR("yes"));
	show_line(t, "JA4", v->ja4);
}

/* Flows of other programs' files do not tell. */
static void put_client(struct text *t, const struct flow_view *v)
{
	if (v->client.len == 0)
		return;
	show_label(t, "client");
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

/* ", 3 hops, 1 redirect, 1 retry"; nothing for a single hop. */
static void put_hops(struct text *t, const struct flow_view *v)
{
	if (v->hops <= 1)
		return;
	text_printf(t, ", %" PRId64 " hops", v->hops);
	if (v->redirects > 0)
		text_printf(t, ", %" PRId64 " %s", v->redirects, v->redirects == 1 ? "redirect" : "redirects");
	if (v->retries > 0)
		text_printf(t, ", %" PRId64 " %s", v->retries, v->retries == 1 ? "retry" : "retries");
}

/* When it began, and how long it took. */
static void put_started(struct text *t, const struct flow_view *v)
{
	show_label(t, "started");
	format_time_local(t, v->started_us, TIME_LONG);
	if (!flow_view_is_pending(v)) {
		text_put(t, STR(", took "));
		format_duration(t, v->duration_us);
	}
	text_byte(t, '\n');
}

/* Through which tunnel it came. */
static void put_parent(struct text *t, const struct flow_view *v)
{
	if (v->parent_id < 0)
		return;
	show_label(t, "inside of");
	text_printf(t, "flow %" PRId64 ", a CONNECT that was opened\n", v->parent_id);
}

/* What is most likely behind a handshake with the client that failed. */
static void put_cause(struct text *t, const struct flow_view *v)
{
	char name[64];
	const char *cause;

	snprintf(name, sizeof(name), "%.*s", STR_ARG(v->error));
	cause = v->error.len == 0 ? NULL : tunnel_text_cause(error_of_name(name));
	if (cause == NULL)
		return;
	show_label(t, "likely");
	text_printf(t, "%s\n", cause);
}

/* "CONNECT example.com:443" and what came of it. */
static void put_summary(struct text *t, const struct flow_view *v, struct show_style style)
{
	text_printf(t, "flow %" PRIu64 "  ", v->id);
	format_colour(t, style.has_colour ? COLOUR_BOLD : COLOUR_NONE);
	text_visible(t, v->method.len > 0 ? v->method : STR("-"));
	text_byte(t, ' ');
	text_visible(t, v->url.len > 0 ? v->url : STR("-"));
	format_colour_end(t, style.has_colour ? COLOUR_BOLD : COLOUR_NONE);
	text_byte(t, '\n');
	show_label(t, "outcome");
	if (v->status >= 0) {
		show_status(t, v->status, style);
		text_byte(t, ' ');
	}
	show_outcome(t, v->outcome, v->error, v->detail);
	put_hops(t, v);
	text_byte(t, '\n');
	put_cause(t, v);
}

void show_flow(struct text *t, const struct flow_view *v, const struct show_around *around, struct show_style style)
{
	put_summary(t, v, style);
	show_line(t, "final URL", v->final_url);
	put_started(t, v);
	put_client(t, v);
	show_leg(t, "client TLS", &v->client_tls);
	put_parent(t, v);
	show_line(t, "type", v->content_type);
	show_sizes(t, v->request_head_bytes, v->request_body_bytes, v->response_head_bytes, v->response_body_bytes);
	show_drops(t, "left out", &around->left_out);
	if (v->is_tunnel)
		put_tunnel(t, &v->tunnel);
	put_children(t, around->children, around->children_n);
}
