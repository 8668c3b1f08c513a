/* From record to database to view: what was observed comes back as it was, hostile bytes included. */
#include "capture/record.h"
#include "flow_fixture.h"
#include "store/query.h"
#include "store/store.h"
#include "store/view_json.h"
#include "store_fixture.h"

#include <poll.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WHY_BYTES = 512, ARENA_BYTES = 1024 * 1024, NAMES = 64 };

static struct folder folder;

static int setup(void **state)
{
	(void)state;
	return folder_make(&folder);
}

static int teardown(void **state)
{
	(void)state;
	folder_remove(&folder);
	return 0;
}

static struct store *start(void)
{
	struct store_options o = {.folder = folder.data, .max_flows = 1000000, .version = "1.2.3"};
	char why[WHY_BYTES] = "";
	struct store *s = store_start(&o, why, sizeof(why));

	assert_string_equal(why, "");
	return s;
}

static void push(struct ring *ring, const struct exchange_facts *x)
{
	struct record *r = record_new(x);

	while (!ring_push(ring, r))
		poll(NULL, 0, 1);
}

/* Writes one flow and ends the store. */
static void write_one(const struct exchange_facts *x)
{
	struct store *s = start();

	push(store_add_ring(s), x);
	store_stop(s);
}

static struct reader *open_reader(void)
{
	char why[WHY_BYTES] = "";
	bool is_absent = true;
	struct reader *r = reader_open(folder.data, &is_absent, why, sizeof(why));

	assert_string_equal(why, "");
	assert_false(is_absent);
	return r;
}

static void assert_bytes(struct str got, const void *expected, size_t len)
{
	assert_int_equal(got.len, len);
	assert_memory_equal(got.p, expected, len);
}

static void assert_str(struct str got, const char *expected)
{
	assert_bytes(got, expected, strlen(expected));
}

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
	assert_false(v->is_tunnel);
	return true;
}

static bool check_hop(void *owner, const struct hop_view *v)
{
	int n = ++*(int *)owner;

	assert_int_equal(v->number, n);
	assert_str(v->reason, n == 1 ? "first" : "redirect");
	assert_str(v->url, n == 1 ? "http://example.com/a?b=c" : "https://other.example/x");
	assert_str(v->peer, "192.0.2.80:80");
	assert_int_equal(v->is_reused, n == 2);
	assert_int_equal(v->status, n == 1 ? 302 : 200);
	assert_str(v->tls_version, n == 1 ? "" : "TLSv1.3");
	assert_int_equal(v->tls_resumed, n == 2);
	assert_int_equal(v->times_us[0], n == 1 ? -1 : 0);
	assert_int_equal(v->times_us[1], n == 1 ? 200 : -1);
	assert_int_equal(v->times_us[6], n == 1 ? 10 : 80);
	assert_str(v->decision, n == 1 ? "followed: 302" : "delivered");
	assert_str(v->dropped, n == 1 ? "" : "Cookie, Authorization");
	return true;
}

static void test_round_trip(void **state)
{
	struct flow_fixture f;
	struct reader *r;
	int flows = 0, hops = 0;

	(void)state;
	fixture_init(&f, 3);
	write_one(&f.x);
	r = open_reader();
	assert_true(reader_flow(r, 3, check_flow, &flows));
	assert_int_equal(flows, 1);
	assert_true(reader_hops(r, 3, check_hop, &hops));
	assert_int_equal(hops, 2);
	assert_true(reader_flow(r, 4, check_flow, &flows));
	assert_true(reader_flow(r, UINT64_MAX, check_flow, &flows));
	assert_int_equal(flows, 1);
	reader_close(r);
	reader_close(NULL);
}

static void test_heads(void **state)
{
	struct flow_fixture f;
	struct arena *a = arena_new(ARENA_BYTES);
	struct head_view *head = NULL;
	struct reader *r;

	(void)state;
	fixture_init(&f, 3);
	write_one(&f.x);
	r = open_reader();
	assert_true(reader_head(r, 3, 0, true, a, &head));
	assert_str(head->start_line, "GET http://example.com/a?b=c HTTP/1.1");
	assert_int_equal(head->fields.n, FIXTURE_FIELDS);
	for (size_t i = 0; i < FIXTURE_FIELDS; i++) {
		assert_bytes(head->fields.v[i].name, f.request_fields[i].name.p, f.request_fields[i].name.len);
		assert_bytes(head->fields.v[i].value, f.request_fields[i].value.p, f.request_fields[i].value.len);
	}
	assert_int_equal(head->trailers.n, 0);
	assert_true(reader_head(r, 3, 2, true, a, &head));
	assert_str(head->start_line, "GET /a?b=c HTTP/1.1");
	assert_true(reader_head(r, 3, 2, false, a, &head));
	assert_str(head->start_line, "HTTP/1.1 200 OK");
	assert_int_equal(head->trailers.n, 1);
	assert_str(head->trailers.v[0].name, "X-Sum");
	assert_true(reader_head(r, 3, 3, false, a, &head));
	assert_null(head);
	reader_close(r);
	arena_free(a);
}

