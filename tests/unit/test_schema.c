/* A flow database of an older version is brought up to date, and keeps what it held. */
#include "store/database.h"
#include "store/query.h"
#include "store/schema.h"
#include "store_run.h"

/* Makes the file as a viaduct of a version left it, with these rows. */
static void make_old(int version, const char *rows)
{
	char deep[128], stamp[96];
	sqlite3 *db = NULL;

	snprintf(deep, sizeof(deep), "%s/deep", folder.path);
	assert_int_equal(mkdir(deep, 0700), 0);
	assert_int_equal(mkdir(folder.data, 0700), 0);
	snprintf(stamp, sizeof(stamp), "PRAGMA application_id = %d; PRAGMA user_version = %d", SCHEMA_APPLICATION_ID, version);
	assert_int_equal(sqlite3_open(folder.db, &db), SQLITE_OK);
	for (int i = 0; i < version; i++)
		assert_int_equal(sqlite3_exec(db, schema_step(i), NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, rows, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, stamp, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

#define EXCHANGE_1                                                                                                             \
	"INSERT INTO exchanges (id, change, run, worker, client_id, client_request, started_us, url, host, outcome,"           \
	" request_head_bytes, request_body_bytes, response_head_bytes, response_body_bytes, hops, is_tunnel) VALUES "
#define HOP_1                                                                                                                   \
	"INSERT INTO hops (exchange_id, number, reason, url, is_reused, is_reply, tls_resumed, started_us, request_head_bytes," \
	" request_body_bytes, response_head_bytes, response_body_bytes, dropped) VALUES "

static const char version_1[] = EXCHANGE_1
	"(1,1,1,0,1,1,1,'http://a.example/','a.example','delivered',0,0,0,0,1,0),"
	"(2,2,1,0,1,1,1,'http://a.example/','a.example','delivered',0,0,0,0,3,0),"
	"(3,3,1,0,1,1,1,'http://a.example/','a.example','failed',0,0,0,0,2,0),"
	"(4,4,1,0,1,1,1,'http://a.example/','a.example','delivered',0,0,0,0,2,0);" HOP_1
	"(1,1,'first','http://a.example/',0,0,0,1,0,0,0,0,NULL),"
	"(2,1,'first','http://a.example/',0,0,0,1,0,0,0,0,NULL),"
	"(2,2,'retry','http://a.example/',0,0,0,1,0,0,0,0,NULL),"
	"(2,3,'redirect','https://b.example:8443/x?y',0,0,0,1,0,0,0,0,'Authorization, Cookie, X-Api-Key'),"
	"(3,1,'first','http://a.example/',0,0,0,1,0,0,0,0,NULL),"
	"(3,2,'redirect','http://c.example/',0,0,0,1,0,0,0,0,'Cookie'),"
	"(4,1,'first','http://a.example/',0,0,0,1,0,0,0,0,NULL),"
	"(4,2,'redirect','http://[2001:db8::1]/',0,0,0,1,0,0,0,0,x'ff2c20002c2c');";

static void test_version_1(void **state)
{
	(void)state;
	make_old(1, version_1);
	store_stop(start(1000));
	assert_sound();
	assert_answer(&folder, "PRAGMA user_version", "4");
	assert_answer(&folder, "SELECT group_concat(id || ':' || redirects || ':' || retries, ' ') FROM exchanges",
		"1:0:0 2:1:1 3:1:0 4:1:0");
	assert_answer(&folder, "SELECT count(*) FROM exchanges WHERE final_url IS NULL", "2");
	assert_answer(&folder, "SELECT final_url || ' ' || final_host FROM exchanges WHERE id = 2",
		"https://b.example:8443/x?y b.example");
	assert_answer(&folder, "SELECT final_host FROM exchanges WHERE id = 4", "2001:db8::1");
	assert_answer(&folder,
		"SELECT group_concat(hop || ':' || position || ':' || name, ' ') FROM (SELECT * FROM drops WHERE exchange_id = 2"
		" ORDER BY position)",
		"3:1:Authorization 3:2:Cookie 3:3:X-Api-Key");
	assert_answer(&folder, "SELECT count(*) FROM drops WHERE name = 'cookie' AND why IS NULL", "2");
	assert_answer(&folder, "SELECT count(*) FROM hops WHERE delay_us = 0 AND peer_class IS NULL", "8");
	assert_answer(&folder, "SELECT count(*) FROM pragma_table_info('hops') WHERE name = 'dropped'", "0");
}

static const char version_2[] =
	"INSERT INTO exchanges (id, change, run, worker, client_id, client_request, started_us, url, host, outcome,"
	" request_head_bytes, request_body_bytes, response_head_bytes, response_body_bytes, hops, is_tunnel,"
	" redirects, retries)"
	" VALUES (1,1,1,0,1,1,1,'a.example:443','a.example','delivered',0,0,0,0,0,1,0,0),"
	"(2,2,1,0,1,1,1,'https://b.example/','b.example','delivered',0,0,0,0,1,0,0,0);"
	"INSERT INTO hops (exchange_id, number, reason, url, is_reused, is_reply, tls_version, tls_cipher, tls_resumed,"
	" started_us,"
	" request_head_bytes, request_body_bytes, response_head_bytes, response_body_bytes, delay_us)"
	" VALUES (2,1,'first','https://b.example/',0,0,'TLSv1.3','AES',1,1,0,0,0,0,0);"
	"INSERT INTO tunnels (exchange_id, up_bytes, down_bytes, sni) VALUES (1, 5, 6, 'a.example');";

/* What was known stays; what was not recorded is NULL, and all tunnels were relayed. */
static void test_version_2(void **state)
{
	(void)state;
	make_old(2, version_2);
	store_stop(start(1000));
	assert_sound();
	assert_answer(&folder, "PRAGMA user_version", "4");
	assert_answer(&folder, "SELECT sni || up_bytes || down_bytes || handling || (why IS NULL) FROM tunnels",
		"a.example56relayed1");
	assert_answer(&folder,
		"SELECT tls_version || tls_cipher || tls_resumed || (coalesce(tls_alpn, tls_server_name, identity_id, tls_pin,"
		" tls_staple, tls_unverified) IS NULL) FROM hops",
		"TLSv1.3AES11");
	assert_answer(&folder,
		"SELECT count(*) FROM exchanges WHERE coalesce(parent_id, client_tls_version, client_tls_cipher,"
		" client_tls_alpn,"
		" client_tls_server_name, client_tls_resumed) IS NULL",
		"2");
	assert_answer(&folder, "SELECT count(*) FROM identities", "0");
	assert_answer(&folder, "SELECT count(*) FROM identity_changes", "0");
}

#define EXCHANGE_3                                                                                                             \
	"INSERT INTO exchanges (id, change, run, worker, client_id, client_request, started_us, ended_us, url, host, outcome," \
	" request_head_bytes, request_body_bytes, response_head_bytes, response_body_bytes, hops, is_tunnel, parent_id) VALUES "
#define HOP_3                                                                                                                  \
	"INSERT INTO hops (exchange_id, number, reason, url, is_reused, is_reply, tls_resumed, started_us,"                    \
	" request_head_bytes, request_body_bytes, response_head_bytes, response_body_bytes, delay_us) VALUES "

/* A run that ended, one that was killed, one without flows, and flows of one without a row; heads on all sides, on some, on none,
 * with bytes that are no UTF-8, and trailers. */
static const char version_3[] =
	"INSERT INTO runs (id, version, pid, started_us, ended_us) VALUES (1, 'a', 1, 1000000, 9000000),"
	" (2, 'b', 2, 11000000, NULL), (3, 'c', 3, 21000000, NULL);" EXCHANGE_3
	"(1,1,1,0,1,1,2000000,3000000,'http://a.example/','a.example','delivered',0,0,0,0,2,0,NULL),"
	"(2,2,2,0,1,1,12000000,14000000,'http://b.example/','b.example','failed',0,0,0,0,0,0,1),"
	"(3,3,2,0,1,1,13000000,NULL,'http://c.example/','c.example','pending',0,0,0,0,1,0,NULL),"
	"(4,4,7,0,1,1,31000000,32000000,x'ff00','d.example','delivered',0,0,0,0,0,0,NULL);" HOP_3
	"(1,1,'first','http://a.example/',0,0,0,1,0,0,0,0,0),"
	"(1,2,'redirect','http://b.example/',0,0,0,1,0,0,0,0,0),"
	"(3,1,'first','http://c.example/',0,0,0,1,0,0,0,0,0);"
	"INSERT INTO heads (exchange_id, hop, direction, start_line, fields, trailers) VALUES"
	" (1,0,'request','GET / HTTP/1.1','[[\"Host\",\"a.example\"],[\"X\",{\"hex\":\"ff00\"}]]',NULL),"
	" (1,0,'response','HTTP/1.1 200 OK','[]','[[\"X-Sum\",\"42\"]]'),"
	" (1,1,'request','GET /1 HTTP/1.1','[[\"Host\",\"a.example\"]]',NULL),"
	" (1,1,'response','HTTP/1.1 302 Found','[[\"Location\",\"http://b.example/\"]]',NULL),"
	" (1,2,'request','GET /2 HTTP/1.1','[[\"Host\",\"b.example\"]]',NULL),"
	" (1,2,'response','HTTP/1.1 200 OK','[[\"A\",\"1\"],[\"A\",\"2\"]]','[[\"X-Sum\",\"42\"]]'),"
	" (3,1,'request',x'474554ff','[]',NULL);"
	"INSERT INTO drops (exchange_id, hop, position, name, why) VALUES (1,2,1,'Cookie','why');"
	"INSERT INTO cookies (exchange_id, hop, position, name, fate, client) VALUES (1,1,1,'c','kept','given');"
	"INSERT INTO tunnels (exchange_id, up_bytes, down_bytes, handling) VALUES (4, 1, 2, 'opened');"
	"INSERT INTO identities (host, port, certificate_sha256, not_before_s, not_after_s, first_us, last_us, shown_us,"
	" first_exchange_id, flows, refused_flows) VALUES ('a.example', 443, 'c', 1, 2, 3, 4, 5, 1, 1, 0);"
	"INSERT INTO identity_changes (host, port, at_us, what, before_id, after_id, exchange_id, times, last_us, is_accepted)"
	" VALUES ('a.example', 443, 1, 'key', 1, 2, 1, 1, 1, 1)";

/* Everything that the tables of version 3 hold, in their order. */
#define ALL_HEADS                                                                                                              \
	"SELECT group_concat(quote(exchange_id) || quote(hop) || direction || quote(start_line) || quote(fields) || "          \
	"quote(trailers), char(10)) FROM (SELECT * FROM heads ORDER BY 1, 2, 3)"

/* The heads move into the rows of their sides, and are told by the view as they were by the table. */
static void test_version_3(void **state)
{
	char before[4096], after[4096];

	(void)state;
	make_old(3, version_3);
	folder_ask(&folder, ALL_HEADS, before, sizeof(before));
	assert_non_null(strstr(before, "X'474554FF'"));
	store_stop(start(1000));
	assert_sound();
	assert_answer(&folder, "PRAGMA user_version", "4");
	folder_ask(&folder, ALL_HEADS, after, sizeof(after));
	assert_string_equal(after, before);
	assert_answer(&folder, "SELECT count(*) FROM header_fields", "7");
	assert_answer(&folder,
		"SELECT group_concat(position || name || value, ' ') FROM (SELECT * FROM header_fields WHERE exchange_id = 1"
		" AND hop = 2 AND direction = 'response' ORDER BY position)",
		"1A1 2A2");
	assert_answer(&folder, "SELECT quote(url) FROM exchanges WHERE id = 4", "X'FF00'");
	assert_answer(&folder, "SELECT parent_id FROM exchanges WHERE id = 2", "1");
	assert_answer(&folder,
		"SELECT (SELECT count(*) FROM hops) || (SELECT count(*) FROM drops) || (SELECT count(*) FROM cookies) ||"
		" (SELECT count(*) FROM tunnels) || (SELECT count(*) FROM identities) || (SELECT count(*) FROM identity_changes)",
		"311111");
	assert_answer(&folder,
		"SELECT count(*) FROM hops WHERE coalesce(request_body_id, request_body_cut, response_body_id, extra) IS NULL",
		"3");
}

/* Each run of before is a session, and its flows belong to it. */
static void test_sessions_of_runs(void **state)
{
	char why[WHY_BYTES] = "";
	bool is_damaged = true;
	sqlite3 *db;

	(void)state;
	make_old(3, version_3);
	db = database_open(folder.db, &is_damaged, why, sizeof(why));
	assert_non_null(db);
	sqlite3_close(db);
	assert_answer(&folder,
		"SELECT group_concat(id || ':' || run || ':' || name || ':' || started_us || '-' || ended_us, ' ') FROM"
		" (SELECT * FROM sessions ORDER BY id)",
		"1:1:1970-01-01 00:00:01:1000000-9000000 2:2:1970-01-01 00:00:11:11000000-14000000"
		" 3:3:1970-01-01 00:00:21:21000000-21000000 7:7:1970-01-01 00:00:31:31000000-32000000");
	assert_answer(&folder, "SELECT count(*) FROM exchanges WHERE session_id = run", "4");
	assert_answer(&folder, "SELECT count(*) FROM sessions WHERE is_import OR log_json IS NOT NULL", "0");
}

/* A step that fails half-way leaves the file as it was, and it can be tried again. */
static void test_all_or_nothing(void **state)
{
	char before[4096], after[4096], why[WHY_BYTES] = "";
	bool is_damaged = true;
	sqlite3 *db;

	(void)state;
	make_old(3, version_3);
	folder_ask(&folder, ALL_HEADS, before, sizeof(before));
	assert_answer(&folder, "CREATE TABLE bodies (in_the_way)", "");
	assert_null(database_open(folder.db, &is_damaged, why, sizeof(why)));
	assert_false(is_damaged);
	assert_non_null(strstr(why, "bodies"));
	assert_sound();
	assert_answer(&folder, "PRAGMA user_version", "3");
	assert_answer(&folder, "SELECT count(*) FROM sqlite_schema WHERE name IN ('sessions', 'head_fields')", "0");
	assert_answer(&folder, "SELECT count(*) FROM pragma_table_info('exchanges') WHERE name = 'session_id'", "0");
	folder_ask(&folder, ALL_HEADS, after, sizeof(after));
	assert_string_equal(after, before);
	assert_answer(&folder, "DROP TABLE bodies", "");
	db = database_open(folder.db, &is_damaged, why, sizeof(why));
	assert_non_null(db);
	sqlite3_close(db);
	folder_ask(&folder, ALL_HEADS, after, sizeof(after));
	assert_string_equal(after, before);
}

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

/* There are files of that version: what led to it never changes. Where this fails, make a new step instead. */
static void test_published_steps(void **state)
{
	(void)state;
	assert_true(hash_of(schema_step(0)) == UINT64_C(0x25d698631f6241e5));
	assert_true(hash_of(schema_step(1)) == UINT64_C(0xfb4ad6f970b1d4e8));
	assert_true(hash_of(schema_step(2)) == UINT64_C(0xc80ee1ac40663087));
}

/* All columns of tables, indexes and views. */
static void read_schema(char *ret, size_t size)
{
	folder_ask(&folder,
		"SELECT group_concat(t, ' ') FROM (SELECT m.type || ' ' || m.name || coalesce('.' || c.name || ':' || c.type, '') AS t"
		" FROM sqlite_schema m LEFT JOIN pragma_table_info(m.name) c ORDER BY 1)",
		ret, size);
}

/* A new file and one that was brought up to date have the same tables, indexes and views. */
static void test_same_schema(void **state)
{
	const char *const rows[] = {version_1, version_2, version_3};
	char fresh[16384], old[16384];

	(void)state;
	store_stop(start(1000));
	read_schema(fresh, sizeof(fresh));
	for (int version = 1; version <= 3; version++) {
		folder_remove(&folder);
		assert_int_equal(folder_make(&folder), 0);
		make_old(version, rows[version - 1]);
		store_stop(start(1000));
		read_schema(old, sizeof(old));
		assert_string_equal(old, fresh);
	}
	assert_non_null(strstr(old, "table drops.why:TEXT"));
	assert_non_null(strstr(old, "index exchanges_parent "));
	assert_non_null(strstr(old, "table identity_changes.what:TEXT"));
	assert_non_null(strstr(old, "view heads.fields"));
}

/* Flows go on being written behind the old ones; the oldest are deleted with all that belongs to them. */
static void test_goes_on(void **state)
{
	struct store *s;
	struct ring *ring;

	(void)state;
	make_old(1, version_1);
	s = start(1000);
	assert_int_equal(store_next_id(s), 5);
	ring = store_add_ring(s);
	for (uint64_t id = 5; id < 5 + 1200; id++)
		push(ring, id, OUTCOME_DELIVERED);
	wait_written(s, 1200);
	store_stop(s);
	assert_sound();
	assert_answer(&folder, "SELECT min(id) > 4 FROM exchanges", "1");
	assert_answer(&folder, "SELECT count(*) FROM drops WHERE exchange_id NOT IN (SELECT id FROM exchanges)", "0");
	assert_answer(&folder, "SELECT count(*) FROM cookies WHERE exchange_id NOT IN (SELECT id FROM exchanges)", "0");
	assert_answer(&folder, "SELECT count(*) = 3 * (SELECT count(*) FROM exchanges) FROM drops", "1");
}

/* A reader does not change anything: it says what is to be done. */
static void test_reader_of_old(void **state)
{
	char why[WHY_BYTES] = "";
	bool is_absent = true;

	(void)state;
	make_old(1, version_1);
	assert_null(reader_open(folder.data, &is_absent, why, sizeof(why)));
	assert_false(is_absent);
	assert_non_null(strstr(why, "written by an older viaduct"));
	assert_answer(&folder, "PRAGMA user_version", "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_steps),
		STORE_TEST(test_version_1),
		STORE_TEST(test_version_2),
		STORE_TEST(test_version_3),
		STORE_TEST(test_sessions_of_runs),
		STORE_TEST(test_all_or_nothing),
		STORE_TEST(test_same_schema),
		STORE_TEST(test_goes_on),
		STORE_TEST(test_reader_of_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
