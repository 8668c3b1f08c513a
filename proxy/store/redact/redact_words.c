/* Secrets in sentences: what was noted about a flow, comments, titles. Not for what is a URL as a whole: redact_field.c. */
#include "store/redact/redact.h"

static bool is_divider(char c)
{
	return (unsigned char)c <= ' ' || c == '"' || c == '<' || c == '>';
}

/* A word as a URL or as parameters; most are neither. */
static bool put_word(const struct redactor *r, struct text *to, struct str word)
{
	size_t colon = str_find(word, ':');
	bool has_scheme = colon < word.len && str_starts(str_from(word, colon), STR("://"));

	if (has_scheme || str_find(word, '?') < word.len || str_find(word, '#') < word.len)
		return redact_url(r, to, word);
	return redact_query(r, to, word);
}

bool redact_words(const struct redactor *r, struct text *to, struct str words)
{
	bool is_replaced = false;

	while (words.len > 0) {
		size_t n = 0;

		while (n < words.len && !is_divider(words.p[n]))
			n++;
		is_replaced |= put_word(r, to, str_first(words, n));
		if (n < words.len)
			text_byte(to, words.p[n++]);
		words = str_from(words, n);
	}
	return is_replaced;
}
