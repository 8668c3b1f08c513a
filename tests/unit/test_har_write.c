/* store/har_write: what entries say of chains, failures, tunnels and heads. Bodies: test_har_bodies.c. */
#include "har_rig.h"

static void a_chain_is_one_entry_per_hop(void **state)
{
	struct flow_fixture f;
	json_t *har, *first, *second;

	(void)state;
	fixture_init(&f, 7);
	f.hops[0].decision = "followed: 302";
	har = export_record(record_new(&f.x));
	assert_at(har, "log.version", "1.2");
	assert_at(har, "log.creator.name", "viaduct");
	assert_at(har, "log.creator.version", "1.2.3");
	assert_int_equal(json_array_size(at(har, "log.entries")), 2);
	assert_true(json_is_array(at(har, "log.pages")));
	first = ENTRY(har, 0);
	second = ENTRY(har, 1);
	assert_at(first, "request.url", "http://example.com/a?b=c");
	assert_at(first, "response.redirectURL", "https://other.example/x");
	assert_number_at(first, "response.status", 302);
	assert_number_at(first, "_redirectChain.id", 7);
	assert_number_at(first, "_redirectChain.index", 0);
	assert_true(json_is_null(at(first, "_redirectChain.parent")));
	assert_at(first, "_redirectChain.reason", "first");
	assert_at(first, "_redirectChain.decision", "followed: 302");
	assert_number_at(second, "_redirectChain.index", 1);
	assert_number_at(second, "_redirectChain.parent", 0);
	assert_at(second, "_redirectChain.reason", "redirect");
	assert_at(second, "request.url", "https://other.example/x");
	assert_at(second, "response.redirectURL", "");
	assert_number_at(second, "_flowId", 7);
	json_decref(har);
}

static void what_only_a_proxy_knows(void **state)
{
	struct flow_fixture f;
	json_t *har, *first, *second;

	(void)state;
	fixture_init(&f, 7);
	har = export_record(record_new(&f.x));
	first = ENTRY(har, 0);
	second = ENTRY(har, 1);
	assert_at(first, "_flow.outcome", "delivered");
	assert_at(first, "_flow.user", "alice");
	assert_at(first, "_flow.finalUrl", "https://other.example/x#there");
	assert_number_at(first, "_flow.duration", 6);
	assert_at(first, "_flow.dropped.0.name", "Alt-Svc");
	assert_none_at(second, "_flow");
	assert_at(first, "_client", "192.0.2.7:5555");
	assert_at(first, "connection", "80");
	assert_at(first, "_connectionId", "7");
	assert_at(first, "_hop.peer", "192.0.2.80:80");
	assert_at(first, "_hop.cookiesSet.1.fate", "refused: its Domain does not cover the host");
	assert_none_at(first, "_tls");
	assert_at(second, "_tls.version", "TLSv1.3");
	assert_at(second, "_tls.subject", "CN=other.example");
	assert_at(second, "_tls.spkiSha256", "a2V5IG9uZSBpcyAzMiBieXRlcyBsb25nLCBub3QgMzE=");
	assert_at(second, "_tls.notBefore", "2023-11-13T18:26:40.000000Z");
	assert_at(second, "_dropped.1.why", "the origin changed");
	assert_at(second, "_hop.cookiesAdded.1", "lang");
	assert_number_at(second, "_hop.delay", 500);
	assert_true(json_is_true(at(second, "_hop.isReused")));
	json_decref(har);
}

static void times_are_exact(void **state)
{
	struct flow_fixture f;
	json_t *har, *first, *second;

	(void)state;
	fixture_init(&f, 7);
	f.hops[1].times = (struct hop_times){1, 20, 300, 4000, 50000, 600000, 7000000};
	har = export_record(record_new(&f.x));
	first = ENTRY(har, 0);
	second = ENTRY(har, 1);
	assert_at(first, "startedDateTime", "2023-11-14T22:13:20.000100Z");
	assert_number_at(first, "time", 4.56);
	assert_number_at(first, "timings.blocked", -1);
	assert_number_at(first, "timings.dns", 0.2);
	assert_number_at(first, "timings.connect", 0.3);
	assert_number_at(first, "timings.ssl", -1);
	assert_number_at(first, "timings.send", 0.05);
	assert_number_at(first, "timings.wait", 4);
	assert_number_at(first, "timings.receive", 0.01);
	assert_none_at(first, "timings._notReached");
	assert_number_at(second, "timings.blocked", 0.001);
	assert_number_at(second, "timings._blocked_queueing", 0.001);
	assert_number_at(second, "timings.connect", 4.3);
	assert_number_at(second, "timings.ssl", 4);
	assert_number_at(second, "time", 7654.321);
	json_decref(har);
}

