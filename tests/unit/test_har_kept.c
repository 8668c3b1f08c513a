/* store/har_kept, har_hide, har_imports: imported entries come out as they went in, but for secrets; what files said beside them. */
#include "har_rig.h"

static char *field_names[] = {(char *)"X-Api-Key"};
static char *parameter_names[] = {(char *)"token"};
static char *member_names[] = {(char *)"password"};
static const struct text_list field_list = {field_names, 1}, query_list = {parameter_names, 1}, json_list = {member_names, 1};

/* One of a browser, with members that nobody knows and an odd order. */
static const char foreign[] =
	"{\"_initiator\":{\"type\":\"script\",\"stack\":{\"frames\":[{\"url\":\"https://a.example/x.js?token=deep\"}]}},"
	"\"pageref\":\"page_1\",\"time\":12.25,\"startedDateTime\":\"2024-01-02T03:04:05.678+01:00\",\"_n\":9007199254740993,"
	"\"request\":{\"method\":\"POST\",\"url\":\"https://a.example/?token=s3cret&x=1\",\"httpVersion\":\"h3\","
	"\"headers\":[{\"name\":\":authority\",\"value\":\"a.example\"},{\"name\":\"X-Api-Key\",\"value\":\"s3cret\"}],"
	"\"cookies\":[{\"name\":\"sid\",\"value\":\"s3cret\",\"path\":\"/\"}],"
	"\"queryString\":[{\"name\":\"token\",\"value\":\"s3cret\"},{\"name\":\"x\",\"value\":\"1\"}],"
	"\"postData\":{\"mimeType\":\"application/json\",\"text\":\"\"},\"headersSize\":-1,\"bodySize\":4},"
	"\"response\":{\"status\":200,\"content\":{\"size\":3,\"mimeType\":\"image/png\",\"text\":\"\",\"encoding\":\"base64\"}},"
	"\"_webSocketMessages\":[{\"type\":\"send\",\"data\":\"{\\\"password\\\":\\\"s3cret\\\"}\"}],\"cache\":{}}";

static struct record *imported(uint64_t id, int64_t session_id, const char *json, struct str up, struct str down)
{
	const struct hop_extra extra = {1, str_of(json), NULL};
	struct flow_fixture f;
	struct record *r;

	fixture_init(&f, id);
	fixture_lead(&f, "https://a.example/");
	r = record_new_imported(&f.x, session_id, STR_NONE, &extra);
	if (up.p)
		add_body(r, 1, BODY_UP, up, CUT_NONE);
	if (down.p)
		add_body(r, 1, BODY_DOWN, down, CUT_NONE);
	return r;
}

static void write_imported(struct store *s, struct record *r)
{
	push_record(store_add_ring(s), r);
}

static int64_t begin_import(struct store *s, const char *name, const char *log)
{
	char why[WHY_BYTES] = "";
	int64_t id = 0;

	assert_true(store_begin_import(s, str_of(name), str_of(log), &id, why, sizeof(why)));
	return id;
}

static const struct har_options plain = {.version = "1"};

static void every_member_comes_out_in_its_order(void **state)
{
	struct record *r = imported(5, 1, foreign, STR("{\"a\":1}"), STR("\x89PN"));
	json_t *har, *entry;
	char *got;

	(void)state;
	write_records(&r, 1);
	har = export_all(&plain);
	entry = ENTRY(har, 0);
	assert_at(entry, "request.postData.text", "{\"a\":1}");
	assert_at(entry, "response.content.text", "iVBO");
	json_object_set_new(at(entry, "request.postData"), "text", json_stringn("", 0));
	json_object_set_new(at(entry, "response.content"), "text", json_stringn("", 0));
	got = json_dumps(entry, JSON_COMPACT);
	assert_string_equal(got, foreign);
	free(got);
	json_decref(har);
}

static void a_text_that_is_no_text_any_more_is_base64(void **state)
{
	struct record *r = imported(5, 1, foreign, STR("\xff\xfe"), STR_NONE);
	json_t *har;

	(void)state;
	write_records(&r, 1);
	har = export_all(&plain);
	assert_at(ENTRY(har, 0), "request.postData._encoding", "base64");
	assert_at(ENTRY(har, 0), "request.postData.text", "//4=");
	assert_at(ENTRY(har, 0), "response.content.text", "");
	json_decref(har);
}

