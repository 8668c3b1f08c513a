/* meter.h and metrics.h: what is counted when exchanges end, and how it is written. */
#include "admin/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

static void begin(struct meter *m)
{
	const struct observer *o = meter_observer(m);
	struct exchange_facts x = {0};

	o->on_begin(o->owner, &x);
}

static void end(struct meter *m, struct exchange_facts x)
{
	const struct observer *o = meter_observer(m);

	o->on_end(o->owner, &x);
}

static void hop(struct meter *m, bool is_tunnel, struct hop_facts h)
{
	const struct observer *o = meter_observer(m);
	struct exchange_facts x = {.is_tunnel = is_tunnel};

	o->on_hop(o->owner, &x, &h);
}

static struct status status_of(const struct meter *m)
{
	struct status s = {.version = "1.2.3", .started_us = 1700000000123456, .clients = 3, .clients_ever = 40};

	meter_add_to(m, &s.counts);
	return s;
}

/* The metrics of a status, terminated; free it. */
static char *written(const struct status *s)
{
	struct text t = {0};
	char *copy;

	metrics_write(&t, s);
	copy = malloc(t.len + 1);
	assert_non_null(copy);
	memcpy(copy, t.p, t.len);
	copy[t.len] = '\0';
	text_fini(&t);
	return copy;
}

/* A whole line of it. */
static void assert_line(const char *metrics, const char *line)
{
	char wanted[200];

	snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	if (strstr(metrics, wanted) == NULL)
		fail_msg("no line \"%s\" in:\n%s", line, metrics);
}

static void test_outcomes(void **state)
{
	const struct message ok = {.status = 204}, bad = {.status = 502};
	struct meter *m = meter_new();
	struct status s;
	char *t;

	(void)state;
	for (int i = 0; i < 5; i++)
		begin(m);
	end(m, (struct exchange_facts){.outcome = OUTCOME_DELIVERED, .response = &ok});
	end(m, (struct exchange_facts){.outcome = OUTCOME_FAILED, .error = ERR_connect_refused, .response = &bad});
	end(m, (struct exchange_facts){.outcome = OUTCOME_FAILED, .error = ERR_connect_refused, .response = &bad});
	end(m, (struct exchange_facts){.outcome = OUTCOME_CANCELLED});
	s = status_of(m);
	assert_int_equal(meter_done(&s.counts), 4);
	assert_int_equal(meter_in_flight(&s.counts), 1);
	t = written(&s);
	assert_line(t, "viaduct_flows_total{outcome=\"delivered\"} 1");
	assert_line(t, "viaduct_flows_total{outcome=\"failed\"} 2");
	assert_line(t, "viaduct_flows_total{outcome=\"cancelled\"} 1");
	assert_line(t, "viaduct_flows_in_flight 1");
	assert_line(t, "viaduct_flow_errors_total{error=\"connect_refused\",blame=\"origin\"} 2");
	assert_line(t, "viaduct_flow_errors_total{error=\"internal\",blame=\"proxy\"} 0");
	assert_line(t, "viaduct_responses_total{class=\"2xx\"} 1");
	assert_line(t, "viaduct_responses_total{class=\"5xx\"} 2");
	assert_line(t, "viaduct_responses_total{class=\"none\"} 1");
	free(t);
	meter_free(m);
}

