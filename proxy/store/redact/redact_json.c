/* Secrets in JSON (RFC 8259): the values of members with covered names, at any depth; all around them stays byte by byte.
 * Several values may follow one another, as JSON lines (and RFC 7464) have them. Loose: what comes here may be cut, or not
 * quite JSON; what cannot be read is let pass only where it cannot hold a covered member. */
#include "store/redact/redact_part.h"

#include <string.h>

enum { LONGEST_UNREAD = 256 * 1024 };

enum scan_end { SCAN_OK, SCAN_CUT, SCAN_FAULT };

struct scan {
	const struct redactor *redactor;
	struct text *to;
	struct str in;
	size_t at;        /* of the next byte to look at */
	size_t last_text; /* where the last string that is no name begins */
	size_t done;      /* up to there the input has been put */
	unsigned depth;   /* of objects and arrays */
	unsigned inside;  /* of covered members */
	bool has_met;     /* a covered member */
	bool has_begun;   /* as JSON does, and not only with a bracket */
	bool is_replaced;
	struct text plain; /* a string without escapes */
};

static enum scan_end scan_value(struct scan *s);

static void skip_blanks(struct scan *s)
{
	/* the record separator of RFC 7464 among them */
	while (s->at < s->in.len && strchr(" \t\r\n\x1e", s->in.p[s->at]) && s->in.p[s->at] != '\0')
		s->at++;
}

/* The next byte that is not blank; false at the end. */
static bool peek(struct scan *s, char *ret)
{
	skip_blanks(s);
	if (s->at == s->in.len)
		return false;
	*ret = s->in.p[s->at];
	return true;
}

static bool read_hex(struct str s, unsigned *ret)
{
	unsigned n = 0;

	if (s.len < 4)
		return false;
	for (size_t i = 0; i < 4; i++) {
		char c = s.p[i];

		if (c >= '0' && c <= '9')
			n = n << 4 | (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			n = n << 4 | (unsigned)((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	*ret = n;
	return true;
}

static void put_utf8(struct text *t, unsigned c)
{
	if (c < 0x80) {
		text_byte(t, (char)c);
		return;
	}
	if (c >= 0x10000)
		text_byte(t, (char)(0xf0 | c >> 18));
	if (c >= 0x800)
		text_byte(t, (char)((c >= 0x10000 ? 0x80 : 0xe0) | (c >> 12 & 0x3f)));
	text_byte(t, (char)((c >= 0x800 ? 0x80 : 0xc0) | (c >> 6 & 0x3f)));
	text_byte(t, (char)(0x80 | (c & 0x3f)));
}

/* What follows \u; returns how many bytes it takes. */
static size_t put_code_point(struct text *t, struct str s)
{
	unsigned c, low;

	if (!read_hex(s, &c))
		return 0;
	if (c >= 0xd800 && c < 0xdc00 && str_starts(str_from(s, 4), STR("\\u")) && read_hex(str_from(s, 6), &low) &&
		low >= 0xdc00 && low < 0xe000) {
		put_utf8(t, 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00)));
		return 10;
	}
	put_utf8(t, c);
	return 4;
}

/* The inside of a string without its escapes. */
static struct str plain_of(struct scan *s, struct str inside)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	size_t slash;

	if (str_find(inside, '\\') == inside.len)
		return inside;
	text_clear(&s->plain);
	while ((slash = str_find(inside, '\\')) < inside.len) {
		const char *known;
		char c;

		text_put(&s->plain, str_first(inside, slash));
		inside = str_from(inside, slash + 1);
		if (inside.len == 0)
			break;
		c = inside.p[0];
		inside = str_from(inside, 1);
		known = c != '\0' ? strchr(from, c) : NULL;
		if (c == 'u')
			inside = str_from(inside, put_code_point(&s->plain, inside));
		else
			text_byte(&s->plain, known ? to[known - from] : c);
	}
	text_put(&s->plain, inside);
	return text_str(&s->plain);
}

/* Puts the input up to there. */
static void put_up_to(struct scan *s, size_t at)
{
	text_put(s->to, (struct str){s->in.p + s->done, at - s->done});
	s->done = at;
}

/* Puts the hash of a secret in the place of [from, end); has_quotes: there are quotes around it. */
static void replace(struct scan *s, size_t from, size_t end, struct str secret, bool has_quotes)
{
	size_t len;

	put_up_to(s, from);
	len = s->to->len;
	if (!has_quotes)
		text_byte(s->to, '"');
	if (!redact_secret(s->redactor, s->to, secret)) { /* empty, or it was before: it comes with what follows */
		s->to->len = len;
		return;
	}
	if (!has_quotes)
		text_byte(s->to, '"');
	s->is_replaced = true;
	s->done = end;
}

/* A string, at its opening quote. */
static enum scan_end scan_string(struct scan *s, struct str *ret_inside)
{
	size_t from = ++s->at;

	while (s->at < s->in.len && s->in.p[s->at] != '"')
		s->at += s->in.p[s->at] == '\\' ? 2 : 1;
	if (s->at > s->in.len)
		s->at = s->in.len;
	*ret_inside = (struct str){s->in.p + from, s->at - from};
	if (s->at == s->in.len)
		return SCAN_CUT;
	s->at++;
	return SCAN_OK;
}

static enum scan_end scan_text(struct scan *s)
{
	size_t from = s->last_text = s->at + 1;
	struct str inside;
	enum scan_end end = scan_string(s, &inside);

	if (s->inside > 0)
		replace(s, from, from + inside.len, plain_of(s, inside), true);
	return end;
}

static bool is_number_or_literal(struct str word)
{
	/* the last three are not JSON, but sent as such */
	static const struct str literals[] = {
		{"true", 4}, {"false", 5}, {"null", 4}, {"NaN", 3}, {"Infinity", 8}, {"undefined", 9}};

	if (word.len > 0 && (word.p[0] == '-' || (word.p[0] >= '0' && word.p[0] <= '9')))
		return true;
	for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++) {
		if (str_eq(word, literals[i]))
			return true;
	}
	return false;
}

