/* Secrets replaced in heads: fields, URLs, start lines; the hash, and the key. */
#include "redact_rig.h"

#include <sys/wait.h>

/* Of "a b"; from a second implementation of HMAC-SHA-256. */
#define SECRET "redacted-b809c9d28c8c"

static void check_field(struct rig *rig, const char *name, const char *value, const char *expected)
{
	check(rig, redact_field(rig->r, &rig->out, str_of(name), str_of(value)), value, expected);
}

static void test_fields(void **state)
{
	struct rig *rig = *state;

	check_field(rig, "Accept", "text/html; token=x", "text/html; token=x");
	check_field(rig, "authorization", "Bearer abc", "Bearer #");
	check_field(rig, "Authorization", "Basic  YTpi", "Basic  #");
	check_field(rig, "Proxy-Authorization", "Digest username=\"a\", response=\"b\"", "Digest #");
	check_field(rig, "Authorization", "abcdef", "#");
	check_field(rig, "Authorization", "a-very-long-word-that-is-rather-a-key x", "#");
	check_field(rig, "Authorization", "a=b c", "#");
	check_field(rig, "Authorization", "Basic ", "Basic ");
	check_field(rig, "Authorization", "", "");
	check_field(rig, "x-api-KEY", "Bearer abc", "#");
	check_field(rig, "Cookie", "a=1; b=2;c=;  d ;; e=f=g", "a=#; b=#;c=;  # ;; e=#");
	check_field(rig, "COOKIE", "", "");
	check_field(rig, "Set-Cookie", "sid=abc; Path=/; Secure; sid=x", "sid=#; Path=/; Secure; sid=x");
	check_field(rig, "Set-Cookie", "abc; Path=/", "#; Path=/");
	check_field(rig, "Set-Cookie", "sid=; Max-Age=0", "sid=; Max-Age=0");
}

static void test_fields_with_urls(void **state)
{
	struct rig *rig = *state;

	check_field(rig, "Location", "/a?token=1&x=2", "/a?token=#&x=2");
	check_field(rig, "location", "https://a/#token=1&state=2", "https://a/#token=#&state=2");
	check_field(rig, "Referer", "https://u:p@a/?code=1", "https://#@a/?code=#");
	check_field(rig, "Origin", "https://a", "https://a");
	check_field(rig, "Refresh", "5; URL='/a?token=1'", "5; URL='/a?token=#");
	check_field(rig, "Refresh", "5", "5");
	check_field(rig, "Link", "</a?token=1>; rel=\"next\", <https://u@b/?x=1>; token=2",
		"</a?token=#>; rel=\"next\", <https://#@b/?x=1>; token=2");
	check_field(rig, "Link", "</a?token=1", "</a?token=#");
	check_field(rig, "Link", "none", "none");
	check_field(rig, ":path", "/a?token=1&x=2", "/a?token=#&x=2");
	check_field(rig, "X-Other", "/a?token=1", "/a?token=#");
	check_field(rig, "X-Policy", "a b@c \"https://u@h/r?token=1\" x=1; y <?code=2>",
		"a b@c \"https://#@h/r?token=#\" x=1; y <?code=#>");
	check_field(rig, "X-Other", "token=1", "token=1");
	check_field(rig, "X-Rewrite-URL", "/a", "#"); /* the settings name it */
}

static void check_url(struct rig *rig, const char *url, const char *expected)
{
	check(rig, redact_url(rig->r, &rig->out, str_of(url)), url, expected);
}

static void test_urls(void **state)
{
	struct rig *rig = *state;

	check_url(rig, "", "");
	check_url(rig, "http://a/b?c=d&e", "http://a/b?c=d&e");
	check_url(rig, "http://u:p@a:1/?TOKEN=x", "http://#@a:1/?TOKEN=#");
	check_url(rig, "//u@a/b@c", "//#@a/b@c");
	check_url(rig, "u:p@host:443", "#@host:443");
	check_url(rig, "/p?%74o%6ben=x&a=1&token=", "/p?%74o%6ben=#&a=1&token=");
	check_url(rig, "/p?a=1;token=x;y&b=2", "/p?a=1;token=#&b=2");
	check_url(rig, "/p?token=x;y=z&b=2", "/p?token=#&b=2");
	check_url(rig, "/p?user[password]=x&token[]=y&tokens=z&a.code=1", "/p?user[password]=#&token[]=#&tokens=z&a.code=#");
	check_url(rig, "/p?token=1&u=http://h/", "/p?token=#&u=http://h/");
	check_url(rig, "/p?u=http://h/?token=1&x=2", "/p?u=http://h/?token=#&x=2");
	check_url(rig, "http://a#token=1", "http://a#token=#");
	check_url(rig, "/p?token", "/p?token");
	check_url(rig, "/p?=token&to\xff=1", "/p?=token&to\xff=1");
}

