/* har_read.h: entries that we wrote are the hops of one flow again. */
#include "har_read_rig.h"

#include "store/har/har_join.h"

#define REQUEST "\"request\":{\"method\":\"GET\",\"url\":\"http://a.test/%u\",\"httpVersion\":\"HTTP/1.1\",\"headers\":[]}"
#define RESPONSE                                                                                                               \
	"\"response\":{\"status\":200,\"statusText\":\"OK\",\"httpVersion\":\"HTTP/1.1\",\"headers\":[],\"content\":{}}"

/* A hop of a flow; of how many is told by the first one. */
static void put_hop(char *to, size_t size, unsigned flow, unsigned index, unsigned hops)
{
	size_t n = strlen(to);

	n += (size_t)snprintf(to + n, size - n, "%s{" REQUEST "," RESPONSE, n > 0 ? "," : "", index);
	n += (size_t)snprintf(to + n, size - n,
		",\"_flowId\":%u,\"_hop\":{},\"_redirectChain\":{\"id\":%u,\"index\":%u,\"reason\":\"%s\",\"decision\":\"d%u\"}",
		flow, flow, index, index == 0 ? "first" : "redirect", index);
	if (index == 0)
		n += (size_t)snprintf(to + n, size - n, ",\"_flow\":{\"outcome\":\"delivered\",\"hops\":%u,\"redirects\":%u}",
			hops, hops - 1);
	snprintf(to + n, size - n, "}");
}

static void assert_hops(const struct record *r, unsigned n)
{
	unsigned number = 0;

	assert_int_equal(r->facts.hops_n, n);
	for (const struct hop_facts *h = r->facts.hops; h != NULL; h = h->next) {
		char url[64];

		assert_int_equal(h->number, ++number);
		snprintf(url, sizeof(url), "http://a.test/%u", number - 1);
		assert_str(h->url, url);
		assert_int_equal(h->reason, number == 1 ? HOP_FIRST : HOP_REDIRECT);
		assert_true(rig_extra(r, number).len > 0);
	}
	assert_int_equal(number, n);
}

static void test_side_by_side(void **state)
{
	struct har_rig *rig = rig_new();
	char entries[8192] = "";

	(void)state;
	for (unsigned flow = 1; flow <= 3; flow++) {
		for (unsigned i = 0; i < flow; i++)
			put_hop(entries, sizeof(entries), flow + 7, i, flow);
	}
	rig_read_entries(rig, entries);
	assert_int_equal(rig->entries, 6);
	assert_int_equal(rig->n, 3);
	for (unsigned flow = 0; flow < 3; flow++) {
		assert_hops(rig->records[flow], flow + 1);
		assert_int_equal(rig->records[flow]->facts.redirects, flow);
		assert_int_equal(rig->records[flow]->facts.id, flow + 1);
	}
	rig_free(rig);
}

static void test_any_order(void **state)
{
	static const unsigned order[] = {2, 0, 1};
	struct har_rig *rig = rig_new();
	char entries[8192] = "";

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned flow = 1; flow <= 3; flow++)
			put_hop(entries, sizeof(entries), flow, order[(i + flow) % 3], 3);
	}
	rig_read_entries(rig, entries);
	assert_int_equal(rig->n, 3);
	for (unsigned flow = 0; flow < 3; flow++)
		assert_hops(rig->records[flow], 3);
	rig_free(rig);
}

/* A file that was filtered: what is there is a flow all the same. */
static void test_missing_hops(void **state)
{
	struct har_rig *rig = rig_new();
	char entries[8192] = "";

	(void)state;
	put_hop(entries, sizeof(entries), 5, 2, 4);
	put_hop(entries, sizeof(entries), 5, 1, 4);
	put_hop(entries, sizeof(entries), 6, 0, 2);
	rig_read_entries(rig, entries);
	assert_int_equal(rig->n, 2);
	assert_int_equal(rig->records[0]->facts.hops_n, 2);
	assert_int_equal(rig->records[0]->facts.hops->number, 2);
	assert_int_equal(rig->records[0]->facts.redirects, 2);
	assert_str(rig->records[0]->facts.final_url, "http://a.test/2");
	assert_int_equal(rig->records[1]->facts.hops_n, 1);
	rig_free(rig);
}