static void flows_get_the_numbers_of_this_database(void **state)
{
	struct record *r = imported(5, 1,
		"{\"_flowId\":77,\"_redirectChain\":{\"id\":77,\"index\":0},\"_flow\":{\"parentId\":70},\"request\":{},\"response\":{}}",
		STR_NONE, STR_NONE);
	json_t *har;

	(void)state;
	r->facts.parent_id = 3;
	write_records(&r, 1);
	har = export_all(&plain);
	assert_number_at(ENTRY(har, 0), "_flowId", 5);
	assert_number_at(ENTRY(har, 0), "_redirectChain.id", 5);
	assert_number_at(ENTRY(har, 0), "_flow.parentId", 3);
	assert_none_at(ENTRY(har, 0), "startedDateTime");
	json_decref(har);
}

static void what_cannot_be_read_is_made_anew(void **state)
{
	struct record *r = imported(5, 1, "{\"broken", STR_NONE, STR_NONE);
	json_t *har;

	(void)state;
	write_records(&r, 1);
	har = export_all(&plain);
	assert_at(ENTRY(har, 0), "request.url", "https://a.example/");
	json_decref(har);
}

static struct redactor *make_redactor(void)
{
	const struct redact_options o = {folder.data, &field_list, &query_list, &json_list};
	char why[WHY_BYTES] = "";
	struct redactor *r = redactor_new(&o, why, sizeof(why));

	assert_string_equal(why, "");
	return r;
}

/* A secret stands in an entry in many places; none is left. */
static void secrets_are_replaced_wherever_they_stand(void **state)
{
	struct record *r = imported(5, 1, foreign, STR("{\"password\":\"s3cret\"}"), STR_NONE);
	struct har_options o = {.version = "1"};
	struct redactor *redactor;
	json_t *har, *entry;
	char *got;

	(void)state;
	write_records(&r, 1);
	redactor = make_redactor();
	o.redactor = redactor;
	har = export_all(&o);
	entry = ENTRY(har, 0);
	got = json_dumps(entry, JSON_COMPACT);
	assert_null(strstr(got, "s3cret"));
	assert_null(strstr(got, "token=deep"));
	assert_at(entry, "request.queryString.1.value", "1");
	assert_at(entry, "request.headers.0.value", "a.example");
	assert_at(entry, "request.cookies.0.path", "/");
	assert_true(strncmp(json_string_value(at(entry, "request.cookies.0.value")), "redacted-", 9) == 0);
	assert_true(strncmp(json_string_value(at(entry, "request.headers.1.value")), "redacted-", 9) == 0);
	assert_string_equal(json_string_value(at(entry, "request.queryString.0.value")),
		json_string_value(at(entry, "request.headers.1.value")));
	free(got);
	json_decref(har);
	redactor_unref(redactor);
}

static void secrets_of_our_own_entries_too(void **state)
{
	struct har_options o = {.version = "1"};
	struct flow_fixture f;
	struct redactor *redactor;
	struct record *r;
	json_t *har;
	char *got;

	(void)state;
	fixture_init(&f, 7);
	f.request_fields[1] = (struct field){STR("Authorization"), STR("Bearer s3cret")};
	f.request_fields[2] = (struct field){STR("Cookie"), STR("sid=s3cret; x=s3cret")};
	f.response_fields[1] = (struct field){STR("Set-Cookie"), STR("sid=s3cret; Path=/")};
	f.response_fields[2] = (struct field){STR("Content-Encoding"), STR("")};
	f.response_fields[0] = (struct field){STR("Content-Type"), STR("application/json")};
	f.hops[0].url = STR("http://example.com/a?token=s3cret");
	f.hops[1].url = STR("https://other.example/x?token=s3cret");
	f.x.url = f.hops[0].url;
	f.x.final_url = f.hops[1].url;
	f.request.target = f.x.url;
	f.sent.target = STR("/a?token=s3cret");
	r = record_new(&f.x);
	add_body(r, 2, BODY_DOWN, STR("{\"password\":\"s3cret\"}"), CUT_NONE);
	write_records(&r, 1);
	redactor = make_redactor();
	o.redactor = redactor;
	har = export_all(&o);
	got = json_dumps(har, JSON_COMPACT);
	assert_null(strstr(got, "s3cret"));
	assert_at(ENTRY(har, 0), "request.queryString.0.name", "token");
	assert_at(ENTRY(har, 0), "response.cookies.0.path", "/");
	free(got);
	json_decref(har);
	redactor_unref(redactor);
}