static void test_bytes(void **state)
{
	const struct message ok = {.status = 200};
	struct meter *m = meter_new();
	struct status s;
	char *t;

	(void)state;
	end(m,
		(struct exchange_facts){
			.outcome = OUTCOME_DELIVERED, .response = &ok, .request_body_bytes = 5, .response_body_bytes = 70});
	/* what the streams of a tunnel counted as bodies is none */
	end(m,
		(struct exchange_facts){.outcome = OUTCOME_DELIVERED,
			.response = &ok,
			.request_body_bytes = 1000,
			.response_body_bytes = 1000,
			.is_tunnel = true,
			.tunnel = {.up_bytes = 11, .down_bytes = 22}});
	hop(m, false, (struct hop_facts){.request_body_bytes = 6, .response_body_bytes = 80});
	hop(m, true, (struct hop_facts){.request_body_bytes = 1000, .response_body_bytes = 1000});
	s = status_of(m);
	t = written(&s);
	assert_line(t, "viaduct_client_body_bytes_total{direction=\"up\"} 5");
	assert_line(t, "viaduct_client_body_bytes_total{direction=\"down\"} 70");
	assert_line(t, "viaduct_origin_body_bytes_total{direction=\"up\"} 6");
	assert_line(t, "viaduct_origin_body_bytes_total{direction=\"down\"} 80");
	assert_line(t, "viaduct_tunnels_total{handling=\"relayed\"} 1");
	assert_line(t, "viaduct_tunnels_total{handling=\"passed\"} 0");
	assert_line(t, "viaduct_tunnel_bytes_total{direction=\"up\"} 11");
	assert_line(t, "viaduct_tunnel_bytes_total{direction=\"down\"} 22");
	free(t);
	meter_free(m);
}

static void test_hops_and_the_rest(void **state)
{
	struct meter *m = meter_new();
	struct status s;
	char *t;

	(void)state;
	hop(m, false, (struct hop_facts){.reason = HOP_FIRST});
	hop(m, false, (struct hop_facts){.reason = HOP_REDIRECT});
	hop(m, false, (struct hop_facts){.reason = HOP_REDIRECT});
	hop(m, false, (struct hop_facts){.reason = HOP_RETRY});
	s = status_of(m);
	s.store = (struct store_counts){.flows_written = 7, .write_errors = 2, .flows_lost = 1};
	t = written(&s);
	assert_line(t, "viaduct_hops_total{reason=\"first\"} 1");
	assert_line(t, "viaduct_hops_total{reason=\"redirect\"} 2");
	assert_line(t, "viaduct_hops_total{reason=\"retry\"} 1");
	assert_line(t, "viaduct_build_info{version=\"1.2.3\"} 1");
	assert_line(t, "viaduct_start_time_seconds 1700000000.123");
	assert_line(t, "viaduct_clients 3");
	assert_line(t, "viaduct_clients_total 40");
	assert_line(t, "viaduct_store_flows_written_total 7");
	assert_line(t, "viaduct_store_write_errors_total 2");
	assert_line(t, "viaduct_store_flows_lost_total 1");
	free(t);
	meter_free(m);
}

static void test_store(void **state)
{
	struct meter *m = meter_new();
	struct status s = status_of(m);
	char *t;

	(void)state;
	s.store = (struct store_counts){
		.bodies_cut_limit = 3,
		.bodies_cut_overload = 4,
		.bodies_cut_store = 5,
		.pruned = 6,
		.file_bytes = 70000,
		.log_bytes = 5000,
		.backlog_bytes = 8000,
	};
	t = written(&s);
	assert_line(t, "viaduct_bodies_cut_total{why=\"limit\"} 3");
	assert_line(t, "viaduct_bodies_cut_total{why=\"overload\"} 4");
	assert_line(t, "viaduct_bodies_cut_total{why=\"store\"} 5");
	assert_line(t, "viaduct_store_evicted_total 6");
	assert_line(t, "viaduct_store_bytes 70000");
	assert_line(t, "viaduct_store_log_bytes 5000");
	assert_line(t, "viaduct_capture_backlog_bytes 8000");
	free(t);
	meter_free(m);
}

