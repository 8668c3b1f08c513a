/* Forms taken apart: as browsers and curl send them, and as nobody should. */
#include "http/form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What came, as text that can be compared. */
struct seen {
	char text[8192];
	size_t n, calls, most; /* most: the call that says enough; 0: none */
};

static void say(struct seen *s, const char *label, struct str value)
{
	int n = snprintf(s->text + s->n, sizeof(s->text) - s->n, "%s[%.*s]", label, STR_ARG(value));

	assert_in_range(n, 0, sizeof(s->text) - s->n - 1);
	s->n += (size_t)n;
}

static bool take_pair(void *owner, const struct form_pair *p)
{
	struct seen *s = owner;

	say(s, s->n > 0 ? " " : "", p->name);
	if (p->has_value)
		say(s, "=", p->value);
	assert_true(p->has_value || p->raw_value.len == 0);
	return ++s->calls != s->most;
}

static void pairs_are_split(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"a=b", "[a]=[b]"},
		{"a=b&c=d", "[a]=[b] [c]=[d]"},
		{"a", "[a]"},
		{"a=", "[a]=[]"},
		{"=b", "[]=[b]"},
		{"=", "[]=[]"},
		{"&&a&&", "[a]"},
		{"a=b=c", "[a]=[b=c]"},
		{"a+b=c+d%20e", "[a b]=[c d e]"},
		{"%61=%c3%BC", "[a]=[ü]"},
		{"a=%", "[a]=[%]"},
		{"a=%4", "[a]=[%4]"},
		{"a=%4g%zz%%41", "[a]=[%4g%zz%A]"},
		{"a%3db%26=c", "[a=b&]=[c]"},
		{"a;b=c", "[a;b]=[c]"},
		{"a=1&a=2", "[a]=[1] [a]=[2]"},
		{"a=%2b%2B", "[a]=[++]"},
	};
	struct arena *a = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct seen s = {.n = 0};

		assert_true(form_each_pair(a, str_of(cases[i][0]), take_pair, &s));
		s.text[s.n] = '\0';
		assert_string_equal(s.text, cases[i][1]);
	}
	arena_free(a);
}

static bool keep_pair(void *owner, const struct form_pair *p)
{
	*(struct form_pair *)owner = *p;
	return true;
}

static void a_pair_shows_what_was_sent(void **state)
{
	struct arena *a = arena_new(1 << 16);
	struct str text = STR("x=1&n%61me=v+%00");
	struct form_pair p;

	(void)state;
	assert_true(form_each_pair(a, text, keep_pair, &p));
	assert_ptr_equal(p.raw_name.p, text.p + 4);
	assert_true(str_eq(p.raw_name, STR("n%61me")));
	assert_true(str_eq(p.raw_value, STR("v+%00")));
	assert_true(str_eq(p.name, STR("name")));
	assert_true(str_eq(p.value, STR("v \0")));
	arena_free(a);
}

static void pairs_end_when_told_or_full(void **state)
{
	struct arena *a = arena_new(1 << 16), *small = arena_new(70);
	struct seen s = {.most = 2}, t = {.n = 0};

	(void)state;
	assert_true(form_each_pair(a, STR("a&b&c"), take_pair, &s));
	assert_int_equal(s.calls, 2);
	assert_false(form_each_pair(small, STR("a=1&b=2&c=3"), take_pair, &t));
	assert_in_range(t.calls, 1, 2);
	arena_free(a);
	arena_free(small);
}

static bool take_part(void *owner, const struct form_part *p)
{
	struct seen *s = owner;

	if (s->n > 0)
		say(s, " ", STR(""));
	for (size_t i = 0; i < p->fields.n; i++) {
		say(s, "", p->fields.v[i].name);
		say(s, ":", p->fields.v[i].value);
	}
	say(s, "=", p->body);
	if (p->is_cut)
		say(s, "cut", STR(""));
	return ++s->calls != s->most;
}

static void is_split(const char *boundary, struct str body, const char *expected)
{
	struct arena *a = arena_new(1 << 16);
	struct seen s = {.n = 0};
	bool is_form = form_each_part(a, str_of(boundary), body, take_part, &s);

	s.text[s.n] = '\0';
	if (is_form != (expected != NULL) || (expected && strcmp(s.text, expected) != 0))
		fail_msg("%.*s: %d %s, not %s", STR_ARG(body), is_form, s.text, expected ? expected : "refused");
	arena_free(a);
}