/* What a client asks a CONNECT for may be anything. */
static void secrets_of_tunnels_and_in_words_too(void **state)
{
	struct har_options o = {.version = "1"};
	struct redactor *redactor;
	struct flow_fixture f;
	struct record *r;
	json_t *har;
	char *got;

	(void)state;
	fixture_init(&f, 7);
	fixture_tunnel(&f);
	f.x.url = STR("u:s3cret@example.com:443");
	f.x.detail = "at http://example.com/?token=s3cret";
	r = record_new(&f.x);
	write_records(&r, 1);
	redactor = make_redactor();
	o.redactor = redactor;
	har = export_all(&o);
	got = json_dumps(har, JSON_COMPACT);
	assert_null(strstr(got, "s3cret"));
	assert_non_null(strstr(got, "at http://example.com/?token=redacted-"));
	free(got);
	json_decref(har);
	redactor_unref(redactor);
}

static void files_keep_their_pages_and_names(void **state)
{
	static const char page[] = "{\"pageref\":\"page_1\",\"request\":{},\"response\":{}}";
	struct store *s = start(MAX_FLOWS);
	int64_t one, two;
	char renamed[32];
	json_t *har;

	(void)state;
	one = begin_import(s, "one",
		"{\"version\":\"1.2\",\"creator\":{\"name\":\"WebInspector\"},\"pages\":[{\"id\":\"page_1\",\"title\":\"A\"}],"
		"\"_odd\":[1]}");
	write_imported(s, imported(5, one, page, STR_NONE, STR_NONE));
	two = begin_import(s, "two",
		"{\"creator\":{\"name\":\"Firefox\"},\"browser\":{\"name\":\"F\"},\"pages\":[{\"id\":\"page_1\"},{\"id\":\"page_2\"}]}");
	write_imported(s, imported(6, two, page, STR_NONE, STR_NONE));
	write_imported(s, imported(7, two, "{\"pageref\":\"page_2\",\"request\":{},\"response\":{}}", STR_NONE, STR_NONE));
	store_stop(s);
	har = export_all(&plain);
	snprintf(renamed, sizeof(renamed), "page_1@%lld", (long long)two);
	assert_at(har, "log.pages.0.id", "page_1");
	assert_at(har, "log.pages.0.title", "A");
	assert_at(har, "log.pages.1.id", renamed);
	assert_at(har, "log.pages.2.id", "page_2");
	assert_at(ENTRY(har, 0), "pageref", "page_1");
	assert_at(ENTRY(har, 1), "pageref", renamed);
	assert_at(ENTRY(har, 2), "pageref", "page_2");
	assert_at(har, "log.creator.name", "viaduct");
	assert_at(har, "log._importedFrom.0.creator.name", "WebInspector");
	assert_number_at(har, "log._importedFrom.0._odd.0", 1);
	assert_at(har, "log._importedFrom.0._session", "one");
	assert_at(har, "log._importedFrom.1.browser.name", "F");
	assert_none_at(har, "log._importedFrom.1.pages");
	json_decref(har);
}

/* The text of all that is exported, without secrets; to be freed. */
static char *dump_redacted(void)
{
	struct redactor *redactor = make_redactor();
	const struct har_options o = {.version = "1", .redactor = redactor};
	json_t *har = export_all(&o);
	char *got = json_dumps(har, JSON_COMPACT);

	json_decref(har);
	redactor_unref(redactor);
	return got;
}