/* Bytes that would hurt a careless writer: quotes, SQL, NUL, what is no UTF-8. */
static const struct str hostile[] = {
	{"'); DROP TABLE exchanges; --", 28},
	{"\0", 1},
	{"a\0b", 3},
	{"\xff\xfe", 2},
	{"\xc0\xaf", 2},
	{"\xed\xa0\x80", 3},
	{"\"},[\"x\",\"y\"]]", 13},
	{"\xc3\xa4", 2},
	{"\x1b[31m\x7f\n", 7},
	{"{\"hex\":\"00\"}", 12},
	{"\\u0000\\", 7},
	{"\xf4\x90\x80\x80", 4},
};
enum { HOSTILE = sizeof(hostile) / sizeof(hostile[0]) };

struct expected_url {
	struct str url;
	int n;
};

static bool check_url(void *owner, const struct flow_view *v)
{
	struct expected_url *e = owner;

	e->n++;
	assert_bytes(v->url, e->url.p, e->url.len);
	assert_bytes(v->user, e->url.p, e->url.len);
	assert_bytes(v->method, e->url.p, e->url.len);
	return true;
}

static void write_hostile(void)
{
	struct store *s = start();
	struct ring *ring = store_add_ring(s);

	for (size_t i = 0; i < HOSTILE; i++) {
		struct flow_fixture f;

		fixture_init(&f, i + 1);
		f.x.url = f.x.user = f.request.method_name = f.request.target = hostile[i];
		f.request_fields[0] = (struct field){hostile[i], hostile[i]};
		f.hops[0].url = f.hops[0].dropped = hostile[i];
		push(ring, &f.x);
	}
	store_stop(s);
}

static void test_hostile_bytes(void **state)
{
	struct arena *a = arena_new(ARENA_BYTES);
	struct reader *r;

	(void)state;
	write_hostile();
	r = open_reader();
	for (size_t i = 0; i < HOSTILE; i++) {
		struct expected_url e = {hostile[i], 0};
		struct head_view *head = NULL;

		assert_true(reader_flow(r, i + 1, check_url, &e));
		assert_int_equal(e.n, 1);
		assert_true(reader_head(r, i + 1, 0, true, a, &head));
		assert_bytes(head->fields.v[0].name, hostile[i].p, hostile[i].len);
		assert_bytes(head->fields.v[0].value, hostile[i].p, hostile[i].len);
	}
	reader_close(r);
	arena_free(a);
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "12");
	assert_answer(&folder, "SELECT count(*) FROM heads WHERE NOT json_valid(fields)", "0");
	assert_answer(&folder, "PRAGMA integrity_check", "ok");
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

struct ids {
	uint64_t v[NAMES];
	size_t n, limit;
	int64_t change;
};

static bool note_id(void *owner, const struct flow_view *v)
{
	struct ids *ids = owner;

	ids->v[ids->n++] = v->id;
	ids->change = v->change;
	return ids->n < ids->limit;
}

static void write_flows(uint64_t from, uint64_t to, enum outcome outcome)
{
	struct store *s = start();
	struct ring *ring = store_add_ring(s);

	for (uint64_t id = from; id <= to; id++) {
		struct flow_fixture f;

		fixture_init(&f, id);
		f.x.outcome = outcome;
		push(ring, &f.x);
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
	int64_t change;

	(void)state;
	write_flows(1, 3, OUTCOME_DELIVERED);
	r = open_reader();
	assert_true(reader_last_change(r, &change));
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
	store_stop(start());
	assert_true(reader_ended_after(r, change, note_id, &ids));
	assert_int_equal(ids.n, 1);
	assert_int_equal(ids.v[0], 9);
	reader_close(r);
}

static void test_absent(void **state)
{
	char why[WHY_BYTES] = "";
	bool is_absent = false;

	(void)state;
	assert_null(reader_open(folder.data, &is_absent, why, sizeof(why)));
	assert_true(is_absent);
	assert_non_null(strstr(why, "flows.db: there is no flow database yet"));
	store_stop(start());
	assert_answer(&folder, "PRAGMA user_version = 99", "");
	assert_null(reader_open(folder.data, &is_absent, why, sizeof(why)));
	assert_false(is_absent);
	assert_non_null(strstr(why, "written by a newer viaduct"));
}

#define QUERY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUERY_TEST(test_round_trip),
		QUERY_TEST(test_heads),
		QUERY_TEST(test_hostile_bytes),
		QUERY_TEST(test_tunnel),
		QUERY_TEST(test_newest),
		QUERY_TEST(test_follow),
		QUERY_TEST(test_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
