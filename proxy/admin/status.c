/* The status as JSON. See status.h. */
#include "admin/status.h"

#include "admin/passthrough.h"
#include "store/format.h"
#include "store/json.h"

static void write_time(struct text *t, const char *key, int64_t us)
{
	struct text time = {0};

	format_time_utc(&time, us);
	json_str(t, key, text_str(&time));
	text_fini(&time);
}

static void write_listen(struct text *t, const struct settings *s)
{
	char address[ADDRESS_TEXT_BYTES];

	json_key(t, "listen");
	text_byte(t, '[');
	for (size_t i = 0; i < s->listen.n; i++) {
		json_next(t);
		json_string(t, str_of(address_format(&s->listen_addresses[i], address)));
	}
	text_byte(t, ']');
}

static void write_flows(struct text *t, const struct meter_counts *c)
{
	json_key(t, "flows");
	text_byte(t, '{');
	json_i64(t, "done", (int64_t)meter_done(c));
	json_i64(t, "in_flight", (int64_t)meter_in_flight(c));
	for (unsigned o = OUTCOME_DELIVERED; o <= OUTCOME_CANCELLED; o++)
		json_i64(t, outcome_name((enum outcome)o), (int64_t)c->cells[METER_OUTCOME + o]);
	text_byte(t, '}');
}

/* Only those that struck. */
static void write_errors(struct text *t, const struct meter_counts *c)
{
	json_key(t, "errors");
	text_byte(t, '{');
	for (unsigned e = 0; e < ERR_count; e++) {
		if (c->cells[METER_ERROR + e] > 0)
			json_i64(t, error_name((enum error)e), (int64_t)c->cells[METER_ERROR + e]);
	}
	text_byte(t, '}');
}

static void write_store(struct text *t, const struct status *s)
{
	json_key(t, "store");
	text_byte(t, '{');
	json_opt(t, "folder", s->settings->capture_enabled ? str_of(s->settings->data) : STR_NONE);
	json_i64(t, "flows_written", (int64_t)s->store.flows_written);
	json_i64(t, "flows_lost", (int64_t)s->store.flows_lost);
	json_i64(t, "write_errors", (int64_t)s->store.write_errors);
	text_byte(t, '}');
}

static void write_intercept(struct text *t, const struct status *s)
{
	json_key(t, "intercept");
	text_byte(t, '{');
	json_str(t, "mode", status_intercept_name(s->intercept));
	json_opt(t, "ca_sha256", s->ca != NULL ? str_of(ca_fingerprint(s->ca)) : STR_NONE);
	json_i64(t, "leaves_made", (int64_t)s->leaves.made);
	json_i64(t, "passthrough", (int64_t)passthrough_count(s->learned, s->now_us));
	text_byte(t, '}');
}

struct str status_intercept_name(int64_t intercept)
{
	switch (intercept) {
	case INTERCEPT_ALL:
		return STR("all");
	case INTERCEPT_LIST:
		return STR("list");
	default:
		return STR("none");
	}
}

void status_write_json(struct text *t, const struct status *s)
{
	text_byte(t, '{');
	json_str(t, "version", str_of(s->version));
	write_time(t, "started", s->started_us);
	json_i64(t, "uptime_us", s->uptime_us);
	json_str(t, "proxy", s->proxy);
	write_listen(t, s->settings);
	json_str(t, "inspector", s->inspector);
	json_key(t, "clients");
	text_byte(t, '{');
	json_i64(t, "open", s->clients);
	json_i64(t, "ever", (int64_t)s->clients_ever);
	text_byte(t, '}');
	write_flows(t, &s->counts);
	write_errors(t, &s->counts);
	write_intercept(t, s);
	write_store(t, s);
	text_put(t, STR("}\n"));
}
