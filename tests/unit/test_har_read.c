/* har_read.h: entries of other programs as flows, and what is kept of them. */
#include "har_read_rig.h"

#include "net/address.h"
#include "store/har/har_scan.h"

static void test_chromium(void **state)
{
	static const char entry[] =
		"{\"_connectionId\":\"26\",\"_initiator\":{\"type\":\"other\"},\"_priority\":\"VeryHigh\",\"_resourceType\":\"document\","
		"\"cache\":{},\"connection\":\"443\",\"pageref\":\"page_1\",\"request\":{\"method\":\"GET\",\"url\":\"https://a.test/x?y=z\","
		"\"httpVersion\":\"h2\",\"headers\":[{\"name\":\":authority\",\"value\":\"a.test\"},{\"name\":\"accept\",\"value\":\"*/*\"}],"
		"\"queryString\":[{\"name\":\"y\",\"value\":\"z\"}],\"cookies\":[],\"headersSize\":-1,\"bodySize\":0},\"response\":{\"status\":200,"
		"\"statusText\":\"\",\"httpVersion\":\"h2\",\"headers\":[{\"name\":\"content-type\",\"value\":\"text/html\"},{\"name\":\"set-cookie\","
		"\"value\":\"a=1\\nb=2\"}],\"cookies\":[],\"content\":{\"size\":5,\"mimeType\":\"text/html\",\"compression\":-7,\"text\":\"<p>\\u00e9\"},"
		"\"redirectURL\":\"\",\"headersSize\":-1,\"bodySize\":-1,\"_transferSize\":512,\"_error\":null},\"serverIPAddress\":\"[2001:db8::1]\","
		"\"startedDateTime\":\"2024-05-06T07:08:09.250Z\",\"time\":30.5,\"timings\":{\"blocked\":1.5,\"dns\":2,\"ssl\":7,\"connect\":10,"
		"\"send\":0.25,\"wait\":12,\"receive\":4.75,\"_blocked_queueing\":1}}";
	struct har_rig *rig = rig_new();
	const struct exchange_facts *x = rig_one(rig, entry);
	const struct hop_facts *h = x->hops;
	char text[ADDRESS_TEXT_BYTES];

	(void)state;
	assert_int_equal(rig->entries, 1);
	assert_str(x->url, "https://a.test/x?y=z");
	assert_true(x->has_target);
	assert_str(x->target.authority.host, "a.test");
	assert_int_equal(x->target.authority.port, 443);
	assert_int_equal(x->started_us, INT64_C(1714979289250000));
	assert_int_equal(x->duration_us, 30500);
	assert_int_equal(x->ended_us, x->started_us + 30500);
	assert_int_equal(x->outcome, OUTCOME_DELIVERED);
	assert_int_equal(x->hops_n, 1);
	assert_int_equal(x->request->version, VERSION_2);
	assert_str(x->request->target, "/x?y=z");
	assert_str(rig_field(x->request, 0)->name, ":authority");
	assert_int_equal(h->times.queue_us, 1500);
	assert_int_equal(h->times.connect_us, 3000);
	assert_int_equal(h->times.tls_us, 7000);
	assert_int_equal(h->times.receive_us, 4750);
	assert_string_equal(address_format(&h->peer, text), "[2001:db8::1]:443");
	assert_string_equal(h->peer_class, "reserved");
	assert_false(h->is_reused);
	assert_int_equal(h->response->status, 200);
	assert_int_equal(h->response->fields.n, 3); /* two lines of Set-Cookie */
	assert_str(rig_field(h->response, 2)->value, "b=2");
	assert_body(rig->records[0], 1, BODY_DOWN, "<p>\xc3\xa9");
	assert_int_equal(x->response_body_bytes, 5);
	rig_free(rig);
}

