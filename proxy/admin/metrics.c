/* See metrics.h. Names begin with viaduct_ and end with the base unit, and _total where they only grow. No label value comes
 * from outside, so none needs escaping. */
#include "admin/metrics.h"

#include "admin/passthrough.h"
#include "capture/record.h"

#include <inttypes.h>

static void write_head(struct text *t, const char *name, const char *type, const char *help)
{
	text_printf(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A metric without labels. */
static void write_one(struct text *t, const char *name, const char *type, const char *help, uint64_t value)
{
	write_head(t, name, type, help);
	text_printf(t, "%s %" PRIu64 "\n", name, value);
}

static void write_labelled(struct text *t, const char *name, const char *label, const char *value, uint64_t n)
{
	text_printf(t, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, value, n);
}

static void write_flows(struct text *t, const struct meter_counts *c)
{
	static const char name[] = "viaduct_flows_total";

	write_head(t, name, "counter", "Flows that have ended, by outcome.");
	for (unsigned o = OUTCOME_DELIVERED; o <= OUTCOME_CANCELLED; o++)
		write_labelled(t, name, "outcome", outcome_name((enum outcome)o), c->cells[METER_OUTCOME + o]);
	write_one(t, "viaduct_flows_in_flight", "gauge", "Flows that have begun and not ended.", meter_in_flight(c));
}

static void write_errors(struct text *t, const struct meter_counts *c)
{
	static const char name[] = "viaduct_flow_errors_total";

	write_head(t, name, "counter", "Flows that failed, by error and by who is to blame for it.");
	for (unsigned e = ERR_none + 1; e < ERR_cancelled; e++) {
		const struct error_row *row = error_row((enum error)e);

		text_printf(t, "%s{error=\"%s\",blame=\"%s\"} %" PRIu64 "\n", name, row->name, blame_name(row->blame),
			c->cells[METER_ERROR + e]);
	}
}

static void write_responses(struct text *t, const struct meter_counts *c)
{
	static const char name[] = "viaduct_responses_total";
	static const char *const classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

	write_head(t, name, "counter", "Flows that have ended, by the class of the status that the client got.");
	for (unsigned i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		write_labelled(t, name, "class", classes[i], c->cells[METER_STATUS + i]);
}

static void write_hops(struct text *t, const struct meter_counts *c)
{
	static const char name[] = "viaduct_hops_total";

	write_head(t, name, "counter", "Attempts to get a response, by their reason.");
	for (unsigned r = HOP_FIRST; r <= HOP_AUTH; r++)
		write_labelled(t, name, "reason", hop_reason_name((enum hop_reason)r), c->cells[METER_HOP + r]);
}

static void write_chains(struct text *t, const struct meter_counts *c)
{
	static const char redirects[] = "viaduct_redirects_total", withheld[] = "viaduct_request_fields_withheld_total";

	write_head(t, redirects, "counter",
		"Redirects of flows that have ended: followed, passed to the client (mode pass), or returned to it (mode follow, "
		"but not to be followed).");
	write_labelled(t, redirects, "decision", "followed", c->cells[METER_REDIRECTS + REDIRECTS_FOLLOWED]);
	write_labelled(t, redirects, "decision", "passed", c->cells[METER_REDIRECTS + REDIRECTS_PASSED]);
	write_labelled(t, redirects, "decision", "returned", c->cells[METER_REDIRECTS + REDIRECTS_RETURNED]);
	write_one(t, "viaduct_retries_total", "counter", "Retries made by flows that have ended.", c->cells[METER_RETRIES]);
	write_head(t, withheld, "counter", "Request fields that were withheld from hops, or cut, of flows that have ended.");
	write_labelled(t, withheld, "field", "authorization", c->cells[METER_WITHHELD + WITHHELD_AUTHORIZATION]);
	write_labelled(t, withheld, "field", "cookie", c->cells[METER_WITHHELD + WITHHELD_COOKIE]);
	write_labelled(t, withheld, "field", "other", c->cells[METER_WITHHELD + WITHHELD_OTHER]);
}

static void write_handshakes(struct text *t, const char *side, const struct meter_counts *c, unsigned cell)
{
	static const char *const results[] = {"full", "resumed", "failed"};

	for (unsigned i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		text_printf(t, "viaduct_tls_handshakes_total{side=\"%s\",result=\"%s\"} %" PRIu64 "\n", side, results[i],
			c->cells[cell + i]);
}

static void write_tls(struct text *t, const struct status *s)
{
	const struct meter_counts *c = &s->counts;

	write_head(t, "viaduct_tls_handshakes_total", "counter",
		"TLS handshakes with clients (of opened tunnels that have ended) and with origins (of hops that have ended).");
	write_handshakes(t, "client", c, METER_CLIENT_TLS);
	write_handshakes(t, "origin", c, METER_ORIGIN_TLS);
	write_one(t, "viaduct_client_tls_refusals_total", "counter",
		"Handshakes that clients ended because of our certificate.", c->cells[METER_REFUSALS]);
	write_one(t, "viaduct_leaf_cache_hits_total", "counter", "Certificates for clients that were there already.",
		s->leaves.hits);
	write_one(t, "viaduct_leaf_made_total", "counter", "Certificates for clients that were made.", s->leaves.made);
	write_one(t, "viaduct_leaf_cache_entries", "gauge", "Certificates for clients that are kept.", s->leaves.held);
	write_one(t, "viaduct_passthrough_entries", "gauge",
		"Clients and names whose tunnels are passed through, since our certificate was refused.",
		passthrough_count(s->learned, s->now_us));
}

static void write_tunnels(struct text *t, const struct meter_counts *c)
{
	static const char name[] = "viaduct_tunnels_total";

	write_head(t, name, "counter", "Tunnels that have ended, by how they were handled.");
	for (unsigned h = TUNNEL_RELAYED; h <= TUNNEL_HTTP; h++)
		write_labelled(t, name, "handling", tunnel_handling_name((enum tunnel_handling)h), c->cells[METER_TUNNELS + h]);
}

/* Bytes in the two directions. */
static void write_bytes(struct text *t, const char *name, const char *help, const struct meter_counts *c, unsigned cell)
{
	write_head(t, name, "counter", help);
	write_labelled(t, name, "direction", "up", c->cells[cell + BODY_UP]);
	write_labelled(t, name, "direction", "down", c->cells[cell + BODY_DOWN]);
}

static void write_traffic(struct text *t, const struct meter_counts *c)
{
	write_bytes(t, "viaduct_client_body_bytes_total", "Bodies from (up) and to (down) clients, of flows that have ended.",
		c, METER_CLIENT_BYTES);
	write_bytes(t, "viaduct_origin_body_bytes_total", "Bodies to (up) and from (down) origins, of hops that have ended.", c,
		METER_ORIGIN_BYTES);
	write_tunnels(t, c);
	write_bytes(t, "viaduct_tunnel_bytes_total", "Bytes from (up) and to (down) clients, of tunnels that have ended.", c,
		METER_TUNNEL_BYTES);
}

static void write_store(struct text *t, const struct store_counts *c)
{
	write_one(t, "viaduct_store_flows_written_total", "counter", "Flows written to the flow database.", c->flows_written);
	write_one(t, "viaduct_store_flows_lost_total", "counter", "Flows given up after failed writes.", c->flows_lost);
	write_one(t, "viaduct_store_write_errors_total", "counter", "Transactions of the flow database that failed.",
		c->write_errors);
	write_one(t, "viaduct_store_evicted_total", "counter",
		"Flows deleted from the flow database because of its limits (capture.max_flows, max_bytes, max_age).",
		c->pruned);
	write_one(t, "viaduct_store_bytes", "gauge", "Size of the flow database without its log.", c->file_bytes);
	write_one(t, "viaduct_store_log_bytes", "gauge",
		"Size of the flow database's log, which grows while a reader keeps a transaction open.", c->log_bytes);
}

static void write_bodies(struct text *t, const struct store_counts *c)
{
	static const char name[] = "viaduct_bodies_cut_total";

	write_head(t, name, "counter",
		"Bodies that were not kept whole: longer than capture.body_limit; "
		"the flow database was behind (capture.overload), "
		"or could not be written.");
	write_labelled(t, name, "why", body_cut_name(CUT_LIMIT), c->bodies_cut_limit);
	write_labelled(t, name, "why", body_cut_name(CUT_OVERLOAD), c->bodies_cut_overload);
	write_labelled(t, name, "why", body_cut_name(CUT_STORE), c->bodies_cut_store);
	write_one(t, "viaduct_capture_backlog_bytes", "gauge", "Memory that waits to be written to the flow database.",
		c->backlog_bytes);
}

void metrics_write(struct text *t, const struct status *s)
{
	write_head(t, "viaduct_build_info", "gauge", "Always 1; the version is in the label.");
	write_labelled(t, "viaduct_build_info", "version", s->version, 1);
	write_head(t, "viaduct_start_time_seconds", "gauge", "When the proxy was started, since the epoch.");
	text_printf(t, "viaduct_start_time_seconds %" PRId64 ".%03d\n", s->started_us / 1000000,
		(int)(s->started_us / 1000 % 1000));
	write_one(t, "viaduct_clients", "gauge", "Client connections that are open.",
		s->clients < 0 ? 0 : (uint64_t)s->clients);
	write_one(t, "viaduct_clients_total", "counter", "Client connections ever accepted.", s->clients_ever);
	write_flows(t, &s->counts);
	write_errors(t, &s->counts);
	write_responses(t, &s->counts);
	write_hops(t, &s->counts);
	write_chains(t, &s->counts);
	write_traffic(t, &s->counts);
	write_tls(t, s);
	write_store(t, &s->store);
	write_bodies(t, &s->store);
}