/* However many wait, what is kept is bounded. */
static void test_bounded(void **state)
{
	enum { FLOWS = HAR_JOIN_CHAINS + 500, BYTES = FLOWS * 600 };
	struct har_rig *rig = rig_new();
	char *entries = calloc(1, BYTES), *end = entries;

	(void)state;
	assert_non_null(entries);
	for (unsigned flow = 1; flow <= FLOWS; flow++) {
		*end = '\0';
		put_hop(end, (size_t)(entries + BYTES - end), flow, 0, 2);
		end += strlen(end);
		*end++ = ',';
	}
	end[-1] = '\0';
	rig_read_entries(rig, entries);
	assert_int_equal(rig->n, FLOWS);
	for (unsigned i = 0; i < FLOWS; i++)
		assert_int_equal(rig->records[i]->facts.id, i + 1);
	free(entries);
	rig_free(rig);
}

/* The same for one flow that never comes to its end. */
static void test_hops_are_bounded(void **state)
{
	enum { HOPS = HAR_JOIN_HOPS + 5, BYTES = HOPS * 600 };
	struct har_rig *rig = rig_new();
	char *entries = calloc(1, BYTES), *end = entries;

	(void)state;
	assert_non_null(entries);
	for (unsigned i = 0; i < HOPS; i++) {
		*end = '\0';
		put_hop(end, (size_t)(entries + BYTES - end), 7, i + 1, 0);
		end += strlen(end);
		*end++ = ',';
	}
	end[-1] = '\0';
	rig_read_entries(rig, entries);
	assert_int_equal(rig->n, 2);
	assert_int_equal(rig->records[0]->facts.hops_n, HAR_JOIN_HOPS);
	assert_int_equal(rig->records[1]->facts.hops_n, 5);
	free(entries);
	rig_free(rig);
}

static struct har_entry *entry_of(const char *json, size_t bytes)
{
	struct har_cut cut = {.number = 1};
	char why[128] = "";
	struct har_entry *e;

	text_put(&cut.json, str_of(json));
	e = har_entry_read(&cut, 0, why, sizeof(why));
	assert_non_null(e);
	text_fini(&cut.json);
	e->bytes = bytes;
	return e;
}

static void test_bytes_are_bounded(void **state)
{
	struct har_rig *rig = rig_new();
	struct har_join join = {.next_id = rig_next_id, .take = rig_take, .owner = rig};

	(void)state;
	rig->logs = 1;
	for (unsigned i = 0; i < 5; i++) {
		char hop[600] = "";

		put_hop(hop, sizeof(hop), 7, i + 1, 0);
		assert_true(har_join_add(&join, entry_of(hop, HAR_JOIN_BYTES / 2 + 1)));
		assert_true(join.bytes <= HAR_JOIN_BYTES);
		assert_int_equal(rig->n, (i + 1) / 2);
	}
	assert_true(har_join_flush(&join));
	assert_int_equal(join.bytes, 0);
	assert_int_equal(rig->n, 3);
	assert_int_equal(rig->records[1]->facts.hops_n, 2);
	har_join_fini(&join);
	rig_free(rig);
}

static void test_broken_off(void **state)
{
	static char har[8192] = "{\"log\":{\"entries\":[";
	struct har_rig *rig = rig_new();
	size_t n = strlen(har);

	(void)state;
	put_hop(har + n, sizeof(har) - n, 1, 0, 2);
	assert_false(rig_read(rig, str_of(har)));
	assert_int_equal(rig->n, 1);
	rig_free(rig);
}

