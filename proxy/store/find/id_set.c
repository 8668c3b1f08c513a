/* Sets of ids. Pure but for memory. */
#include "store/find/id_set.h"

#include "base/mem.h"

enum { WORD_BITS = 64, MANY_OF_WORD = 16 };

struct id_set {
	uint64_t first, last;
	size_t words;
	uint64_t bits[];
};

struct id_set *id_set_new(uint64_t first, uint64_t last)
{
	size_t words = (size_t)((last - first) / WORD_BITS) + 1;
	struct id_set *s = mem_calloc(1, sizeof(*s) + words * sizeof(s->bits[0]));

	s->first = first;
	s->last = last;
	s->words = words;
	return s;
}

void id_set_free(struct id_set *s)
{
	mem_free(s);
}

void id_set_add(struct id_set *s, uint64_t id)
{
	if (id < s->first || id > s->last)
		return;
	s->bits[(id - s->first) / WORD_BITS] |= UINT64_C(1) << (id - s->first) % WORD_BITS;
}

void id_set_add_range(struct id_set *s, uint64_t first, uint64_t last)
{
	if (first < s->first)
		first = s->first;
	if (last > s->last)
		last = s->last;
	for (uint64_t id = first; id <= last && last >= s->first; id++) {
		bool is_word = (id - s->first) % WORD_BITS == 0 && last - id >= WORD_BITS - 1;

		if (is_word)
			s->bits[(id - s->first) / WORD_BITS] = UINT64_MAX;
		else
			id_set_add(s, id);
		if (is_word)
			id += WORD_BITS - 1;
		if (id == UINT64_MAX)
			return;
	}
}

void id_set_unite(struct id_set *s, const struct id_set *other)
{
	for (size_t i = 0; i < s->words; i++)
		s->bits[i] |= other->bits[i];
}

void id_set_intersect(struct id_set *s, const struct id_set *other)
{
	for (size_t i = 0; i < s->words; i++)
		s->bits[i] &= other->bits[i];
}

void id_set_invert(struct id_set *s)
{
	unsigned beyond = (unsigned)(s->words * WORD_BITS - 1 - (s->last - s->first));

	for (size_t i = 0; i < s->words; i++)
		s->bits[i] = ~s->bits[i];
	s->bits[s->words - 1] &= UINT64_MAX >> beyond;
}

size_t id_set_count(const struct id_set *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->words; i++)
		n += (size_t)__builtin_popcountll(s->bits[i]);
	return n;
}

/* The bits of a word that lie from bit `at` on in that direction. */
static uint64_t rest_of(uint64_t word, unsigned at, bool is_up)
{
	return is_up ? word & UINT64_MAX << at : word & UINT64_MAX >> (WORD_BITS - 1 - at);
}

/* The ids of a word that is not 0: one, or where there are many all between the outermost. */
static void range_of(const struct id_set *s, size_t i, uint64_t word, bool is_up, uint64_t *ret_first, uint64_t *ret_last)
{
	unsigned low = (unsigned)__builtin_ctzll(word), high = WORD_BITS - 1 - (unsigned)__builtin_clzll(word);

	if (__builtin_popcountll(word) < MANY_OF_WORD && is_up)
		high = low;
	else if (__builtin_popcountll(word) < MANY_OF_WORD)
		low = high;
	*ret_first = s->first + i * WORD_BITS + low;
	*ret_last = s->first + i * WORD_BITS + high;
}

bool id_set_next(const struct id_set *s, uint64_t from, bool is_up, uint64_t *ret_first, uint64_t *ret_last)
{
	uint64_t word;
	size_t i;

	if (is_up ? from > s->last : from < s->first)
		return false;
	if (from < s->first)
		from = s->first;
	if (from > s->last)
		from = s->last;
	i = (size_t)((from - s->first) / WORD_BITS);
	word = rest_of(s->bits[i], (unsigned)((from - s->first) % WORD_BITS), is_up);
	while (word == 0) {
		if (is_up ? i + 1 == s->words : i == 0)
			return false;
		i = is_up ? i + 1 : i - 1;
		word = s->bits[i];
	}
	range_of(s, i, word, is_up, ret_first, ret_last);
	return true;
}
