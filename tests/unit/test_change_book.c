/* What is a change: to whom new connections were led, in which order, and how often. */
#include "query_run.h"

enum { MINUTE_S = 60, DAY_MIN = 24 * 60 };

/* at: in minutes since the fixture's time. */
struct visit {
	const char *certificate, *issuer;
	int64_t at;
	bool is_reused, is_resumed, is_refused, is_pending;
	uint64_t id; /* 0: the next */
};

static void push_visit(struct ring *ring, uint64_t id, const struct visit *v)
{
	struct flow_fixture f;

	fixture_init(&f, id);
	fixture_lead(&f, "https://a.example/");
	f.x.outcome = v->is_pending ? OUTCOME_PENDING : OUTCOME_DELIVERED;
	f.hops[1].started_us += v->at * MINUTE_S * 1000000;
	f.hops[1].is_reused = v->is_reused;
	f.leg.is_resumed = v->is_resumed;
	if (v->is_refused) {
		f.hops[1].tls = NULL;
		f.hops[1].error = ERR_tls_certificate;
	}
	f.identity.certificate_sha256 = f.identity.spki_sha256 = v->certificate;
	f.identity.issuer = v->issuer;
	push_facts(ring, &f.x);
}

/* Writes them, and reads all changes: what, from, to, times. */
static void assert_changes(const struct visit *v, size_t n, uint64_t first_id, const char *expected)
{
	struct store *s = start(MAX_FLOWS);
	struct ring *ring = store_add_ring(s);

	for (size_t i = 0; i < n; i++)
		push_visit(ring, v[i].id != 0 ? v[i].id : first_id + i, &v[i]);
	store_stop(s);
	assert_answer(&folder,
		"SELECT coalesce(group_concat(t, ' '), '') FROM (SELECT what || ':' || b.certificate_sha256 || a.certificate_sha256 || ':'"
		" || times AS t FROM identity_changes c JOIN identities a ON a.id = after_id JOIN identities b ON b.id = before_id"
		" WHERE c.host <> 'h' ORDER BY c.id)",
		expected);
}

#define ASSERT_CHANGES(visits, expected) assert_changes(visits, sizeof(visits) / sizeof((visits)[0]), 1, expected)

/* Somebody in the middle comes and goes, a year apart, and within an hour. */
static void test_issuer(void **state)
{
	static const struct visit visits[] = {
		{.certificate = "A", .issuer = "One", .at = 0},
		{.certificate = "B", .issuer = "Two", .at = 10, .is_refused = true},
		{.certificate = "A", .issuer = "One", .at = 20},
		{.certificate = "B", .issuer = "Two", .at = 30, .is_refused = true},
		{.certificate = "A", .issuer = "One", .at = 365 * DAY_MIN},
		{.certificate = "B", .issuer = "Two", .at = 365 * DAY_MIN + 1},
		{.certificate = "A", .issuer = "One", .at = 365 * DAY_MIN + 120},
	};

	(void)state;
	ASSERT_CHANGES(visits, "issuer:AB:2 issuer:BA:1 issuer:BA:1 issuer:AB:1 issuer:BA:1");
	assert_answer(&folder, "SELECT group_concat(is_accepted, '') FROM identity_changes", "01111");
	assert_answer(&folder,
		"SELECT group_concat(certificate_sha256 || flows || refused_flows || is_accepted || is_verified, ' ') FROM identities",
		"A4011 B3211");
}

/* Servers behind one name, each with a certificate of its own by the same issuer, in turn: bounded by their number. */
static void test_farm(void **state)
{
	static const char *const names[] = {"A", "B", "C"};
	struct visit visits[300];

	(void)state;
	for (int i = 0; i < 300; i++)
		visits[i] = (struct visit){.certificate = names[(i + i / 50) % 3], .issuer = "One", .at = i * 10};
	assert_changes(visits, 300, 1, "key:AB:107 key:BC:96 key:CA:96");
}

/* One that was not there for more than a day does not return: it is a change again. */
static void test_late_return(void **state)
{
	static const struct visit visits[] = {
		{.certificate = "A", .issuer = "One", .at = 0},
		{.certificate = "B", .issuer = "One", .at = 1},
		{.certificate = "A", .issuer = "One", .at = DAY_MIN},
		{.certificate = "B", .issuer = "One", .at = 2 * DAY_MIN + 2},
	};

	(void)state;
	ASSERT_CHANGES(visits, "key:AB:2 key:AB:1");
}

