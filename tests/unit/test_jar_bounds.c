/* The bounds of a chain's cookies: of the jar, of what the next hop gets, and of what the client gets. */
#include "jar_rig.h"

#include <string.h>

static void the_jar_is_bounded(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct url u = url_of(a, AT);
	const struct cookie_fate *fate, *oldest = NULL;
	struct jar j = {0};
	struct fields to = {0};

	(void)state;
	for (int i = 0; i < JAR_COOKIES; i++) {
		fate = take(&j, a, (struct answer){AT, arena_printf(a, "c%d=%d\n", i, i).p});
		assert_string_equal(fate->words, "kept for the chain");
		oldest = oldest ? oldest : fate;
	}
	fate = take(&j, a, (struct answer){AT, "more=1\n"});
	assert_string_equal(fate->words, "refused: there are too many cookies");
	assert_string_equal(take(&j, a, (struct answer){AT, "c7=new\n"})->words, "kept for the chain");
	assert_int_equal(j.n, JAR_COOKIES);
	assert_true(str_starts(field_for(&j, a, AT, "more=0; c7=0"), STR("more=0; c7=new; c0=0; c1=1; ")));
	(void)take(&j, a, (struct answer){AT, "last=1\n"});
	assert_true(jar_give(&j, a, &u, &to));
	assert_string_equal(oldest->client_words, "held back: there are too many cookies");
	assert_string_equal(fate->client_words, "given to the client");
	assert_int_equal(to.n, JAR_COOKIES + 1);
	arena_free(a);
}

/* What comes with the response that is delivered is the client's, whose jar may be larger; of the hops before it only so much. */
static void heads_for_the_client_are_bounded(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct url u = url_of(a, AT);
	const struct cookie_fate *oldest, *early, *late;
	struct jar j = {0};
	struct fields to = {0};

	(void)state;
	oldest = take_hops(&j, a, AT, 1, "first=*\n");
	early = take_hops(&j, a, AT, 8, "c#=*\n");
	assert_string_equal(early->words, "refused: there are too many cookies");
	late = take(&j, a, (struct answer){AT, arena_printf(a, "more=%04000d\n", 1).p});
	assert_true(field_for(&j, a, AT, NULL).len < JAR_BYTES + 100);
	assert_true(jar_give(&j, a, &u, &to));
	assert_string_equal(oldest->client_words, "held back: there are too many cookies");
	assert_string_equal(early->client_words, "given to the client");
	assert_string_equal(late->client_words, "given to the client");
	assert_int_equal(to.n, 9);
	arena_free(a);
}

/* Bytes of the Set-Cookie lines as they are written. */
static size_t bytes_of(const struct fields *f)
{
	size_t bytes = 0;

	for (size_t i = 0; i < f->n; i++)
		bytes += sizeof("Set-Cookie: \r\n") - 1 + f->v[i].value.len;
	return bytes;
}

/* A response without cookies ends the chain. */
static struct fields give_after(struct jar *j, struct arena *a)
{
	struct url u = url_of(a, AT);
	struct fields to = {0};

	(void)take(j, a, (struct answer){AT, ""});
	assert_true(jar_give(j, a, &u, &to));
	return to;
}

/* What is held back takes no room from the rest. */
static void only_what_is_given_counts(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct jar j = {0};
	const struct cookie_fate *junk, *foreign, *good;
	struct fields to;

	(void)state;
	good = take_hops(&j, a, AT, 1, "early#=1\n");
	junk = take_hops(&j, a, AT, 1, "junk=1; X=**********\n");
	foreign = take_hops(&j, a, "http://other.example/dir/", 20, "foreign=*\n");
	(void)take(&j, a, (struct answer){AT, "good=1\n"});
	to = give_after(&j, a);
	assert_string_equal(junk->client_words, "held back: there are too many cookies");
	assert_string_equal(foreign->client_words, "held back: of another host");
	assert_string_equal(good->client_words, "given to the client");
	assert_int_equal(to.n, 2);
	check_field(to.v[0].value, "early0=1", "early");
	check_field(to.v[1].value, "good=1", "good");
	arena_free(a);
}