/* Everything but the text comes along as it was. */
static void test_extra(void **state)
{
	static const char entry[] =
		"{ \"request\" : {\"method\":\"POST\",\"url\":\"http://a.test/\",\"postData\":{\"mimeType\":\"text/plain\",\n\t\"text\":"
		" \"in \\\"\",\"x\":[1,2.50,{\"text\":\"stays\"}]}},\"_new\":{\"text\":\"stays\",\"n\":12345678901234567890},"
		"\"response\":{\"status\":204,\"content\":{\"encoding\":\"base64\",\"text\":\"AP8=\",\"text2\":\"t\"}}}";
	struct har_rig *rig = rig_new();

	(void)state;
	rig_one(rig, entry);
	assert_str(rig_extra(rig->records[0], 1),
		"{\"request\":{\"method\":\"POST\",\"url\":\"http://a.test/\",\"postData\":{\"mimeType\":\"text/plain\",\"text\":\"\","
		"\"x\":[1,2.50,{\"text\":\"stays\"}]}},\"_new\":{\"text\":\"stays\",\"n\":12345678901234567890},"
		"\"response\":{\"status\":204,\"content\":{\"encoding\":\"base64\",\"text\":\"\",\"text2\":\"t\"}}}");
	assert_body(rig->records[0], 1, BODY_UP, "in \"");
	assert_int_equal(rig->records[0]->facts.response_body_bytes, 2);
	rig_free(rig);
}

/* It goes back to where it was. */
static void test_text_that_is_no_base64(void **state)
{
	struct har_rig *rig = rig_new();

	(void)state;
	rig_one(rig,
		"{\"request\":{\"url\":\"http://a.test/\"},\"response\":{\"status\":200,\"content\":{\"encoding\":\"base64\",\"text\":\"no!\"}}}");
	assert_str(rig_extra(rig->records[0], 1),
		"{\"request\":{\"url\":\"http://a.test/\"},\"response\":{\"status\":200.0,\"content\":{\"encoding\":\"base64\",\"text\":\"no!\"}}}");
	assert_null(rig->records[0]->parts);
	rig_free(rig);
}

static void test_long_body(void **state)
{
	enum { BYTES = 200000 };
	struct har_rig *rig = rig_new();
	char *entry = malloc(BYTES + 256), *body = malloc(BYTES);
	size_t n, parts = 0;

	(void)state;
	n = (size_t)snprintf(entry, 256,
		"{\"request\":{\"url\":\"http://a.test/\"},\"response\":{\"status\":200,\"content\":{\"text\":\"");
	memset(entry + n, 'x', BYTES);
	snprintf(entry + n + BYTES, 16, "\"}}}");
	rig_one(rig, entry);
	assert_int_equal(rig_body(rig->records[0], 1, BODY_DOWN, body, BYTES), BYTES);
	for (const struct body_part *p = rig->records[0]->parts; p != NULL; p = p->next)
		parts++;
	assert_int_equal(parts, 4);
	for (size_t i = 0; i < BYTES; i++)
		assert_int_equal(body[i], 'x');
	free(entry);
	free(body);
	rig_free(rig);
}

static void assert_failed(const char *response, const char *more, enum outcome outcome, enum error error)
{
	struct har_rig *rig = rig_new();
	char entry[512];
	const struct exchange_facts *x;

	snprintf(entry, sizeof(entry), "{\"request\":{\"url\":\"http://a.test/\"},\"response\":%s%s}", response, more);
	x = rig_one(rig, entry);
	assert_int_equal(x->outcome, outcome);
	assert_int_equal(x->error, error);
	assert_int_equal(x->hops->error, error);
	rig_free(rig);
}

