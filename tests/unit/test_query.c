/* From record to database to view: flows, and which of them are read. */
#include "query_run.h"
#include "store/view_json.h"

enum { NAMES = 64 };

static bool check_flow(void *owner, const struct flow_view *v)
{
	*(int *)owner += 1;
	assert_int_equal(v->id, 3);
	assert_int_equal(v->worker, 1);
	assert_int_equal(v->client_id, 7);
	assert_int_equal(v->client_request, 2);
	assert_str(v->client, "192.0.2.7:5555");
	assert_str(v->listener, "127.0.0.1:8080");
	assert_str(v->user, "alice");
	assert_int_equal(v->started_us, 1700000000000000);
	assert_int_equal(v->ended_us, 1700000000006000);
	assert_int_equal(v->duration_us, 6000);
	assert_str(v->method, "GET");
	assert_str(v->url, "http://example.com/a?b=c");
	assert_str(v->scheme, "http");
	assert_str(v->host, "example.com");
	assert_int_equal(v->port, 80);
	assert_str(v->path, "/a");
	assert_str(v->query, "b=c");
	assert_int_equal(v->status, 200);
	assert_str(v->content_type, "text/plain");
	assert_str(v->outcome, "delivered");
	assert_int_equal(v->error.len, 0);
	assert_int_equal(v->request_head_bytes, 100);
	assert_int_equal(v->response_body_bytes, 1234);
	assert_int_equal(v->hops, 2);
	assert_int_equal(v->redirects, 1);
	assert_int_equal(v->retries, 0);
	assert_str(v->final_url, "https://other.example/x#there");
	assert_str(v->final_host, "other.example");
	assert_false(v->is_tunnel);
	assert_int_equal(v->parent_id, -1);
	assert_int_equal(v->client_tls.resumed, -1);
	assert_int_equal(v->client_tls.version.len, 0);
	return true;
}

static void test_round_trip(void **state)
{
	struct flow_fixture f;
	struct reader *r;
	int flows = 0;

	(void)state;
	fixture_init(&f, 3);
	write_one(&f.x);
	r = open_reader();
	assert_true(reader_flow(r, 3, check_flow, &flows));
	assert_int_equal(flows, 1);
	assert_true(reader_flow(r, 4, check_flow, &flows));
	assert_true(reader_flow(r, UINT64_MAX, check_flow, &flows));
	assert_int_equal(flows, 1);
	reader_close(r);
	reader_close(NULL);
}

static bool check_tunnel(void *owner, const struct flow_view *v)
{
	struct text t = {NULL, 0, 0};

	*(int *)owner += 1;
	assert_true(v->is_tunnel);
	assert_int_equal(v->tunnel.up_bytes, 517);
	assert_int_equal(flow_view_bytes(v), 100517);
	assert_str(v->tunnel.sni, "example.com");
	assert_str(v->tunnel.tls_version, "TLS 1.3");
	assert_str(v->host, "example.com");
	assert_int_equal(v->port, 443);
	assert_int_equal(v->scheme.len, 0);
	assert_str(v->tunnel.handling, "relayed");
	assert_int_equal(v->tunnel.why.len, 0);
	view_json_flow(&t, v);
	text_byte(&t, '\0');
	assert_non_null(strstr(t.p, "\"tunnel\":{\"up_bytes\":517,\"down_bytes\":100000,\"sni\":\"example.com\""));
	text_fini(&t);
	return true;
}

static void test_tunnel(void **state)
{
	struct flow_fixture f;
	struct reader *r;
	int n = 0;

	(void)state;
	fixture_init(&f, 3);
	fixture_tunnel(&f);
	write_one(&f.x);
	r = open_reader();
	assert_true(reader_flow(r, 3, check_tunnel, &n));
	assert_int_equal(n, 1);
	reader_close(r);
}

static bool check_opened(void *owner, const struct flow_view *v)
{
	struct text t = {NULL, 0, 0};

	*(int *)owner += 1;
	assert_str(v->tunnel.handling, "opened");
	assert_str(v->tunnel.why, "intercept is all");
	assert_str(v->client_tls.version, "TLSv1.2");
	assert_str(v->client_tls.cipher, "ECDHE-ECDSA-AES256-GCM-SHA384");
	assert_int_equal(v->client_tls.alpn.len, 0);
	assert_str(v->client_tls.server_name, "example.com");
	assert_int_equal(v->client_tls.resumed, 0);
	view_json_flow(&t, v);
	text_byte(&t, '\0');
	assert_non_null(strstr(t.p,
		"\"parent_id\":null,\"client_tls_version\":\"TLSv1.2\",\"client_tls_cipher\":"
		"\"ECDHE-ECDSA-AES256-GCM-SHA384\",\"client_tls_alpn\":null,\"client_tls_server_name\":\"example.com\","
		"\"client_tls_resumed\":false"));
	assert_non_null(strstr(t.p, "\"handling\":\"opened\",\"why\":\"intercept is all\"}"));
	text_fini(&t);
	return true;
}