static void the_last_of_a_cookie_is_given(void **state)
{
	static const char *const given[] = {
		"sid=other; Path=/", "sid=other; Domain=h.example", "gone=x; Max-Age=0", "sid=17; Path=/dir; X="};
	struct arena *a = arena_new(1 << 20);
	struct jar j = {0};
	const struct cookie_fate *old;
	struct fields to;

	(void)state;
	old = take_hops(&j, a, AT, 1, "gone=#\n");
	(void)take(&j, a, (struct answer){AT, "sid=other; Path=/\nsid=other; Domain=h.example\n"});
	(void)take(&j, a, (struct answer){AT, "gone=2\ngone=x; Max-Age=0\n"});
	(void)take_hops(&j, a, AT, 18, "sid=#; Path=/dir; X=*\n");
	to = give_after(&j, a);
	assert_string_equal(old->client_words, "held back: superseded by a later hop");
	assert_int_equal(to.n, sizeof(given) / sizeof(*given));
	for (size_t i = 0; i < to.n; i++)
		assert_true(str_starts(to.v[i].value, str_of(given[i])));
	arena_free(a);
}

/* A client that keeps no Secure cookie over http is left with the one before. */
static void what_a_client_may_refuse_supersedes_nothing(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct jar j = {0};
	struct fields to;

	(void)state;
	(void)take(&j, a, (struct answer){AT, "a=1\n"});
	(void)take(&j, a, (struct answer){AT, "a=2; Secure\n"});
	to = give_after(&j, a);
	assert_int_equal(to.n, 2);
	arena_free(a);
}

/* The newest come first where not all can be given, and what is superseded by one that is too large is not given either. */
static void the_newest_are_given(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct jar j = {0};
	const struct cookie_fate *stale;
	struct fields to;

	(void)state;
	stale = take_hops(&j, a, AT, 1, "b=1; V=#\n");
	(void)take_hops(&j, a, AT, 1, "b=2; X=**********\n");
	(void)take_hops(&j, a, AT, 60, "c#=1\n");
	to = give_after(&j, a);
	assert_string_equal(stale->client_words, "held back: superseded by a later hop");
	assert_int_equal(to.n, JAR_COOKIES);
	check_field(to.v[0].value, "c10=1", "first");
	check_field(to.v[JAR_COOKIES - 1].value, "c59=1", "last");
	arena_free(a);
}

/* Nor is all that a chain sets compared with all: beyond so many cookies the older ones are not looked at. */
static void only_so_many_are_looked_at(void **state)
{
	struct arena *a = arena_new(1 << 22);
	struct jar j = {0};
	const struct cookie_fate *early, *same;
	struct fields to;

	(void)state;
	early = take_hops(&j, a, AT, 1, "early=#\n");
	same = take_hops(&j, a, AT, 1, "late=#\n");
	(void)take_hops(&j, a, AT, JAR_ENTRIES - 1, "c#=*\n");
	(void)take(&j, a, (struct answer){AT, "late=1\n"});
	to = give_after(&j, a);
	assert_string_equal(early->client_words, "held back: there are too many cookies");
	assert_string_equal(same->client_words, "held back: there are too many cookies");
	assert_int_equal(to.n, 9);
	arena_free(a);
}

/* A path of 1000 bytes, which the client would not find out itself. */
static const char *far_away(struct arena *a)
{
	return arena_printf(a, "http://h.example/%0999d/x", 0).p;
}

/* What is added to a head counts as it is written: names of fields and paths, too. */
static void added_bytes_are_counted(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct url u = url_of(a, AT);
	struct jar j = {0}, k = {0};
	const struct cookie_fate *fate, *path_fits;
	struct fields to, late = {0};
	char lines[200 * sizeof("c100=1\n")];
	size_t n = 0;

	(void)state;
	(void)take_hops(&j, a, far_away(a), 50, "c#=1\n");
	to = give_after(&j, a);
	assert_true(to.n > 25 && bytes_of(&to) <= JAR_BYTES);

	for (int i = 100; i < 300; i++)
		n += (size_t)snprintf(lines + n, sizeof(lines) - n, "c%d=1\n", i);
	(void)take(&k, a, (struct answer){AT, "early=1\n"});
	fate = take(&k, a, (struct answer){far_away(a), lines});
	assert_true(jar_give(&k, a, &u, &late));
	assert_string_equal(fate->client_words, "held back: there is no room for its path");
	for (path_fits = fate; path_fits->next; path_fits = path_fits->next)
		;
	assert_string_equal(path_fits->client_words, "given to the client, its path made explicit");
	assert_true(late.n > 25 && bytes_of(&late) <= JAR_BYTES + 200 * sizeof("Set-Cookie: c100=1\r\n"));
	arena_free(a);
}