static void the_proxy_s_own_time_is_what_the_hops_leave(void **state)
{
	struct flow_fixture f;
	json_t *har;

	(void)state;
	fixture_init(&f, 7);
	f.x.duration_us = 600000;
	har = export_record(record_new(&f.x));
	/* 600 ms, less 4.56 and 1 of the hops and 500 before the second. */
	assert_number_at(ENTRY(har, 0), "_proxy.overheadMs", 94.44);
	assert_none_at(ENTRY(har, 1), "_proxy");
	json_decref(har);
}

static void fields_stay_as_they_were(void **state)
{
	struct flow_fixture f;
	json_t *har, *first;

	(void)state;
	fixture_init(&f, 7);
	f.response_fields[2] = (struct field){STR("X-Odd"), STR("caf\xe9 \"x\"")};
	f.response.reason = STR("O\xff");
	har = export_record(record_new(&f.x));
	first = ENTRY(har, 0);
	assert_at(first, "request.headers.1.name", "uSER-aGENT");
	assert_at(first, "request.headers.1.value", "test \"quoted\"");
	assert_at(first, "request.headers.2.value", "one");
	assert_at(first, "request.headers.3.value", "two");
	assert_none_at(first, "request.headers.1._valueHex");
	assert_at(first, "response.headers.2.value", "caf\xc3\xa9 \"x\"");
	assert_at(first, "response.headers.2._valueHex", "636166e920227822");
	assert_at(ENTRY(har, 1), "response.statusText", "O\xc3\xbf");
	assert_at(ENTRY(har, 1), "response._statusTextHex", "4fff");
	assert_at(ENTRY(har, 1), "response._trailers.0.name", "X-Sum");
	assert_at(first, "request.queryString.0.name", "b");
	assert_at(first, "request.queryString.0.value", "c");
	json_decref(har);
}

static void an_empty_reason_is_one(void **state)
{
	struct flow_fixture f;
	json_t *har;

	(void)state;
	fixture_init(&f, 7);
	f.response.reason = STR_NONE;
	har = export_record(record_new(&f.x));
	assert_at(ENTRY(har, 1), "response.statusText", "");
	assert_number_at(ENTRY(har, 1), "response.status", 200);
	assert_at(ENTRY(har, 1), "response.httpVersion", "HTTP/1.1");
	json_decref(har);
}

static void what_changed_on_the_way_is_seen(void **state)
{
	static struct field sent[] = {{{"Host", 4}, {"example.com", 11}}, {{"Via", 3}, {"1.1 viaduct", 11}}};
	struct flow_fixture f;
	struct message delivered;
	json_t *har, *first, *second;

	(void)state;
	fixture_init(&f, 7);
	f.sent.fields = (struct fields){sent, 2, 2};
	delivered = f.response;
	delivered.status = 502;
	delivered.reason = STR("Bad Gateway");
	f.x.response = &delivered;
	har = export_record(record_new(&f.x));
	first = ENTRY(har, 0);
	second = ENTRY(har, 1);
	assert_at(first, "request.headers.1.name", "Via");
	assert_none_at(first, "request._line");
	assert_at(first, "_asReceived.line", "GET http://example.com/a?b=c HTTP/1.1");
	assert_at(first, "_asReceived.headers.1.name", "uSER-aGENT");
	assert_none_at(first, "_asReceived.trailers");
	assert_none_at(first, "_asReceived.url");
	assert_none_at(second, "_asReceived");
	assert_none_at(first, "_asDelivered");
	assert_at(second, "_asDelivered.line", "HTTP/1.1 502 Bad Gateway");
	assert_none_at(second, "_asDelivered.headers");
	json_decref(har);
}

static void what_did_not_change_is_not_told_twice(void **state)
{
	struct flow_fixture f;
	json_t *har;

	(void)state;
	fixture_init(&f, 7);
	f.request.target = f.sent.target;
	har = export_record(record_new(&f.x));
	assert_none_at(ENTRY(har, 0), "_asReceived");
	assert_none_at(ENTRY(har, 1), "_asDelivered");
	json_decref(har);
}

static void a_client_that_got_nothing(void **state)
{
	struct flow_fixture f;
	json_t *har;

	(void)state;
	fixture_init(&f, 7);
	f.x.response = NULL;
	f.x.outcome = OUTCOME_CANCELLED;
	har = export_record(record_new(&f.x));
	assert_true(json_is_null(at(ENTRY(har, 1), "_asDelivered")));
	assert_at(ENTRY(har, 0), "_flow.outcome", "cancelled");
	json_decref(har);
}