/* What is neither a string nor has brackets. */
static enum scan_end scan_word(struct scan *s)
{
	size_t end = s->at;
	struct str word;

	while (end < s->in.len && str_is_token((struct str){s->in.p + end, 1}) && s->in.p[end] != '\'')
		end++;
	word = (struct str){s->in.p + s->at, end - s->at};
	if (!is_number_or_literal(word))
		return SCAN_FAULT;
	/* null is no secret, and that there is none is worth seeing */
	if (s->inside > 0 && !str_eq(word, STR("null")))
		replace(s, s->at, end, word, false);
	s->at = end;
	return SCAN_OK;
}

/* A member, at its name. */
static enum scan_end scan_member(struct scan *s)
{
	size_t from = s->at;
	enum scan_end end;
	bool is_covered;
	struct str name;
	char c;

	if (scan_string(s, &name) != SCAN_OK || !peek(s, &c))
		return SCAN_CUT;
	s->has_begun = true;
	if (c != ':') {
		s->at = from;
		return SCAN_FAULT;
	}
	s->at++;
	is_covered = name_set_has(&s->redactor->json, plain_of(s, name));
	s->has_met |= is_covered;
	s->inside += is_covered;
	end = scan_value(s);
	s->inside -= is_covered;
	return end;
}

/* Whether the name of a member stands there, as it may be written elsewhere than in JSON: without quotes, or in single ones. */
static bool is_loose_member(struct str s)
{
	size_t end = 0;

	while (end < s.len && (str_is_token((struct str){s.p + end, 1}) || s.p[end] == ' '))
		end++;
	return end > 0 && end < s.len && s.p[end] == ':';
}

/* What stands between the brackets of an object or array, and the closing one. */
static enum scan_end scan_items(struct scan *s, char closing)
{
	enum scan_end end;
	char c;

	for (;;) {
		if (!peek(s, &c))
			return SCAN_CUT;
		if (c == closing) {
			s->at++;
			return SCAN_OK;
		}
		if (closing == '}' && c != '"') {
			s->has_begun |= is_loose_member(str_from(s->in, s->at));
			return SCAN_FAULT;
		}
		end = closing == '}' ? scan_member(s) : scan_value(s);
		if (end != SCAN_OK)
			return end;
		if (!peek(s, &c))
			return SCAN_CUT;
		if (c == ',')
			s->at++;
		else if (c != closing)
			return SCAN_FAULT;
	}
}

static enum scan_end scan_value(struct scan *s)
{
	enum scan_end end;
	char c;

	if (!peek(s, &c))
		return SCAN_CUT;
	if (c == '"')
		return scan_text(s);
	if (c != '{' && c != '[')
		return scan_word(s);
	if (s->depth == REDACT_DEPTH) {
		s->has_begun = true;
		return SCAN_FAULT;
	}
	s->depth++;
	s->at++;
	end = scan_items(s, c == '{' ? '}' : ']');
	s->depth--;
	return end;
}

/* What stands before JSON so that scripts of other sites cannot read it. */
static void skip_guard(struct scan *s)
{
	static const char *const guards[] = {"\xef\xbb\xbf", ")]}'", ",", "for(;;);", "while(1);"};

	for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++) {
		if (str_starts(str_from(s->in, s->at), str_of(guards[i])))
			s->at += strlen(guards[i]);
	}
}

/* Whether what could not be read may hold a covered member: a name stands in it somewhere, or could do so in disguise. */
static bool may_hold(const struct name_set *names, struct str s)
{
	if (s.len > LONGEST_UNREAD || memchr(s.p, '\0', s.len) || memmem(s.p, s.len, "\\u", 2))
		return true;
	for (; s.len > 0; s = str_from(s, 1)) {
		for (size_t i = 0; i < names->n; i++) {
			if (str_istarts(s, str_of(names->v[i])))
				return true;
		}
	}
	return false;
}

/* How it ends where the input could not be read from s->at on. */
static bool is_blind(const struct scan *s, bool is_sure)
{
	size_t from = s->at;

	/* What ended a secret may have been part of it: a quote without a backslash, or behind one too many. */
	if (s->has_met)
		return true;
	/* A text that begins with a bracket by chance is no JSON. */
	if (!is_sure && !s->has_begun)
		return false;
	if (from < s->in.len && s->in.p[from] == ':')
		from = s->last_text; /* which was a name */
	return may_hold(&s->redactor->json, str_from(s->in, from));
}

enum redact_end redact_json(const struct redactor *r, struct text *to, struct str body, bool is_sure)
{
	struct scan s = {.redactor = r, .to = to, .in = body};
	enum scan_end end = SCAN_OK;
	size_t len = to->len;
	bool is_kept_back;
	char c;

	skip_guard(&s);
	while (end == SCAN_OK && peek(&s, &c))
		end = scan_value(&s);
	is_kept_back = end == SCAN_FAULT && is_blind(&s, is_sure);
	text_fini(&s.plain);
	if (is_kept_back || !s.is_replaced) {
		to->len = len;
		return is_kept_back ? REDACT_BLIND : REDACT_NOTHING;
	}
	put_up_to(&s, body.len);
	return REDACT_REPLACED;
}