static void test_failures(void **state)
{
	(void)state;
	assert_failed("{\"status\":0,\"_error\":\"net::ERR_NAME_NOT_RESOLVED\"}", "", OUTCOME_FAILED, ERR_name_not_found);
	assert_failed("{\"status\":0,\"_error\":\"net::ERR_CONNECTION_REFUSED\"}", "", OUTCOME_FAILED, ERR_connect_refused);
	assert_failed("{\"status\":0,\"_error\":\"net::ERR_ABORTED\"}", "", OUTCOME_CANCELLED, ERR_cancelled);
	assert_failed("{\"status\":0,\"_error\":\"net::ERR_WHO_KNOWS\"}", "", OUTCOME_FAILED, ERR_connect_failed);
	assert_failed("{\"status\":200,\"_error\":\"net::ERR_WHO_KNOWS\"}", "", OUTCOME_FAILED, ERR_response_incomplete);
	assert_failed("{\"status\":-1,\"_failureText\":\"NS_ERROR_UNKNOWN_HOST\"}", "", OUTCOME_FAILED, ERR_name_not_found);
	assert_failed("{\"status\":0}", "", OUTCOME_CANCELLED, ERR_none);
	assert_failed("null", "", OUTCOME_CANCELLED, ERR_none);
	assert_failed("{\"status\":0}", ",\"_error\":\"resolve_timeout\"", OUTCOME_FAILED, ERR_resolve_timeout);
	assert_failed("{\"status\":200,\"_error\":\"\"}", "", OUTCOME_DELIVERED, ERR_none);
}

static void assert_posted(const char *post, const char *headers, const char *body)
{
	struct har_rig *rig = rig_new();
	char entry[1024];

	snprintf(entry, sizeof(entry),
		"{\"request\":{\"method\":\"POST\",\"url\":\"http://a.test/\",\"headers\":[%s],\"postData\":%s}}", headers,
		post);
	rig_one(rig, entry);
	assert_body(rig->records[0], 1, BODY_UP, body);
	assert_int_equal(rig->records[0]->facts.request_body_bytes, strlen(body));
	rig_free(rig);
}

static void test_posted(void **state)
{
	static const char type[] = "{\"name\":\"content-type\",\"value\":\"multipart/form-data; boundary=--b\"}";

	(void)state;
	assert_posted("{\"text\":\"a=b\"}", "", "a=b");
	assert_posted("{\"text\":\"YT1i\",\"_encoding\":\"base64\"}", "", "a=b");
	assert_posted("{\"text\":\"YT1i\",\"encoding\":\"base64\"}", "", "a=b");
	/* decoded, since one of them cannot have been sent so */
	assert_posted(
		"{\"mimeType\":\"application/x-www-form-urlencoded\",\"params\":[{\"name\":\"a\",\"value\":\"b c&%41\"},{\"name\":\"d\"}]}",
		"", "a=b+c%26%2541&d");
	/* as sent */
	assert_posted("{\"params\":[{\"name\":\"a%20b\",\"value\":\"c+d\"},{\"name\":\"e\",\"value\":\"\"}]}", "",
		"a%20b=c+d&e=");
	assert_posted(
		"{\"params\":[{\"name\":\"a\",\"value\":\"1\"},{\"name\":\"f\",\"fileName\":\"x\\\".txt\",\"contentType\":\"text/plain\"}]}",
		type,
		"----b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n----b\r\nContent-Disposition: form-data; name=\"f\"; "
		"filename=\"x%22.txt\"\r\nContent-Type: text/plain\r\n\r\n\r\n----b--\r\n");
	assert_posted("{\"mimeType\":\"application/json\",\"params\":[{\"name\":\"a\"}]}", "", "");
	assert_posted("{\"text\":\"x\",\"params\":[{\"name\":\"a\"}]}", "", "x");
}