/* Flows know the tunnel that they came through, whether it stands before or behind them. */
static void test_parents(void **state)
{
	static const char entries[] =
		"{" REQUEST ",\"_flowId\":71,\"_flow\":{\"hops\":1,\"parentId\":70}},"
		"{\"request\":{\"method\":\"CONNECT\",\"url\":\"https://a.test:443/\"},\"_flowId\":70,\"_flow\":{\"hops\":1},\"_tunnel\":{\"target\":\"a.test:443\","
		"\"upBytes\":7,\"downBytes\":8,\"handling\":\"opened\",\"why\":\"w\",\"sni\":\"a.test\",\"alpn\":\"h2\",\"tlsVersion\":\"TLS 1.3\",\"hasEch\":true,\"ja4\":\"t13\"}},"
		"{" REQUEST ",\"_flowId\":72,\"_flow\":{\"hops\":1,\"parentId\":70}},{" REQUEST
		",\"_flowId\":73,\"_flow\":{\"hops\":1,\"parentId\":69}}";
	struct har_rig *rig = rig_new();
	const struct exchange_facts *x;
	char all[2048];

	(void)state;
	snprintf(all, sizeof(all), "%s", entries);
	rig_read_entries(rig, all);
	assert_int_equal(rig->n, 4);
	x = &rig->records[1]->facts;
	assert_int_equal(rig->records[0]->facts.parent_id, x->id);
	assert_int_equal(rig->records[2]->facts.parent_id, x->id);
	assert_int_not_equal(rig->records[3]->facts.parent_id, x->id);
	assert_int_equal(x->parent_id, 0);
	assert_str(x->url, "a.test:443");
	assert_false(x->has_target);
	assert_true(x->is_tunnel);
	assert_int_equal(x->tunnel.down_bytes, 8);
	assert_int_equal(x->tunnel.handling, TUNNEL_TLS);
	assert_string_equal(x->tunnel.why, "w");
	assert_int_equal(x->tunnel.hello.version, 0x0304);
	assert_true(x->tunnel.hello.has_ech);
	rig_free(rig);
}

static void test_own_members(void **state)
{
	static const char entry[] =
		"{\"startedDateTime\":\"2024-05-06T07:08:10Z\",\"time\":5,\"request\":{\"method\":\"GET\",\"url\":\"https://b.test/x\",\"_line\":\"GET /x%20 HTTP/1.0\","
		"\"headers\":[{\"name\":\"A\",\"value\":\"\xc3\xa9\",\"_valueHex\":\"e9\"}]},\"response\":{\"status\":502,\"statusText\":\"Bad\",\"httpVersion\":"
		"\"HTTP/1.1\",\"headers\":[],\"_trailers\":[{\"name\":\"T\",\"value\":\"1\"}],\"content\":{\"_cut\":\"limit\",\"text\":\"half\"}},\"comment\":\"hm\","
		"\"_flowId\":9,\"_client\":\"127.0.0.1:5\",\"_flow\":{\"startedDateTime\":\"2024-05-06T07:08:09Z\",\"endedDateTime\":\"2024-05-06T07:08:12Z\","
		"\"duration\":2999.5,\"outcome\":\"failed\",\"error\":\"response_incomplete\",\"detail\":\"so\",\"hops\":1,\"redirects\":0,\"retries\":0,"
		"\"listener\":\"127.0.0.1:8080\",\"user\":\"u\",\"worker\":1,\"clientId\":3,\"clientRequest\":4,\"requestHeadBytes\":10,\"responseBodyBytes\":20,"
		"\"clientTls\":{\"version\":\"TLSv1.3\",\"cipher\":\"c\",\"alpn\":\"h2\",\"serverName\":\"s\"},\"dropped\":[{\"name\":\"Alt-Svc\",\"why\":\"y\"}]},"
		"\"_hop\":{\"peer\":\"192.0.2.1:443\",\"peerClass\":\"public\",\"isReused\":true,\"delay\":7,\"cookiesAdded\":\"a, b\",\"cookiesSet\":"
		"[{\"name\":\"c\",\"fate\":\"kept\",\"client\":\"held\"}],\"error\":\"response_incomplete\",\"detail\":\"d\"},\"_redirectChain\":{\"id\":9,\"index\":0,"
		"\"parent\":null,\"reason\":\"retry\",\"decision\":\"delivered\"},\"_dropped\":[{\"name\":\"Cookie\",\"why\":\"z\"}],\"_tls\":{\"version\":\"TLSv1.2\","
		"\"cipher\":\"d\",\"isResumed\":true,\"subject\":\"CN=x\"},\"_asReceived\":{\"url\":\"https://a.test/\",\"line\":\"GET / HTTP/1.1\",\"headers\":"
		"[{\"name\":\"H\",\"value\":\"1\"}]},\"_asDelivered\":{\"line\":\"HTTP/1.1 504 Gone\",\"headers\":[],\"content\":{\"text\":\"bWFkZQ==\",\"encoding\":\"base64\"}}}";
	struct har_rig *rig = rig_new();
	const struct exchange_facts *x = rig_one(rig, entry);
	const struct hop_facts *h = x->hops;
	char text[ADDRESS_TEXT_BYTES];

	(void)state;
	assert_str(rig->records[0]->comment, "hm");
	assert_str(x->url, "https://a.test/");
	assert_str(x->request->target, "/");
	assert_str(rig_field(x->request, 0)->name, "H");
	assert_int_equal(x->response->status, 504);
	assert_str(x->response->reason, "Gone");
	assert_int_equal(x->started_us, INT64_C(1714979289000000));
	assert_int_equal(x->ended_us - x->started_us, 3000000);
	assert_int_equal(x->duration_us, 2999500);
	assert_int_equal(x->outcome, OUTCOME_FAILED);
	assert_int_equal(x->error, ERR_response_incomplete);
	assert_string_equal(x->detail, "so");
	assert_int_equal(x->client_id, 3);
	assert_int_equal(x->client_request, 4);
	assert_str(x->user, "u");
	assert_string_equal(address_format(&x->client, text), "127.0.0.1:5");
	assert_string_equal(x->client_tls->server_name, "s");
	assert_str(x->drops->name, "Alt-Svc");
	assert_int_equal(x->response_body_bytes, 20);
	assert_str(h->url, "https://b.test/x");
	assert_str(h->request->target, "/x%20");
	assert_int_equal(h->request->version, VERSION_1_0);
	assert_str(rig_field(h->request, 0)->value, "\xe9");
	assert_int_equal(h->response->trailers.n, 1);
	assert_string_equal(address_format(&h->peer, text), "192.0.2.1:443");
	assert_true(h->is_reused);
	assert_int_equal(h->delay_us, 7000);
	assert_int_equal(h->reason, HOP_RETRY);
	assert_string_equal(h->decision, "delivered");
	assert_str(h->cookies, "a, b");
	assert_string_equal(h->fates->client_words, "held");
	assert_str(h->drops->name, "Cookie");
	assert_true(h->tls->is_resumed);
	assert_null(h->identity);
	assert_body(rig->records[0], 1, BODY_DOWN, "half");
	assert_body(rig->records[0], 0, BODY_DOWN, "made");
	assert_int_equal(rig->records[0]->parts->cut, CUT_LIMIT);
	rig_free(rig);
}

