/* Stored requests as curl commands: what a shell reads in them, and what is said about what curl cannot do. */
#include "query_run.h"
#include "store/export/curl_command.h"
#include "store/export/shell_quote.h"

#include <fcntl.h>
#include <sys/wait.h>

static void write_file(const char *path, struct str s)
{
	FILE *f = fopen(path, "w");

	assert_true(f != NULL);
	assert_int_equal(fwrite(s.p, 1, s.len, f), s.len);
	assert_int_equal(fclose(f), 0);
}

/* Runs a script; what it writes goes to a file. */
static void run_shell(const char *shell, const char *script, const char *output)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);

		if (fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0)
			execlp(shell, shell, script, (char *)NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* What a shell prints for the words, through its printf. */
static void assert_shell(const char *shell, struct str word, const void *expected, size_t len)
{
	char script[192], output[192], got[4096];
	struct text t = {NULL, 0, 0};
	FILE *f;

	snprintf(script, sizeof(script), "%s/script", folder.path);
	snprintf(output, sizeof(output), "%s/output", folder.path);
	text_put(&t, STR("printf %s "));
	text_put(&t, word);
	write_file(script, text_str(&t));
	text_fini(&t);
	run_shell(shell, script, output);
	f = fopen(output, "r");
	assert_true(f != NULL);
	assert_int_equal(fread(got, 1, sizeof(got), f), len);
	assert_memory_equal(got, expected, len);
	fclose(f);
}

static void check_word(struct str s)
{
	struct text word = {NULL, 0, 0};

	shell_word(&word, s);
	for (size_t i = 0; i < word.len; i++)
		assert_true((unsigned char)word.p[i] >= 0x20 || word.p[i] == '\n' || word.p[i] == '\t');
	assert_shell("dash", text_str(&word), s.p, s.len);
	assert_shell("bash", text_str(&word), s.p, s.len);
	text_fini(&word);
}

static void test_words(void **state)
{
	static const char *const texts[] = {"", "plain", "it's", "'''", "$HOME `id` $(id) \\ \\n !! * ? ~ # & | ; < > \"",
		"a\nb\tc\n", "-n", "%s%%", "\xc3\xa9\xe2\x82\xac", "\x1b[31m", "a\rb", "\xff\xfe", "\xe2\x80\xae", "-\x01",
		"\\\x01'%\"$`!", "\x7f"};
	char all[255];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_word(str_of(texts[i]));
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)(i + 1);
	check_word((struct str){all, sizeof(all)});
	for (size_t i = 0; i < sizeof(all); i++) {
		if (all[i] != '\n') /* a line end at the end is lost behind $( */
			check_word((struct str){all + i, 1});
	}
}

static void test_printf(void **state)
{
	struct text word = {NULL, 0, 0};
	char all[256];

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	text_put(&word, STR("'' ; ")); /* behind the printf of assert_shell */
	shell_printf(&word, (struct str){all, sizeof(all)});
	assert_shell("dash", text_str(&word), all, sizeof(all));
	assert_shell("bash", text_str(&word), all, sizeof(all));
	text_fini(&word);
}

/* A flow with one hop, whose request is the client's but for the target. */
static void one_hop(struct flow_fixture *f, const char *method, const char *path)
{
	static char target[256];

	fixture_lead(f, "http://example.com/");
	snprintf(target, sizeof(target), "http://example.com%s", path);
	f->request.method_name = f->sent.method_name = str_of(method);
	f->request.target = f->x.url = f->hops[1].url = str_of(target);
	f->sent.target = str_of(target + strlen("http://example.com"));
}

static void write_with_body(const struct flow_fixture *f, struct str body)
{
	struct store *s = start(MAX_FLOWS);
	struct record *r = record_new(&f->x);
	struct body_part *p = body_part_new(1, BODY_UP, 0, body.len);

	memcpy(p->bytes, body.p, body.len);
	p->len = body.len;
	record_add_part(r, p);
	assert_true(ring_push(store_add_ring(s), r));
	store_stop(s);
}