/* Missing and mistyped members are none; what has no request is left out, and the rest comes. */
static void test_mistyped(void **state)
{
	static const char entries[] =
		"1,{},{\"request\":7},{\"request\":{\"url\":9}},{\"request\":{\"url\":\"\"}},[],null,\"x\",{\"request\":{\"url\":\"u\",\"x\":[1,],}},"
		"{\"request\":{\"url\":\"http://a.test/\",\"method\":[],\"headers\":{\"a\":1},\"cookies\":7,\"httpVersion\":1,\"headersSize\":\"x\","
		"\"postData\":[]},\"response\":{\"status\":\"404\",\"headers\":[1,{},{\"name\":1},{\"name\":\"a\"},{\"value\":\"b\"}],\"content\":\"t\"},"
		"\"timings\":[],\"time\":\"12\",\"startedDateTime\":[],\"serverIPAddress\":1,\"comment\":{},\"_flowId\":[]}";
	struct har_rig *rig = rig_new();
	const struct exchange_facts *x;

	(void)state;
	rig_read_entries(rig, entries);
	assert_int_equal(rig->entries, 1);
	assert_int_equal(rig->n, 1);
	assert_non_null(strstr(rig->left_out, "1@"));
	assert_non_null(strstr(rig->left_out, ": it is not an object\n"));
	assert_non_null(strstr(rig->left_out, ": it has no request\n"));
	assert_non_null(strstr(rig->left_out, ": its request has no url\n"));
	assert_non_null(strstr(rig->left_out, "9@"));
	assert_non_null(strstr(rig->left_out, "its JSON is damaged at its byte"));
	assert_null(strstr(rig->left_out, "10@"));
	x = &rig->records[0]->facts;
	assert_str(x->request->method_name, "GET");
	assert_int_equal(x->response->status, 404);
	assert_int_equal(x->duration_us, 12000);
	assert_int_equal(x->response->fields.n, 1);
	assert_true(x->started_us > INT64_C(1700000000000000));
	assert_int_equal(x->hops->times.wait_us, -1);
	rig_free(rig);
}

static void assert_target(const char *url, const char *host, int port, const char *path)
{
	struct har_rig *rig = rig_new();
	char entry[512];
	const struct exchange_facts *x;

	snprintf(entry, sizeof(entry), "{\"request\":{\"url\":\"%s\"}}", url);
	x = rig_one(rig, entry);
	assert_str(x->url, url);
	assert_int_equal(x->has_target, host != NULL);
	if (host != NULL) {
		assert_str(x->target.authority.host, host);
		assert_int_equal(x->target.authority.port, port);
		assert_str(x->target.path, path);
	}
	rig_free(rig);
}

static void test_urls(void **state)
{
	(void)state;
	assert_target("http://A.test:81/b#c", "a.test", 81, "/b");
	assert_target("wss://a.test/socket", "a.test", 443, "/socket");
	assert_target("ws://a.test", "a.test", 80, "/");
	assert_target("http://a.test/a b?\xc3\xa9", "a.test", 80, "/a%20b?%C3%A9");
	assert_target("http://user:pass@a.test/", "a.test", 80, "/");
	assert_target("data:text/plain,x", NULL, 0, NULL);
	assert_target("chrome-extension://abc/x.js", NULL, 0, NULL);
	assert_target("nonsense", NULL, 0, NULL);
}

/* What the fields of the response are, for a text of a type, with a coding. */
static void assert_fields(const char *type, const char *more, const char *text, const char *expected)
{
	struct har_rig *rig = rig_new();
	char entry[512], got[512] = "";
	const struct message *m;

	snprintf(entry, sizeof(entry),
		"{\"request\":{\"url\":\"http://a.test/\"},\"response\":{\"status\":200,\"headers\":[{\"name\":\"content-encoding\",\"value\":\"gzip\"},"
		"{\"name\":\"Content-Type\",\"value\":\"%s\"}],\"content\":{%s\"text\":\"%s\"}}}",
		type, more, text);
	m = rig_one(rig, entry)->response;
	for (size_t i = 0; i < m->fields.n; i++) {
		const struct field *f = rig_field(m, i);
		size_t n = strlen(got);

		snprintf(got + n, sizeof(got) - n, "%.*s: %.*s\n", STR_ARG(f->name), STR_ARG(f->value));
	}
	assert_string_equal(got, expected);
	rig_free(rig);
}

