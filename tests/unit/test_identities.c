/* Who the origins are: one row for each certificate at a place, and what is a change. */
#include "query_run.h"
#include "store/view_json.h"

enum { HOUR_S = 3600, FILL_MAX = 4200 };

/* One new connection to a place with a certificate; at: in hours since the fixture's time. */
struct visit {
	const char *url, *certificate, *key, *issuer;
	int64_t at;
};

static void push_visit(struct ring *ring, uint64_t id, const struct visit *v, enum outcome outcome)
{
	struct flow_fixture f;

	fixture_init(&f, id);
	fixture_lead(&f, v->url);
	f.x.outcome = outcome;
	f.hops[1].started_us += v->at * HOUR_S * 1000000;
	f.identity.certificate_sha256 = v->certificate;
	f.identity.spki_sha256 = v->key;
	f.identity.issuer = v->issuer;
	push_facts(ring, &f.x);
}

/* All of them, as flows from 1 on that have ended. */
static void write_visits(const struct visit *visits, size_t n)
{
	struct store *s = start(MAX_FLOWS);
	struct ring *ring = store_add_ring(s);

	for (size_t i = 0; i < n; i++)
		push_visit(ring, i + 1, &visits[i], OUTCOME_DELIVERED);
	store_stop(s);
}

static void test_rows(void **state)
{
	static const struct visit visits[] = {
		{"https://a.example/1", "c1", "k1", "One", 0},
		{"https://a.example/2", "c1", "k1", "One", 5},
		{"https://a.example:444/", "c1", "k1", "One", 6},
		{"https://b.example/", "c1", "k1", "One", 7},
		{"https://a.example/3", "c2", "k1", "One", 8},
		{"https://a.example/4", "c1", "k1", "One", 3},
		{"a.example:443", "c1", "k1", "One", 2},
		{"https://[2001:db8::1]:8443/", "c3", NULL, NULL, 9},
	};

	(void)state;
	write_visits(visits, sizeof(visits) / sizeof(visits[0]));
	assert_answer(&folder,
		"SELECT group_concat(host || ':' || port || ':' || certificate_sha256 || ':' || flows, ' ') FROM identities",
		"a.example:443:c1:4 a.example:444:c1:1 b.example:443:c1:1 a.example:443:c2:1 2001:db8::1:8443:c3:1");
	assert_answer(&folder, "SELECT (last_us - first_us) / 3600000000 FROM identities WHERE id = 1", "5");
	assert_answer(&folder, "SELECT first_exchange_id FROM identities WHERE id = 4", "5");
	assert_answer(&folder, "SELECT group_concat(identity_id) FROM hops", "1,1,2,3,4,1,1,5");
	assert_answer(&folder, "SELECT count(*) FROM identities WHERE issuer IS NULL AND spki_sha256 IS NULL", "1");
}

/* In the row of the hop stands what came of it that time; a hop to clear text has none of it. */
static void test_hops(void **state)
{
	struct flow_fixture f;

	(void)state;
	fixture_init(&f, 1);
	f.identity.pin = "none";
	f.identity.staple = "";
	f.identity.unverified = "self-signed certificate";
	f.hops[1].tls = NULL;
	write_one(&f.x);
	assert_answer(&folder, "SELECT tls_unverified FROM hops WHERE number = 2 AND tls_pin IS NULL AND tls_staple IS NULL",
		"self-signed certificate");
	assert_answer(&folder, "SELECT identity_id || tls_resumed FROM hops WHERE tls_version IS NULL AND number = 2", "10");
	assert_answer(&folder, "SELECT count(*) FROM hops WHERE number = 1 AND identity_id IS NULL", "1");
}

