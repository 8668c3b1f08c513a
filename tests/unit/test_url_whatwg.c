/* Locations against the public test table of the URL standard, as far as it speaks of http and https. Where we refuse what the
 * standard takes, or take it otherwise, the heading over the rows says why; nothing is ever taken that the standard refuses.
 *
 * A row, read against the BASE above it:
 * SAME             taken, and the URL is the standard's
 * OURS             taken, and written otherwise than in the standard, whose URL stands behind ours
 * DROPPED          refused for its userinfo, or taken without it where that is allowed
 * REFUSED          the standard takes it
 * FAILS            the standard refuses it, too
 * USERINFO_FAILS   the same, with userinfo, which is refused first where it is not allowed */
#include "http/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(literal) {literal, sizeof(literal) - 1}

enum row_kind { ROW_BASE, ROW_RESOLVED };

struct row {
	enum row_kind kind;
	struct str text, url, theirs;
	enum location_refusal refusal;  /* where userinfo is refused */
	enum location_refusal dropping; /* where it is dropped */
};

#define BASE(base_) {.kind = ROW_BASE, .text = TEXT(base_)},
#define SAME(location_, url_) {.kind = ROW_RESOLVED, .text = TEXT(location_), .url = TEXT(url_), .theirs = TEXT(url_)},
#define OURS(location_, url_, theirs_)                                                                                         \
	{.kind = ROW_RESOLVED, .text = TEXT(location_), .url = TEXT(url_), .theirs = TEXT(theirs_)},
#define DROPPED(location_, url_)                                                                                               \
	{.kind = ROW_RESOLVED, .text = TEXT(location_), .url = TEXT(url_), .theirs = TEXT(url_), .refusal = LOCATION_USERINFO},
#define REFUSED(location_, why_)                                                                                               \
	{.kind = ROW_RESOLVED, .text = TEXT(location_), .refusal = LOCATION_##why_, .dropping = LOCATION_##why_},
#define FAILS(location_, why_) REFUSED(location_, why_)
#define USERINFO_FAILS(location_, why_)                                                                                        \
	{.kind = ROW_RESOLVED, .text = TEXT(location_), .refusal = LOCATION_USERINFO, .dropping = LOCATION_##why_},

static const struct row hosts[] = {
#include "url_whatwg_hosts.def"
};
static const struct row numbers[] = {
#include "url_whatwg_numbers.def"
};
static const struct row paths[] = {
#include "url_whatwg_paths.def"
};

/* Of the table's bases; they may have userinfo and a fragment. */
static void set_base(struct arena *a, struct str text, struct url *ret)
{
	struct url start;

	assert_int_equal(url_parse_target(a, STR("http://start.example/"), &start), ERR_none);
	assert_int_equal(url_resolve(a, &start, text, true, ret), LOCATION_OK);
}

static void check(struct arena *a, const struct url *base, const struct row *r, bool drops_userinfo)
{
	enum location_refusal expected = drops_userinfo ? r->dropping : r->refusal;
	struct url u, theirs;
	enum location_refusal got = url_resolve(a, base, r->text, drops_userinfo, &u);
	struct str report;

	if (got != expected)
		fail_msg("\"%.*s\": %s, not %s", STR_ARG(r->text), location_refusal_name(got), location_refusal_name(expected));
	if (expected != LOCATION_OK)
		return;
	report = url_report(a, &u);
	if (!str_eq(report, r->url))
		fail_msg("\"%.*s\": %.*s, not %.*s", STR_ARG(r->text), STR_ARG(report), STR_ARG(r->url));
	set_base(a, r->theirs, &theirs);
	assert_int_equal(u.authority.port, theirs.authority.port);
	assert_true(url_same_origin(&u, &theirs));
}

static void check_rows(const struct row *rows, size_t n)
{
	struct arena *a = arena_new(1 << 22);
	struct url base;

	set_base(a, STR("http://example.org/foo/bar"), &base);
	for (size_t i = 0; i < n; i++) {
		if (rows[i].kind == ROW_BASE) {
			set_base(a, rows[i].text, &base);
			continue;
		}
		check(a, &base, &rows[i], false);
		check(a, &base, &rows[i], true);
	}
	arena_free(a);
}

static void names_are_read_as_the_standard_has_them(void **state)
{
	(void)state;
	check_rows(hosts, sizeof(hosts) / sizeof(*hosts));
}

static void addresses_are_read_as_the_standard_has_them(void **state)
{
	(void)state;
	check_rows(numbers, sizeof(numbers) / sizeof(*numbers));
}

static void references_are_read_as_the_standard_has_them(void **state)
{
	(void)state;
	check_rows(paths, sizeof(paths) / sizeof(*paths));
}

/* The table has a row for each of them. */
static void control_bytes_in_a_name_fail(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct url base, u;

	(void)state;
	set_base(a, STR("http://example.org/foo/bar"), &base);
	for (int c = 0; c <= ' '; c++) {
		char text[32];
		int n = snprintf(text, sizeof(text), "http://a%cb/", c);

		assert_int_equal(url_resolve(a, &base, (struct str){text, (size_t)n}, false, &u),
			c == ' ' ? LOCATION_HOST : LOCATION_BYTES);
		n = snprintf(text, sizeof(text), "http://ho%%%02Xst/", (unsigned)c);
		assert_int_equal(url_resolve(a, &base, (struct str){text, (size_t)n}, false, &u), LOCATION_HOST);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read_as_the_standard_has_them),
		cmocka_unit_test(addresses_are_read_as_the_standard_has_them),
		cmocka_unit_test(references_are_read_as_the_standard_has_them),
		cmocka_unit_test(control_bytes_in_a_name_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