/* What is not replaced stays encoded as it was; what stands beside a secret is encoded again. */
static void test_encoded_urls(void **state)
{
	struct rig *rig = *state;

	check_url(rig, "/p?next=https%3A%2F%2Fx%2F%3Ftoken%3DS%26a%3D1+2&b=%7e",
		"/p?next=https://x/%3Ftoken%3D#%26a%3D1%202&b=%7e");
	check_url(rig, "/p?next=https%3a%2f%2Fx%2F%3Fopen%3DS", "/p?next=https%3a%2f%2Fx%2F%3Fopen%3DS");
	check_url(rig, "/p?next=https%3A%2F%2Fu%3Ap%40x%2F#state=a%3D1%26code%3Dx",
		"/p?next=https://#%40x/#state=a%3D1%26code%3D#");
	check_url(rig, "/p?n=%2F%3Fn%3D%252F%253Ftoken%253DS", "/p?n=/%3Fn%3D/%253Ftoken%253D#");
	check_url(rig, "/to/https%3A%2F%2Fx%3Ftoken%3DS/y", "/to/https://x%3Ftoken%3D#/y");
	check_url(rig, "/p?https%3A%2F%2Fx%3Ftoken%3DS;c%3Dd", "/p?https://x%3Ftoken%3D#;c%3Dd");
	check_url(rig, "/p?a=%&b=%zz&c=%00%3F", "/p?a=%&b=%zz&c=%00%3F");
}

static void check_line(struct rig *rig, const char *line, const char *expected)
{
	check(rig, redact_start_line(rig->r, &rig->out, str_of(line)), line, expected);
}

static void test_start_lines(void **state)
{
	struct rig *rig = *state;

	check_line(rig, "GET /a?token=1 HTTP/1.1", "GET /a?token=# HTTP/1.1");
	check_line(rig, "GET http://u:p@h/ HTTP/1.0", "GET http://#@h/ HTTP/1.0");
	check_line(rig, "CONNECT h:443 HTTP/1.1", "CONNECT h:443 HTTP/1.1");
	check_line(rig, "HTTP/1.1 200 token=1 a?token=2", "HTTP/1.1 200 token=1 a?token=2");
	check_line(rig, "GET /?token=1", "GET /?token=#");
	check_line(rig, "GET  ", "GET  ");
	check_line(rig, "", "");
}

static void check_hash(struct rig *rig, const char *expected)
{
	text_byte(&rig->out, '\0');
	assert_string_equal(rig->out.p, expected);
	text_clear(&rig->out);
}

/* However a secret was sent, its hash is the same; and what was replaced once stays. */
static void test_hash(void **state)
{
	struct rig *rig = *state;
	const uint64_t met = redactor_met(rig->r);

	redact_field(rig->r, &rig->out, STR("X-Api-Key"), STR("a b"));
	check_hash(rig, SECRET);
	redact_query(rig->r, &rig->out, STR("token=a+b"));
	check_hash(rig, "token=" SECRET);
	redact_body(rig->r, &rig->out, STR("application/json"), STR_NONE, STR("{\"password\":\"\\u0061\\u0020b\"}"));
	check_hash(rig, "{\"password\":\"" SECRET "\"}");
	assert_false(redact_field(rig->r, &rig->out, STR("Authorization"), STR("Bearer " SECRET)));
	check_hash(rig, "Bearer " SECRET);
	assert_int_equal(redact_body(rig->r, &rig->out, STR("application/json"), STR_NONE,
				 STR("{\"password\":\"" SECRET "\"}")),
		REDACT_NOTHING);
	assert_false(redact_url(rig->r, &rig->out, STR("http://" SECRET "@h/?token=" SECRET)));
	check_hash(rig, "http://" SECRET "@h/?token=" SECRET);
	assert_int_equal(redactor_met(rig->r) - met, 7);
	redact_body(rig->r, &rig->out, STR("application/json"), STR_NONE, STR("{password}"));
	assert_int_equal(redactor_met(rig->r) - met, 8);
}

