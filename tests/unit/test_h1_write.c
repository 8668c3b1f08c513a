/* Heads, chunk lines and trailers as bytes. */
#include "http/h1_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bench {
	struct bufpool *pool;
	struct arena *arena;
	struct bufq out;
	char text[20000];
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	b->pool = bufpool_new(1 << 16);
	b->arena = arena_new(1 << 20);
	bufq_init(&b->out, b->pool);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	bufq_clear(&b->out);
	arena_free(b->arena);
	bufpool_free(b->pool);
	free(b);
	return 0;
}

static const char *taken(struct bench *b)
{
	size_t n = bufq_copy(&b->out, 0, b->text, sizeof(b->text) - 1);

	b->text[n] = '\0';
	bufq_clear(&b->out);
	return b->text;
}

static void add(struct bench *b, struct message *m, struct str name, struct str value)
{
	assert_true(fields_add(b->arena, &m->fields, name, value));
}

static void requests_are_written(void **state)
{
	struct bench *b = *state;
	struct message m = {.is_request = true, .method_name = STR("M-SEARCH"), .target = STR("/a?b"), .version = VERSION_1_0};

	add(b, &m, STR("HOST"), STR("h"));
	add(b, &m, STR("x"), STR(""));
	h1_write_head(&b->out, &m, &(struct sent_framing){0});
	assert_string_equal(taken(b), "M-SEARCH /a?b HTTP/1.1\r\nHOST: h\r\nx: \r\n\r\n");
	h1_write_head(&b->out, &m, &(struct sent_framing){.has_length = true, .length = UINT64_MAX, .close = true});
	assert_string_equal(taken(b),
		"M-SEARCH /a?b HTTP/1.1\r\nHOST: h\r\nx: \r\nContent-Length: 18446744073709551615\r\nConnection: close\r\n\r\n");
}

static void responses_have_our_reason(void **state)
{
	struct bench *b = *state;
	struct message m = {.status = 404, .reason = STR("<script>\r\nX: y"), .version = VERSION_1_0};

	h1_write_head(&b->out, &m, &(struct sent_framing){.has_length = true, .keep_alive = true});
	assert_string_equal(taken(b), "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
	m.status = 299;
	h1_write_head(&b->out, &m, &(struct sent_framing){.upgrade = true});
	assert_string_equal(taken(b), "HTTP/1.1 299 \r\nConnection: upgrade\r\n\r\n");
	h1_write_head(&b->out, &m, &(struct sent_framing){.upgrade = true, .close = true});
	assert_string_equal(taken(b), "HTTP/1.1 299 \r\nConnection: close, upgrade\r\n\r\n");
}

static void framing_of_the_message_is_left_out(void **state)
{
	struct bench *b = *state;
	struct message m = {.status = 200};

	add(b, &m, STR("content-length"), STR("5"));
	add(b, &m, STR("Transfer-Encoding"), STR("gzip"));
	add(b, &m, STR("CONNECTION"), STR("close"));
	add(b, &m, STR("Keep-Alive"), STR("max=5"));
	add(b, &m, STR("Proxy-Connection"), STR("close"));
	add(b, &m, STR("Trailer"), STR("Expires"));
	add(b, &m, STR("A"), STR("b"));
	h1_write_head(&b->out, &m, &(struct sent_framing){0});
	assert_string_equal(taken(b), "HTTP/1.1 200 OK\r\nA: b\r\n\r\n");
	h1_write_head(&b->out, &m, &(struct sent_framing){.is_chunked = true});
	assert_string_equal(taken(b), "HTTP/1.1 200 OK\r\nTrailer: Expires\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n");
}

static void fields_cannot_end_a_line(void **state)
{
	struct bench *b = *state;
	struct message m = {.status = 200};
	struct fields trailers = {0};

	add(b, &m, STR("A"), STR("b\r\nX: y"));
	add(b, &m, STR("A"), STR("b\n"));
	add(b, &m, STR("A"), STR("b\rc"));
	add(b, &m, STR("A"), STR("b\0c"));
	add(b, &m, STR("A\r\nX"), STR("b"));
	add(b, &m, STR(""), STR("b"));
	h1_write_head(&b->out, &m, &(struct sent_framing){0});
	assert_string_equal(taken(b), "HTTP/1.1 200 OK\r\n\r\n");
	assert_true(fields_add(b->arena, &trailers, STR("T"), STR("a\r\n\r\nGET /")));
	assert_true(fields_add(b->arena, &trailers, STR("Content-Length"), STR("1")));
	assert_true(fields_add(b->arena, &trailers, STR("U"), STR("v")));
	h1_write_last_chunk(&b->out, &trailers);
	assert_string_equal(taken(b), "0\r\nU: v\r\n\r\n");
}

static void large_heads_are_whole(void **state)
{
	struct bench *b = *state;
	struct message m = {.status = 200};
	char value[5001] = "";
	const char *text;

	memset(value, 'v', sizeof(value) - 1);
	for (size_t n = 1980; n < 2060; n++) {
		m.fields.n = 0;
		add(b, &m, STR("S"), (struct str){value, n});
		add(b, &m, STR("L"), (struct str){value, 5000});
		add(b, &m, STR("E"), STR("e"));
		h1_write_head(&b->out, &m, &(struct sent_framing){0});
		text = taken(b);
		assert_int_equal(strlen(text), 17 + 3 + n + 2 + 3 + 5000 + 2 + 6 + 2);
		assert_string_equal(text + strlen(text) - 11, "v\r\nE: e\r\n\r\n");
	}
}

static void chunks(void **state)
{
	struct bench *b = *state;

	h1_write_chunk_line(&b->out, 1);
	h1_write_chunk_line(&b->out, 65535);
	h1_write_last_chunk(&b->out, NULL);
	assert_string_equal(taken(b), "1\r\nffff\r\n0\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(requests_are_written, setup, teardown),
		cmocka_unit_test_setup_teardown(responses_have_our_reason, setup, teardown),
		cmocka_unit_test_setup_teardown(framing_of_the_message_is_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(fields_cannot_end_a_line, setup, teardown),
		cmocka_unit_test_setup_teardown(large_heads_are_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(chunks, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
