/* The status as a page for people: how to use the proxy, and what it has done. See status.h. */
#include "admin/status.h"

#include "admin/html.h"
#include "admin/page_style.h"
#include "admin/passthrough.h"
#include "store/format.h"

#include <inttypes.h>

static void write_number(struct text *t, const char *name, uint64_t n)
{
	html_open_row(t, name);
	text_printf(t, "%" PRIu64, n);
	html_close_row(t);
}

static void write_listen(struct text *t, const struct settings *s)
{
	char address[ADDRESS_TEXT_BYTES];

	html_open_row(t, "Proxy");
	for (size_t i = 0; i < s->listen.n; i++) {
		text_put(t, i == 0 ? STR("") : STR(", "));
		html_code(t, str_of(address_format(&s->listen_addresses[i], address)));
	}
	html_close_row(t);
}

static void write_running(struct text *t, const struct status *s)
{
	html_open_row(t, "Version");
	html_put(t, str_of(s->version));
	html_close_row(t);
	html_open_row(t, "Running since");
	format_time_local(t, s->started_us, TIME_LONG);
	text_put(t, STR(" ("));
	format_duration(t, s->uptime_us);
	text_put(t, STR(")"));
	html_close_row(t);
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
	html_open_row(t, "Flow database");
	if (s->settings->capture_enabled)
		html_code(t, str_of(s->settings->data));
	else
		text_put(t, STR("none (capture.enabled is false)"));
	html_close_row(t);
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

/* Whether HTTPS is opened, and which tunnels are not because a client refused our certificate. */
static void write_https(struct text *t, const struct status *s)
{
	text_put(t, STR("<h2>HTTPS</h2>\n<p>The option <code>intercept</code> is "));
	html_code(t, status_intercept_name(s->intercept));
	if (s->intercept == INTERCEPT_NONE)
		text_put(t,
			STR(": tunnels are not opened. <code>viaduct --set intercept=all</code> opens them; programs have to "
			    "<a href=\"/setup\">trust the CA</a> then.</p>\n"));
	else
		text_put(t, STR(": tunnels are opened, and programs have to <a href=\"/setup\">trust the CA</a>.</p>\n"));
	if (passthrough_count(s->learned, s->now_us) == 0)
		return;
	text_put(t,
		STR("<p>Passed through unopened for a while, since the client refused our certificate (it pins the origin's, or does "
		    "not trust the CA); <code>viaduct passthrough retry NAME</code> opens them again:</p>\n"));
	passthrough_write_table(t, s->learned, s->now_us);
}

static void write_set_up(struct text *t, const struct status *s)
{
	text_put(t, STR("<h2>Set up</h2>\n<p>One command, or a shell and all that it starts:</p>\n<pre>curl -x http://"));
	html_put(t, s->proxy);
	text_put(t, STR(" http://example.com/\nexport http_proxy=http://"));
	html_put(t, s->proxy);
	text_put(t, STR(" https_proxy=http://"));
	html_put(t, s->proxy);
	text_put(t, STR("</pre>\n<p>In the network settings of a system or a browser: HTTP proxy and HTTPS proxy "));
	html_code(t, s->proxy);
	text_put(t, STR("; or automatic configuration from the URL <a href=\"/proxy.pac\">"));
	html_put(t, s->inspector);
	text_put(t, STR("proxy.pac</a>.</p>\n"));
}

static void write_look(struct text *t, const struct status *s)
{
	text_put(t, STR("<h2>Look</h2>\n"));
	if (s->settings->capture_enabled) {
		text_put(t, STR("<pre>viaduct flows --follow --data "));
		html_put(t, str_of(s->settings->data));
		text_put(t, STR("\nviaduct show ID --data "));
		html_put(t, str_of(s->settings->data));
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
	write_https(t, s);
	write_set_up(t, s);
	write_look(t, s);
	text_put(t, STR(PAGE_CLOSE));
}
