/* Dates of fields and of cookies, and delta-seconds. Proleptic Gregorian, UTC; no time zones, no locale, no leap seconds. */
#include "http/date.h"

#include <stddef.h>

enum {
	DAY_S = 24 * 60 * 60,
	YEAR_S = 31556952, /* on average */
	YEAR_FIRST = 1601,
	YEAR_LAST = 9999, /* RFC 6265 section 5.1.1; four digits */
};

static const int64_t delta_max_s = INT64_C(1) << 31; /* RFC 9111 section 1.2.2 */

struct moment {
	int year, month, day; /* month and day from 1 */
	int hour, minute, second;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 0001-01-01 to the first day of a year from 1 on. */
static int64_t days_before_year(int year)
{
	int64_t y = year - 1;

	return y * 365 + y / 4 - y / 100 + y / 400;
}

/* Days of a year before a month, from 1. */
static int days_before_month(int year, int month)
{
	static const int days[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

	return days[month - 1] + (month > 2 && is_leap(year));
}

/* False if there is no such date or time of day. Second 60 is the first of the next minute. */
static bool moment_seconds(const struct moment *m, int64_t *ret_s)
{
	int days_of_month;
	int64_t days;

	if (m->year < 1 || m->month < 1 || m->month > 12 || m->hour > 23 || m->minute > 59 || m->second > 60)
		return false;
	days_of_month = days_before_month(m->year, m->month + 1) - days_before_month(m->year, m->month);
	if (m->day < 1 || m->day > days_of_month)
		return false;
	days = days_before_year(m->year) - days_before_year(1970) + days_before_month(m->year, m->month) + m->day - 1;
	*ret_s = days * DAY_S + m->hour * 3600 + m->minute * 60 + m->second;
	return true;
}

/* 1 to 12 if the text begins with the name of a month, cut to three letters; else 0. */
static int month_of(struct str text)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++) {
		if (str_istarts(text, (struct str){names + (size_t)3 * (size_t)i, 3}))
			return i + 1;
	}
	return 0;
}

/* Takes a number of min to max digits; all that are there are looked at. */
static bool take_number(struct str *s, size_t min, size_t max, int *ret)
{
	size_t n = 0;
	int value = 0;

	while (n < s->len && is_digit(s->p[n])) {
		if (n == max)
			return false;
		value = value * 10 + (s->p[n++] - '0');
	}
	if (n < min)
		return false;
	*s = str_from(*s, n);
	*ret = value;
	return true;
}

static bool take_literal(struct str *s, char c)
{
	if (s->len == 0 || !str_ieq(str_first(*s, 1), (struct str){&c, 1}))
		return false;
	*s = str_from(*s, 1);
	return true;
}

/* Takes one of seven names that stand in a row, divided by spaces. */
static bool take_name(struct str *s, struct str names)
{
	while (names.len > 0) {
		struct str name = str_first(names, str_find(names, ' '));

		if (str_istarts(*s, name)) {
			*s = str_from(*s, name.len);
			return true;
		}
		names = str_from(names, name.len < names.len ? name.len + 1 : name.len);
	}
	return false;
}

static bool take_month(struct str *s, int *ret)
{
	int month = month_of(*s);

	if (month == 0)
		return false;
	*s = str_from(*s, 3);
	*ret = month;
	return true;
}

static bool take_time(struct str *s, struct moment *m)
{
	return take_number(s, 2, 2, &m->hour) && take_literal(s, ':') && take_number(s, 2, 2, &m->minute) &&
		take_literal(s, ':') && take_number(s, 2, 2, &m->second);
}

/* The day of asctime: two digits, or a space and one. */
static bool take_padded_day(struct str *s, int *ret)
{
	return take_literal(s, ' ') ? take_number(s, 1, 1, ret) : take_number(s, 2, 2, ret);
}

/* One element of a form: w, W a weekday, short or whole; d, e a day, of two digits or padded; m a month; Y, y a year of four or
 * two digits; t a time of day; anything else is itself. */
static bool take_element(struct str *s, char element, struct moment *m)
{
	switch (element) {
	case 'w':
		return take_name(s, STR("Mon Tue Wed Thu Fri Sat Sun"));
	case 'W':
		return take_name(s, STR("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"));
	case 'd':
		return take_number(s, 2, 2, &m->day);
	case 'e':
		return take_padded_day(s, &m->day);
	case 'm':
		return take_month(s, &m->month);
	case 'Y':
		return take_number(s, 4, 4, &m->year);
	case 'y':
		return take_number(s, 2, 2, &m->year);
	case 't':
		return take_time(s, m);
	default:
		return take_literal(s, element);
	}
}