struct asked {
	struct reader *reader;
	int64_t hop;
	const struct redactor *redactor;
	struct text text;
};

static bool on_flow(void *owner, const struct flow_view *v)
{
	struct asked *a = owner;

	assert_true(curl_put_command(&a->text, a->reader, v, a->hop, a->redactor));
	text_byte(&a->text, '\0');
	return true;
}

static void assert_command_by(const struct redactor *redactor, uint64_t id, int64_t hop, const char *expected)
{
	struct asked a = {open_reader(), hop, redactor, {NULL, 0, 0}};

	assert_true(reader_flow(a.reader, id, on_flow, &a));
	assert_non_null(a.text.p);
	assert_string_equal(a.text.p, expected);
	text_fini(&a.text);
	reader_close(a.reader);
}

static void assert_command(uint64_t id, int64_t hop, const char *expected)
{
	assert_command_by(NULL, id, hop, expected);
}

#define FIELDS " \\\n  -H 'uSER-aGENT: test \"quoted\"' \\\n  -H 'X-Twice: one' \\\n  -H 'X-Twice: two'"

static void test_get(void **state)
{
	struct flow_fixture f;

	(void)state;
	fixture_init(&f, 1);
	one_hop(&f, "GET", "/a?b=c");
	write_one(&f.x);
	assert_command(1, 0,
		"# flow 1: GET http://example.com/a?b=c\ncurl 'http://example.com/a?b=c'" FIELDS " \\\n  -H 'Accept:'\n");
	assert_command(1, 1,
		"# flow 1, hop 1: GET http://example.com/a?b=c\ncurl 'http://example.com/a?b=c'" FIELDS
		" \\\n  -H 'Accept:'\n");
	assert_command(1, 2, "# flow 1 has no hop 2, but 1\n");
}

