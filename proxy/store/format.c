/* How facts look to people. Not for what machines read. */
#include "store/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

void format_bytes(struct text *t, uint64_t bytes)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	uint64_t unit = 1000;
	size_t at = 0;

	if (bytes < 1000) {
		text_printf(t, "%" PRIu64 " B", bytes);
		return;
	}
	while (bytes / 1000 >= unit && at + 1 < sizeof(units) / sizeof(units[0])) {
		unit *= 1000;
		at++;
	}
	if (bytes / unit < 10)
		text_printf(t, "%" PRIu64 ".%" PRIu64 " %s", bytes / unit, bytes / (unit / 10) % 10, units[at]);
	else
		text_printf(t, "%" PRIu64 " %s", bytes / unit, units[at]);
}

void format_duration(struct text *t, int64_t us)
{
	if (us < 0)
		text_byte(t, '-');
	else if (us < 10000)
		text_printf(t, "%" PRId64 ".%" PRId64 " ms", us / 1000, us / 100 % 10);
	else if (us < 1000000)
		text_printf(t, "%" PRId64 " ms", us / 1000);
	else if (us < 10000000)
		text_printf(t, "%" PRId64 ".%" PRId64 " s", us / 1000000, us / 100000 % 10);
	else if (us < 600000000)
		text_printf(t, "%" PRId64 " s", us / 1000000);
	else
		text_printf(t, "%" PRId64 " min", us / 60000000);
}

void format_time_utc(struct text *t, int64_t us)
{
	time_t seconds = (time_t)(us / 1000000);
	char day[32];
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return;
	text_printf(t, "%s.%06" PRId64 "Z", day, us % 1000000);
}

void format_day_utc(struct text *t, int64_t s)
{
	time_t seconds = (time_t)s;
	char day[32];
	struct tm tm;

	if (gmtime_r(&seconds, &tm) && strftime(day, sizeof(day), "%Y-%m-%d", &tm) > 0)
		text_put(t, str_of(day));
}

void format_time_local(struct text *t, int64_t us, enum time_shape shape)
{
	static const char *const months[] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm;
	long zone;

	if (!localtime_r(&seconds, &tm))
		return;
	if (shape == TIME_LONG)
		text_printf(t, "%04d-", tm.tm_year + 1900);
	if (shape == TIME_SHORT || shape == TIME_LONG)
		text_printf(t, "%02d-%02d ", tm.tm_mon + 1, tm.tm_mday);
	if (shape == TIME_COMBINED)
		text_printf(t, "%02d/%s/%04d:", tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900);
	text_printf(t, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (shape != TIME_COMBINED)
		return;
	zone = tm.tm_gmtoff < 0 ? -tm.tm_gmtoff : tm.tm_gmtoff;
	text_printf(t, " %c%02ld%02ld", tm.tm_gmtoff < 0 ? '-' : '+', zone / 3600, zone / 60 % 60);
}

enum colour colour_of_status(int status)
{
	if (status >= 500)
		return COLOUR_RED;
	if (status >= 400)
		return COLOUR_YELLOW;
	if (status >= 300)
		return COLOUR_CYAN;
	return status >= 200 ? COLOUR_GREEN : COLOUR_NONE;
}

void format_colour(struct text *t, enum colour c)
{
	static const char *const codes[] = {
		[COLOUR_NONE] = "",
		[COLOUR_GREEN] = "\x1b[32m",
		[COLOUR_CYAN] = "\x1b[36m",
		[COLOUR_YELLOW] = "\x1b[33m",
		[COLOUR_RED] = "\x1b[31m",
		[COLOUR_DIM] = "\x1b[2m",
		[COLOUR_BOLD] = "\x1b[1m",
	};

	text_put(t, str_of(codes[c]));
}

void format_colour_end(struct text *t, enum colour c)
{
	if (c != COLOUR_NONE)
		text_put(t, STR("\x1b[0m"));
}
