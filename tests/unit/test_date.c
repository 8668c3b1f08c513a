/* Dates: the three forms of HTTP, the loose ones of cookies, delta-seconds and Retry-After. */
#include "http/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NOW INT64_C(1750000000) /* June 2025 */
#define NONE INT64_MIN

struct date_case {
	const char *text;
	int64_t seconds; /* NONE: it is none */
};

static void check(const struct date_case *c, bool is_date, int64_t got)
{
	if (is_date != (c->seconds != NONE))
		fail_msg("%s: %s", is_date ? "taken" : "refused", c->text);
	if (is_date && got != c->seconds)
		fail_msg("%s: %lld, not %lld", c->text, (long long)got, (long long)c->seconds);
}

static void dates_of_http(void **state)
{
	static const struct date_case cases[] = {
		{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777}, /* the three of RFC 9110 section 5.6.7 */
		{"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
		{"Sun Nov  6 08:49:37 1994", 784111777},
		{"Sun Nov 06 08:49:37 1994", 784111777},
		{"Sun Nov 16 08:49:37 1994", 784975777},
		{"sun, 06 nov 1994 08:49:37 gmt", 784111777},
		{"Mon, 06 Nov 1994 08:49:37 GMT", 784111777}, /* the day of the week says nothing new */
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"Wed, 31 Dec 1969 23:59:59 GMT", -1},
		{"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
		{"Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799)},
		{"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},           /* a leap second */
		{"Monday, 15-Jun-76 00:00:00 GMT", 203644800},           /* 51 years ahead would be too far */
		{"Monday, 01-Jan-75 00:00:00 GMT", INT64_C(3313526400)}, /* 2075: less than 50 years ahead */
		{"Thursday, 29-Feb-00 00:00:00 GMT", 951782400},
		{"Monday, 29-Feb-23 00:00:00 GMT", NONE},
		{"Tue, 29 Feb 1900 00:00:00 GMT", NONE},
		{"Sun, 31 Apr 1994 08:49:37 GMT", NONE},
		{"Sun, 00 Nov 1994 08:49:37 GMT", NONE},
		{"Sun, 06 Nov 0000 08:49:37 GMT", NONE},
		{"Sun, 06 Nov 1994 24:00:00 GMT", NONE},
		{"Sun, 06 Nov 1994 08:60:00 GMT", NONE},
		{"Sun, 06 Nov 1994 08:49:61 GMT", NONE},
		{"Sun, 6 Nov 1994 08:49:37 GMT", NONE},
		{"Sun, 06 Nov 1994 08:49:37 UTC", NONE},
		{"Sun, 06 Nov 1994 08:49:37 GMT ", NONE},
		{"Sun, 06 Nov 1994 08:49:37", NONE},
		{"Sun, 06 Nov 94 08:49:37 GMT", NONE},
		{"Sun, 06 Nov 11994 08:49:37 GMT", NONE},
		{"Sun, 06 Foo 1994 08:49:37 GMT", NONE},
		{"Xxx, 06 Nov 1994 08:49:37 GMT", NONE},
		{"06 Nov 1994 08:49:37 GMT", NONE},
		{"0", NONE},
		{"-1", NONE},
		{"", NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t got = 0;
		bool is_date = date_parse_http(str_of(cases[i].text), NOW, &got);

		check(&cases[i], is_date, got);
	}
}

/* The facts of the http-state project's tables of dates. */
static const struct date_case cookie_dates[] = {
	{"Mon, 10-Dec-2007 17:02:24 GMT", 1197306144},
	{"Thursday, 01-Jan-1970 00:00:00 GMT", 0},
	{"Mon Dec 10 16:32:30 2007 GMT", 1197304350},
	{"Wednesday, 01-Jan-10 00:00:00 GMT", 1262304000},
	{"Mon, 10-Dec-07 20:35:03 GMT", 1197318903},
	{"Thu, 31 Dec 23:55:55 2037 GMT", INT64_C(2145916555)},
	{"Sun,  9 Dec 2012 13:42:05 GMT", 1355060525},
	{"Wed Dec 12 2007 08:44:07 GMT-0500 (EST)", 1197449047},
	{"Mon, 01-Jan-2011 00: 00:00 GMT", NONE},
	{"Wednesday, 01-Jan-10 0:0:00 GMT", 1262304000},
	{"Thu, 10 Dec 2009 13:57:2 GMT", 1260453422},
	{"Sat, 15-Apr-17 21:01:22 GMT", 1492290082},
	{"Thu, 19/Apr\\2007 16:00:00 GMT", 1176998400},
	{", 1-Jan-2003 00:00:00 GMT", 1041379200},
	{"1-Jan-2003 00:00:00 GMT", 1041379200},
	{"Wed,18-Apr-07 22:50:12 GMT", 1176936612},
	{"WillyWonka  ,  18-apr-07   22:50:12", 1176936612},
	{"Mon, 18-Apr-1977 22:50:13 GMT", 230251813},
	{"Mon, 18-Apr-77 22:50:13 GMT", 230251813},
	{"\"Sat, 15-Apr-17\\\"21:01:22\\\"GMT\"", 1492290082},
	{"Partyday, 18 - Apri-07 22:50:12", 1176936612},
	{"Wednes, 1-Januar-2003 00:00:00 GMT", 1041379200},
	{"Sat, 15-Apr-17 21:01:22 GMT-0400 (EDT)", 1492290082},
	{"Sat, 15-Apr-17 21:01:22 (hello there)", 1492290082},
	{"Sat, 15-Apr-17 21:01:22 11:22:33", 1492290082},
	{"Sat, 15-Apr-17 ::00 21:01:22", 1492290082},
	{"Sat, 15-Apr-17 boink:z 21:01:22", 1492290082},
	{"Sat, 15-Apr-17 91:22:33 21:01:22", NONE},
	{"22:50:12 Thu Apr 18 2007 GMT", 1176936612},
	{"Thu Apr 22:50:12 18 2007 GMT", 1176936612},
	{"15-Sat, Apr 21:01:22 GMT 17", 1492290082},
	{"15 17 Apr 21:01:22", 1492290082},
	{"Apr 15 21:01:22 17", 1492290082},
	{"2017 April 15 21:01:22", 1492290082},
	{"98 April 17 21:01:22", NONE},
	{"Thu, 012-Aug-2008 20:49:07 GMT", NONE},
	{"Thu, 12-Aug-31841 20:49:07 GMT", NONE},
	{"Thu, 12-Aug-9999999999 20:49:07 GMT", NONE},
	{"Thu, 999999999999-Aug-2007 20:49:07 GMT", NONE},
	{"Thu, 12-Aug-2007 20:61:99999999999 GMT", NONE},
	{"IAintNoDateFool", NONE},
	/* the bounds of RFC 6265 section 5.1.1 */
	{"1 Jan 1601 0:0:0", INT64_C(-11644473600)},
	{"1 Jan 1600 0:0:0", NONE},
	{"1 Jan 69 0:0:0", INT64_C(3124224000)},
	{"1 Jan 70 0:0:0", 0},
	{"30 Feb 2000 0:0:0", NONE},
	{"1 Jan 2000 23:59:60", NONE},
	{"1st Jan 2000th 0:0:0pm", 946684800},
	{"1 Jan 2000", NONE},
	{"", NONE},
};

static void dates_of_cookies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cookie_dates) / sizeof(*cookie_dates); i++) {
		int64_t got = 0;
		bool is_date = date_parse_cookie(str_of(cookie_dates[i].text), &got);

		check(&cookie_dates[i], is_date, got);
	}
}

/* Against the C library's calendar, a day and a bit at a time through five centuries. */
static void dates_agree_with_the_calendar(void **state)
{
	(void)state;
	for (int64_t s = INT64_C(-11644473600); s < INT64_C(4133980800); s += 100003) {
		time_t t = (time_t)s;
		struct tm tm;
		char text[64];
		int64_t got = 0;
		size_t n;

		assert_non_null(gmtime_r(&t, &tm));
		n = strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		assert_true(date_parse_http((struct str){text, n}, NOW, &got));
		assert_int_equal(got, s);
		assert_true(date_parse_cookie((struct str){text, n}, &got));
		assert_int_equal(got, s);
	}
}

static void deltas_and_retry_after(void **state)
{
	static const struct date_case deltas[] = {{"0", 0}, {"120", 120}, {"007", 7}, {"2147483647", INT64_C(2147483647)},
		{"2147483649", INT64_C(1) << 31}, {"99999999999999999999999999", INT64_C(1) << 31}, {"", NONE}, {"-1", NONE},
		{"+1", NONE}, {"1.5", NONE}, {" 1", NONE}, {"1x", NONE}, {"99999999999999999999999999x", NONE}};
	static const struct date_case waits[] = {{"120", 120}, {"Sun, 15 Jun 2025 15:06:40 GMT", 0},
		{"Sun, 15 Jun 2025 15:07:40 GMT", 60}, {"Sun, 06 Nov 1994 08:49:37 GMT", 0}, {"soon", NONE}, {"-5", NONE}};
	int64_t got = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(deltas) / sizeof(*deltas); i++) {
		bool is_date = date_parse_delta(str_of(deltas[i].text), &got);

		check(&deltas[i], is_date, got);
	}
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		bool is_date = date_parse_retry_after(str_of(waits[i].text), NOW, &got);

		check(&waits[i], is_date, got);
	}
	got = 77;
	assert_false(date_parse_delta(STR("x"), &got));
	assert_false(date_parse_http(STR("x"), NOW, &got));
	assert_false(date_parse_cookie(STR("x"), &got));
	assert_int_equal(got, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_of_http),
		cmocka_unit_test(dates_of_cookies),
		cmocka_unit_test(dates_agree_with_the_calendar),
		cmocka_unit_test(deltas_and_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