/* A flow counts once, when it has ended, however often it was written and met. */
static void test_counts(void **state)
{
	const struct visit v = {"https://a.example/", "c1", "k1", "One", 0};
	struct store *s = start(MAX_FLOWS);
	struct ring *ring = store_add_ring(s);
	struct flow_fixture f;

	(void)state;
	push_visit(ring, 1, &v, OUTCOME_PENDING);
	push_visit(ring, 2, &v, OUTCOME_DELIVERED);
	wait_written(s, 1);
	assert_answer(&folder, "SELECT flows || ':' || first_exchange_id FROM identities", "1:1");
	push_visit(ring, 1, &v, OUTCOME_PENDING);
	push_visit(ring, 1, &v, OUTCOME_FAILED);
	fixture_init(&f, 3);
	fixture_lead(&f, v.url);
	f.hops[0].url = f.hops[1].url;
	f.hops[1].number = 2;
	f.x.hops = f.hops;
	f.x.hops_n = 2;
	f.hops[0].identity = &f.identity;
	f.identity.certificate_sha256 = v.certificate;
	push_facts(ring, &f.x);
	store_stop(s);
	assert_answer(&folder, "SELECT flows || ':' || first_exchange_id FROM identities", "3:1");
}

static void test_changes(void **state)
{
	static const struct visit visits[] = {
		{"https://a.example/", "c1", "k1", "One", 0},
		{"https://b.example/", "c9", "k9", "Nine", 1},
		{"https://a.example/", "c2", "k1", "One", 10},
		{"https://a.example/", "c1", "k1", "One", 11}, /* returns */
		{"https://a.example/", "c3", "k3", "One", 20},
		{"https://a.example/", "c4", "k3", "Two", 30},
		{"https://a.example/", "c5", "k5", NULL, 40},
	};

	(void)state;
	write_visits(visits, sizeof(visits) / sizeof(visits[0]));
	assert_answer(&folder,
		"SELECT group_concat(what || ':' || before || ':' || coalesce(after, '-'), ' ') FROM identity_changes",
		"certificate:c1:c2 key:k1:k3 issuer:One:Two issuer:Two:-");
	assert_answer(&folder,
		"SELECT group_concat(host || port || ':' || before_id || after_id || exchange_id, ' ') FROM identity_changes",
		"a.example443:133 a.example443:145 a.example443:456 a.example443:567");
	/* As SCHEMA.md asks it. */
	assert_answer(&folder,
		"SELECT group_concat(host || ':' || before || ':' || coalesce(after, '-')) FROM identity_changes"
		" WHERE what = 'issuer'"
		" AND at_us > 1700000000000000 + 35 * 3600000000",
		"a.example:Two:-");
	assert_answer(&folder, "SELECT group_concat(times) || ',' || (max(last_us - at_us) / 3600000000) FROM identity_changes",
		"2,1,1,1,1");
	/* The last two went to an issuer that is another than before; the fourth returned. */
	assert_answer(&folder,
		"SELECT group_concat(h.exchange_id || c.what) FROM hops h JOIN identity_changes c ON c.id = identity_change_id",
		"3certificate,4certificate,5key,6issuer,7issuer");
}

static bool check_change(void *owner, const struct hop_view *v)
{
	struct text t = {NULL, 0, 0};

	*(int *)owner += 1;
	assert_non_null(v->identity_change);
	assert_str(v->identity_change->before, "One");
	assert_str(v->identity_change->after, "Two");
	assert_int_equal(v->identity_change->exchange_id, 2);
	view_json_hop(&t, v);
	text_byte(&t, '\0');
	assert_non_null(strstr(t.p,
		"\"identity_change_id\":1,\"identity_change\":{\"id\":1,\"host\":\"a.example\",\"port\":443,\"at\":\"2023-11-14T23:13:20.005000Z\","
		"\"at_us\":1700003600005000,\"what\":\"issuer\","
		"\"before\":\"One\",\"after\":\"Two\",\"before_id\":1,\"after_id\":2,"
		"\"exchange_id\":2,\"times\":1,\"last_us\":1700003600005000,\"is_accepted\":true}"));
	text_fini(&t);
	return true;
}

static bool check_no_change(void *owner, const struct hop_view *v)
{
	*(int *)owner += 1;
	assert_null(v->identity_change);
	assert_non_null(v->identity);
	return true;
}

/* A hop says that it was shown somebody else than the one before it; those after it do not. */
static void test_change_of_hop(void **state)
{
	static const struct visit visits[] = {
		{"https://a.example/", "c1", "k1", "One", 0},
		{"https://a.example/", "c2", "k2", "Two", 1},
		{"https://a.example/", "c2", "k2", "Two", 2},
	};
	struct arena *a = arena_new(ARENA_BYTES);
	struct reader *r;
	int n = 0;

	(void)state;
	write_visits(visits, sizeof(visits) / sizeof(visits[0]));
	r = open_reader();
	assert_true(reader_hops(r, 1, a, check_no_change, &n));
	assert_true(reader_hops(r, 2, a, check_change, &n));
	assert_true(reader_hops(r, 3, a, check_no_change, &n));
	assert_int_equal(n, 3);
	reader_close(r);
	arena_free(a);
}