/* Members that other programs write, and that nobody could have listed. */
static void secrets_of_any_shape_are_replaced(void **state)
{
	static const char *const entries[] = {
		"{\"_h\":[[\"Authorization\",\"Bearer s3cret\"]],\"_kv\":{\"password\":\"s3cret\",\"X-Api-Key\":{\"a\":\"s3cret\"}}}",
		"{\"_urls\":[\"http://x/?token=s3cret\"],\"_says\":\"see http://u:s3cret@x/?a=b and /y#token=s3cret\"}",
		"{\"request\":{\"cookies\":{\"a\":\"s3cret\"},\"queryString\":[{\"Name\":\"token\",\"Value\":\"s3cret\"}]}}",
		"{\"request\":{\"cookies\":[{\"name\":\"a\",\"value\":\"s3cret\",\"_raw\":\"a=s3cret\"},\"b=s3cret\"]}}",
		"{\"request\":{\"headers\":[{\"name\":\"Cookie\",\"value\":[\"a=s3cret\"],\"_valueHex\":\"s3cret\"}]}}",
		"{\"request\":{\"postData\":{\"mimeType\":\"application/json\",\"encoding\":\"base64\",\"text\":\"czNjcmV0\"}}}",
		("{\"response\":{\"headers\":[{\"name\":\"Content-Type\",\"value\":\"application/json\"}],"
		 "\"content\":{\"mimeType\":\"text/html\",\"text\":\"{\\\"password\\\":\\\"s3cret\\\"}\"}}}"),
	};
	struct record *r[sizeof(entries) / sizeof(entries[0])];
	size_t n = sizeof(entries) / sizeof(entries[0]);
	char *got;

	(void)state;
	for (size_t i = 0; i < n; i++)
		r[i] = imported(5 + i, 1, entries[i], STR_NONE, STR_NONE);
	write_records(r, n);
	got = dump_redacted();
	assert_null(strstr(got, "s3cret"));
	assert_non_null(strstr(got, "see http://redacted-"));
	free(got);
}

static void numbers_are_secrets_too_and_depths_are_left_out(void **state)
{
	enum { DEEP = 60 };
	struct text deep = {NULL, 0, 0};
	struct record *r[2];
	char *got;

	(void)state;
	for (int i = 0; i < DEEP; i++)
		text_put(&deep, STR("{\"a\":"));
	text_put(&deep, STR("\"deepest\""));
	for (int i = 0; i < DEEP; i++)
		text_byte(&deep, '}');
	text_byte(&deep, '\0');
	r[0] = imported(5, 1, "{\"_kv\":{\"password\":271828,\"n\":314159}}", STR_NONE, STR_NONE);
	r[1] = imported(6, 1, deep.p, STR_NONE, STR_NONE);
	write_records(r, 2);
	got = dump_redacted();
	assert_null(strstr(got, "271828"));
	assert_non_null(strstr(got, "314159"));
	assert_null(strstr(got, "deepest"));
	free(got);
	text_fini(&deep);
}

static void secrets_beside_the_entries_too(void **state)
{
	struct store *s = start(MAX_FLOWS);
	int64_t one;
	char *got;

	(void)state;
	one = begin_import(s, "one",
		"{\"creator\":{\"comment\":\"http://x/?token=s3cret\"},\"pages\":[{\"id\":\"p\",\"title\":\"http://x/?token=s3cret\"}],"
		"\"_x\":{\"password\":\"s3cret\"}}");
	write_imported(s, imported(5, one, "{\"request\":{},\"response\":{}}", STR_NONE, STR_NONE));
	/* A file of which no flow is there. */
	(void)begin_import(s, "two", "{\"creator\":{\"name\":\"unheard-of\"},\"pages\":[{\"id\":\"q\"}]}");
	store_stop(s);
	got = dump_redacted();
	assert_null(strstr(got, "s3cret"));
	assert_null(strstr(got, "unheard-of"));
	assert_non_null(strstr(got, "\"id\":\"p\""));
	assert_null(strstr(got, "\"id\":\"q\""));
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(every_member_comes_out_in_its_order),
		STORE_TEST(a_text_that_is_no_text_any_more_is_base64),
		STORE_TEST(flows_get_the_numbers_of_this_database),
		STORE_TEST(what_cannot_be_read_is_made_anew),
		STORE_TEST(secrets_are_replaced_wherever_they_stand),
		STORE_TEST(secrets_of_our_own_entries_too),
		STORE_TEST(secrets_of_tunnels_and_in_words_too),
		STORE_TEST(files_keep_their_pages_and_names),
		STORE_TEST(secrets_of_any_shape_are_replaced),
		STORE_TEST(numbers_are_secrets_too_and_depths_are_left_out),
		STORE_TEST(secrets_beside_the_entries_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