static void parts_are_split(void **state)
{
	(void)state;
	is_split("b", STR("--b\r\nA: 1\r\n\r\nx\r\n--b--\r\n"), "[A]:[1]=[x]");
	is_split("b", STR("--b\r\nA: 1\r\nB:2 \r\n\r\nx\r\ny\r\n\r\n--b\r\n\r\n--b--"), "[A]:[1][B]:[2]=[x\r\ny\r\n] []=[]");
	is_split("b", STR("before\r\n--b\r\n\r\nx\r\n--b--\r\nbehind\r\n--b\r\n\r\ny\r\n--b--"), "=[x]");
	is_split("b", STR("--b \t\r\n\r\nx\r\n--b--  \r\n"), "=[x]");
	is_split("b", STR("--b\n\nx\n--b\nA: 1\n\ny\r\n--b--\n"), "=[x] [][A]:[1]=[y]");
	is_split("b", STR("--b\r\n\r\n\r\n--b\r\n\r\n\n--b--"), "=[] []=[]");
	is_split("b", STR("--b--\r\n"), "");
	is_split("b", STR("--b\r\n\r\nx--b\r\n--bb\r\n--b b\r\n --b\r\n--b-\r\n--b--"),
		"=[x--b\r\n--bb\r\n--b b\r\n --b\r\n--b-]");
	/* Of an outer boundary that begins an inner one. */
	is_split("b", STR("--b\r\n\r\n--bc\r\n\r\nx\r\n--bc--\r\n--b--"), "=[--bc\r\n\r\nx\r\n--bc--]");
	is_split("bc", STR("--b\r\n\r\n--bc\r\n\r\nx\r\n--bc--\r\n--b--"), "=[x]");
}

static void cut_bodies_are_shown(void **state)
{
	(void)state;
	is_split("b", STR("--b\r\nA: 1\r\n\r\nx\r\n"), "[A]:[1]=[x\r\n]cut[]");
	is_split("b", STR("--b\r\nA: 1\r\n\r\nx\r\n--"), "[A]:[1]=[x\r\n--]cut[]");
	is_split("b", STR("--b\r\nA: 1\r\n\r\nx\r\n--b"), "[A]:[1]=[x]");
	is_split("b", STR("--b\r\nA: 1\r\n\r\nx\r\n--b\r"), "[A]:[1]=[x]");
	is_split("b", STR("--b\r\nA: 1\r\n\r\nx\r\n--b\r\n"), "[A]:[1]=[x]");
	is_split("b", STR("--b\r\nA: 1\r\n\r\nx\r\n--b\r\nB"), "[A]:[1]=[x] []=[B]cut[]");
	is_split("b", STR("--b\r\nA: 1\r\nB: 2"), "[A]:[1][B]:[2]=[]cut[]");
	is_split("b", STR("--b"), "");
}

static void odd_heads_are_read(void **state)
{
	(void)state;
	is_split("b", STR("--b\r\nno colon\r\nA: 1\r\n: x\r\nB C: 2\r\nD :3\r\n\r\nx\r\n--b--"), "[A]:[1][D]:[3]=[x]");
	is_split("b", STR("--b\r\nA: 1\r\n 2\r\n\t3\r\nB: 4\r\n\r\nx\r\n--b--"), "[A]:[1 2\t3][B]:[4]=[x]");
	is_split("b", STR("--b\r\n folded\r\nA: 1\r\n\r\nx\r\n--b--"), "[A]:[1]=[x]");
	is_split("b", STR("--b\r\njust text\r\n--b--"), "=[just text]");
	is_split("b", STR("--b\r\nA: 1\r\n--b--"), "[A]:[1]=[]");
	is_split("b", STR("--b\r\n--b\r\n\r\nx\r\n--b--"), "=[] []=[x]");
}