/* Neither the old value nor the client's own goes on when the new one has no room. */
static void no_stale_value_goes_on(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct jar j = {0};
	struct str sent;

	(void)state;
	(void)take(&j, a, (struct answer){AT, "sid=old\n"});
	(void)take_hops(&j, a, AT, 8, "c#=*\n");
	assert_string_equal(take_hops(&j, a, AT, 1, "sid=*\n")->words, "refused: there are too many cookies");
	sent = field_for(&j, a, AT, "sid=client; k=v");
	assert_true(str_starts(sent, STR("k=v; c0=0")));
	assert_null(memmem(sent.p, sent.len, "sid", 3));
	assert_string_equal(take(&j, a, (struct answer){AT, "sid=new\n"})->words, "kept for the chain");
	assert_true(str_starts(field_for(&j, a, AT, "sid=client"), STR("sid=new; ")));
	arena_free(a);
}

/* Deletions take no room, and there is an end to them: the oldest are forgotten. */
static void full_jars_still_delete(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct url u = url_of(a, AT);
	struct jar j = {0};
	bool is_full;

	(void)state;
	(void)take_hops(&j, a, AT, JAR_COOKIES, "c#=1\n");
	assert_string_equal(take(&j, a, (struct answer){AT, "mine=x; Max-Age=0\n"})->words, "deleted");
	assert_true(str_starts(field_for(&j, a, AT, "mine=1; k=v"), STR("k=v; c0=1")));
	(void)take_hops(&j, a, AT, 500, "d#=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT\n");
	assert_int_equal(j.n, JAR_ENTRIES);
	assert_true(str_starts(field_for(&j, a, AT, "mine=1; d499=1; d0=1"), STR("mine=1; d0=1; c0=1")));
	(void)take_hops(&j, a, AT, JAR_COOKIES, "c#=x; Max-Age=0\n");
	check_field(field_for(&j, a, AT, "c7=1"), NULL, "all are deleted");
	(void)take_hops(&j, a, AT, 2 * JAR_COOKIES, "e#=1\n");
	assert_int_equal(j.n, JAR_ENTRIES);
	/* A clock that is set back brings nothing to life again. */
	assert_true(str_starts(jar_cookie_field(&j, a, &u, STR("d499=1"), -1, &is_full), STR("e0=1; ")));
	arena_free(a);
}

/* The client's own is never cut; of the jar goes along what fits, the longest paths first. */
static void fields_for_hops_are_bounded(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct url u = url_of(a, AT);
	struct jar j = {0};
	struct str client, sent;

	(void)state;
	(void)take_hops(&j, a, AT, 4, "c#=*; Path=/\n");
	(void)take_hops(&j, a, AT, 4, "p#=*; Path=/dir\n");
	client = str_of(filled(a, "c1=old; p0=old; mine=**********", 0));
	sent = field_for(&j, a, AT, client.p);
	assert_true(sent.len <= JAR_FIELD_BYTES && str_starts(sent, STR("p0=0000")));
	assert_null(memmem(sent.p, sent.len, "c1=", 3));
	check_field(jar_names_sent(&j, a, &u, sent, NOW), "p0, p1", "names");

	client = str_of(filled(a, "c1=old; p0=1*; mine=**************", 0));
	sent = field_for(&j, a, AT, client.p);
	assert_true(sent.len <= client.len);
	check_field(jar_names_sent(&j, a, &u, sent, NOW), "p0", "one in the place of the client's");
	check_field(jar_names_sent(&j, a, &u, field_for(&j, a, AT, "mine=1"), NOW), "p0, p1, p2, p3, c0, c1, c2, c3", "all");
	assert_null(jar_names_sent(&j, a, &u, STR_NONE, NOW).p);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_jar_is_bounded),
		cmocka_unit_test(heads_for_the_client_are_bounded),
		cmocka_unit_test(only_what_is_given_counts),
		cmocka_unit_test(the_last_of_a_cookie_is_given),
		cmocka_unit_test(what_a_client_may_refuse_supersedes_nothing),
		cmocka_unit_test(the_newest_are_given),
		cmocka_unit_test(only_so_many_are_looked_at),
		cmocka_unit_test(added_bytes_are_counted),
		cmocka_unit_test(no_stale_value_goes_on),
		cmocka_unit_test(full_jars_still_delete),
		cmocka_unit_test(fields_for_hops_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
