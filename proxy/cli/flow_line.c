/* The line of a flow: what a person should see of it at a glance. Not for all that is known: show_text.c. */
#include "cli/flow_line.h"

#include "base/error.h"
#include "cli/table.h"
#include "store/format.h"
#include "store/terminal.h"
#include "store/tunnel_text.h"

#include <inttypes.h>
#include <stdio.h>

enum { NARROWEST_URL = 20 };

void flow_line_heading(struct text *t)
{
	text_put(t, STR("     id  time            method   st.     size     time  hops  url\n"));
}

static void put_number(struct text *t, int64_t n, size_t width)
{
	size_t from = t->len;

	text_i64(t, n);
	table_align_right(t, from, width);
	text_put(t, STR("  "));
}

static void put_status(struct text *t, const struct flow_view *v, bool has_colour)
{
	enum colour c = has_colour && v->status > 0 ? colour_of_status((int)v->status) : COLOUR_NONE;

	format_colour(t, c);
	if (v->status >= 0)
		text_printf(t, "%3" PRId64, v->status);
	else
		text_put(t, flow_view_is_pending(v) ? STR("...") : STR("---"));
	format_colour_end(t, c);
	text_put(t, STR("  "));
}

static void put_size_and_duration(struct text *t, const struct flow_view *v)
{
	size_t from = t->len;

	format_bytes(t, flow_view_bytes(v));
	table_align_right(t, from, 7);
	text_put(t, STR("  "));
	from = t->len;
	if (flow_view_is_pending(v))
		text_put(t, STR("..."));
	else
		format_duration(t, v->duration_us);
	table_align_right(t, from, 7);
	text_put(t, STR("  "));
}

/* What went wrong: the error's name of a failed flow; of a delivered one why a redirect in it was not followed, or a failure
 * not tried again. */
static struct str fault(const struct flow_view *v)
{
	if (v->error.len > 0 && !str_eq(v->error, STR("none")) && !str_eq(v->outcome, STR("cancelled")))
		return v->error;
	return str_eq(v->outcome, STR("delivered")) ? v->detail : v->outcome;
}

static enum error error_of(const struct flow_view *v)
{
	char name[64];

	snprintf(name, sizeof(name), "%.*s", STR_ARG(v->error));
	return error_of_name(name);
}

static void put_remark(struct text *t, const struct text *words, enum colour c)
{
	if (words->len == 0)
		return;
	text_put(t, STR("  "));
	format_colour(t, c);
	text_put(t, text_str(words));
	format_colour_end(t, c);
}

/* One direction of a flow in flight: "sent 3.1 MB of 12 MB, 25 %"; how much is known of it only if its head says so. */
static void put_progress(struct text *t, const char *what, uint64_t bytes, int64_t length)
{
	text_printf(t, "%s%s ", t->len > 0 ? ", " : "", what);
	format_bytes(t, bytes);
	if (length <= 0)
		return;
	text_put(t, STR(" of "));
	format_bytes(t, (uint64_t)length);
	text_printf(t, ", %d %%", bytes < (uint64_t)length ? (int)((double)bytes * 100 / (double)length) : 100);
}

/* How far the bodies of a flow in flight are: the request's until it is whole, the response's from its begin on. */
static void put_bodies(struct text *t, const struct flow_view *v)
{
	bool is_sending = v->request_body_bytes > 0 || v->request_length_bytes > 0;

	if (!flow_view_is_pending(v) || v->is_tunnel)
		return;
	if (is_sending && (v->status < 0 || (int64_t)v->request_body_bytes < v->request_length_bytes))
		put_progress(t, "sent", v->request_body_bytes, v->request_length_bytes);
	if (v->status >= 0)
		put_progress(t, "received", v->response_body_bytes, v->response_length_bytes);
}

/* What is worth saying behind the URL, each part behind two blanks: how far it is, where a chain ended, how a tunnel was
 * handled, what went wrong. */
static void put_remarks(struct text *t, const struct flow_view *v, bool has_colour)
{
	enum colour chain = has_colour ? COLOUR_CYAN : COLOUR_NONE;
	bool is_fault = !flow_view_is_pending(v) && v->error.len > 0 && !str_eq(v->error, STR("none"));
	enum error error = is_fault ? error_of(v) : ERR_none;
	enum colour tunnel = has_colour ? tunnel_text_colour(v->tunnel.handling) : COLOUR_NONE;
	enum colour wrong = has_colour && is_fault ? COLOUR_RED : COLOUR_NONE;
	struct text words = {NULL, 0, 0};

	put_bodies(&words, v);
	put_remark(t, &words, chain);
	text_clear(&words);
	terminal_chain(&words, v->url, v->final_url, v->retries);
	put_remark(t, &words, chain);
	text_clear(&words);
	if (v->is_tunnel && !tunnel_text_is_refusal(error))
		tunnel_text(&words, v->tunnel.handling, v->tunnel.why);
	put_remark(t, &words, tunnel);
	text_clear(&words);
	text_visible(&words, fault(v));
	tunnel_text_refusal(&words, error, v->detail);
	put_remark(t, &words, wrong);
	text_fini(&words);
}

static void put_url(struct text *t, const struct flow_view *v, size_t total, size_t used)
{
	struct text plain = {NULL, 0, 0};
	size_t width;

	put_remarks(&plain, v, false);
	used += plain.len;
	text_fini(&plain);
	width = total > used + NARROWEST_URL ? total - used : NARROWEST_URL;
	if (v->url.len == 0)
		text_byte(t, '-');
	else if (total == 0)
		text_visible(t, v->url);
	else
		terminal_url(t, v->url, width);
}

void flow_line(struct text *t, const struct flow_view *v, size_t width, bool has_colour)
{
	size_t start = t->len, from;

	put_number(t, (int64_t)v->id, 7);
	from = t->len;
	format_time_local(t, v->started_us, TIME_SHORT);
	table_pad(t, from, 14);
	from = t->len;
	terminal_url(t, v->method.len > 0 ? v->method : STR("-"), 9);
	table_pad(t, from, 7);
	put_status(t, v, has_colour);
	put_size_and_duration(t, v);
	put_number(t, v->hops, 4);
	put_url(t, v, width, t->len - start);
	put_remarks(t, v, has_colour);
	text_byte(t, '\n');
}
