/* See har_mend.h. Outside of strings nothing but numbers is changed: what else is wrong there is for the JSON reader to refuse. */
#include "store/har/har_mend.h"

#include "base/utf8.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { SAFE_DIGITS = 300 }; /* of which each number is less than 1e308 */

static const char replacement[] = "\xef\xbf\xbd";

/* The UTF-16 unit of an escape that stands here; -1: none does. */
static long unit_at(struct str s)
{
	char digits[5], *end;
	long unit;

	if (s.len < 6 || s.p[0] != '\\' || s.p[1] != 'u')
		return -1;
	memcpy(digits, s.p + 2, 4);
	digits[4] = '\0';
	if (strspn(digits, "0123456789abcdefABCDEF") != 4)
		return -1;
	unit = strtol(digits, &end, 16);
	return unit;
}

/* An escape as it is, unless it is half of a pair; how long it is. */
static size_t mend_escape(struct text *to, struct str s)
{
	long first = unit_at(s), second;
	size_t n = first >= 0 ? 6 : 2;

	if (first >= 0xd800 && first < 0xdc00) {
		second = unit_at(str_from(s, 6));
		n = second >= 0xdc00 && second < 0xe000 ? 12 : 6;
	}
	if (n == 6 && first >= 0xd800 && first < 0xe000)
		text_put(to, STR(replacement));
	else
		text_put(to, str_first(s, n < s.len ? n : s.len));
	return n < s.len ? n : s.len;
}

/* Any other character of a string; how long it is. */
static size_t mend_character(struct text *to, struct str s)
{
	size_t n = utf8_first(s);

	if (n == 0)
		text_put(to, STR(replacement));
	else if ((unsigned char)s.p[0] < 0x20)
		text_printf(to, "\\u%04x", (unsigned)(unsigned char)s.p[0]);
	else
		text_put(to, str_first(s, n));
	return n > 0 ? n : 1;
}

static size_t number_length(struct str s)
{
	size_t n = 0;

	while (n < s.len && s.p[n] != '\0' && strchr("+-.0123456789Ee", s.p[n]) != NULL)
		n++;
	return n;
}

/* Only long ones and those with an exponent can be; the JSON reader itself says whether they are. */
static bool is_out_of_range(struct str number)
{
	json_error_t error;
	json_t *loaded;

	if (number.len < SAFE_DIGITS && str_find(number, 'e') == number.len && str_find(number, 'E') == number.len)
		return false;
	loaded = json_loadb(number.p, number.len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);
	json_decref(loaded);
	return loaded == NULL && json_error_code(&error) == json_error_numeric_overflow;
}

/* What stands outside of strings, a number or a byte; how long it is. */
static size_t mend_outside(struct text *to, struct str s)
{
	struct str number = str_first(s, number_length(s));

	if (number.len == 0)
		text_byte(to, s.p[0]);
	else
		text_put(to, is_out_of_range(number) ? STR("null") : number);
	return number.len > 0 ? number.len : 1;
}

void har_mend(struct text *to, struct str json)
{
	bool is_string = false;

	while (json.len > 0) {
		size_t n = 1;

		if (json.p[0] == '"')
			is_string = !is_string;
		if (json.p[0] == '"')
			text_byte(to, '"');
		else if (!is_string)
			n = mend_outside(to, json);
		else
			n = json.p[0] == '\\' ? mend_escape(to, json) : mend_character(to, json);
		json = str_from(json, n);
	}
}
