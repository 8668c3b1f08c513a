/* Names beyond ASCII: what becomes A-labels, and what is no name. Rows are examples of UTS 46 and of the URL standard's tests. */
#include "http/idn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void names_become_a_labels(void **state)
{
	static const struct {
		const char *name, *ascii;
	} cases[] = {
		{"b\303\274cher.example", "xn--bcher-kva.example"},
		{"B\303\234CHER.Example", "xn--bcher-kva.example"},
		{"bu\314\210cher.example", "xn--bcher-kva.example"},                  /* decomposed */
		{"\303\245\303\244\303\266.se", "xn--4cab6c.se"},                     /* test 1448 of curl */
		{"fa\303\237.de", "xn--fa-hia.de"},                                   /* non-transitional: not fass.de */
		{"\316\262\317\214\316\273\316\277\317\202.com", "xn--nxasmm1c.com"}, /* final sigma */
		{"\344\276\213\345\255\220.\346\265\213\350\257\225", "xn--fsqu00a.xn--0zwm56d"},
		{"\327\251\327\234\327\225\327\235", "xn--9dbne9b"}, /* right to left */
		{"a\343\200\202\303\274", "a.xn--tda"},              /* ideographic full stop */
		{"\357\274\247\357\275\217.com", "go.com"},          /* full width */
		{"a\302\255\303\274.com", "xn--a-eha.com"},          /* a soft hyphen means nothing */
		{"xn--bcher-kva.\303\274", "xn--bcher-kva.xn--tda"},
	};
	struct arena *a = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str got = idn_to_ascii(a, str_of(cases[i].name));

		if (!str_eq(got, str_of(cases[i].ascii)))
			fail_msg("%s: %.*s, not %s", cases[i].name, STR_ARG(got), cases[i].ascii);
	}
	arena_free(a);
}

static void what_is_no_name_stays_out(void **state)
{
	static const char *const cases[] = {
		"",
		"\303",                                     /* cut off */
		"\303\274\377.com",                         /* no UTF-8 */
		"\300\257.com",                             /* "/" in an overlong form */
		"\355\240\200.com",                         /* half of a surrogate pair */
		"\364\220\200\200.com",                     /* above U+10FFFF */
		"\357\274\205\357\274\224\357\274\221.com", /* "%41" in full width */
		"a\357\274\217\303\274.com",                /* "/" in full width */
		"a\357\274\240b.com",                       /* "@" in full width */
		"a\357\274\232b.com",                       /* ":" in full width */
		"a\357\274\216\357\274\217b",               /* "./" in full width */
		"\342\204\200.com",                         /* account of: "a/c" */
		"\342\204\205\303\274.com",                 /* care of: "c/o" */
		"a b\303\274.com",
		"a\302\240b.com",  /* a space that does not break */
		"a_b\303\274.com", /* no underscore beside what IDNA looks at */
		"a/b\303\274.com",
		"a@\303\274.com",
		"a%\303\274.com",
		"a[\303\274].com",
		"\342\230\203.net",         /* a symbol */
		"\360\237\222\251.la",      /* an emoji */
		"\314\210a.com",            /* begins with a combining mark */
		"\342\200\256\303\274.com", /* turns the direction */
		"a\342\200\214\303\274",    /* a joiner without cause */
		"\303\274\327\251.com",     /* two directions in a label */
		"-\303\274.com",
		"ab--\303\274.com",
		"xn--a.\303\274",       /* no punycode */
		"stra\341\272\236e.de", /* depends on the version of Unicode */
		"\357\277\275.com",
		"\302\255",
	};
	struct arena *a = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str got = idn_to_ascii(a, str_of(cases[i]));

		if (got.p)
			fail_msg("%s became %.*s", cases[i], STR_ARG(got));
	}
	assert_null(idn_to_ascii(a, (struct str){"\303\274\0.com", 7}).p);
	arena_free(a);
}

static void names_are_bounded(void **state)
{
	struct arena *a = arena_new(1 << 16), *full = arena_new(8);
	char name[4000];

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(name); i += 2)
		memcpy(name + i, "\303\274", 2);
	assert_non_null(idn_to_ascii(a, (struct str){name, 2 * 50}).p);
	assert_null(idn_to_ascii(a, (struct str){name, 2 * 400}).p);
	assert_null(idn_to_ascii(a, (struct str){name, sizeof(name)}).p);
	assert_null(idn_to_ascii(full, STR("b\303\274cher.example")).p);
	arena_free(full);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_become_a_labels),
		cmocka_unit_test(what_is_no_name_stays_out),
		cmocka_unit_test(names_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
