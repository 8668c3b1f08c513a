/* Quoting for a POSIX shell. $'…' is not used, since dash does not know it. */
#include "store/export/shell_quote.h"

#include "base/utf8.h"

#include <string.h>

static bool is_bare(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    (c != '\0' && strchr("-_./:,+@%", c))))
			return false;
	}
	return s.len > 0;
}

/* One character of UTF-8 that a person can see, and that turns nothing around. */
static bool is_visible(struct str character)
{
	enum { LONGEST = 32 };
	char legible[LONGEST];
	size_t n = utf8_legible(character, legible, sizeof(legible));

	return str_eq((struct str){legible, n}, character);
}

bool shell_is_legible(struct str s)
{
	while (s.len > 0) {
		size_t n = utf8_first(s);
		bool is_plain = n == 1 && ((s.p[0] >= 0x20 && s.p[0] < 0x7f) || s.p[0] == '\n' || s.p[0] == '\t');

		if (n == 0 || (!is_plain && !is_visible(str_first(s, n))))
			return false;
		s = str_from(s, n);
	}
	return true;
}

static void put_quoted(struct text *t, struct str s)
{
	text_byte(t, '\'');
	for (;;) {
		size_t quote = str_find(s, '\'');

		text_put(t, str_first(s, quote));
		if (quote == s.len)
			break;
		text_put(t, STR("'\\''"));
		s = str_from(s, quote + 1);
	}
	text_byte(t, '\'');
}

static void put_octal(struct text *t, unsigned char c)
{
	const char digits[] = {'\\', (char)('0' + (c >> 6)), (char)('0' + (c >> 3 & 7)), (char)('0' + (c & 7))};

	text_put(t, (struct str){digits, sizeof(digits)});
}

void shell_printf(struct text *t, struct str s)
{
	text_put(t, STR("printf '"));
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c == '%')
			text_put(t, STR("%%"));
		else if (c == '\n')
			text_put(t, STR("\\n"));
		else if (c < 0x20 || c >= 0x7f || c == '\'' || c == '\\' || (i == 0 && c == '-'))
			put_octal(t, (unsigned char)c);
		else
			text_byte(t, c);
	}
	text_byte(t, '\'');
}

void shell_word(struct text *t, struct str s)
{
	if (is_bare(s)) {
		text_put(t, s);
	} else if (shell_is_legible(s)) {
		put_quoted(t, s);
	} else {
		text_put(t, STR("\"$("));
		shell_printf(t, s);
		text_put(t, STR(")\""));
	}
}