static void test_chains(void **state)
{
	const struct drop cookie = {STR("cookie"), "the host changed", NULL};
	const struct drop key = {STR("X-Api-Key"), "the origin changed", &cookie};
	const struct drop drops = {STR("Authorization"), "the origin changed", &key};
	const struct hop_facts last = {.decision = "returned: target is private", .drops = &drops};
	const struct hop_facts second = {.decision = "followed: 302", .drops = &drops, .next = &last};
	const struct hop_facts first = {.decision = "followed: 302", .next = &second};
	const struct hop_facts passed = {.decision = "passed: redirects.mode is pass"}, plain = {0};
	struct meter *m = meter_new();
	struct status s;
	char *t;

	(void)state;
	end(m, (struct exchange_facts){.outcome = OUTCOME_DELIVERED, .hops = &first, .redirects = 2, .retries = 3});
	end(m, (struct exchange_facts){.outcome = OUTCOME_DELIVERED, .hops = &passed});
	end(m, (struct exchange_facts){.outcome = OUTCOME_DELIVERED, .hops = &plain});
	s = status_of(m);
	t = written(&s);
	assert_line(t, "viaduct_redirects_total{decision=\"followed\"} 2");
	assert_line(t, "viaduct_redirects_total{decision=\"passed\"} 1");
	assert_line(t, "viaduct_redirects_total{decision=\"returned\"} 1");
	assert_line(t, "viaduct_retries_total 3");
	assert_line(t, "viaduct_request_fields_withheld_total{field=\"authorization\"} 2");
	assert_line(t, "viaduct_request_fields_withheld_total{field=\"cookie\"} 2");
	assert_line(t, "viaduct_request_fields_withheld_total{field=\"other\"} 2");
	free(t);
	meter_free(m);
}

static void test_tls_with_clients(void **state)
{
	const struct tls_leg full = {.version = "TLSv1.3"}, resumed = {.version = "TLSv1.3", .is_resumed = true};
	const struct tunnel_facts opened = {.handling = TUNNEL_TLS}, clear = {.handling = TUNNEL_HTTP};
	struct meter *m = meter_new();
	struct status s;
	char *t;

	(void)state;
	end(m, (struct exchange_facts){.is_tunnel = true, .tunnel = opened, .client_tls = &full});
	end(m, (struct exchange_facts){.is_tunnel = true, .tunnel = opened, .client_tls = &resumed});
	end(m, (struct exchange_facts){.is_tunnel = true, .tunnel = opened, .client_tls = &resumed});
	/* inside it: an exchange, and an upgrade, share the leg */
	end(m, (struct exchange_facts){.parent_id = 1, .client_tls = &full});
	end(m, (struct exchange_facts){.parent_id = 1, .client_tls = &full, .is_tunnel = true});
	end(m, (struct exchange_facts){.is_tunnel = true, .tunnel = clear});
	end(m,
		(struct exchange_facts){
			.is_tunnel = true, .tunnel = opened, .outcome = OUTCOME_FAILED, .error = ERR_client_tls_refused});
	end(m,
		(struct exchange_facts){
			.is_tunnel = true, .tunnel = opened, .outcome = OUTCOME_FAILED, .error = ERR_client_tls_failed});
	end(m, (struct exchange_facts){.outcome = OUTCOME_FAILED, .error = ERR_client_tls_timeout});
	s = status_of(m);
	t = written(&s);
	assert_line(t, "viaduct_tls_handshakes_total{side=\"client\",result=\"full\"} 1");
	assert_line(t, "viaduct_tls_handshakes_total{side=\"client\",result=\"resumed\"} 2");
	assert_line(t, "viaduct_tls_handshakes_total{side=\"client\",result=\"failed\"} 3");
	assert_line(t, "viaduct_tls_handshakes_total{side=\"origin\",result=\"full\"} 0");
	assert_line(t, "viaduct_client_tls_refusals_total 1");
	assert_line(t, "viaduct_tunnels_total{handling=\"opened\"} 5");
	free(t);
	meter_free(m);
}