static void an_odd_request_line_is_kept(void **state)
{
	struct flow_fixture f;
	json_t *har;

	(void)state;
	fixture_init(&f, 7);
	f.sent.target = STR("*");
	f.sent.method_name = STR("OPTIONS");
	har = export_record(record_new(&f.x));
	assert_at(ENTRY(har, 0), "request.method", "OPTIONS");
	assert_at(ENTRY(har, 0), "request._line", "OPTIONS * HTTP/1.1");
	json_decref(har);
}

static void a_hop_that_failed(void **state)
{
	struct flow_fixture f;
	json_t *har, *entry;

	(void)state;
	fixture_init(&f, 7);
	fixture_lead(&f, "https://other.example/x");
	f.hops[1].request = f.hops[1].response = NULL;
	f.hops[1].times = (struct hop_times){-1, 700, -1, -1, -1, -1, -1};
	f.hops[1].error = ERR_resolve_failed;
	f.hops[1].detail = "no such name";
	f.hops[1].response_head_bytes = f.hops[1].request_head_bytes = f.hops[1].response_body_bytes = 0;
	f.x.outcome = OUTCOME_FAILED;
	f.x.error = ERR_resolve_failed;
	har = export_record(record_new(&f.x));
	entry = ENTRY(har, 0);
	assert_int_equal(json_array_size(at(har, "log.entries")), 1);
	assert_at(entry, "_error", "resolve_failed");
	assert_at(entry, "response._error", "resolve_failed");
	assert_at(entry, "_hop.detail", "no such name");
	assert_true(json_is_true(at(entry, "_hop.isUnsent")));
	assert_number_at(entry, "response.status", 0);
	assert_at(entry, "response.statusText", "");
	assert_at(entry, "response.httpVersion", "");
	assert_number_at(entry, "response.bodySize", -1);
	assert_number_at(entry, "response.headersSize", -1);
	assert_number_at(entry, "timings.send", 0);
	assert_at(entry, "timings._notReached.2", "receive");
	assert_number_at(entry, "timings.connect", -1);
	assert_at(entry, "request.headers.0.name", "Host");
	json_decref(har);
}

static void a_flow_without_hops(void **state)
{
	struct flow_fixture f;
	json_t *har, *entry;

	(void)state;
	fixture_init(&f, 7);
	f.x.hops = NULL;
	f.x.hops_n = f.x.redirects = 0;
	f.x.outcome = OUTCOME_FAILED;
	f.x.error = ERR_loop_detected;
	f.x.final_url = STR_NONE;
	har = export_record(record_new(&f.x));
	entry = ENTRY(har, 0);
	assert_int_equal(json_array_size(at(har, "log.entries")), 1);
	assert_at(entry, "_error", error_name(ERR_loop_detected));
	assert_none_at(entry, "_hop");
	assert_none_at(entry, "_redirectChain");
	assert_none_at(entry, "serverIPAddress");
	assert_at(entry, "connection", "5555");
	assert_number_at(entry, "response.status", 200);
	assert_number_at(entry, "time", 6);
	json_decref(har);
}

static void a_head_that_nobody_understood(void **state)
{
	struct flow_fixture f;
	json_t *har, *entry;

	(void)state;
	fixture_init(&f, 7);
	f.x.hops = NULL;
	f.x.hops_n = f.x.redirects = 0;
	f.x.request = NULL;
	f.x.has_target = false;
	f.x.url = STR("\x01/not a \xff url");
	f.x.final_url = STR_NONE;
	f.x.outcome = OUTCOME_FAILED;
	f.x.error = ERR_bad_target;
	har = export_record(record_new(&f.x));
	entry = ENTRY(har, 0);
	assert_at(entry, "request.url", "about:invalid");
	assert_at(entry, "request._url", "\x01/not a \xc3\xbf url");
	assert_at(entry, "request.__urlHex", "012f6e6f74206120ff2075726c");
	assert_at(entry, "request.method", "");
	json_decref(har);
}

static void a_tunnel(void **state)
{
	struct flow_fixture f;
	json_t *har, *entry;

	(void)state;
	fixture_init(&f, 7);
	fixture_tunnel(&f);
	har = export_record(record_new(&f.x));
	entry = ENTRY(har, 0);
	assert_at(entry, "request.method", "CONNECT");
	assert_at(entry, "request.url", "https://example.com:443/");
	assert_number_at(entry, "request.bodySize", -1);
	assert_number_at(entry, "response.bodySize", -1);
	assert_at(entry, "_tunnel.target", "example.com:443");
	assert_number_at(entry, "_tunnel.upBytes", 517);
	assert_number_at(entry, "_tunnel.downBytes", 100000);
	assert_at(entry, "_tunnel.sni", "example.com");
	assert_at(entry, "_tunnel.handling", "relayed");
	json_decref(har);
}