/* Who was shown last outlives the proxy. */
static void test_restart(void **state)
{
	static const struct visit before[] = {
		{.certificate = "A", .issuer = "One", .at = 0}, {.certificate = "B", .issuer = "Two", .at = 1}};
	static const struct visit same = {.certificate = "B", .issuer = "Two", .at = 2};
	static const struct visit after = {.certificate = "A", .issuer = "One", .at = 3};

	(void)state;
	ASSERT_CHANGES(before, "issuer:AB:1");
	assert_changes(&same, 1, 3, "issuer:AB:1");
	assert_changes(&after, 1, 4, "issuer:AB:1 issuer:BA:1");
}

/* Kept connections and resumed sessions go on with somebody who may have left. */
static void test_not_shown(void **state)
{
	static const struct visit visits[] = {
		{.certificate = "A", .issuer = "One", .at = 0}, {.certificate = "B", .issuer = "Two", .at = 1},
		{.certificate = "A", .issuer = "One", .at = 2, .is_reused = true},
		{.certificate = "A", .issuer = "One", .at = 3, .is_resumed = true},
		{.certificate = "B", .issuer = "Two", .at = 4},
		{.certificate = "C", .issuer = "Three", .at = 5, .is_resumed = true}, /* whose first record is lost */
	};

	(void)state;
	ASSERT_CHANGES(visits, "issuer:AB:1 issuer:BC:1");
}

/* Records do not come in the order of their begin, and come again while a flow is in flight. */
static void test_order(void **state)
{
	static const struct visit visits[] = {
		{.certificate = "A", .issuer = "One", .at = 0},
		{.certificate = "A", .issuer = "One", .at = 1, .is_pending = true, .id = 2},
		{.certificate = "B", .issuer = "Two", .at = 3, .is_pending = true, .id = 3},
		{.certificate = "A", .issuer = "One", .at = 2, .id = 4}, /* before the change */
		{.certificate = "A", .issuer = "One", .at = 1, .id = 2},
		{.certificate = "B", .issuer = "Two", .at = 3, .id = 3},
		{.certificate = "C", .issuer = "Three", .at = 2, .id = 5}, /* between the two */
		{.certificate = "B", .issuer = "Two", .at = 4, .id = 6},
	};

	(void)state;
	ASSERT_CHANGES(visits, "issuer:AB:1 issuer:BC:1");
	assert_answer(&folder, "SELECT group_concat(exchange_id) FROM hops WHERE identity_change_id IS NOT NULL", "3,5");
	assert_answer(&folder, "SELECT group_concat(exchange_id) FROM identity_changes", "3,5");
}

#define FILL                                                                                                                     \
	"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 101001)"                                      \
	" INSERT INTO identity_changes (host, port, at_us, what, before_id, after_id, exchange_id, times, last_us, is_accepted)" \
	" SELECT 'h', 443, 0, 'issuer', 0, 0, 1, 1, 1700000000000000 - i, i > 101000 FROM n"

/* Rows that are too old, or too many, leave; what nobody accepted before what is so. */
static void test_bounds(void **state)
{
	static const struct visit visits[] = {
		{.certificate = "A", .issuer = "One", .at = 0}, {.certificate = "B", .issuer = "Two", .at = 1}};
	static const struct visit late = {.certificate = "C", .issuer = "Two", .at = 401 * DAY_MIN};

	(void)state;
	store_stop(start(MAX_FLOWS));
	assert_answer(&folder, FILL, "");
	assert_changes(visits, 2, 1, "issuer:AB:1");
	assert_answer(&folder, "SELECT count(*) FROM identity_changes", "100000");
	assert_answer(&folder, "SELECT count(*) FROM identity_changes WHERE is_accepted AND last_us < 1700000000000000", "1");
	assert_changes(&late, 1, 3, "");
	assert_answer(&folder, "SELECT group_concat(what || (after = 'C')) FROM identity_changes", "key1");
	assert_answer(&folder, "SELECT group_concat(id || certificate_sha256) FROM identities", "3C");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_issuer),
		STORE_TEST(test_farm),
		STORE_TEST(test_late_return),
		STORE_TEST(test_restart),
		STORE_TEST(test_not_shown),
		STORE_TEST(test_order),
		STORE_TEST(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