static void test_tls_with_origins(void **state)
{
	const struct tls_leg full = {.version = "TLSv1.2"}, resumed = {.version = "TLSv1.2", .is_resumed = true};
	static const enum error failures[] = {
		ERR_tls_protocol, ERR_tls_alert, ERR_tls_certificate, ERR_pin_mismatch, ERR_tls_timeout};
	struct meter *m = meter_new();
	struct status s;
	char *t;

	(void)state;
	hop(m, false, (struct hop_facts){.tls = &full});
	hop(m, false, (struct hop_facts){.tls = &resumed});
	/* without a handshake of its own, or of any */
	hop(m, false, (struct hop_facts){.tls = &full, .is_reused = true});
	hop(m, false, (struct hop_facts){.error = ERR_connect_refused});
	hop(m, false, (struct hop_facts){.tls = &full, .error = ERR_origin_closed});
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		hop(m, false, (struct hop_facts){.error = failures[i]});
	s = status_of(m);
	t = written(&s);
	assert_line(t, "viaduct_tls_handshakes_total{side=\"origin\",result=\"full\"} 2");
	assert_line(t, "viaduct_tls_handshakes_total{side=\"origin\",result=\"resumed\"} 1");
	assert_line(t, "viaduct_tls_handshakes_total{side=\"origin\",result=\"failed\"} 5");
	free(t);
	meter_free(m);
}

static void test_leaves_and_lessons(void **state)
{
	struct status s = {.version = "1", .leaves = {.hits = 5, .made = 3, .held = 2}, .learned = learned_new(), .now_us = 2};
	struct address client;
	struct learned_key key = {.client = &client, .ja4 = "t13", .name = STR("pinned.example")};
	char *t;

	(void)state;
	assert_true(address_parse(STR("192.0.2.7"), 1, &client));
	for (int i = 0; i < LEARNED_REFUSALS; i++)
		learned_refusal(s.learned, &key, "alert", 1, 1000000);
	t = written(&s);
	assert_line(t, "viaduct_leaf_cache_hits_total 5");
	assert_line(t, "viaduct_leaf_made_total 3");
	assert_line(t, "viaduct_leaf_cache_entries 2");
	assert_line(t, "viaduct_passthrough_entries 1");
	free(t);
	learned_free(s.learned);
}

/* The name that a line of the format is about; its length. */
static size_t name_length(const char *line)
{
	return strcspn(line, "{ \n");
}

/* Each metric is announced by HELP and TYPE right before its samples, once. */
static void test_format(void **state)
{
	struct status s = {.version = "1"};
	char *t = written(&s), *seen = calloc(1, strlen(t) + 1);
	const char *name = "";

	(void)state;
	for (const char *line = t; *line != '\0'; line += strcspn(line, "\n") + 1) {
		size_t n = name_length(name);

		if (strncmp(line, "# HELP ", 7) == 0) {
			name = line + 7;
			assert_int_equal(strncmp(name, "viaduct_", 8), 0);
			assert_null(strstr(seen, line));
		} else if (strncmp(line, "# TYPE ", 7) == 0) {
			assert_int_equal(strncmp(line + 7, name, n), 0);
		} else {
			assert_int_equal(name_length(line), n);
			assert_int_equal(strncmp(line, name, n), 0);
		}
		memcpy(seen, t, (size_t)(line - t));
	}
	free(seen);
	free(t);
}

/* Two workers count apart and are summed. */
static void test_sum(void **state)
{
	struct meter *one = meter_new(), *two = meter_new();
	struct meter_counts sum = {0};

	(void)state;
	begin(one);
	begin(two);
	begin(two);
	meter_add_to(one, &sum);
	meter_add_to(two, &sum);
	assert_int_equal(sum.cells[METER_BEGUN], 3);
	/* an end that is seen before its begin is not counted as a flow less than none */
	sum.cells[METER_OUTCOME + OUTCOME_DELIVERED] = 4;
	assert_int_equal(meter_in_flight(&sum), 0);
	meter_free(one);
	meter_free(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_hops_and_the_rest),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_tls_with_clients),
		cmocka_unit_test(test_tls_with_origins),
		cmocka_unit_test(test_leaves_and_lessons),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
