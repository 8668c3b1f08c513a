/* The line of a flow. Not for tables: those are the sub-command flows'. */
#include "store/terminal.h"

#include "store/format.h"
#include "store/origin_text.h"
#include "store/tunnel_text.h"

#include <inttypes.h>

void terminal_url(struct text *t, struct str url, size_t width)
{
	static const char cut[] = "...";
	const size_t mark = sizeof(cut) - 1;
	size_t from = t->len;

	/* Escaping never shortens, so what is beyond the width is not worth escaping. */
	text_escaped(t, str_first(url, url.len < width + 1 ? url.len : width + 1));
	if (t->len - from <= width)
		return;
	t->len = from + (width > mark ? width - mark : 0);
	text_put(t, str_of(cut));
}

static void put_status(struct text *t, int status, bool has_colour)
{
	enum colour c = has_colour ? colour_of_status(status) : COLOUR_NONE;

	text_byte(t, ' ');
	format_colour(t, c);
	if (status > 0)
		text_i64(t, status);
	else
		text_put(t, STR("---"));
	format_colour_end(t, c);
}

/* "failed" without a name says nothing; the error's name says it all. */
static void put_outcome(struct text *t, const struct exchange_facts *x, bool has_colour)
{
	enum colour c = has_colour ? COLOUR_RED : COLOUR_NONE;

	if (x->outcome == OUTCOME_DELIVERED && x->error == ERR_none)
		return;
	text_put(t, STR("  "));
	format_colour(t, c);
	if (x->outcome == OUTCOME_CANCELLED)
		text_put(t, STR("cancelled"));
	else
		text_put(t, str_of(x->error == ERR_none ? outcome_name(x->outcome) : error_name(x->error)));
	tunnel_text_refusal(t, x->error, str_of(x->detail));
	format_colour_end(t, c);
}

/* "opened", or why it was not. */
static void put_handling(struct text *t, const struct exchange_facts *x, bool has_colour)
{
	struct str handling = str_of(x->is_tunnel ? tunnel_handling_name(x->tunnel.handling) : NULL);
	enum colour c = has_colour ? tunnel_text_colour(handling) : COLOUR_NONE;
	struct text words = {NULL, 0, 0};

	if (!x->is_tunnel || tunnel_text_is_refusal(x->error))
		return;
	tunnel_text(&words, handling, str_of(x->tunnel.why));
	if (words.len > 0) {
		text_put(t, STR("  "));
		format_colour(t, c);
		text_put(t, text_str(&words));
		format_colour_end(t, c);
	}
	text_fini(&words);
}

/* What went through it has lines of its own. */
static bool is_dim(const struct exchange_facts *x)
{
	return x->is_tunnel && (x->tunnel.handling == TUNNEL_TLS || x->tunnel.handling == TUNNEL_HTTP) &&
		x->outcome != OUTCOME_FAILED;
}

void terminal_chain(struct text *t, struct str url, struct str final_url, int64_t retries)
{
	struct str origin = origin_text_left(url, final_url);

	if (origin.len > 0) {
		text_put(t, STR("-> "));
		terminal_url(t, origin, TERMINAL_ORIGIN_BYTES);
	}
	if (retries > 0)
		text_printf(t, "%s%" PRId64 " %s", origin.len > 0 ? ", " : "", retries, retries == 1 ? "retry" : "retries");
}

static void put_chain(struct text *t, const struct exchange_facts *x)
{
	size_t from;

	if (x->hops_n <= 1)
		return;
	text_printf(t, "  %u hops ", x->hops_n);
	from = t->len;
	terminal_chain(t, x->url, x->final_url, x->retries);
	if (t->len == from)
		t->len--; /* the blank between */
}

void terminal_line(struct text *t, const struct exchange_facts *x, bool has_colour)
{
	uint64_t bytes = x->is_tunnel ? x->tunnel.up_bytes + x->tunnel.down_bytes : x->response_body_bytes;
	enum colour whole = has_colour && is_dim(x) ? COLOUR_DIM : COLOUR_NONE;

	/* Within it, colours would end it. */
	has_colour = has_colour && whole == COLOUR_NONE;
	format_colour(t, whole);
	format_time_local(t, x->started_us, TIME_OF_DAY);
	text_byte(t, ' ');
	if (x->request)
		terminal_url(t, x->request->method_name, 20);
	else
		text_byte(t, '-');
	text_byte(t, ' ');
	if (x->url.len > 0)
		terminal_url(t, x->url, TERMINAL_URL_BYTES);
	else
		text_byte(t, '-');
	put_status(t, x->response ? x->response->status : 0, has_colour);
	text_put(t, STR("  "));
	format_bytes(t, bytes);
	text_put(t, STR("  "));
	format_duration(t, x->duration_us);
	put_chain(t, x);
	put_handling(t, x, has_colour);
	put_outcome(t, x, has_colour);
	format_colour_end(t, whole);
	text_byte(t, '\n');
}
