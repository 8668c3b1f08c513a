/* store/har_content: bodies as text or base64, decoded, cut. */
#include "har_rig.h"

#include "store/har/har_put.h"

#define GZIPPED                                                                                                                \
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00" /* "hello" */

/* A flow of one hop whose response has this head and body. */
static void one_response(struct flow_fixture *f, const char *type, const char *coding, uint64_t bytes)
{
	fixture_init(f, 7);
	fixture_lead(f, "https://other.example/x");
	f->response_fields[0] = (struct field){STR("Content-Type"), str_of(type)};
	f->response_fields[1] = (struct field){STR("Content-Encoding"), str_of(coding)};
	f->hops[1].response_body_bytes = bytes;
}

static json_t *export_response(const char *type, const char *coding, struct str body, uint64_t passed, enum body_cut cut,
	const struct har_options *o)
{
	struct flow_fixture f;
	struct record *r;

	one_response(&f, type, coding, passed);
	r = record_new(&f.x);
	add_body(r, 1, BODY_DOWN, body, cut);
	write_records(&r, 1);
	return export_all(o);
}

static const struct har_options plain = {.version = "1"};

static void a_response_is_text_or_base64(void **state)
{
	static const struct {
		const char *type, *coding;
		struct str body;
		const char *text;
		bool is_base64;
	} rows[] = {
		{"text/plain", "", {"hello", 5}, "hello", false},
		{"text/plain; charset=utf-8", "", {"h\xc3\xa9llo", 6}, "h\xc3\xa9llo", false},
		{"text/plain; charset=iso-8859-1", "", {"h\xe9llo", 5}, "h\xc3\xa9llo", false},
		{"text/html; charset=utf-8", "", {"h\xffllo", 5}, "h\xef\xbf\xbdllo", false},
		{"application/json", "gzip", {GZIPPED, 25}, "hello", false},
		{"text/plain", "br", {"\x0b\x02\x80hello\x03", 9}, "hello", false},
		{"application/octet-stream", "", {"plain all the same", 18}, "plain all the same", false},
		{"image/png", "", {"\x89PNG\r\n\x1a\n\x00", 9}, "iVBORw0KGgoA", true},
		{"application/x-thing", "", {"\x00\x01\x02\xff", 4}, "AAEC/w==", true},
		{"text/plain", "rot13", {"uryyb", 5}, "dXJ5eWI=", true},
		{"text/plain", "gzip", {"no gzip", 7}, "bm8gZ3ppcA==", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *har, *content;

		har = export_response(rows[i].type, rows[i].coding, rows[i].body, rows[i].body.len, CUT_NONE, &plain);
		content = at(ENTRY(har, 0), "response.content");
		assert_at(content, "text", rows[i].text);
		assert_at(content, "mimeType", rows[i].type);
		if (rows[i].is_base64)
			assert_at(content, "encoding", "base64");
		else
			assert_none_at(content, "encoding");
		assert_none_at(content, "_cut");
		json_decref(har);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

static void sizes_of_a_coded_body(void **state)
{
	json_t *har = export_response("text/plain", "gzip", STR(GZIPPED), 25, CUT_NONE, &plain);
	json_t *response = at(ENTRY(har, 0), "response");

	(void)state;
	assert_number_at(response, "content.size", 5);
	assert_number_at(response, "content.compression", 5 - 25);
	assert_number_at(response, "bodySize", 25);
	assert_number_at(response, "headersSize", 130);
	assert_number_at(response, "_transferSize", 155);
	assert_none_at(response, "content._contentEncoding");
	json_decref(har);
}

static void a_coding_that_cannot_be_undone_is_named(void **state)
{
	json_t *har = export_response("text/plain", "rot13", STR("uryyb"), 5, CUT_NONE, &plain);

	(void)state;
	assert_at(ENTRY(har, 0), "response.content._contentEncoding", "rot13");
	assert_none_at(ENTRY(har, 0), "response.content.compression");
	json_decref(har);
}

static void a_cut_body_says_so(void **state)
{
	json_t *har = export_response("text/plain; charset=utf-8", "", STR("caf\xc3"), 1000, CUT_LIMIT, &plain);
	json_t *content = at(ENTRY(har, 0), "response.content");

	(void)state;
	assert_at(content, "text", "caf");
	assert_at(content, "_cut", "limit");
	assert_at(content, "comment", "not the whole body: 1000 bytes passed, 4 were kept (capture.body_limit)");
	assert_number_at(content, "size", 1000);
	json_decref(har);
}

static void a_cut_coded_body_is_shown_as_far_as_it_goes(void **state)
{
	json_t *har = export_response("text/plain", "gzip", (struct str){GZIPPED, 14}, 25, CUT_OVERLOAD, &plain);
	json_t *content = at(ENTRY(har, 0), "response.content");

	(void)state;
	assert_at(content, "_cut", "overload");
	assert_none_at(content, "_contentEncoding");
	json_decref(har);
}

static void a_body_that_was_not_kept(void **state)
{
	struct flow_fixture f;
	json_t *har;

	(void)state;
	one_response(&f, "text/plain", "", 12);
	har = export_record(record_new(&f.x));
	assert_at(ENTRY(har, 0), "response.content._cut", "none");
	assert_none_at(ENTRY(har, 0), "response.content.text");
	assert_number_at(ENTRY(har, 0), "response.content.size", 12);
	json_decref(har);
}

static void an_export_has_a_limit(void **state)
{
	const struct har_options o = {.version = "1", .max_body_bytes = 4};
	json_t *har = export_response("text/plain", "", STR("0123456789"), 10, CUT_NONE, &o);

	assert_at(ENTRY(har, 0), "response.content.text", "0123");
	assert_at(ENTRY(har, 0), "response.content._cut", "export");
	json_decref(har);
	assert_int_equal(teardown(state), 0);
	assert_int_equal(setup(state), 0);
	har = export_response("text/plain", "gzip", STR(GZIPPED), 25, CUT_NONE, &o);
	assert_at(ENTRY(har, 0), "response.content.text", "hell");
	assert_at(ENTRY(har, 0), "response.content._cut", "export");
	json_decref(har);
}

static void a_flow_without_a_body_has_no_text(void **state)
{
	struct flow_fixture f;
	json_t *har;

	(void)state;
	one_response(&f, "text/plain", "", 0);
	har = export_record(record_new(&f.x));
	assert_none_at(ENTRY(har, 0), "request.postData");
	assert_none_at(ENTRY(har, 0), "response.content.text");
	assert_none_at(ENTRY(har, 0), "response.content._cut");
	assert_number_at(ENTRY(har, 0), "response.content.size", 0);
	json_decref(har);
}

static json_t *export_request(const char *type, const char *coding, struct str body)
{
	struct flow_fixture f;
	struct record *r;

	fixture_init(&f, 7);
	fixture_lead(&f, "https://other.example/x");
	f.request_fields[1] = (struct field){STR("Content-Type"), str_of(type)};
	f.request_fields[2] = (struct field){STR("Content-Encoding"), str_of(coding)};
	f.hops[1].request_body_bytes = body.len;
	r = record_new(&f.x);
	add_body(r, 1, BODY_UP, body, CUT_NONE);
	write_records(&r, 1);
	return export_all(&plain);
}

static void a_request_keeps_its_bytes(void **state)
{
	static const struct {
		const char *type, *coding;
		struct str body;
		const char *text, *encoding;
	} rows[] = {
		{"text/plain; charset=iso-8859-1", "", {"h\xe9llo", 5}, "aOlsbG8=", "base64"},
		{"application/octet-stream", "", {"\x00\xff", 2}, "AP8=", "base64"},
		{"application/json", "gzip", {GZIPPED, 25}, "hello", NULL},
		{"", "", {"h\xc3\xa9", 3}, "h\xc3\xa9", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *har = export_request(rows[i].type, rows[i].coding, rows[i].body),
		       *post = at(ENTRY(har, 0), "request.postData");

		assert_at(post, "text", rows[i].text);
		assert_at(post, "mimeType", rows[i].type);
		if (rows[i].encoding)
			assert_at(post, "_encoding", rows[i].encoding);
		else
			assert_none_at(post, "_encoding");
		assert_number_at(ENTRY(har, 0), "request.bodySize", (double)rows[i].body.len);
		json_decref(har);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

static void forms_are_taken_apart(void **state)
{
	json_t *har = export_request("application/x-www-form-urlencoded", "", STR("a=1+2&b=%C3%A9&c")), *post;

	post = at(ENTRY(har, 0), "request.postData");
	assert_at(post, "text", "a=1+2&b=%C3%A9&c");
	assert_at(post, "params.0.value", "1 2");
	assert_at(post, "params.1.value", "\xc3\xa9");
	assert_at(post, "params.2.name", "c");
	json_decref(har);
	assert_int_equal(teardown(state), 0);
	assert_int_equal(setup(state), 0);
	har = export_request("multipart/form-data; boundary=xx", "",
		STR("--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--xx\r\nContent-Disposition: form-data; "
		    "name=\"f\"; filename=\"x.bin\"\r\nContent-Type: image/png\r\n\r\n\xff\xfe\r\n--xx--\r\n"));
	post = at(ENTRY(har, 0), "request.postData");
	assert_at(post, "_encoding", "base64");
	assert_at(post, "params.0.name", "a");
	assert_at(post, "params.0.value", "one");
	assert_at(post, "params.1.fileName", "x.bin");
	assert_at(post, "params.1.contentType", "image/png");
	assert_none_at(post, "params.1.value");
	json_decref(har);
}

static void a_response_made_here_goes_along(void **state)
{
	static struct field fields[] = {{{"Content-Type", 12}, {"text/plain", 10}}};
	struct message made = {.version = VERSION_1_1, .status = 502, .reason = STR("Bad Gateway"), .fields = {fields, 1, 1}};
	struct flow_fixture f;
	struct record *r;
	json_t *har;

	(void)state;
	fixture_init(&f, 7);
	fixture_lead(&f, "https://other.example/x");
	f.hops[1].response = NULL;
	f.hops[1].response_body_bytes = 0;
	f.x.response = &made;
	f.x.response_body_bytes = 4;
	r = record_new(&f.x);
	add_body(r, 0, BODY_DOWN, STR("sigh"), CUT_NONE);
	write_records(&r, 1);
	har = export_all(&plain);
	assert_number_at(ENTRY(har, 0), "response.status", 0);
	assert_at(ENTRY(har, 0), "_asDelivered.line", "HTTP/1.1 502 Bad Gateway");
	assert_at(ENTRY(har, 0), "_asDelivered.headers.0.value", "text/plain");
	assert_at(ENTRY(har, 0), "_asDelivered.content.text", "sigh");
	json_decref(har);
}

static void base64_of_all_lengths(void **state)
{
	static const char *const expected[] = {"", "AA==", "AAE=", "AAEC", "AAECAw=="};
	struct text t = {NULL, 0, 0};

	(void)state;
	for (size_t n = 0; n < sizeof(expected) / sizeof(expected[0]); n++) {
		text_clear(&t);
		har_put_base64(&t, (struct str){"\0\1\2\3", n});
		assert_str(text_str(&t), expected[n]);
	}
	text_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_response_is_text_or_base64),
		STORE_TEST(sizes_of_a_coded_body),
		STORE_TEST(a_coding_that_cannot_be_undone_is_named),
		STORE_TEST(a_cut_body_says_so),
		STORE_TEST(a_cut_coded_body_is_shown_as_far_as_it_goes),
		STORE_TEST(a_body_that_was_not_kept),
		STORE_TEST(an_export_has_a_limit),
		STORE_TEST(a_flow_without_a_body_has_no_text),
		STORE_TEST(a_request_keeps_its_bytes),
		STORE_TEST(forms_are_taken_apart),
		STORE_TEST(a_response_made_here_goes_along),
		STORE_TEST(base64_of_all_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
