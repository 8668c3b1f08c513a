/* What filters say of some flows. One table for all who evaluate the language: in memory (test_filter.c), and each store that
 * compiles it. */
#ifndef VIADUCT_TESTS_FILTER_CASES_H
#define VIADUCT_TESTS_FILTER_CASES_H

#include "config/filter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* One value of a field. A field that is not listed is absent; one that is listed twice has two values. */
struct case_value {
	enum filter_field field;
	const char *name; /* of a header */
	const char *text;
	int64_t number;
};

enum case_flow { CASE_GET, CASE_POST, CASE_CONNECT, CASE_FLOWS };
enum { CASE_VALUES_MAX = 40 };

static const struct case_value case_flows[CASE_FLOWS][CASE_VALUES_MAX] = {
	/* A redirect that was followed, with a response. */
	[CASE_GET] = {{FILTER_id, NULL, NULL, 42}, {FILTER_method, NULL, "GET", 0},
		{FILTER_url, NULL, "https://api.example.com:8443/Users/42?q=a%20b&q=\"x\"", 0},
		{FILTER_scheme, NULL, "https", 0}, {FILTER_host, NULL, "api.example.com", 0}, {FILTER_port, NULL, NULL, 8443},
		{FILTER_path, NULL, "/Users/42", 0}, {FILTER_query, NULL, "q=a%20b&q=\"x\"", 0},
		{FILTER_client, NULL, "127.0.0.1", 0}, {FILTER_user, NULL, "ann", 0},
		{FILTER_req_header, "Accept", "text/html", 0}, {FILTER_req_header, "Accept", "application/json", 0},
		{FILTER_req_header, "X-Empty", "", 0}, {FILTER_res_header, "Server", "nginx", 0},
		{FILTER_status, NULL, NULL, 200}, {FILTER_type, NULL, "application/json", 0}, {FILTER_size, NULL, NULL, 2048},
		{FILTER_time, NULL, NULL, INT64_C(1760000000000)}, {FILTER_duration, NULL, NULL, 1500},
		{FILTER_outcome, NULL, "delivered", 0}, {FILTER_hops, NULL, NULL, 2}, {FILTER_session, NULL, "Monday \"1\"", 0},
		{FILTER_comment, NULL, "look here", 0}, {FILTER_redirects, NULL, NULL, 1}, {FILTER_retries, NULL, NULL, 0},
		{FILTER_peer, NULL, "192.0.2.7", 0}, {FILTER_peer, NULL, "2001:db8::7", 0}, {FILTER_parent, NULL, NULL, 44},
		{FILTER_res_body, NULL, "{\"moved\": true}", 0}, {FILTER_res_body, NULL, "{\"name\": \"J\xc3\xb6rg\"}", 0}},
	/* One that failed: no response, thus no status, type or size. A backslash in the path's text. */
	[CASE_POST] = {{FILTER_id, NULL, NULL, 43}, {FILTER_method, NULL, "POST", 0},
		{FILTER_url, NULL, "http://[::1]/a%5Cb", 0}, {FILTER_scheme, NULL, "http", 0}, {FILTER_host, NULL, "::1", 0},
		{FILTER_port, NULL, NULL, 80}, {FILTER_path, NULL, "/a%5Cb", 0}, {FILTER_client, NULL, "::1", 0},
		{FILTER_req_header, "Path", "C:\\dir\\", 0}, {FILTER_error, NULL, "connect_refused", 0},
		{FILTER_outcome, NULL, "failed", 0}, {FILTER_hops, NULL, NULL, 1}, {FILTER_duration, NULL, NULL, 0},
		{FILTER_time, NULL, NULL, INT64_C(1760000000001)}, {FILTER_session, NULL, "Tuesday", 0},
		{FILTER_redirects, NULL, NULL, 0}, {FILTER_retries, NULL, NULL, 2}, {FILTER_peer, NULL, "::1", 0},
		{FILTER_req_body, NULL, "user=ann&password=Secret", 0}},
	/* A tunnel: neither scheme nor path. */
	[CASE_CONNECT] = {{FILTER_id, NULL, NULL, 44}, {FILTER_method, NULL, "CONNECT", 0},
		{FILTER_url, NULL, "mail.example.com:993", 0}, {FILTER_host, NULL, "mail.example.com", 0},
		{FILTER_port, NULL, NULL, 993}, {FILTER_client, NULL, "10.1.2.3", 0}, {FILTER_status, NULL, NULL, 200},
		{FILTER_outcome, NULL, "pending", 0}, {FILTER_hops, NULL, NULL, 1}, {FILTER_session, NULL, "Monday \"1\"", 0},
		{FILTER_redirects, NULL, NULL, 0}, {FILTER_retries, NULL, NULL, 0},
		{FILTER_time, NULL, NULL, INT64_C(1760000000002)}},
};

