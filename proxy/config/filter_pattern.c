/* A scan of a pattern that knows where escapes, classes, groups and repeats begin and end, and takes only those that RE2 and
 * PCRE2 read alike. What they could read differently is refused rather than followed, so that the scan never loses its
 * place. Pure. */
#include "config/filter_pattern.h"

#include <stdio.h>
#include <string.h>

struct scan {
	struct str rest;
	bool is_after_repeat;
	unsigned most_repeats;
	const char *why; /* it is refused at rest */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_flag(char c)
{
	return c != '\0' && strchr("imsU-", c) != NULL;
}

static bool is_class_name_byte(char c)
{
	return is_letter(c) || c == '^';
}

static bool is_name_byte(char c)
{
	return is_letter(c) || is_digit(c) || c == '_';
}

/* How many bytes of s from there on are such. */
static size_t span(struct str s, size_t from, bool (*is_such)(char c))
{
	size_t end = from;

	while (end < s.len && is_such(s.p[end]))
		end++;
	return end - from;
}

/* The byte at that place; NUL behind the end, which is in none of the tables. */
static char at(struct str s, size_t i)
{
	return i < s.len ? s.p[i] : '\0';
}

static bool refuse(struct scan *s, const char *why)
{
	s->why = why;
	return false;
}

static bool take(struct scan *s, size_t n)
{
	s->rest = str_from(s->rest, n < s->rest.len ? n : s->rest.len);
	return true;
}

/* \x41 or \x{41}; bytes only, so there are no larger ones to know. */
static bool hex_scan(struct scan *s)
{
	bool is_braced = at(s->rest, 2) == '{';
	size_t from = is_braced ? 3 : 2, digits = span(s->rest, from, is_hex);

	if (is_braced ? digits == 0 || at(s->rest, from + digits) != '}' : digits < 2)
		return refuse(s, "\\x takes two hexadecimal digits, or some in braces");
	return take(s, is_braced ? from + digits + 1 : 4);
}

/* Why the letter behind a backslash is not taken. */
static const char *escape_reason(char c)
{
	if (is_digit(c) || c == 'g' || c == 'k')
		return "back-references are not supported";
	switch (c) {
	case 'K':
		return "\\K is not supported";
	case 'G':
		return "\\G is not supported";
	case 'Z':
		return "\\Z is not supported; $ is the end";
	case 'C':
		return "\\C is not supported; (?s:.) is any byte";
	case 'p':
	case 'P':
		return "properties of Unicode are not supported: patterns are over bytes";
	case '\0':
		return "there is nothing behind the backslash";
	default:
		return "no such escape is supported";
	}
}

/* A backslash and what belongs to it. letters: what may stand behind it, but for signs. */
static bool escape_scan(struct scan *s, const char *letters)
{
	char c = at(s->rest, 1);

	if (c == 'x')
		return hex_scan(s);
	if (c == '0')
		return take(s, 2); /* up to two more digits are literal here, and part of it for both: the same to the scan */
	if (c != '\0' && strchr(letters, c) != NULL)
		return take(s, 2);
	if (c >= ' ' && c <= '~' && !is_letter(c) && !is_digit(c) && c != '_')
		return take(s, 2);
	return refuse(s, escape_reason(c));
}

/* [:alpha:] at the front within a class; its length, or 0. */
static size_t posix_class_len(struct str rest)
{
	size_t len = at(rest, 1) == ':' ? 2 + span(rest, 2, is_class_name_byte) : 0;

	return len > 2 && at(rest, len) == ':' && at(rest, len + 1) == ']' ? len + 2 : 0;
}

/* A class in brackets. One that does not close is left to the compiler. */
static bool class_scan(struct scan *s)
{
	take(s, at(s->rest, 1) == '^' ? 2 : 1);
	if (at(s->rest, 0) == ']')
		take(s, 1);
	while (s->rest.len != 0 && s->rest.p[0] != ']') {
		if (s->rest.p[0] != '\\')
			take(s, posix_class_len(s->rest) != 0 ? posix_class_len(s->rest) : 1);
		else if (!escape_scan(s, "aftnrdDsSwW"))
			return false;
	}
	return take(s, 1);
}

/* Why the group that begins with (? and that byte is not taken. */
static const char *group_reason(struct str rest)
{
	char c = at(rest, 2), next = at(rest, 3);

	if (c == '=' || c == '!' || c == '*' || (c == '<' && (next == '=' || next == '!' || next == '*')))
		return "look-around is not supported";
	if (c == 'P' && next == '=')
		return "back-references are not supported";
	if (c == 'R' || c == '&' || c == '+' || is_digit(c) || (c == '-' && is_digit(next)) || (c == 'P' && next == '>'))
		return "recursion is not supported";
	switch (c) {
	case '(':
		return "conditional groups are not supported";
	case '>':
		return "atomic groups are not supported";
	case '|':
		return "groups whose branches share numbers are not supported";
	case 'C':
		return "callouts are not supported";
	case '#':
		return "comments are not supported";
	default:
		return "no such group is supported; there are (?:...), (?i), (?m), (?s) and (?U)";
	}
}

/* ( (?: (?P<name> (?<name> (?i) (?i: (?-s) … */
static bool group_scan(struct scan *s)
{
	size_t name = at(s->rest, 2) == 'P' ? 4 : 3, len;

	if (at(s->rest, 1) == '*')
		return refuse(s, "(*verbs) are not supported");
	if (at(s->rest, 1) != '?')
		return take(s, 1);
	len = span(s->rest, name, is_name_byte);
	if (at(s->rest, name - 1) == '<' && len != 0 && at(s->rest, name + len) == '>')
		return take(s, name + len + 1);
	len = span(s->rest, 2, is_flag);
	if (at(s->rest, 2 + len) == ':' || (len != 0 && at(s->rest, 2 + len) == ')'))
		return take(s, 2 + len + 1);
	return refuse(s, group_reason(s->rest));
}

/* {2} {2,} {2,3}; the length, or 0 if it is none. */
static size_t braces_scan(struct scan *s)
{
	size_t from = 1, digits = span(s->rest, from, is_digit);

	for (int i = 0; i < 2; i++) {
		uint64_t number;

		if (digits != 0 && !str_to_u64((struct str){s->rest.p + from, digits}, FILTER_PATTERN_MAX_REPEATS, &number))
			return refuse(s, "the number of repeats is larger than 1000");
		if (digits != 0 && number > s->most_repeats)
			s->most_repeats = (unsigned)number;
		from += digits;
		if (from == 1 || at(s->rest, from) != ',')
			break;
		digits = span(s->rest, ++from, is_digit);
	}
	if (from == 1 || at(s->rest, from) != '}')
		return refuse(s, "this begins no repeat like {2,3}; as a character it is \\{");
	return from + 1;
}

/* A repeat, with the ? that makes it a lazy one. */
static bool repeat_scan(struct scan *s)
{
	size_t len = s->rest.p[0] == '{' ? braces_scan(s) : 1;

	if (len == 0)
		return false;
	if (s->is_after_repeat)
		return refuse(s,
			s->rest.p[0] == '+' ? "possessive repeats are not supported" : "a repeat of a repeat is not supported");
	return take(s, at(s->rest, len) == '?' ? len + 1 : len);
}

/* The next part; false with the reason. */
static bool part_scan(struct scan *s)
{
	char c = s->rest.p[0];
	bool is_repeat = c == '*' || c == '+' || c == '?' || c == '{';
	bool is_ok;

	if (is_repeat)
		is_ok = repeat_scan(s);
	else if (c == '\\')
		is_ok = escape_scan(s, "aftnrdDsSwWbBAz");
	else if (c == '[')
		is_ok = class_scan(s);
	else if (c == '(')
		is_ok = group_scan(s);
	else
		is_ok = take(s, 1);
	s->is_after_repeat = is_repeat;
	return is_ok;
}

bool filter_pattern_check(struct str pattern, unsigned *ret_most_repeats, size_t *ret_position, char *ret_why, size_t size)
{
	struct scan s = {.rest = pattern};

	while (s.rest.len != 0) {
		if (!part_scan(&s)) {
			*ret_position = pattern.len - s.rest.len;
			snprintf(ret_why, size, "%s", s.why);
			return false;
		}
	}
	*ret_most_repeats = s.most_repeats;
	return true;
}