/* Nobody is to undo again what was undone. */
static void test_undone(void **state)
{
	(void)state;
	assert_fields("text/html", "", "caf\xc3\xa9", "Content-Encoding (undone): gzip\nContent-Type: text/html\n");
	assert_fields("text/html; charset=iso-8859-1", "", "plain",
		"Content-Encoding (undone): gzip\nContent-Type: text/html; charset=iso-8859-1\n");
	assert_fields("text/html; charset=iso-8859-1", "", "caf\xc3\xa9",
		"Content-Encoding (undone): gzip\nContent-Type (as sent): text/html; charset=iso-8859-1\nContent-Type: text/html; charset=utf-8\n");
	assert_fields("text/html", "", "<meta charset=iso-8859-1>\xc3\xa9",
		"Content-Encoding (undone): gzip\nContent-Type (as sent): text/html\nContent-Type: text/html; charset=utf-8\n");
	assert_fields("text/html; charset=iso-8859-1", "\"encoding\":\"base64\",",
		"w6k=", "Content-Encoding (undone): gzip\nContent-Type: text/html; charset=iso-8859-1\n");
	assert_fields("text/html", "\"_contentEncoding\":\"gzip\",\"encoding\":\"base64\",", "AAAA",
		"content-encoding: gzip\nContent-Type: text/html\n");
	assert_fields("text/html", "", "", "content-encoding: gzip\nContent-Type: text/html\n");
}

/* What careless writers put into strings. */
static void test_mended(void **state)
{
	struct har_rig *rig = rig_new();

	(void)state;
	rig_one(rig,
		"{\"request\":{\"url\":\"http://a.test/\"},\"_a\":\"\xff\\ud800x\tz\\udc00\\ud83d\\ude00\",\"response\":{\"status\":200,"
		"\"content\":{\"text\":\"\xff\\ud800x\tz\\u0000\"}}}");
	assert_str(rig_extra(rig->records[0], 1),
		"{\"request\":{\"url\":\"http://a.test/\"},\"_a\":\"\xef\xbf\xbd\xef\xbf\xbdx\\u0009z\xef\xbf\xbd\\ud83d\\ude00\",\"response\":{\"status\":200,"
		"\"content\":{\"text\":\"\"}}}");
	assert_body(rig->records[0], 1, BODY_DOWN, "\xff\xef\xbf\xbdx\tz");
	assert_int_equal(rig->records[0]->facts.response_body_bytes, 8);
	rig_free(rig);
}

static void test_log(void **state)
{
	static const char har[] =
		"\xef\xbb\xbf\n{\"x\":[{}],\"log\":{\"version\":\"1.2\",\"pages\":[{\"id\":\"p\",\"title\":\"}]\"}],\"entries\":[ \n"
		"{\"request\":{\"url\":\"http://a.test/\"}} ] , \"comment\" : \"behind\"},\"y\":1} \n";
	struct har_rig *rig = rig_new();

	(void)state;
	assert_true(rig_read(rig, STR(har)));
	assert_string_equal(rig->log,
		"{\"version\":\"1.2\",\"pages\":[{\"id\":\"p\",\"title\":\"}]\"}],\"comment\":\"behind\"}");
	assert_int_equal(rig->logs, 1);
	assert_int_equal(rig->n, 1);
	assert_int_equal(rig->progress, sizeof(har) - 1);
	rig_free(rig);
}

static void test_empty_log(void **state)
{
	struct har_rig *rig = rig_new();

	(void)state;
	assert_true(rig_read(rig, STR("{\"log\":{\"entries\":[]}}")));
	assert_string_equal(rig->log, "{}");
	assert_int_equal(rig->n, 0);
	rig_free(rig);
}