struct ids {
	uint64_t v[NAMES];
	size_t n, limit;
	int64_t change;
};

static bool note_child(void *owner, uint64_t id)
{
	struct ids *ids = owner;

	ids->v[ids->n++] = id;
	return ids->n < ids->limit;
}

static bool check_child(void *owner, const struct flow_view *v)
{
	struct text t = {NULL, 0, 0};

	*(int *)owner += 1;
	assert_int_equal(v->parent_id, 3);
	assert_int_equal(v->client_tls.resumed, 1);
	view_json_flow(&t, v);
	text_byte(&t, '\0');
	assert_non_null(strstr(t.p, "\"parent_id\":3,"));
	assert_non_null(strstr(t.p, "\"client_tls_resumed\":true"));
	text_fini(&t);
	return true;
}

/* A tunnel that was opened, and the flows that came through it. */
static void test_opened(void **state)
{
	struct ids ids = {.limit = NAMES};
	struct flow_fixture f;
	struct reader *r;
	int n = 0;

	(void)state;
	fixture_init(&f, 3);
	fixture_opened(&f);
	f.x.tunnel.why = "intercept is all";
	write_one(&f.x);
	for (uint64_t id = 4; id <= 6; id++) {
		fixture_init(&f, id);
		f.client_leg.is_resumed = true;
		f.x.client_tls = &f.client_leg;
		f.x.parent_id = id < 6 ? 3 : 0;
		write_one(&f.x);
	}
	r = open_reader();
	assert_true(reader_flow(r, 3, check_opened, &n));
	assert_true(reader_flow(r, 5, check_child, &n));
	assert_int_equal(n, 2);
	assert_true(reader_children(r, 3, note_child, &ids));
	assert_int_equal(ids.n, 2);
	assert_int_equal(ids.v[0], 4);
	assert_int_equal(ids.v[1], 5);
	ids = (struct ids){.limit = 1};
	assert_true(reader_children(r, 3, note_child, &ids));
	assert_int_equal(ids.n, 1);
	assert_true(reader_children(r, 4, note_child, &ids));
	assert_int_equal(ids.n, 1);
	reader_close(r);
}

static bool note_id(void *owner, const struct flow_view *v)
{
	struct ids *ids = owner;

	ids->v[ids->n++] = v->id;
	ids->change = v->change;
	return ids->n < ids->limit;
}

static void write_flows(uint64_t from, uint64_t to, enum outcome outcome)
{
	struct store *s = start(MAX_FLOWS);
	struct ring *ring = store_add_ring(s);

	for (uint64_t id = from; id <= to; id++) {
		struct flow_fixture f;

		fixture_init(&f, id);
		f.x.outcome = outcome;
		push_facts(ring, &f.x);
	}
	store_stop(s);
}

static void test_newest(void **state)
{
	struct ids ids = {.limit = NAMES};
	struct reader *r;

	(void)state;
	write_flows(1, 20, OUTCOME_DELIVERED);
	r = open_reader();
	assert_true(reader_newest(r, 5, note_id, &ids));
	assert_int_equal(ids.n, 5);
	assert_int_equal(ids.v[0], 16);
	assert_int_equal(ids.v[4], 20);
	ids.n = 0;
	assert_true(reader_newest(r, 50, note_id, &ids));
	assert_int_equal(ids.n, 20);
	ids = (struct ids){.limit = 2};
	assert_true(reader_newest(r, 50, note_id, &ids));
	assert_int_equal(ids.n, 2);
	reader_close(r);
}

/* A reader that follows a writer sees each end once, and none in flight. */
static void test_follow(void **state)
{
	struct ids ids = {.limit = NAMES};
	struct reader *r;
	uint64_t newest = 0;
	int64_t change;

	(void)state;
	write_flows(1, 3, OUTCOME_DELIVERED);
	r = open_reader();
	assert_true(reader_last_change(r, &change));
	assert_true(reader_newest_id(r, &newest));
	assert_int_equal(newest, 3);
	assert_true(reader_has_news(r));
	assert_false(reader_has_news(r));
	assert_true(reader_ended_after(r, change, note_id, &ids));
	assert_int_equal(ids.n, 0);

	write_flows(2, 2, OUTCOME_DELIVERED);
	assert_true(reader_has_news(r));
	assert_true(reader_ended_after(r, change, note_id, &ids));
	assert_int_equal(ids.n, 1);
	assert_int_equal(ids.v[0], 2);
	change = ids.change;

	write_flows(9, 9, OUTCOME_PENDING);
	ids.n = 0;
	assert_true(reader_ended_after(r, change, note_id, &ids));
	assert_int_equal(ids.n, 0);
	/* The next start ends it. */
	store_stop(start(MAX_FLOWS));
	assert_true(reader_ended_after(r, change, note_id, &ids));
	assert_int_equal(ids.n, 1);
	assert_int_equal(ids.v[0], 9);
	reader_close(r);
}

struct sessions {
	int n;
	int64_t flows, last_id;
};

