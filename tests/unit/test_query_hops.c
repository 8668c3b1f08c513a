/* From record to database to view: hops and what belongs to them, heads; as they were, hostile bytes included. */
#include "query_run.h"
#include "store/view_json.h"

#include <jansson.h>

static void check_evidence(const struct hop_view *v, int n)
{
	assert_str(v->peer_class, n == 1 ? "public" : "private");
	assert_int_equal(v->delay_us, n == 1 ? 0 : 500000);
	assert_str(v->cookies_added, n == 1 ? "" : "sid, lang");
	assert_int_equal(v->drops.n, n == 1 ? 0 : 2);
	assert_int_equal(v->cookies.n, n == 1 ? 2 : 0);
	if (n == 1) {
		assert_str(v->cookies.v[0].name, "sid");
		assert_str(v->cookies.v[0].fate, "kept for the chain");
		assert_str(v->cookies.v[0].client, "given to the client");
		assert_str(v->cookies.v[1].name, "wide");
		assert_str(v->cookies.v[1].client, "");
		return;
	}
	assert_str(v->drops.v[0].name, "Cookie");
	assert_str(v->drops.v[0].why, "the host changed");
	assert_str(v->drops.v[1].name, "Authorization");
}

static void check_tls(const struct hop_view *v, int n)
{
	assert_str(v->tls_version, n == 1 ? "" : "TLSv1.3");
	assert_str(v->tls_cipher, n == 1 ? "" : "TLS_AES_128_GCM_SHA256");
	assert_int_equal(v->tls_resumed, n == 2);
	assert_str(v->tls_alpn, n == 1 ? "" : "http/1.1");
	assert_str(v->tls_server_name, n == 1 ? "" : "other.example");
	assert_str(v->tls_pin, n == 1 ? "" : "matched");
	assert_str(v->tls_staple, n == 1 ? "" : "good");
	assert_str(v->tls_unverified, "");
	assert_null(v->identity_change);
	if (n == 1) {
		assert_null(v->identity);
		assert_int_equal(v->identity_id, -1);
		return;
	}
	assert_int_equal(v->identity->id, v->identity_id);
	assert_str(v->identity->host, "other.example");
	assert_int_equal(v->identity->port, 443);
	assert_str(v->identity->subject, "CN=other.example");
	assert_str(v->identity->issuer, "CN=Issuer One");
	assert_str(v->identity->chain, "CN=other.example; CN=Issuer One; CN=Root");
	assert_int_equal(v->identity->certificate_sha256.len, 64);
	assert_str(v->identity->spki_sha256, "a2V5IG9uZSBpcyAzMiBieXRlcyBsb25nLCBub3QgMzE=");
	assert_int_equal(v->identity->not_before_s, 1699900000);
	assert_int_equal(v->identity->not_after_s, 1707700000);
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
	check_tls(v, n);
	assert_int_equal(v->times_us[0], n == 1 ? -1 : 0);
	assert_int_equal(v->times_us[1], n == 1 ? 200 : -1);
	assert_int_equal(v->times_us[6], n == 1 ? 10 : 80);
	assert_str(v->decision, n == 1 ? "followed: 302" : "delivered");
	check_evidence(v, n);
	return true;
}

static void test_round_trip(void **state)
{
	struct flow_fixture f;
	struct arena *a = arena_new(ARENA_BYTES);
	struct drop_rows left_out = {NULL, 0};
	struct reader *r;
	int hops = 0;

	(void)state;
	fixture_init(&f, 3);
	write_one(&f.x);
	r = open_reader();
	assert_true(reader_hops(r, 3, a, check_hop, &hops));
	assert_int_equal(hops, 2);
	assert_true(reader_drops(r, 3, 0, a, &left_out));
	assert_int_equal(left_out.n, 1);
	assert_str(left_out.v[0].name, "Alt-Svc");
	reader_close(r);
	arena_free(a);
}

/* What SCHEMA.md shows how to ask. */
static void test_questions(void **state)
{
	struct flow_fixture f;

	(void)state;
	fixture_init(&f, 3);
	write_one(&f.x);
	write_one(&f.x); /* replaces it, with all that belongs to it */
	fixture_init(&f, 4);
	fixture_tunnel(&f);
	write_one(&f.x);
	assert_answer(&folder, "SELECT group_concat(exchange_id) FROM drops WHERE name = 'authorization'", "3");
	assert_answer(&folder, "SELECT group_concat(id) FROM exchanges WHERE final_host <> host", "3");
	assert_answer(&folder, "SELECT final_host FROM exchanges WHERE id = 3", "other.example");
	assert_answer(&folder, "SELECT count(*) FROM exchanges WHERE final_host IS NULL", "1");
	assert_answer(&folder, "SELECT name FROM cookies WHERE client IS NULL", "wide");
	assert_answer(&folder, "SELECT count(*) FROM cookies", "2");
	assert_answer(&folder, "SELECT count(*) FROM drops", "3");
	assert_answer(&folder, "SELECT exchange_id FROM hops WHERE delay_us > 0", "3");
}

static bool add_hop(void *owner, const struct hop_view *v)
{
	struct text *t = owner;

	if (v->number > 1)
		text_byte(t, ',');
	view_json_hop(t, v);
	text_byte(t, '}');
	return true;
}

