/* The status as a page for people: how to use the proxy, and what it has done. See status.h. */
#include "admin/status.h"

#include "admin/page_style.h"
#include "core/page.h"
#include "store/format.h"

#include <inttypes.h>

static void put_html(struct text *t, struct str s)
{
	struct arena *a = arena_new(6 * s.len + 64);

	text_put(t, page_escape_html(a, s));
	arena_free(a);
}

static void put_code(struct text *t, struct str s)
{
	text_put(t, STR("<code>"));
	put_html(t, s);
	text_put(t, STR("</code>"));
}

/* A row of a table: a name, and a value which the caller puts in between. */
static void open_row(struct text *t, const char *name)
{
	text_printf(t, "<tr><th scope=\"row\">%s</th><td>", name);
}

static void close_row(struct text *t)
{
	text_put(t, STR("</td></tr>\n"));
}

static void write_number(struct text *t, const char *name, uint64_t n)
{
	open_row(t, name);
	text_printf(t, "%" PRIu64, n);
	close_row(t);
}

static void write_listen(struct text *t, const struct settings *s)
{
	char address[ADDRESS_TEXT_BYTES];

	open_row(t, "Proxy");
	for (size_t i = 0; i < s->listen.n; i++) {
		text_put(t, i == 0 ? STR("") : STR(", "));
		put_code(t, str_of(address_format(&s->listen_addresses[i], address)));
	}
	close_row(t);
}

static void write_running(struct text *t, const struct status *s)
{
	open_row(t, "Version");
	put_html(t, str_of(s->version));
	close_row(t);
	open_row(t, "Running since");
	format_time_local(t, s->started_us, TIME_LONG);
	text_put(t, STR(" ("));
	format_duration(t, s->uptime_us);
	text_put(t, STR(")"));
	close_row(t);
}

static void write_counts(struct text *t, const struct status *s)
{
	const struct meter_counts *c = &s->counts;

	write_number(t, "Flows done", meter_done(c));
	write_number(t, "of these failed", c->cells[METER_OUTCOME + OUTCOME_FAILED]);
	write_number(t, "of these cancelled by the client", c->cells[METER_OUTCOME + OUTCOME_CANCELLED]);
	write_number(t, "Flows in flight", meter_in_flight(c));
	write_number(t, "Clients connected", s->clients < 0 ? 0 : (uint64_t)s->clients);
}

static void write_database(struct text *t, const struct status *s)
{
	open_row(t, "Flow database");
	if (s->settings->capture_enabled)
		put_code(t, str_of(s->settings->data));
	else
		text_put(t, STR("none (capture.enabled is false)"));
	close_row(t);
	if (s->store.write_errors > 0)
		write_number(t, "Failed writes", s->store.write_errors);
	if (s->store.flows_lost > 0)
		write_number(t, "Flows lost", s->store.flows_lost);
}

/* What failed, if anything did. */
static void write_errors(struct text *t, const struct meter_counts *c)
{
	if (c->cells[METER_OUTCOME + OUTCOME_FAILED] == 0)
		return;
	text_put(t, STR("<h2>Errors</h2>\n<table>\n"));
	for (unsigned e = 0; e < ERR_count; e++) {
		const struct error_row *row = error_row((enum error)e);
		uint64_t n = c->cells[METER_ERROR + e];

		if (n > 0)
			text_printf(t, "<tr><th scope=\"row\"><code>%s</code></th><td>%" PRIu64 "</td><td>%s</td></tr>\n",
				row->name, n, row->sentence);
	}
	text_put(t, STR("</table>\n"));
}

static void write_set_up(struct text *t, const struct status *s)
{
	text_put(t, STR("<h2>Set up</h2>\n<p>One command, or a shell and all that it starts:</p>\n<pre>curl -x http://"));
	put_html(t, s->proxy);
	text_put(t, STR(" http://example.com/\nexport http_proxy=http://"));
	put_html(t, s->proxy);
	text_put(t, STR(" https_proxy=http://"));
	put_html(t, s->proxy);
	text_put(t, STR("</pre>\n<p>In the network settings of a system or a browser: HTTP proxy and HTTPS proxy "));
	put_code(t, s->proxy);
	text_put(t, STR("; or automatic configuration from the URL <a href=\"/proxy.pac\">"));
	put_html(t, s->inspector);
	text_put(t, STR("proxy.pac</a>.</p>\n"));
}

static void write_look(struct text *t, const struct status *s)
{
	text_put(t, STR("<h2>Look</h2>\n"));
	if (s->settings->capture_enabled) {
		text_put(t, STR("<pre>viaduct flows --follow --data "));
		put_html(t, str_of(s->settings->data));
		text_put(t, STR("\nviaduct show ID --data "));
		put_html(t, str_of(s->settings->data));
		text_put(t, STR("</pre>\n"));
	}
	text_put(t,
		STR("<p>For programs: <a href=\"/api/v1/status\">this page as JSON</a>, <a href=\"/metrics\">metrics for "
		    "Prometheus</a>. They send the token as <code>Authorization: Bearer TOKEN</code>.</p>\n"));
}

void status_write_page(struct text *t, const struct status *s)
{
	text_put(t, STR(PAGE_OPEN("viaduct") "<h1>viaduct is running</h1>\n<table>\n"));
	write_listen(t, s->settings);
	write_running(t, s);
	write_counts(t, s);
	write_database(t, s);
	text_put(t, STR("</table>\n"));
	write_errors(t, &s->counts);
	write_set_up(t, s);
	write_look(t, s);
	text_put(t, STR(PAGE_CLOSE));
}