static void bad_boundaries_are_refused(void **state)
{
	char wide[FORM_BOUNDARY_BYTES + 2] = {0};

	(void)state;
	is_split("", STR("--\r\n\r\nx\r\n----"), NULL);
	is_split("b", STR(""), NULL);
	is_split("b", STR("b\r\n\r\nx"), NULL);
	is_split("b", STR(" --b\r\n\r\nx"), NULL);
	is_split("b", STR("--B\r\n\r\nx\r\n--B--"), NULL);
	is_split("a\nb", STR("--a\nb\r\n\r\nx"), NULL);
	is_split("\xc3\xbc", STR("--\xc3\xbc\r\n\r\nx"), NULL);
	is_split("a b", STR("--a b\r\n\r\nx\r\n--a b--"), "=[x]");
	is_split("--", STR("----\r\n\r\nx\r\n------"), "=[x]");
	memset(wide, 'b', FORM_BOUNDARY_BYTES + 1);
	is_split(wide, STR("--b\r\n\r\nx"), NULL);
}

/* The longest boundary in a body that is nearly made of it: each byte is looked at once, so this is over at once. */
static void hostile_boundaries_cost_nothing(void **state)
{
	enum { BODY_BYTES = 4 << 20 };
	char boundary[FORM_BOUNDARY_BYTES], *body = test_malloc(BODY_BYTES);
	struct arena *a = arena_new(1 << 16);
	struct seen s = {.n = 0};

	(void)state;
	memset(boundary, '-', sizeof(boundary));
	memset(body, '-', BODY_BYTES);
	for (size_t i = 400; i < BODY_BYTES; i += 400)
		body[i] = '\n';
	assert_false(form_each_part(a, (struct str){boundary, sizeof(boundary)}, (struct str){body, BODY_BYTES}, take_part,
		&s));
	assert_int_equal(s.calls, 0);
	arena_free(a);
	test_free(body);
}

struct named {
	struct form_part parts[4];
	size_t n;
};

static bool keep_part(void *owner, const struct form_part *p)
{
	struct named *k = owner;

	k->parts[k->n++] = *p;
	return k->n < 4;
}