static bool has_form(struct str s, const char *form, struct moment *ret)
{
	struct moment m = {0};

	for (; *form != '\0'; form++) {
		if (!take_element(&s, *form, &m))
			return false;
	}
	if (s.len != 0)
		return false;
	*ret = m;
	return true;
}

/* The latest year with these two digits that is no more than 50 years ahead (RFC 9110 section 5.6.7). */
static bool seconds_in_century(struct moment *m, int64_t now_s, int64_t *ret_s)
{
	const int64_t limit_s = now_s + 50 * YEAR_S, limit_year = 1970 + limit_s / YEAR_S + 1;
	int64_t s;

	if (limit_year < YEAR_FIRST || limit_year > YEAR_LAST)
		return false;
	m->year = (int)(limit_year - (limit_year - m->year) % 100);
	if (!moment_seconds(m, &s) || s > limit_s) {
		m->year -= 100;
		if (!moment_seconds(m, &s))
			return false;
	}
	*ret_s = s;
	return true;
}

bool date_parse_http(struct str text, int64_t now_s, int64_t *ret_s)
{
	struct moment m;

	/* Case does not matter to a recipient (RFC 9111 section 4.2). */
	if (has_form(text, "w, d m Y t GMT", &m) || has_form(text, "w m e t Y", &m))
		return moment_seconds(&m, ret_s);
	return has_form(text, "W, d-m-y t GMT", &m) && seconds_in_century(&m, now_s, ret_s);
}

/* The delimiters of RFC 6265 section 5.1.1. */
static bool is_delimiter(char c)
{
	unsigned char u = (unsigned char)c;

	return u == 0x09 || (u >= 0x20 && u <= 0x2f) || (u >= 0x3b && u <= 0x40) || (u >= 0x5b && u <= 0x60) ||
		(u >= 0x7b && u <= 0x7e);
}

static bool next_token(struct str *s, struct str *ret)
{
	size_t n = 0;

	while (s->len > 0 && is_delimiter(s->p[0]))
		*s = str_from(*s, 1);
	while (n < s->len && !is_delimiter(s->p[n]))
		n++;
	*ret = str_first(*s, n);
	*s = str_from(*s, n);
	return n > 0;
}

/* 1*2DIGIT ":" 1*2DIGIT ":" 1*2DIGIT, and anything behind it that is no digit. */
static bool is_loose_time(struct str token, struct moment *m)
{
	struct moment found = *m;

	if (!take_number(&token, 1, 2, &found.hour) || !take_literal(&token, ':') ||
		!take_number(&token, 1, 2, &found.minute) || !take_literal(&token, ':') ||
		!take_number(&token, 1, 2, &found.second))
		return false;
	*m = found;
	return true;
}

/* What of a cookie's date has been found. */
struct loose_date {
	struct moment m;
	bool has_time, has_day, has_month, has_year;
};

/* The first production that fits and is not found yet takes the token, in the order of RFC 6265 section 5.1.1. */
static void take_token(struct loose_date *d, struct str token)
{
	struct str rest = token;

	if (!d->has_time && is_loose_time(token, &d->m)) {
		d->has_time = true;
	} else if (!d->has_day && take_number(&rest, 1, 2, &d->m.day)) {
		d->has_day = true;
	} else if (!d->has_month && month_of(token) != 0) {
		d->m.month = month_of(token);
		d->has_month = true;
	} else if (!d->has_year && take_number(&rest, 2, 4, &d->m.year)) {
		d->has_year = true;
	}
}

bool date_parse_cookie(struct str text, int64_t *ret_s)
{
	struct loose_date d = {0};
	struct str token;

	while (next_token(&text, &token))
		take_token(&d, token);
	if (!d.has_time || !d.has_day || !d.has_month || !d.has_year)
		return false;
	if (d.m.year >= 70 && d.m.year <= 99)
		d.m.year += 1900;
	else if (d.m.year <= 69)
		d.m.year += 2000;
	return d.m.year >= YEAR_FIRST && d.m.second <= 59 && moment_seconds(&d.m, ret_s);
}

bool date_parse_delta(struct str text, int64_t *ret_s)
{
	int64_t value = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (!is_digit(text.p[i]))
			return false;
		if (value < delta_max_s)
			value = value * 10 + (text.p[i] - '0');
	}
	if (text.len == 0)
		return false;
	*ret_s = value < delta_max_s ? value : delta_max_s;
	return true;
}

bool date_parse_retry_after(struct str text, int64_t now_s, int64_t *ret_s)
{
	int64_t at_s;

	if (date_parse_delta(text, ret_s))
		return true;
	if (!date_parse_http(text, now_s, &at_s))
		return false;
	*ret_s = at_s > now_s ? at_s - now_s : 0;
	return true;
}
