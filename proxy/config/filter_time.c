/* See filter_time.h. The forms are those of RFC 3339, and what people leave out of it. */
#include "config/filter_time.h"

#include <string.h>
#include <time.h>

static bool has_digit_at(struct str s, size_t i)
{
	return i < s.len && s.p[i] >= '0' && s.p[i] <= '9';
}

/* Exactly n digits, of a number from min to max. */
static bool take_number(struct str *s, size_t n, int min, int max, int *ret)
{
	int value = 0;

	for (size_t i = 0; i < n; i++) {
		if (!has_digit_at(*s, i))
			return false;
		value = value * 10 + (s->p[i] - '0');
	}
	*s = str_from(*s, n);
	*ret = value;
	return value >= min && value <= max;
}

/* One of these bytes. */
static bool take_byte(struct str *s, const char *of)
{
	if (s->len == 0 || s->p[0] == '\0' || strchr(of, s->p[0]) == NULL)
		return false;
	*s = str_from(*s, 1);
	return true;
}

static bool take_day(struct str *s, struct tm *t)
{
	if (!take_number(s, 4, 1970, 9999, &t->tm_year) || !take_byte(s, "-") || !take_number(s, 2, 1, 12, &t->tm_mon) ||
		!take_byte(s, "-") || !take_number(s, 2, 1, 31, &t->tm_mday))
		return false;
	t->tm_year -= 1900;
	t->tm_mon--;
	return true;
}

/* Digits behind the point, of which three count. */
static bool take_fraction(struct str *s, int *ret_ms)
{
	int unit = 100;

	if (!take_byte(s, "."))
		return true;
	if (!has_digit_at(*s, 0))
		return false;
	for (; has_digit_at(*s, 0); *s = str_from(*s, 1)) {
		*ret_ms += (s->p[0] - '0') * unit;
		unit /= 10;
	}
	return true;
}

static bool take_time_of_day(struct str *s, struct tm *t, int *ret_ms)
{
	if (!take_number(s, 2, 0, 23, &t->tm_hour) || !take_byte(s, ":") || !take_number(s, 2, 0, 59, &t->tm_min))
		return false;
	return !take_byte(s, ":") || (take_number(s, 2, 0, 60, &t->tm_sec) && take_fraction(s, ret_ms));
}

/* What is behind the time of day, up to the end. */
static bool take_zone(struct str s, bool *ret_is_local, int *ret_offset_s)
{
	int hours, minutes, sign;

	*ret_is_local = s.len == 0;
	if (s.len == 0 || (take_byte(&s, "Zz") && s.len == 0))
		return true;
	sign = s.len > 0 && s.p[0] == '-' ? -1 : 1;
	if (!take_byte(&s, "+-") || !take_number(&s, 2, 0, 23, &hours))
		return false;
	(void)take_byte(&s, ":");
	if (!take_number(&s, 2, 0, 59, &minutes))
		return false;
	*ret_offset_s = sign * (hours * 3600 + minutes * 60);
	return s.len == 0;
}

/* The C library makes the 3rd of March of the 31st of February. */
static bool is_day(const struct tm *t)
{
	struct tm day = {.tm_year = t->tm_year, .tm_mon = t->tm_mon, .tm_mday = t->tm_mday};

	(void)timegm(&day);
	return day.tm_mday == t->tm_mday;
}

bool filter_time_read(struct str s, int64_t *ret_ms)
{
	struct tm t = {.tm_isdst = -1};
	bool is_local = true;
	int ms = 0, offset_s = 0;
	int64_t at_ms;

	if (!take_day(&s, &t) || !is_day(&t))
		return false;
	if (s.len > 0 && (!take_byte(&s, "Tt ") || !take_time_of_day(&s, &t, &ms) || !take_zone(s, &is_local, &offset_s)))
		return false;
	at_ms = ((int64_t)(is_local ? mktime(&t) : timegm(&t)) - offset_s) * 1000 + ms;
	*ret_ms = at_ms > 0 ? at_ms : 0;
	return true;
}
