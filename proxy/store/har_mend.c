/* See har_mend.h. Outside of strings nothing is changed: what is wrong there is for the JSON reader to refuse. */
#include "store/har_mend.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

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

void har_mend(struct text *to, struct str json)
{
	bool is_string = false;

	while (json.len > 0) {
		size_t n = 1;

		if (json.p[0] == '"')
			is_string = !is_string;
		if (!is_string || json.p[0] == '"')
			text_byte(to, json.p[0]);
		else
			n = json.p[0] == '\\' ? mend_escape(to, json) : mend_character(to, json);
		json = str_from(json, n);
	}
}
