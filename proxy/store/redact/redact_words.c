/* Secrets in sentences: what was noted about a flow, comments, titles. Not for what is a URL as a whole: redact_field.c. */
#include "store/redact/redact_part.h"

#include <string.h>

static bool is_divider(char c)
{
	return (unsigned char)c <= ' ' || c == '"' || c == '<' || c == '>';
}

static bool is_url(struct str word)
{
	return str_find(word, '?') < word.len || str_find(word, '#') < word.len ||
		(word.len > 0 && memmem(word.p, word.len, "://", 3));
}

/* One round over a word, as a URL or as parameters; most are neither. */
static bool put_word(const struct redactor *r, struct text *to, struct str word)
{
	return is_url(word) ? redact_url_once(r, to, word) : redact_query_once(r, to, word);
}

bool redact_words(const struct redactor *r, struct text *to, struct str words)
{
	bool is_replaced = false;

	while (words.len > 0) {
		size_t n = 0;

		while (n < words.len && !is_divider(words.p[n]))
			n++;
		is_replaced |= redact_settle_text(r, to, str_first(words, n), put_word);
		if (n < words.len)
			text_byte(to, words.p[n++]);
		words = str_from(words, n);
	}
	return is_replaced;
}
