/* See har_date.h. */
#include "store/har/har_date.h"

#include <string.h>
#include <time.h>

static bool is_digit(struct str s)
{
	return s.len > 0 && s.p[0] >= '0' && s.p[0] <= '9';
}

/* Exactly n digits, at most max. */
static bool take_digits(struct str *s, size_t n, int max, int *ret)
{
	int value = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_digit(str_from(*s, i < s->len ? i : s->len)))
			return false;
		value = value * 10 + (s->p[i] - '0');
	}
	*s = str_from(*s, n);
	*ret = value;
	return value <= max;
}

/* One of these bytes. */
static bool take_byte(struct str *s, const char *of)
{
	if (s->len == 0 || s->p[0] == '\0' || strchr(of, s->p[0]) == NULL)
		return false;
	*s = str_from(*s, 1);
	return true;
}

/* Digits behind the point, of which six count. */
static int64_t take_fraction(struct str *s)
{
	int64_t us = 0, unit = 100000;

	for (; is_digit(*s); *s = str_from(*s, 1)) {
		us += (s->p[0] - '0') * unit;
		unit /= 10;
	}
	return us;
}

/* The rest of the string. */
static bool take_zone(struct str s, int64_t *ret_s)
{
	int hours, minutes = 0;
	bool is_west;

	*ret_s = 0;
	if (s.len == 0 || (take_byte(&s, "Zz") && s.len == 0))
		return true;
	is_west = s.p[0] == '-';
	if (!take_byte(&s, "+-") || !take_digits(&s, 2, 23, &hours))
		return false;
	(void)take_byte(&s, ":");
	if (s.len > 0 && !take_digits(&s, 2, 59, &minutes))
		return false;
	*ret_s = (is_west ? -1 : 1) * (int64_t)(hours * 3600 + minutes * 60);
	return s.len == 0;
}

bool har_date(struct str s, int64_t *ret_us)
{
	struct tm t = {0};
	int64_t us = 0, zone_s;

	s = str_trim(s);
	if (!take_digits(&s, 4, 9999, &t.tm_year) || !take_byte(&s, "-") || !take_digits(&s, 2, 12, &t.tm_mon) ||
		!take_byte(&s, "-") || !take_digits(&s, 2, 31, &t.tm_mday) || !take_byte(&s, "Tt ") ||
		!take_digits(&s, 2, 24, &t.tm_hour) || !take_byte(&s, ":") || !take_digits(&s, 2, 59, &t.tm_min))
		return false;
	if (take_byte(&s, ":") && !take_digits(&s, 2, 60, &t.tm_sec))
		return false;
	if (take_byte(&s, ".,"))
		us = take_fraction(&s);
	s = str_trim(s);
	if (t.tm_mon == 0 || t.tm_mday == 0 || !take_zone(s, &zone_s))
		return false;
	t.tm_year -= 1900;
	t.tm_mon -= 1;
	*ret_us = ((int64_t)timegm(&t) - zone_s) * 1000000 + us;
	return true;
}