static bool note_session(void *owner, const struct session_view *v)
{
	struct sessions *e = owner;
	struct text t = {NULL, 0, 0};

	e->n++;
	e->flows += v->flows;
	assert_true(v->id > e->last_id);
	e->last_id = v->id;
	assert_true(v->name.len > 0);
	assert_true(v->ended_us >= v->started_us);
	assert_false(v->is_import);
	view_json_session(&t, v);
	text_byte(&t, '\0');
	assert_non_null(strstr(t.p, e->n == 1 ? "\"is_import\":false,\"flows\":3}" : "\"is_import\":false,\"flows\":2}"));
	text_fini(&t);
	return e->n < 2;
}

/* Each start is a session, and flows belong to one. */
static void test_sessions(void **state)
{
	struct sessions e = {0, 0, 0};
	struct reader *r;

	(void)state;
	write_flows(1, 3, OUTCOME_DELIVERED);
	write_flows(4, 5, OUTCOME_DELIVERED);
	r = open_reader();
	assert_true(reader_sessions(r, note_session, &e));
	assert_int_equal(e.n, 2);
	assert_int_equal(e.flows, 5);
	reader_close(r);
}

static bool check_kept(void *owner, const struct flow_view *v)
{
	struct text t = {NULL, 0, 0};

	*(int *)owner += 1;
	assert_true(v->session_id > 0);
	assert_int_equal(v->request_length_bytes, 12);
	assert_int_equal(v->response_length_bytes, -1);
	assert_true(v->response_body.id > 0);
	assert_str(v->response_body.cut, "limit");
	assert_str(v->comment, "");
	view_json_flow(&t, v);
	text_byte(&t, '\0');
	assert_non_null(strstr(t.p, "\"request_length_bytes\":12,\"response_length_bytes\":null,"));
	assert_non_null(strstr(t.p, "\"comment\":null,\"response_body\":{\"id\":"));
	assert_non_null(strstr(t.p, ",\"cut\":\"limit\"}"));
	text_fini(&t);
	return true;
}

static bool check_kept_hop(void *owner, const struct hop_view *v)
{
	struct text t = {NULL, 0, 0};

	*(int *)owner += 1;
	assert_int_equal(v->request_body.id, -1);
	assert_str(v->request_body.cut, v->number == 1 ? "overload" : "");
	assert_int_equal(v->response_body.id > 0, v->number == 2);
	view_json_hop(&t, v);
	text_byte(&t, '\0');
	assert_non_null(strstr(t.p,
		v->number == 1 ? "\"request_body\":{\"id\":null,\"cut\":\"overload\"},\"response_body\":null"
			       : "\"request_body\":null,\"response_body\":{\"id\":"));
	text_fini(&t);
	return true;
}

static void add_part(struct record *record, unsigned hop, enum body_direction direction, size_t len, enum body_cut cut)
{
	struct body_part *p = body_part_new(hop, direction, 0, len);

	memset(p->bytes, 'a' + (int)hop, len);
	p->len = len;
	p->cut = cut;
	record_add_part(record, p);
}

/* Which bodies are kept, and how whole they are. */
static void test_bodies(void **state)
{
	struct arena *a = arena_new(ARENA_BYTES);
	struct store *s = start(MAX_FLOWS);
	struct ring *ring = store_add_ring(s);
	struct flow_fixture f;
	struct record *record;
	struct reader *r;
	int flows = 0, hops = 0;

	(void)state;
	fixture_init(&f, 1);
	f.request_fields[3] = (struct field){STR("Content-Length"), STR("12")};
	record = record_new(&f.x);
	add_part(record, 0, BODY_DOWN, 5, CUT_LIMIT);
	add_part(record, 1, BODY_UP, 0, CUT_OVERLOAD);
	add_part(record, 2, BODY_DOWN, 5, CUT_NONE);
	assert_true(ring_push(ring, record));
	store_stop(s);
	r = open_reader();
	assert_true(reader_flow(r, 1, check_kept, &flows));
	assert_true(reader_hops(r, 1, a, check_kept_hop, &hops));
	assert_int_equal(flows, 1);
	assert_int_equal(hops, 2);
	reader_close(r);
	arena_free(a);
}

static void test_absent(void **state)
{
	char why[WHY_BYTES] = "";
	bool is_absent = false;

	(void)state;
	assert_null(reader_open(folder.data, &is_absent, why, sizeof(why)));
	assert_true(is_absent);
	assert_non_null(strstr(why, "flows.db: there is no flow database yet"));
	store_stop(start(MAX_FLOWS));
	assert_answer(&folder, "PRAGMA user_version = 99", "");
	assert_null(reader_open(folder.data, &is_absent, why, sizeof(why)));
	assert_false(is_absent);
	assert_non_null(strstr(why, "written by a newer viaduct"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_round_trip),
		STORE_TEST(test_tunnel),
		STORE_TEST(test_opened),
		STORE_TEST(test_newest),
		STORE_TEST(test_follow),
		STORE_TEST(test_sessions),
		STORE_TEST(test_bodies),
		STORE_TEST(test_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