static void a_flow_in_flight_is_none(void **state)
{
	struct flow_fixture f;
	json_t *har;

	(void)state;
	fixture_init(&f, 7);
	f.x.outcome = OUTCOME_PENDING;
	har = export_record(record_new(&f.x));
	/* The end of the store marks nothing: what was pending is so until the next start. */
	assert_int_equal(json_array_size(at(har, "log.entries")), 0);
	json_decref(har);
}

static void where_a_response_leads(void **state)
{
	static const struct {
		const char *location, *expected;
	} rows[] = {
		{"/b", "https://other.example/b"},
		{"c?d#e", "https://other.example/c?d#e"},
		{"//third.example/x", "https://third.example/x"},
		{"mailto:x@y.example", "mailto:x@y.example"},
		{"http://[bad", "http://[bad"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct flow_fixture f;
		json_t *har;

		fixture_init(&f, 7 + i);
		fixture_lead(&f, "https://other.example/x");
		f.response.status = 302;
		f.response_fields[2] = (struct field){STR("Location"), str_of(rows[i].location)};
		har = export_record(record_new(&f.x));
		assert_at(at(at(har, "log.entries"), (const char[]){(char)('0' + i), '\0'}), "response.redirectURL",
			rows[i].expected);
		json_decref(har);
	}
}

static void cookies_are_taken_apart(void **state)
{
	struct flow_fixture f;
	json_t *har, *entry;

	(void)state;
	fixture_init(&f, 7);
	fixture_lead(&f, "https://other.example/x");
	f.request_fields[1] = (struct field){STR("Cookie"), STR("a=1; b=\"two=2\";; c")};
	f.response_fields[0] = (struct field){STR("Set-Cookie"),
		STR("s=x=y; Expires=Wed, 21 Oct 2065 07:28:00 GMT; Path=/p; Domain=.example; Secure; HttpOnly; SameSite=Lax")};
	f.response_fields[1] = (struct field){STR("set-cookie"), STR("t=; Max-Age=60; expires=nonsense; path=/a; Path=/b")};
	f.response_fields[3] = (struct field){STR("Set-Cookie"), STR("u=v; Expires=Thu, 01 Jan 1970 00:00:00 GMT")};
	har = export_record(record_new(&f.x));
	entry = ENTRY(har, 0);
	assert_int_equal(json_array_size(at(entry, "request.cookies")), 3);
	assert_at(entry, "request.cookies.0.name", "a");
	assert_at(entry, "request.cookies.1.value", "\"two=2\"");
	assert_at(entry, "request.cookies.2.value", "");
	assert_at(entry, "response.cookies.0.name", "s");
	assert_at(entry, "response.cookies.0.value", "x=y");
	assert_at(entry, "response.cookies.0.path", "/p");
	assert_at(entry, "response.cookies.0.domain", ".example");
	assert_at(entry, "response.cookies.0.expires", "2065-10-21T07:28:00.000000Z");
	assert_true(json_is_true(at(entry, "response.cookies.0.secure")));
	assert_true(json_is_true(at(entry, "response.cookies.0.httpOnly")));
	assert_at(entry, "response.cookies.0.sameSite", "Lax");
	assert_at(entry, "response.cookies.1.value", "");
	assert_at(entry, "response.cookies.1.path", "/b");
	assert_at(entry, "response.cookies.1.expires", "2023-11-14T22:14:20.000000Z");
	assert_true(json_is_false(at(entry, "response.cookies.1.secure")));
	assert_at(entry, "response.cookies.2.expires", "1970-01-01T00:00:00.000000Z");
	json_decref(har);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_chain_is_one_entry_per_hop),
		STORE_TEST(what_only_a_proxy_knows),
		STORE_TEST(times_are_exact),
		STORE_TEST(the_proxy_s_own_time_is_what_the_hops_leave),
		STORE_TEST(fields_stay_as_they_were),
		STORE_TEST(an_empty_reason_is_one),
		STORE_TEST(what_changed_on_the_way_is_seen),
		STORE_TEST(what_did_not_change_is_not_told_twice),
		STORE_TEST(a_client_that_got_nothing),
		STORE_TEST(an_odd_request_line_is_kept),
		STORE_TEST(a_hop_that_failed),
		STORE_TEST(a_flow_without_hops),
		STORE_TEST(a_head_that_nobody_understood),
		STORE_TEST(a_tunnel),
		STORE_TEST(a_flow_in_flight_is_none),
		STORE_TEST(where_a_response_leads),
		STORE_TEST(cookies_are_taken_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