static void names_are_found(void **state)
{
	static const struct {
		const char *disposition, *name, *filename;
	} cases[] = {
		{"form-data; name=\"a\"", "a", ""},
		{"form-data; name=a; filename=b.txt", "a", "b.txt"},
		{"Form-Data;NAME=\"a b\" ; FileName=\"c;d.txt\"", "a b", "c;d.txt"},
		{"form-data; name=\"a\\\"b\\\\c\"", "a\"b\\c", ""},
		{"form-data; name=f; filename=\"C:\\dir\\x.txt\"", "f", "C:\\dir\\x.txt"},
		{"form-data; name=\"gr\xc3\xbc\xc3\x9f"
		 "e%22\"",
			"grüße%22", ""},
		{"form-data; name=f; filename=\"x\"; filename*=UTF-8''%e2%82%ac%20rates.txt", "f", "€ rates.txt"},
		{"form-data; name=f; filename*=utf-8'en'a%41; filename=x", "f", "aA"},
		{"form-data; name=f; filename*=iso-8859-1''%a3%fc; filename=x", "f", "£ü"},
		{"form-data; name=f; filename*=UTF-8''%ff; filename=x", "f", "�"},
		{"form-data; name=f; filename*=nonsense''a; filename=x", "f", "x"},
		{"form-data; name=f; filename*=a; filename=x", "f", "x"},
		{"form-data; name=f; filename*=UTF-8'a; filename=x", "f", "x"},
		{"form-data; name=f; filename*=; filename=x", "f", "x"},
		{"form-data; name=a; name=b", "a", ""},
		{"form-data; name=\"\"; filename=\"\"", "", ""},
		{"form-data; name=\"a", "a", ""},
		{"form-data", "", ""},
		{"", "", ""},
		{";;;=;\"", "", ""},
		{"attachment; filename=genome.jpeg; modification-date=\"x\"", "", "genome.jpeg"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_new(1 << 16);
		struct str body = arena_printf(a, "--b\r\ncontent-disposition: %s\r\nContent-Type: text/x\r\n\r\nx\r\n--b--",
			cases[i].disposition);
		struct named k = {.n = 0};

		assert_true(form_each_part(a, STR("b"), body, keep_part, &k));
		assert_int_equal(k.n, 1);
		if (!str_eq(k.parts[0].name, str_of(cases[i].name)) || !str_eq(k.parts[0].filename, str_of(cases[i].filename)))
			fail_msg("%s: \"%.*s\" \"%.*s\"", cases[i].disposition, STR_ARG(k.parts[0].name),
				STR_ARG(k.parts[0].filename));
		assert_true(str_eq(k.parts[0].content_type, STR("text/x")));
		assert_true(str_eq(k.parts[0].body, STR("x")));
		arena_free(a);
	}
}

static void bodies_are_not_copied(void **state)
{
	struct str body = STR("--b\r\n\r\nfirst\0\xff\r\n--b\r\n\r\nsecond\r\n--b--");
	struct arena *a = arena_new(1 << 16);
	struct named k = {.n = 0};

	(void)state;
	assert_true(form_each_part(a, STR("b"), body, keep_part, &k));
	assert_int_equal(k.n, 2);
	assert_ptr_equal(k.parts[0].body.p, body.p + 7);
	assert_int_equal(k.parts[0].body.len, 7);
	assert_true(str_eq(k.parts[1].body, STR("second")));
	arena_free(a);
}

static bool count_part(void *owner, const struct form_part *p)
{
	size_t *n = owner;

	assert_true(p->fields.n <= FORM_MAX_PART_FIELDS);
	return ++*n > 0;
}

static void parts_and_fields_are_bounded(void **state)
{
	enum { PARTS = FORM_MAX_PARTS + 10, FIELDS = FORM_MAX_PART_FIELDS + 10 };
	static char text[PARTS * 8 + FIELDS * 8 + 100];
	size_t at = 0, n = 0;
	struct arena *a = arena_new(1 << 20);
	struct named k = {.n = 0};

	(void)state;
	for (size_t i = 0; i < PARTS; i++, at += 7)
		memcpy(text + at, "--b\n\nx\n", 7);
	assert_true(form_each_part(a, STR("b"), (struct str){text, at}, count_part, &n));
	assert_int_equal(n, FORM_MAX_PARTS);
	at = 0;
	memcpy(text, "--b\n", 4);
	for (at = 4; at < 4 + FIELDS * 5; at += 5)
		memcpy(text + at, "A: b\n", 5);
	memcpy(text + at, "\nbody\n--b--", 11);
	assert_true(form_each_part(a, STR("b"), (struct str){text, at + 11}, keep_part, &k));
	assert_int_equal(k.parts[0].fields.n, FORM_MAX_PART_FIELDS);
	assert_true(str_eq(k.parts[0].body, STR("body")));
	arena_free(a);
}

/* A line that is longer than a head may be, and what stands behind it, is passed over; the body is found all the same. */
static void long_heads_are_read_in_part(void **state)
{
	static char text[3 * FORM_PART_HEAD_BYTES];
	struct arena *a = arena_new(1 << 16);
	struct named k = {.n = 0};

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "--b\nA: 1\nB: ", 12);
	memcpy(text + sizeof(text) - 24, "\nC: 3\n\nbody\n--b\n\ny\n--b--", 24);
	assert_true(form_each_part(a, STR("b"), (struct str){text, sizeof(text)}, keep_part, &k));
	assert_int_equal(k.n, 2);
	assert_int_equal(k.parts[0].fields.n, 1);
	assert_true(str_eq(k.parts[0].body, STR("body")));
	assert_true(str_eq(k.parts[1].body, STR("y")));
	arena_free(a);
}

static void parts_end_when_told_or_full(void **state)
{
	struct str body = STR("--b\nA: 1\n\nx\n--b\nA: 2\n\ny\n--b--");
	struct arena *a = arena_new(1 << 16), *small = arena_new(64);
	struct seen s = {.most = 1}, t = {.n = 0};

	(void)state;
	assert_true(form_each_part(a, STR("b"), body, take_part, &s));
	assert_int_equal(s.calls, 1);
	assert_false(form_each_part(small, STR("b"), body, take_part, &t));
	assert_int_equal(t.calls, 0);
	arena_free(a);
	arena_free(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_are_split),
		cmocka_unit_test(a_pair_shows_what_was_sent),
		cmocka_unit_test(pairs_end_when_told_or_full),
		cmocka_unit_test(parts_are_split),
		cmocka_unit_test(cut_bodies_are_shown),
		cmocka_unit_test(odd_heads_are_read),
		cmocka_unit_test(bad_boundaries_are_refused),
		cmocka_unit_test(hostile_boundaries_cost_nothing),
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(bodies_are_not_copied),
		cmocka_unit_test(parts_and_fields_are_bounded),
		cmocka_unit_test(long_heads_are_read_in_part),
		cmocka_unit_test(parts_end_when_told_or_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