/* Answered by the proxy itself: one hop that says so, so that the entry is kept. */
static void test_without_hops(void **state)
{
	struct har_rig *rig = rig_new();
	const struct exchange_facts *x = rig_one(rig,
		"{" REQUEST
		",\"response\":{\"status\":0},\"_flowId\":1,\"_flow\":{\"outcome\":\"interrupted\",\"hops\":0},\"_asDelivered\":null}");

	(void)state;
	assert_int_equal(x->hops_n, 1);
	assert_true(x->hops->is_reply);
	assert_null(x->response);
	assert_int_equal(x->outcome, OUTCOME_CANCELLED);
	rig_free(rig);
}

static void test_numbers(void **state)
{
	struct har_numbers h = {0};

	(void)state;
	assert_int_equal(har_numbers_find(&h, 1), 0);
	for (uint64_t i = 1; i <= 1000; i++)
		har_numbers_add(&h, i << 32, i + 5);
	for (uint64_t i = 1; i <= 1000; i++)
		assert_int_equal(har_numbers_find(&h, i << 32), i + 5);
	assert_int_equal(har_numbers_find(&h, 77), 0);
	har_numbers_fini(&h);
}

/* The table is full: those behind have no parent. */
static void test_numbers_are_bounded(void **state)
{
	struct har_numbers h = {0};

	(void)state;
	for (uint64_t i = 1; i <= HAR_NUMBERS_MAX + 10; i++)
		har_numbers_add(&h, i, i);
	assert_int_equal(har_numbers_find(&h, HAR_NUMBERS_MAX), HAR_NUMBERS_MAX);
	assert_int_equal(har_numbers_find(&h, HAR_NUMBERS_MAX + 1), 0);
	har_numbers_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_side_by_side),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_missing_hops),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_hops_are_bounded),
		cmocka_unit_test(test_bytes_are_bounded),
		cmocka_unit_test(test_broken_off),
		cmocka_unit_test(test_parents),
		cmocka_unit_test(test_own_members),
		cmocka_unit_test(test_without_hops),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_numbers_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