static void test_hash_of_characters(void **state)
{
	struct rig *rig = *state;
	struct text plain = {NULL, 0, 0};

	redact_field(rig->r, &plain, STR("X-Api-Key"), STR("\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"/"));
	redact_body(rig->r, &rig->out, STR("application/json"), STR_NONE,
		STR("[{\"password\":\"\\n\\u00e9\\u20AC\\ud83d\\ude00\\\"\\/\"}]"));
	text_byte(&plain, '\0');
	text_byte(&rig->out, '\0');
	assert_non_null(strstr(rig->out.p, plain.p));
	text_fini(&plain);
}

static void test_key_is_made(void **state)
{
	struct rig *rig = *state;
	char path[256], why[WHY_BYTES] = "";
	struct text first = {NULL, 0, 0};
	struct redactor *r;
	struct stat st;

	snprintf(path, sizeof(path), "%s/redact.key", rig->folder.data);
	assert_int_equal(unlink(path), 0);
	r = make(&rig->folder, why);
	assert_non_null(r);
	redact_field(r, &first, STR("X-Api-Key"), STR("a b"));
	redactor_unref(r);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 65);
	r = redactor_ref(rig->r); /* another key */
	redact_field(r, &rig->out, STR("X-Api-Key"), STR("a b"));
	redactor_unref(r);
	assert_memory_not_equal(rig->out.p, first.p, first.len);
	text_clear(&rig->out);
	r = make(&rig->folder, why);
	redact_field(r, &rig->out, STR("X-Api-Key"), STR("a b"));
	assert_memory_equal(rig->out.p, first.p, first.len);
	redactor_unref(r);
	text_fini(&first);
}

/* What a process that makes a redactor gets for a secret, into a pipe. */
static pid_t start_one(const struct folder *f, const int go[2], int to)
{
	pid_t pid = fork();

	if (pid == 0) {
		char why[WHY_BYTES], byte;
		struct text out = {NULL, 0, 0};
		struct redactor *r;

		close(go[1]);
		if (read(go[0], &byte, 1) != 0) /* until all have been started */
			_exit(1);
		r = make(f, why);
		if (!r)
			_exit(2);
		redact_field(r, &out, STR("X-Api-Key"), STR("x"));
		_exit(write(to, out.p, out.len) == (ssize_t)out.len ? 0 : 3);
	}
	return pid;
}

static void test_key_is_one(void **state)
{
	enum { PROCESSES = 16, HASH = 21 };
	struct rig *rig = *state;
	char path[256], got[PROCESSES * HASH];
	pid_t pids[PROCESSES];
	int go[2], from[2], status;
	size_t n = 0;

	snprintf(path, sizeof(path), "%s/redact.key", rig->folder.data);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(pipe(go) + pipe(from), 0);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = start_one(&rig->folder, go, from[1]);
		assert_true(pids[i] > 0);
	}
	close(go[1]);
	close(go[0]);
	for (int i = 0; i < PROCESSES; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	close(from[1]);
	while (n < sizeof(got)) {
		ssize_t k = read(from[0], got + n, sizeof(got) - n);

		assert_true(k > 0);
		n += (size_t)k;
	}
	close(from[0]);
	for (int i = 1; i < PROCESSES; i++)
		assert_memory_equal(got + i * HASH, got, HASH);
}

static void assert_refused(struct rig *rig, const char *word)
{
	char why[WHY_BYTES] = "";

	assert_null(make(&rig->folder, why));
	assert_non_null(strstr(why, "redact.key"));
	assert_non_null(strstr(why, word));
	assert_null(strchr(why, '\n'));
}

static void test_key_cannot_be_had(void **state)
{
	struct rig *rig = *state;
	char path[256], why[WHY_BYTES] = "";
	struct folder none = {.data = "/proc/no/such"};

	write_key(&rig->folder, "short\n", 6);
	assert_refused(rig, "no key");
	write_key(&rig->folder, "g" KEY, sizeof(KEY));
	assert_refused(rig, "no key");
	assert_null(make(&none, why));
	assert_non_null(strstr(why, "cannot be made"));
	snprintf(path, sizeof(path), "%s/redact.key", rig->folder.data);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused(rig, "cannot be read");
	assert_int_equal(rmdir(path), 0);
}

/* The folder is made with the key. */
static void test_folder_is_made(void **state)
{
	struct rig *rig = *state;
	char path[256], why[WHY_BYTES] = "";
	struct redactor *r;
	struct stat st;

	snprintf(path, sizeof(path), "%s/redact.key", rig->folder.data);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(rig->folder.data), 0);
	r = make(&rig->folder, why);
	assert_string_equal(why, "");
	assert_int_equal(stat(rig->folder.data, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	redactor_unref(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REDACT_TEST(test_fields),
		REDACT_TEST(test_fields_with_urls),
		REDACT_TEST(test_urls),
		REDACT_TEST(test_encoded_urls),
		REDACT_TEST(test_start_lines),
		REDACT_TEST(test_hash),
		REDACT_TEST(test_hash_of_characters),
		REDACT_TEST(test_key_is_made),
		REDACT_TEST(test_key_is_one),
		REDACT_TEST(test_key_cannot_be_had),
		REDACT_TEST(test_folder_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