static void test_targets(void **state)
{
	static const struct {
		const char *method, *path, *line;
	} rows[] = {
		{"GET", "/a/../b", "curl http://example.com/a/../b \\\n  --path-as-is"},
		{"GET", "/%2E%2e/", "curl http://example.com/%2E%2e/ \\\n  --path-as-is"},
		{"GET", "/{a}[1]", "curl 'http://example.com/{a}[1]' \\\n  --globoff"},
		{"GET", "/?", "curl http://example.com/ \\\n  --request-target '/?'"},
		{"GET", "/a|b'", "curl http://example.com/ \\\n  --request-target '/a|b'\\'''"},
		{"DELETE", "/", "curl http://example.com/ \\\n  --request DELETE"},
		{"HEAD", "/", "curl http://example.com/ \\\n  --head"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct flow_fixture f;
		char expected[512];

		fixture_init(&f, i + 1);
		one_hop(&f, rows[i].method, rows[i].path);
		write_one(&f.x);
		snprintf(expected, sizeof(expected), "# flow %zu: %s http://example.com%s\n%s" FIELDS " \\\n  -H 'Accept:'\n",
			i + 1, rows[i].method, rows[i].path, rows[i].line);
		assert_command(i + 1, 0, expected);
	}
}

static void test_fields(void **state)
{
	struct flow_fixture f;

	(void)state;
	fixture_init(&f, 1);
	one_hop(&f, "GET", "/");
	f.request_fields[0] = (struct field){STR("Proxy-Authorization"), STR("Basic x")};
	f.request_fields[1] = (struct field){STR("Empty"), STR("")};
	f.request_fields[2] = (struct field){STR("hOST"), STR("other.example")};
	f.request_fields[3] = (struct field){STR("X"), STR("\x1b]0;$(id)\x07\xff")};
	f.request.version = VERSION_1_0;
	write_one(&f.x);
	assert_command(1, 0,
		"# flow 1: GET http://example.com/\n"
		"# Proxy-Authorization is left out: it was for the proxy\n"
		"# Host was field 3; curl always sends it first\n"
		"# Host was written hOST; curl always writes Host\n"
		"curl http://example.com/ \\\n  --http1.0 \\\n  -H 'Empty;' \\\n  -H 'hOST: other.example' \\\n"
		"  -H \"$(printf 'X: \\033]0;$(id)\\007\\377')\" \\\n  -H 'User-Agent:' \\\n  -H 'Accept:'\n");
}

/* What browsers write of HTTP/2, and names that curl would take for something else. */
static void test_names(void **state)
{
	struct flow_fixture f;

	(void)state;
	fixture_init(&f, 1);
	one_hop(&f, "GET", "/");
	f.request_fields[0] = (struct field){STR(":authority"), STR("example.com")};
	f.request_fields[1] = (struct field){STR(":path"), STR("/")};
	f.request_fields[2] = (struct field){STR("@secret"), STR("b")};
	f.request_fields[3] = (struct field){STR(""), STR("c")};
	write_one(&f.x);
	assert_command(1, 0,
		"# flow 1: GET http://example.com/\n"
		"# @secret is left out: no field has such a name\n"
		"#  is left out: no field has such a name\n"
		"curl http://example.com/ \\\n  -H 'User-Agent:' \\\n  -H 'Accept:'\n");
	f.x.id = 2;
	f.request_fields[0].value = STR("other.example");
	f.request_fields[2] = f.request_fields[3] = f.request_fields[1];
	write_one(&f.x);
	assert_command(2, 0,
		"# flow 2: GET http://example.com/\n"
		"curl http://example.com/ \\\n  -H 'Host: other.example' \\\n  -H 'User-Agent:' \\\n  -H 'Accept:'\n");
	f.x.id = 3;
	f.request.version = VERSION_2;
	f.request_fields[0] = f.request_fields[1];
	write_one(&f.x);
	assert_command(3, 0,
		"# flow 3: GET http://example.com/\ncurl http://example.com/ \\\n  -H 'User-Agent:' \\\n  -H 'Accept:'\n");
}

/* The body of an imported request is not as it was sent. */
static void test_undone(void **state)
{
	struct flow_fixture f;

	(void)state;
	fixture_init(&f, 1);
	one_hop(&f, "POST", "/");
	f.request_fields[0] = (struct field){STR("Content-Encoding (undone)"), STR("br")};
	f.request_fields[1] = (struct field){STR("Content-Type (as sent)"), STR("text/plain")};
	f.request_fields[2] = (struct field){STR("Content-Type"), STR("text/plain; charset=utf-8")};
	f.request_fields[3] = (struct field){STR("Content-Length"), STR("9")};
	f.x.request_body_bytes = f.hops[1].request_body_bytes = 9;
	write_with_body(&f, STR("12345"));
	assert_command(1, 0,
		"# flow 1: POST http://example.com/\n"
		"# the body is as the imported file has it: without its content coding, texts in UTF-8\n"
		"curl http://example.com/ \\\n  -H 'Content-Type: text/plain; charset=utf-8' \\\n"
		"  -H 'Host:' \\\n  -H 'User-Agent:' \\\n  -H 'Accept:' \\\n  -H 'Expect:' \\\n  --data-raw 12345\n");
}

static void test_bodies(void **state)
{
	struct flow_fixture f;

	(void)state;
	fixture_init(&f, 1);
	one_hop(&f, "POST", "/");
	f.request_fields[2] = (struct field){STR("Content-Length"), STR("5")};
	f.x.request_body_bytes = f.hops[1].request_body_bytes = 5;
	write_with_body(&f, STR("@a'b\n"));
	assert_command(1, 0,
		"# flow 1: POST http://example.com/\ncurl http://example.com/ \\\n"
		"  -H 'uSER-aGENT: test \"quoted\"' \\\n"
		"  -H 'Content-Length: 5' \\\n  -H 'X-Twice: two' \\\n  -H 'Accept:' \\\n"
		"  -H 'Content-Type:' \\\n  -H 'Expect:' \\\n"
		"  --data-raw '@a'\\''b\n'\n");
	f.x.id = 2;
	write_with_body(&f, STR("a\0%\\\xff"));
	assert_command(2, 1,
		"# flow 2, hop 1: POST http://example.com/\n{\n  printf 'a\\000%%\\134\\377'\n} | curl http://example.com/ \\\n"
		"  -H 'uSER-aGENT: test \"quoted\"' \\\n  -H 'Content-Length: 5' \\\n  -H 'X-Twice: two' \\\n"
		"  -H 'Accept:' \\\n"
		"  -H 'Content-Type:' \\\n  -H 'Expect:' \\\n  --data-binary @-\n");
	f.x.id = 3;
	f.x.request_body_bytes = f.hops[1].request_body_bytes = 9;
	write_with_body(&f, STR("12345"));
	assert_command(3, 0,
		"# flow 3: POST http://example.com/\n# the last 4 bytes of the body are missing: they were not kept\n"
		"curl http://example.com/ \\\n"
		"  -H 'uSER-aGENT: test \"quoted\"' \\\n  -H 'X-Twice: two' \\\n  -H 'Accept:' \\\n"
		"  -H 'Content-Type:' \\\n  -H 'Expect:' \\\n  --data-raw 12345\n");
}

static void test_tunnel(void **state)
{
	struct flow_fixture f;

	(void)state;
	fixture_init(&f, 1);
	fixture_tunnel(&f);
	write_one(&f.x);
	assert_command(1, 0,
		"# flow 1: CONNECT example.com:443\n"
		"# a tunnel: what went through it is in flows of its own, where it was opened\n");
}

static void test_redacted(void **state)
{
	static char *names[] = {(char *)"token"};
	static const struct text_list list = {names, 1};
	struct redact_options o = {folder.data, &list, &list, &list};
	char why[WHY_BYTES] = "", expected[1024];
	struct text hash = {NULL, 0, 0};
	struct flow_fixture f;
	struct redactor *r;

	(void)state;
	fixture_init(&f, 1);
	one_hop(&f, "PUT", "/?token=x");
	f.request_fields[1] = (struct field){STR("Content-Type"), STR("application/json")};
	f.request_fields[2] = (struct field){STR("Content-Length"), STR("13")};
	f.request_fields[3] = (struct field){STR("Authorization"), STR("Bearer x")};
	f.x.request_body_bytes = f.hops[1].request_body_bytes = 13;
	write_with_body(&f, STR("{\"token\":\"x\"}"));
	r = redactor_new(&o, why, sizeof(why));
	assert_string_equal(why, "");
	redact_field(r, &hash, STR("token"), STR("x"));
	text_byte(&hash, '\0');
	snprintf(expected, sizeof(expected),
		"# flow 1: PUT http://example.com/?token=%s\n"
		"# secrets are replaced by redacted-\xe2\x80\xa6: it does not do as it is (viaduct export --with-secrets)\n"
		"curl 'http://example.com/?token=%s' \\\n  --request PUT \\\n  -H 'Content-Type: application/json' \\\n"
		"  -H 'Authorization: Bearer %s' \\\n  -H 'User-Agent:' \\\n  -H 'Accept:' \\\n  -H 'Expect:' \\\n"
		"  --data-raw '{\"token\":\"%s\"}'\n",
		hash.p, hash.p, hash.p, hash.p);
	assert_command_by(r, 1, 0, expected);
	redactor_unref(r);
	text_fini(&hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_words),
		STORE_TEST(test_printf),
		STORE_TEST(test_get),
		STORE_TEST(test_targets),
		STORE_TEST(test_fields),
		STORE_TEST(test_names),
		STORE_TEST(test_undone),
		STORE_TEST(test_bodies),
		STORE_TEST(test_tunnel),
		STORE_TEST(test_redacted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