struct found {
	char text[512];
	size_t n, limit;
};

static bool note_identity(void *owner, const struct identity_view *v)
{
	struct found *f = owner;
	size_t len = strlen(f->text);

	snprintf(f->text + len, sizeof(f->text) - len, "%.*s:%d:%.*s ", STR_ARG(v->host), (int)v->port,
		STR_ARG(v->certificate_sha256));
	return ++f->n < f->limit;
}

static bool note_change(void *owner, const struct change_view *v)
{
	struct found *f = owner;
	size_t len = strlen(f->text);

	snprintf(f->text + len, sizeof(f->text) - len, "%.*s:%.*s ", STR_ARG(v->host), STR_ARG(v->after));
	return ++f->n < f->limit;
}

static void test_lists(void **state)
{
	static const struct visit visits[] = {
		{"https://a.example/", "c1", "k1", "One", 0},
		{"https://b.example/", "c2", "k2", "One", 1},
		{"https://a.example/", "c3", "k3", "One", 2},
		{"https://b.example/", "c4", "k4", "One", 3},
		{"https://a.example/", "c1", "k1", "One", 4},
	};
	const int64_t hour_us = HOUR_S * INT64_C(1000000), begin_us = 1700000000000000;
	struct found all = {.limit = 10}, one = {.limit = 10}, late = {.limit = 10}, first = {.limit = 1};
	struct found changes = {.limit = 10}, late_changes = {.limit = 10};
	struct reader *r;

	(void)state;
	write_visits(visits, sizeof(visits) / sizeof(visits[0]));
	r = open_reader();
	assert_true(reader_identities(r, STR_NONE, 0, note_identity, &all));
	assert_string_equal(all.text, "b.example:443:c2 a.example:443:c3 b.example:443:c4 a.example:443:c1 ");
	assert_true(reader_identities(r, STR("a.example"), 0, note_identity, &one));
	assert_string_equal(one.text, "a.example:443:c3 a.example:443:c1 ");
	assert_true(reader_identities(r, STR_NONE, begin_us + 3 * hour_us, note_identity, &late));
	assert_string_equal(late.text, "b.example:443:c4 a.example:443:c1 ");
	assert_true(reader_identities(r, STR_NONE, 0, note_identity, &first));
	assert_int_equal(first.n, 1);
	assert_true(reader_identity_changes(r, STR_NONE, 0, note_change, &changes));
	assert_string_equal(changes.text, "b.example:k4 a.example:k3 ");
	assert_true(reader_identity_changes(r, STR("b.example"), begin_us + hour_us, note_change, &late_changes));
	assert_string_equal(late_changes.text, "b.example:k4 ");
	reader_close(r);
}

/* More hosts than are kept in memory: their rows are found again, and every flow counts. */
static void test_many_hosts(void **state)
{
	struct store *s = start(MAX_FLOWS);
	struct ring *ring = store_add_ring(s);

	(void)state;
	for (uint64_t i = 0; i < 2 * FILL_MAX; i++) {
		char url[64];
		const struct visit v = {url, "c1", "k1", "One", 0};

		snprintf(url, sizeof(url), "https://h%u.example/", (unsigned)(i % FILL_MAX));
		push_visit(ring, i + 1, &v, OUTCOME_DELIVERED);
	}
	store_stop(s);
	assert_sound();
	assert_answer(&folder, "SELECT count(*) || ' ' || min(flows) || ' ' || max(flows) FROM identities", "4200 2 2");
	assert_answer(&folder, "SELECT count(*) FROM hops WHERE identity_id NOT IN (SELECT id FROM identities)", "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_rows),
		STORE_TEST(test_hops),
		STORE_TEST(test_counts),
		STORE_TEST(test_changes),
		STORE_TEST(test_change_of_hop),
		STORE_TEST(test_lists),
		STORE_TEST(test_many_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