/* The hops of a flow as the command line shows them, terminated. */
static struct text hops_as_json(uint64_t id)
{
	struct arena *a = arena_new(ARENA_BYTES);
	struct reader *r = open_reader();
	struct text t = {NULL, 0, 0};

	text_byte(&t, '[');
	assert_true(reader_hops(r, id, a, add_hop, &t));
	text_put(&t, STR("]"));
	text_byte(&t, '\0');
	reader_close(r);
	arena_free(a);
	return t;
}

static void test_json(void **state)
{
	struct flow_fixture f;
	struct text t;

	(void)state;
	fixture_init(&f, 3);
	write_one(&f.x);
	t = hops_as_json(3);
	assert_non_null(strstr(t.p,
		"\"dropped\":[],\"cookies_added\":[],\"cookies_set\":[{\"name\":\"sid\","
		"\"fate\":\"kept for the chain\",\"client\":\"given to the client\"},{\"name\":\"wide\""));
	assert_non_null(strstr(t.p, "\"dropped\":[{\"name\":\"Cookie\",\"why\":\"the host changed\"},"));
	assert_non_null(strstr(t.p, "\"cookies_added\":[\"sid\",\"lang\"]"));
	assert_non_null(strstr(t.p, "\"peer_class\":\"private\""));
	assert_non_null(strstr(t.p, "\"delay_us\":500000"));
	assert_non_null(strstr(t.p,
		"\"identity_id\":null,\"identity\":null,\"identity_change_id\":null,\"identity_change\":null"));
	assert_non_null(strstr(t.p,
		"\"tls_version\":\"TLSv1.3\",\"tls_cipher\":\"TLS_AES_128_GCM_SHA256\",\"tls_resumed\":true,"
		"\"tls_alpn\":\"http/1.1\",\"tls_server_name\":\"other.example\",\"tls_pin\":\"matched\","
		"\"tls_staple\":\"good\",\"tls_unverified\":null,\"identity_id\":1,\"identity\":{\"id\":1,"));
	text_fini(&t);
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
	struct store *s = start(MAX_FLOWS);
	struct ring *ring = store_add_ring(s);

	for (size_t i = 0; i < HOSTILE; i++) {
		struct flow_fixture f;

		fixture_init(&f, i + 1);
		f.x.url = f.x.user = f.request.method_name = f.request.target = hostile[i];
		f.request_fields[0] = (struct field){hostile[i], hostile[i]};
		f.hops[0].url = f.x.final_url = f.hops[0].cookies = hostile[i];
		f.drops[0].name = f.fates[0].name = hostile[i];
		push_facts(ring, &f.x);
	}
	store_stop(s);
}

static bool check_hostile_hop(void *owner, const struct hop_view *v)
{
	const struct str *s = owner;

	if (v->number == 1) {
		assert_bytes(v->url, s->p, s->len);
		assert_bytes(v->cookies_added, s->p, s->len);
		assert_bytes(v->cookies.v[0].name, s->p, s->len);
	} else {
		assert_bytes(v->drops.v[0].name, s->p, s->len);
	}
	return true;
}

/* In JSON it is a string, whatever it was. */
static void check_hostile_json(uint64_t id)
{
	struct text t = hops_as_json(id);
	json_t *hops = json_loads(t.p, 0, NULL);
	const json_t *cookie = json_array_get(json_object_get(json_array_get(hops, 0), "cookies_set"), 0);
	const json_t *drop = json_array_get(json_object_get(json_array_get(hops, 1), "dropped"), 0);

	assert_true(json_is_string(json_object_get(cookie, "name")));
	assert_true(json_is_string(json_object_get(drop, "name")));
	for (size_t i = 0; i + 1 < t.len; i++)
		assert_true((unsigned char)t.p[i] >= 0x20);
	json_decref(hops);
	text_fini(&t);
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
		struct str expected = hostile[i];

		assert_true(reader_flow(r, i + 1, check_url, &e));
		assert_int_equal(e.n, 1);
		assert_true(reader_head(r, i + 1, 0, true, a, &head));
		assert_bytes(head->fields.v[0].name, hostile[i].p, hostile[i].len);
		assert_bytes(head->fields.v[0].value, hostile[i].p, hostile[i].len);
		assert_true(reader_hops(r, i + 1, a, check_hostile_hop, &expected));
		check_hostile_json(i + 1);
	}
	reader_close(r);
	arena_free(a);
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "12");
	assert_answer(&folder, "SELECT count(*) FROM heads WHERE NOT json_valid(fields)", "0");
	assert_answer(&folder, "PRAGMA integrity_check", "ok");
}

/* More than the memory for it: an error in words. */
static void test_too_large(void **state)
{
	enum { SMALL = 64 };
	struct flow_fixture f;
	struct arena *a = arena_new(SMALL);
	struct reader *r;
	int hops = 0;

	(void)state;
	fixture_init(&f, 3);
	write_one(&f.x);
	r = open_reader();
	assert_false(reader_hops(r, 3, a, check_hop, &hops));
	assert_int_equal(hops, 0);
	assert_string_equal(reader_error(r), "a stored hop is too large to be read");
	reader_close(r);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_round_trip),
		STORE_TEST(test_questions),
		STORE_TEST(test_json),
		STORE_TEST(test_heads),
		STORE_TEST(test_hostile_bytes),
		STORE_TEST(test_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
