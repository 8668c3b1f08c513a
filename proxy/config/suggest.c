/* Suggestions for misspelt names: the edit distance over all that are known. Pure. */
#include "config/suggest.h"

enum { NAME_BYTES = 64 };

/* Letters in lower case, dots as underscores. */
static char fold(char c)
{
	if (c == '.' || c == '-')
		return '_';
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b. Both are shorter than NAME_BYTES. */
static size_t distance(struct str a, struct str b)
{
	size_t rows[3][NAME_BYTES]; /* of the matrix: this one and the two before it */

	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			char ca = fold(a.p[i - 1]), cb = fold(b.p[j - 1]);

			row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca == fold(b.p[j - 2]) && fold(a.p[i - 2]) == cb && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
	}
	return rows[a.len % 3][b.len];
}

/* How far the name is from an option's: from the whole, or from its last part, as sections are easily left out. */
static size_t distance_to_option(struct str name, struct str option)
{
	size_t whole = distance(name, option), dot = str_find(option, '.'), part;

	if (dot == option.len || str_find(name, '.') != name.len)
		return whole;
	part = distance(name, str_from(option, dot + 1)) + 1;
	return part < whole ? part : whole;
}

/* From this distance on it is a different word. */
static size_t far_from(struct str name)
{
	return name.len / 3 + 2;
}

enum option_id suggest_option(struct str name)
{
	enum option_id nearest = OPTION_COUNT;
	size_t best = far_from(name);

	if (name.len == 0 || name.len >= NAME_BYTES)
		return OPTION_COUNT;
	for (int id = 0; id < OPTION_COUNT; id++) {
		struct str option = str_of(option_row((enum option_id)id)->name);
		size_t d = option.len < NAME_BYTES ? distance_to_option(name, option) : best;

		if (d < best) {
			best = d;
			nearest = (enum option_id)id;
		}
	}
	return nearest;
}

size_t suggest_word(struct str name, const char *(*word_at)(size_t i), size_t n)
{
	size_t nearest = n, best = far_from(name);

	if (name.len == 0 || name.len >= NAME_BYTES)
		return n;
	for (size_t i = 0; i < n; i++) {
		struct str word = str_of(word_at(i));
		size_t d = word.len != 0 && word.len < NAME_BYTES ? distance(name, word) : best;

		if (d < best) {
			best = d;
			nearest = i;
		}
	}
	return nearest;
}