static void assert_refused(const char *har, size_t len, const char *why, size_t flows)
{
	struct har_rig *rig = rig_new();

	assert_false(rig_read(rig, (struct str){har, len}));
	assert_string_equal(rig->why, why);
	assert_int_equal(rig->n, flows);
	assert_int_equal(rig->logs, flows > 0);
	rig_free(rig);
}

static void test_no_har(void **state)
{
	(void)state;
	assert_refused("", 0, "at byte 0: the file is empty", 0);
	assert_refused("PK\003\004", 4, "at byte 0: this is no HAR file: it is not a JSON object", 0);
	assert_refused("{}", 2, "at byte 2: this is no HAR file: it has no log", 0);
	assert_refused("{\"log\":[]}", 10, "at byte 7: log is not an object", 0);
	assert_refused("{\"log\":{}}", 10, "at byte 10: this is no HAR file: its log has no entries", 0);
	assert_refused("{\"log\":{\"entries\":{}}}", 22, "at byte 18: entries is not an array", 0);
	assert_refused("{\"log\"", 6, "at byte 6: the file ends in the middle", 0);
	assert_refused("{\"log\":{\"a\":]}", 14, "at byte 12: this is not JSON", 0);
}

/* What stands before the place where it breaks off is taken. */
static void test_cut_short(void **state)
{
	static const char har[] =
		"{\"log\":{\"entries\":[{\"request\":{\"url\":\"http://a.test/\"}},{\"request\":{\"url\":\"http://a.test/\"}}]}}";
	size_t first = (size_t)(strstr(har, "},{") + 1 - har), second = (size_t)(strstr(har, "}}]") + 2 - har);
	char why[128];

	(void)state;
	for (size_t n = first; n < sizeof(har) - 2; n++) {
		snprintf(why, sizeof(why), "at byte %zu%s: the file ends in the middle", n,
			n > first && n < second ? " (entry 2)" : "");
		assert_refused(har, n, why, n < second ? 1 : 2);
	}
}

static void test_enough(void **state)
{
	static const char har[] =
		"{\"log\":{\"entries\":[{\"request\":{\"url\":\"u\"}},{\"request\":{\"url\":\"u\"}},{\"request\":{\"url\":\"u\"}}]}}";
	struct har_rig *rig = rig_new();

	(void)state;
	rig->max = 2;
	assert_false(rig_read(rig, STR(har)));
	assert_string_equal(rig->why, "");
	assert_int_equal(rig->n, 2);
	rig_free(rig);
}

static bool note_cut(void *owner, struct har_cut *cut)
{
	char *seen = owner;
	size_t n = strlen(seen);

	snprintf(seen + n, 64, "%zu%s ", cut->number, cut->is_too_long ? " is too long" : "");
	return true;
}

/* An entry that does not fit is passed over, wherever it is long; the others come. */
static void test_too_long(void **state)
{
	static const char har[] =
		"{\"log\":{\"entries\":[{\"a\":1},{\"a\":\"0123456789012345678901234567890123456789\",\"b\":{\"c\":[]}},"
		"{\"response\":{\"content\":{\"text\":\"0123456789012345678901234567890123456789\"}}},{\"b\":2}]}}";
	char seen[256] = "", why[128] = "";
	const struct har_scan_needs needs = {.on_entry = note_cut, .owner = seen, .max_entry_bytes = 60};
	FILE *f = fmemopen((char *)(uintptr_t)har, sizeof(har) - 1, "rb");

	(void)state;
	assert_non_null(f);
	assert_true(har_scan(f, &needs, NULL, NULL, why, sizeof(why)));
	assert_string_equal(seen, "1 2 is too long 3 is too long 4 ");
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chromium),
		cmocka_unit_test(test_extra),
		cmocka_unit_test(test_text_that_is_no_base64),
		cmocka_unit_test(test_long_body),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_posted),
		cmocka_unit_test(test_mistyped),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_undone),
		cmocka_unit_test(test_mended),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_empty_log),
		cmocka_unit_test(test_no_har),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_enough),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
