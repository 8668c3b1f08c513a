/* How the hops of a flow look to people: a time line of all, and each by itself. All bytes from outside are escaped. Not for
 * flows and heads: show_text.c. */
#include "cli/cli_show.h"
#include "cli/show_parts.h"
#include "store/format.h"

#include <inttypes.h>

enum { REASON_WIDTH = 10, SINCE_WIDTH = 9, DECISION_AT = 32 };

static void pad_to(struct text *t, size_t from, size_t width)
{
	while (t->len - from < width)
		text_byte(t, ' ');
}

/* "+5.0 ms": since the flow began. */
static void put_since(struct text *t, const struct hop_view *v, int64_t flow_started_us)
{
	int64_t since_us = v->started_us - flow_started_us;

	text_byte(t, '+');
	format_duration(t, since_us > 0 ? since_us : 0);
}

static void put_result(struct text *t, const struct hop_view *v, struct show_style style)
{
	if (v->status >= 0)
		show_status(t, v->status, style);
	else
		text_put(t, STR("---"));
}

void show_chain_title(struct text *t, struct show_style style)
{
	text_put(t, STR("\n  "));
	show_title(t, "chain", style);
	text_byte(t, '\n');
}

/* Under the URL: what went wrong, and what was decided. */
static void put_why(struct text *t, const struct hop_view *v)
{
	/* A retry says itself what it is for. */
	struct str error = str_starts(v->decision, STR("retried:")) ? STR_NONE : v->error;

	if (error.len + v->decision.len == 0)
		return;
	text_printf(t, "%*s", DECISION_AT, "");
	text_visible(t, error);
	text_put(t, error.len > 0 && v->decision.len > 0 ? STR("; ") : STR(""));
	text_visible(t, v->decision);
	text_byte(t, '\n');
}

void show_link(struct text *t, const struct hop_view *v, int64_t flow_started_us, struct show_style style)
{
	size_t from = t->len;

	text_printf(t, "  %3" PRId64 "  ", v->number);
	text_visible(t, v->reason);
	pad_to(t, from, 7 + REASON_WIDTH);
	from = t->len;
	put_since(t, v, flow_started_us);
	pad_to(t, from, SINCE_WIDTH + 1);
	put_result(t, v, style);
	text_put(t, STR("  "));
	text_visible(t, v->url);
	text_byte(t, '\n');
	put_why(t, v);
}

static void put_duration(struct text *t, size_t from, const char *name, int64_t us)
{
	if (t->len > from)
		text_put(t, STR(", "));
	text_printf(t, "%s %" PRId64 ".%03" PRId64 " ms", name, us / 1000, us % 1000);
}

/* The phases that took place, in ms. */
static void put_times(struct text *t, const struct hop_view *v)
{
	size_t from;

	show_label(t, "times");
	from = t->len;
	if (v->delay_us > 0)
		put_duration(t, from, "back-off", v->delay_us);
	for (size_t i = 0; i < HOP_PHASES; i++) {
		if (v->times_us[i] >= 0)
			put_duration(t, from, hop_phase_name(i), v->times_us[i]);
	}
	text_put(t, t->len == from ? STR("none\n") : STR("\n"));
}

static void put_peer(struct text *t, const struct hop_view *v)
{
	if (v->is_reply) {
		show_line(t, "to", STR("answered by the proxy itself"));
		return;
	}
	if (v->peer.len == 0)
		return;
	show_label(t, "to");
	text_visible(t, v->peer);
	if (v->peer_class.len > 0) {
		text_put(t, STR(" ("));
		text_visible(t, v->peer_class);
		text_byte(t, ')');
	}
	text_put(t, v->is_reused ? STR(", on a kept connection\n") : STR(", on a new connection\n"));
}

/* What the request got besides the client's own fields. */
static void put_added(struct text *t, struct str cookies)
{
	if (cookies.len == 0)
		return;
	show_label(t, "added");
	text_put(t, STR("cookies of the chain: "));
	text_visible(t, cookies);
	text_byte(t, '\n');
}

/* What a response's cookies came to: "sid: kept for the chain; given to the client". */
static void put_cookies(struct text *t, const struct cookie_rows *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct cookie_view *v = &l->v[i];

		show_label(t, i == 0 ? "cookies" : "");
		text_visible(t, v->name.len > 0 ? v->name : STR("(no name)"));
		if (v->fate.len > 0) {
			text_put(t, STR(": "));
			text_visible(t, v->fate);
		}
		if (v->client.len > 0) {
			text_put(t, STR("; "));
			text_visible(t, v->client);
		}
		text_byte(t, '\n');
	}
}

static void put_answer(struct text *t, const struct hop_view *v, struct show_style style)
{
	show_label(t, "answer");
	if (v->status >= 0)
		show_status(t, v->status, style);
	if (v->error.len > 0)
		show_outcome(t, v->status >= 0 ? STR(", failed") : STR("failed"), v->error, v->detail);
	else if (v->status < 0)
		text_put(t, STR("none"));
	text_byte(t, '\n');
}

void show_hop(struct text *t, const struct hop_view *v, int64_t flow_started_us, struct show_style style)
{
	text_byte(t, '\n');
	show_title(t, "hop ", style);
	text_printf(t, "%" PRId64 " (", v->number);
	text_visible(t, v->reason);
	text_put(t, STR(") at "));
	put_since(t, v, flow_started_us);
	text_put(t, STR("  "));
	text_visible(t, v->url);
	text_byte(t, '\n');
	put_peer(t, v);
	show_origin(t, v, style);
	show_drops(t, "dropped", &v->drops);
	put_added(t, v->cookies_added);
	put_answer(t, v, style);
	put_cookies(t, &v->cookies);
	show_line(t, "decision", v->decision);
	put_times(t, v);
	show_sizes(t, v->request_head_bytes, v->request_body_bytes, v->response_head_bytes, v->response_body_bytes);
}
