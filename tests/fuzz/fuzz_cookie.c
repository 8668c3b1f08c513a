/* Cookies of a chain, on lines as they come. The input is lines: the first byte picks the host that answers with what stands
 * behind it as Set-Cookie. No control byte comes out; nothing goes to a host that it does not belong to; the client gets
 * nothing that belongs to another host only. */
#include "http/jar.h"

#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1750000000)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char *const urls[] = {
	"http://www.site.example/a/b", /* what the client asked for */
	"https://www.site.example/a/c?d",
	"https://login.site.example/;e/f",
	"http://site.example/",
	"https://127.0.0.1/g/",
	"http://unrelated.example/h/i/j",
};
enum { URLS = sizeof(urls) / sizeof(*urls) };

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void require_clean(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		require(((unsigned char)s.p[i] >= 0x20 || s.p[i] == '\t') && s.p[i] != 0x7f);
}

static struct url url_at(struct arena *a, size_t i)
{
	struct url u;

	require(url_parse_target(a, str_of(urls[i]), &u) == ERR_none);
	return u;
}

/* What a cookie that is taken must be. */
static void check_cookie(struct arena *a, struct str line, const struct url *from)
{
	struct cookie c;

	if (cookie_parse(a, line, from, NOW, &c) != COOKIE_OK)
		return;
	require_clean(line);
	require(c.name.len + c.value.len > 0 && c.name.len + c.value.len <= 4096);
	require(cookie_domain_covers(c.domain, from->authority.host));
	require(!c.is_host_only || str_eq(c.domain, from->authority.host));
	require(c.path.len > 0 && c.path.p[0] == '/');
	require(!c.is_secure || from->scheme == SCHEME_HTTPS);
}

/* The hosts that answered are marked in the values of their cookies: "<0>" and so on. */
static bool is_marked(struct str s, size_t host)
{
	char mark[] = {'<', (char)('0' + host), '>'};

	return s.len > 0 && memmem(s.p, s.len, mark, sizeof(mark)) != NULL;
}

static size_t count(struct str s, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.p[i] == c;
	return n;
}

/* Beside what a client sends of its own, however long that is. */
static void check_bounds(const struct jar *j, struct arena *a, const struct url *to)
{
	static const size_t lengths[] = {JAR_FIELD_BYTES - 20000, JAR_FIELD_BYTES - 1, JAR_FIELD_BYTES + 1000};
	static char own[JAR_FIELD_BYTES + 1000];

	memset(own, 'o', sizeof(own));
	memcpy(own, "a=1;  ; b;own=", 14);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		bool is_full;
		struct str sent = jar_cookie_field(j, a, to, (struct str){own, lengths[i]}, NOW, &is_full);

		require(!is_full);
		require(sent.len <= (lengths[i] > JAR_FIELD_BYTES ? lengths[i] : JAR_FIELD_BYTES));
		require(jar_names_sent(j, a, to, sent, NOW).len <= sent.len + 2 * count(sent, ';'));
	}
}

static void check_field(const struct jar *j, struct arena *a, size_t at)
{
	static const struct {
		size_t from, to;
	} strangers[] = {{0, 4}, {0, 5}, {1, 4}, {1, 5}, {2, 4}, {2, 5}, {3, 4}, {3, 5}, {4, 0}, {4, 1}, {4, 2}, {4, 3}, {4, 5},
		{5, 0}, {5, 1}, {5, 2}, {5, 3}, {5, 4}};
	struct url to = url_at(a, at);
	bool is_full;
	struct str alone = jar_cookie_field(j, a, &to, STR_NONE, NOW, &is_full);
	struct str over = jar_cookie_field(j, a, &to, STR("a=1; b; c=\"d\";; e=5"), NOW, &is_full);

	require(!is_full);
	require_clean(alone);
	require_clean(over);
	require_clean(jar_names_sent(j, a, &to, over, NOW));
	require(alone.len == 0 || count(alone, ';') < JAR_COOKIES);
	check_bounds(j, a, &to);
	require(over.len >= alone.len); /* the overlay loses nothing of the jar */
	for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++)
		require(strangers[i].to != at || !is_marked(over, strangers[i].from));
}

static void check_given(struct jar *j, struct arena *a)
{
	struct url first = url_at(a, 0), secure = url_at(a, 1); /* the same host */
	struct fields to = {0};
	size_t bytes = 0;

	require(jar_give(j, a, &first, &to));
	require(to.n <= JAR_COOKIES + 1); /* one line of the latest response */
	for (size_t i = 0; i < to.n; i++) {
		struct cookie c;

		bytes += i + 1 < to.n ? to.v[i].value.len : 0;
		require_clean(to.v[i].value);
		require(!is_marked(to.v[i].value, 4) && !is_marked(to.v[i].value, 5));
		/* of a neighbour only what says that it is for the first host too */
		if (cookie_parse(a, to.v[i].value, &secure, NOW, &c) == COOKIE_OK &&
			(is_marked(to.v[i].value, 2) || is_marked(to.v[i].value, 3)))
			require(!c.is_host_only);
	}
	require(bytes <= JAR_BYTES);
}

/* The line with the mark of its host behind name and value. Marks come from here only. */
static struct str marked(struct arena *a, struct str line, size_t host)
{
	size_t end = str_find(line, ';'), n = 0;
	char *text = arena_alloc(a, line.len + 3);

	require(text != NULL);
	for (size_t i = 0; i <= line.len; i++) {
		if (i == end) {
			text[n++] = '<';
			text[n++] = (char)('0' + host);
			text[n++] = '>';
		}
		if (i < line.len)
			text[n++] = line.p[i] == '<' ? '(' : line.p[i];
	}
	return (struct str){text, n};
}

/* One answer with one line: the first byte says whose. */
static void take(struct jar *j, struct arena *a, struct str line)
{
	size_t host = line.len > 0 ? (unsigned char)line.p[0] % URLS : 0;
	struct url from = url_at(a, host);
	struct cookie_fate *fates;
	struct fields f = {0};

	if (line.len > 0)
		line = marked(a, str_from(line, 1), host);
	require(fields_add(a, &f, STR("Set-Cookie"), line));
	check_cookie(a, line, &from);
	require(jar_take(j, a, &from, &f, NOW, &fates));
	require(fates != NULL && fates->words != NULL);
	require_clean(fates->name);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct str rest = {(const char *)bytes, size};
	struct arena *a = arena_new(64 << 20);
	struct jar j = {0};

	if (size > 64 * 1024)
		rest.len = 64 * 1024;
	while (rest.len > 0) {
		size_t end = str_find(rest, '\n');

		take(&j, a, str_first(rest, end));
		rest = str_from(rest, end < rest.len ? end + 1 : end);
	}
	require(j.n <= JAR_ENTRIES);
	for (size_t i = 0; i < URLS; i++)
		check_field(&j, a, i);
	check_given(&j, a);
	arena_free(a);
	return 0;
}