struct filter_case {
	const char *expression;
	enum case_flow flow;
	bool matches;
};

static const struct filter_case filter_cases[] = {
	/* equal, and with which case */
	{"host == \"api.example.com\"", CASE_GET, true},
	{"host == \"API.Example.COM\"", CASE_GET, true},
	{"host == \"api.example.co\"", CASE_GET, false},
	{"host != \"api.example.com\"", CASE_GET, false},
	{"host != \"x\"", CASE_GET, true},
	{"method == \"get\"", CASE_GET, true},
	{"scheme == \"HTTPS\"", CASE_GET, true},
	{"type == \"Application/JSON\"", CASE_GET, true},
	{"path == \"/Users/42\"", CASE_GET, true},
	{"path == \"/users/42\"", CASE_GET, false},
	{"path == \"\"", CASE_GET, false},
	{"user == \"ann\"", CASE_GET, true},
	{"user == \"Ann\"", CASE_GET, false},
	{"outcome == \"delivered\"", CASE_GET, true},
	{"error == \"cancelled\"", CASE_GET, false},
	{"error == \"connect_refused\"", CASE_POST, true},
	{"host == \"::1\" && port == 80", CASE_POST, true},
	{"url == \"mail.example.com:993\"", CASE_CONNECT, true},
	/* numbers and their units */
	{"port == 8443", CASE_GET, true},
	{"port != 8443", CASE_GET, false},
	{"port < 8443", CASE_GET, false},
	{"port <= 8443", CASE_GET, true},
	{"port > 8442", CASE_GET, true},
	{"port >= 8444", CASE_GET, false},
	{"size == 2k", CASE_GET, true},
	{"size >= 1M", CASE_GET, false},
	{"size < 1G", CASE_GET, true},
	{"duration == 1500", CASE_GET, true},
	{"duration == 1500ms", CASE_GET, true},
	{"duration > 1s && duration < 2s", CASE_GET, true},
	{"duration < 1m", CASE_GET, true},
	{"duration > 1h", CASE_GET, false},
	{"time >= 1760000000000", CASE_GET, true},
	{"time > 1760000000000", CASE_GET, false},
	{"id == 9223372036854775807", CASE_GET, false},
	{"status == 200 && hops == 2", CASE_GET, true},
	/* contains is without case, whatever the field */
	{"path contains \"users\"", CASE_GET, true},
	{"path contains \"USERS/4\"", CASE_GET, true},
	{"path contains \"users/5\"", CASE_GET, false},
	{"path contains \"\"", CASE_GET, true},
	{"query contains \"\"", CASE_POST, false},
	{"url contains \"%20B&Q=\"", CASE_GET, true},
	{"url contains \"50%\"", CASE_GET, false},
	{"url contains \"_\"", CASE_GET, false},
	{"url contains \"PI.EXAMPLE.C\"", CASE_GET, true},
	{"type contains \"appLICation/jsoN\"", CASE_GET, true},
	{"req.header[\"Path\"] contains \"c:\\DIR\\\\\"", CASE_POST, true},
	/* regular expressions: found anywhere, with the case of == */
	{"path ~ \"^/Users/[0-9]+$\"", CASE_GET, true},
	{"path ~ \"sers\"", CASE_GET, true},
	{"path ~ \"users\"", CASE_GET, false},
	{"path ~ \"(?i)users\"", CASE_GET, true},
	{"path !~ \"^/Users/\"", CASE_GET, false},
	{"path !~ \"^/Groups/\"", CASE_GET, true},
	{"host ~ \"(^|\\.)example\\.com$\"", CASE_GET, true},
	{"host ~ \"(^|\\\\.)EXAMPLE\\\\.com$\"", CASE_GET, true},
	{"host ~ \"^example\"", CASE_GET, false},
	{"method ~ \"^(get|head)$\"", CASE_GET, true},
	{"path ~ \"\"", CASE_GET, true},
	/* escapes */
	{"query contains \"q=\\\"x\\\"\"", CASE_GET, true},
	{"req.header[\"Path\"] == \"C:\\dir\\\\\"", CASE_POST, true},
	{"req.header[\"Path\"] == \"C:\\\\dir\\\\\"", CASE_POST, true},
	{"req.header[\"Path\"] ~ \"\\\\\\\\dir\"", CASE_POST, true},
	/* clients: addresses and networks */
	{"client == \"127.0.0.1\"", CASE_GET, true},
	{"client == \"127.0.0.2\"", CASE_GET, false},
	{"client == \"127.0.0.0/8\"", CASE_GET, true},
	{"client != \"127.0.0.0/8\"", CASE_GET, false},
	{"client == \"10.0.0.0/8\"", CASE_GET, false},
	{"client == \"10.0.0.0/8\"", CASE_CONNECT, true},
	{"client == \"10.1.2.3/32\"", CASE_CONNECT, true},
	{"client != \"10.1.2.2/31\"", CASE_CONNECT, false},
	{"client == \"0.0.0.0/0\"", CASE_POST, false},
	{"client == \"::/0\"", CASE_POST, true},
	{"client == \"0:0::0:1\"", CASE_POST, true},
	{"client == \"::/127\"", CASE_POST, true},
	{"client in [\"192.0.2.1\", \"fd00::/8\", \"::1\"]", CASE_POST, true},
	{"client in [\"192.0.2.1\", \"fd00::/8\", \"10.0.0.0/9\"]", CASE_CONNECT, true},
	{"client in [\"192.0.2.1\", \"fd00::/8\", \"10.128.0.0/9\"]", CASE_CONNECT, false},
	{"client == \"::ffff:127.0.0.0/104\"", CASE_GET, true},
	{"client ~ \"^127\\.\"", CASE_GET, true},
	{"client contains \"0.0/8\"", CASE_GET, false},
	{"client", CASE_GET, true},
	/* in */
	{"port in [80, 443, 8443]", CASE_GET, true},
	{"port in [80,443]", CASE_GET, false},
	{"host in [\"x\", \"API.example.com\"]", CASE_GET, true},
	{"path in [\"/users/42\"]", CASE_GET, false},
	{"size in [1k, 2k]", CASE_GET, true},
	{"!(method in [\"GET\", \"HEAD\"])", CASE_POST, true},
	/* several values: any of them; != and !~ if none does */
	{"req.header[\"Accept\"] == \"application/json\"", CASE_GET, true},
	{"req.header[\"accept\"] == \"text/html\"", CASE_GET, true},
	{"req.header[\"Accept\"] == \"Text/HTML\"", CASE_GET, false},
	{"req.header[\"Accept\"] != \"application/json\"", CASE_GET, false},
	{"req.header[\"Accept\"] != \"text/plain\"", CASE_GET, true},
	{"req.header[\"Accept\"] ~ \"json$\"", CASE_GET, true},
	{"req.header[\"Accept\"] !~ \"json$\"", CASE_GET, false},
	{"req.header[\"Accept\"] contains \"HTML\"", CASE_GET, true},
	{"req.header[\"Accept\"] in [\"a\", \"text/html\"]", CASE_GET, true},
	{"res.header[\"server\"] == \"nginx\"", CASE_GET, true},
	{"res.header[\"Accept\"]", CASE_GET, false},
	/* absent: equals nothing, thus differs from everything */
	{"status == 200", CASE_POST, false},
	{"status != 200", CASE_POST, true},
	{"status < 200", CASE_POST, false},
	{"status >= 0", CASE_POST, false},
	{"user == \"\"", CASE_POST, false},
	{"user != \"\"", CASE_POST, true},
	{"user ~ \"\"", CASE_POST, false},
	{"user !~ \"\"", CASE_POST, true},
	{"path == \"/\"", CASE_CONNECT, false},
	{"scheme != \"http\"", CASE_CONNECT, true},
	{"status in [200]", CASE_POST, false},
	/* a field alone: there, not empty */
	{"user", CASE_GET, true},
	{"user", CASE_POST, false},
	{"error", CASE_POST, true},
	{"error", CASE_GET, false},
	{"status", CASE_GET, true},
	{"status", CASE_POST, false},
	{"duration", CASE_POST, true},
	{"req.header[\"Accept\"]", CASE_GET, true},
	{"req.header[\"X-Empty\"]", CASE_GET, false},
	{"req.header[\"X-Empty\"] == \"\"", CASE_GET, true},
	{"path", CASE_CONNECT, false},
	/* sessions, comments, chains */
	{"session == \"Monday \\\"1\\\"\"", CASE_GET, true},
	{"session == \"monday \\\"1\\\"\"", CASE_GET, false},
	{"session != \"Tuesday\"", CASE_GET, true},
	{"session != \"Tuesday\"", CASE_POST, false},
	{"session ~ \"^Mon|^Tue\"", CASE_POST, true},
	{"session in [\"x\", \"Tuesday\"]", CASE_POST, true},
	{"session in [\"x\", \"Tuesday\"]", CASE_CONNECT, false},
	{"session contains \"day\"", CASE_CONNECT, true},
	{"session", CASE_CONNECT, true},
	{"comment == \"look here\"", CASE_GET, true},
	{"comment contains \"HERE\"", CASE_GET, true},
	{"comment", CASE_POST, false},
	{"!comment", CASE_POST, true},
	{"redirects > 0", CASE_GET, true},
	{"redirects == 0 && retries == 2", CASE_POST, true},
	{"retries", CASE_GET, true},
	{"retries >= 1", CASE_GET, false},
	{"parent == 44", CASE_GET, true},
	{"parent", CASE_GET, true},
	{"parent", CASE_POST, false},
	{"parent != 44", CASE_POST, true},
	{"parent < 44", CASE_POST, false},
	{"hops in [2, 3]", CASE_GET, true},
	{"hops < 2", CASE_GET, false},
	{"hops != 1", CASE_POST, false},
	{"outcome != \"delivered\"", CASE_CONNECT, true},
	{"outcome in [\"delivered\", \"failed\"]", CASE_GET, true},
	{"outcome in [\"delivered\", \"failed\"]", CASE_CONNECT, false},
	{"time == 1760000000000", CASE_GET, true},
	{"time >= 1760000000000 && time < 1760000000001", CASE_GET, true},
	{"time >= 1760000000000 && time < 1760000000001", CASE_POST, false},
	{"time in [1760000000001, 1760000000000]", CASE_POST, true},
	{"time < 9223372036854775807", CASE_GET, true},
	{"time > 9223372036854775807", CASE_GET, false},
	{"time == \"2025-10-09T08:53:20Z\"", CASE_GET, true},
	{"time == \"2025-10-09 10:53:20+02:00\"", CASE_GET, true},
	{"time == \"2025-10-09t03:23:20.001-0530\"", CASE_POST, true},
	{"time in [\"2025-10-09T08:53:20.0019Z\", 5]", CASE_POST, true},
	{"time > \"2025-10-09T08:53Z\" && time < \"2025-10-09T08:54Z\"", CASE_GET, true},
	{"time > \"2025-10-08\" && time < \"2025-10-11\"", CASE_GET, true}, /* anywhere */
	{"time > \"2025-10-08T08:00:00\" && time < \"2025-10-10T10:00\"", CASE_GET, true},
	{"time > \"2025-10-11\"", CASE_GET, false},
	{"time < -1h && time > -9999999999h", CASE_GET, true},
	{"time > -1ms", CASE_GET, false},
	{"id in [42, 44]", CASE_GET, true},
	{"id != 42", CASE_GET, false},
	{"id > 42 && id < 44", CASE_POST, true},
	{"status >= 200 && status < 300", CASE_GET, true},
	{"!(status >= 200 && status < 300)", CASE_GET, false},
	{"!(status >= 200 && status < 300)", CASE_POST, true},
	{"!(status >= 200 || hops == 1)", CASE_GET, false},
	{"status in [200, 201, 202, 404]", CASE_CONNECT, true},
	{"host in [\"\", \"::1\"]", CASE_POST, true},
	{"host != \"\"", CASE_GET, true},
	{"method != \"\"", CASE_GET, true},
	{"method in [\"\"]", CASE_GET, false},
	/* addresses that were dialled: any of them */
	{"peer == \"192.0.2.7\"", CASE_GET, true},
	{"peer == \"2001:db8::/32\"", CASE_GET, true},
	{"peer != \"192.0.2.0/24\"", CASE_GET, false},
	{"peer == \"192.0.2.0/24\"", CASE_POST, false},
	{"peer != \"192.0.2.0/24\"", CASE_POST, true},
	{"peer in [\"::1\"]", CASE_POST, true},
	{"peer ~ \"^2001:\"", CASE_GET, true},
	{"peer", CASE_CONNECT, false},
	{"!peer", CASE_CONNECT, true},
	/* bodies of any hop */
	{"res.body contains \"MOVED\"", CASE_GET, true},
	{"res.body contains \"j\xc3\xb6rg\"", CASE_GET, true},
	{"res.body ~ \"\\\"name\\\": \\\"J..rg\\\"\"", CASE_GET, true},
	{"res.body ~ \"joerg\"", CASE_GET, false},
	{"res.body !~ \"true\"", CASE_GET, false},
	{"res.body !~ \"false\"", CASE_GET, true},
	{"res.body == \"{\\\"moved\\\": true}\"", CASE_GET, true},
	{"res.body", CASE_GET, true},
	{"res.body", CASE_POST, false},
	{"!res.body", CASE_POST, true},
	{"req.body", CASE_GET, false},
	{"req.body contains \"password=secret\"", CASE_POST, true},
	{"req.body contains \"moved\"", CASE_GET, false},
	{"req.body ~ \"password=[a-z]+$\"", CASE_POST, false},
	{"req.body ~ \"(?i)password=[a-z]+$\"", CASE_POST, true},
	{"res.body contains \"moved\" && host == \"x\"", CASE_GET, false},
	{"res.body contains \"moved\" || host == \"x\"", CASE_GET, true},
	{"req.body != \"\"", CASE_GET, true},
	/* and, or, not, parentheses: && binds closer, ! closest */
	{"port == 8443 && host == \"x\"", CASE_GET, false},
	{"port == 8443 || host == \"x\"", CASE_GET, true},
	{"host == \"x\" && port == 1 || method == \"GET\"", CASE_GET, true},
	{"host == \"x\" && (port == 1 || method == \"GET\")", CASE_GET, false},
	{"method == \"GET\" || host == \"x\" && port == 1", CASE_GET, true},
	{"(method == \"GET\" || host == \"x\") && port == 1", CASE_GET, false},
	{"!host == \"x\"", CASE_GET, true},
	{"!host == \"x\" && port == 1", CASE_GET, false},
	{"!(host == \"x\" && port == 1)", CASE_GET, true},
	{"!!user", CASE_GET, true},
	{"!user", CASE_GET, false},
	{"!user || !error", CASE_GET, true},
	{"((((port)))) && port && port", CASE_GET, true},
	/* white space is free */
	{"\t port==8443\n&&\r\n host!=\"x\"&&port in[ 8443 , 1 ] ", CASE_GET, true},
	{"req.header [ \"Accept\" ] contains \"html\"", CASE_GET, true},
};
enum { FILTER_CASES_N = sizeof(filter_cases) / sizeof(filter_cases[0]) };

/* filter_subject.each over a flow of the table, which owner points to. */
static inline void case_each(const void *owner, enum filter_field field, struct str name,
	bool (*take)(void *taker, const struct filter_value *v), void *taker)
{
	const struct case_value *values = owner;

	for (size_t i = 0; i < CASE_VALUES_MAX; i++) {
		const struct filter_value v = {str_of(values[i].text), values[i].number};
		bool is_there = values[i].text != NULL || values[i].number != 0 || values[i].field != FILTER_id;

		if (!is_there)
			return; /* the unused rest */
		if (values[i].field == field && (values[i].name == NULL || str_ieq(name, str_of(values[i].name))) &&
			!take(taker, &v))
			return;
	}
}

/* filter_subject.each over a flow whose host is "a" and whose path, which owner points to, may be long. */
static inline void slow_each(const void *owner, enum filter_field field, struct str name,
	bool (*take)(void *taker, const struct filter_value *v), void *taker)
{
	const struct filter_value v = {.text = field == FILTER_path ? *(const struct str *)owner : STR("a")};

	(void)name;
	if (field == FILTER_path || field == FILTER_host)
		take(taker, &v);
}

#endif
