/* Fields of which only some words can be the value: another one is a mistake, which would find nothing. Not for the fields
 * themselves: filter_fields.c. Pure. */
#include "config/filter_words.h"

#include "base/error.h"
#include "config/filter_fields.h"
#include "config/suggest.h"

#include <stdio.h>

enum { LIST_BYTES = 128, LISTED = 8 };

static const char *const outcomes[] = {"pending", "delivered", "failed", "cancelled", "interrupted"};
static const char *const schemes[] = {"http", "https"};

static const char *outcome_at(size_t i)
{
	return outcomes[i];
}

static const char *scheme_at(size_t i)
{
	return schemes[i];
}

static const char *error_at(size_t i)
{
	/* Of imported flows "cancelled" is one as well. */
	return i == ERR_none ? "" : error_name((enum error)i);
}

struct word_set {
	const char *(*at)(size_t i);
	size_t n;
};

/* n 0: any word. */
static struct word_set words_of(enum filter_field f)
{
	switch (f) {
	case FILTER_outcome:
		return (struct word_set){outcome_at, sizeof(outcomes) / sizeof(outcomes[0])};
	case FILTER_scheme:
		return (struct word_set){scheme_at, sizeof(schemes) / sizeof(schemes[0])};
	case FILTER_error:
		return (struct word_set){error_at, ERR_count};
	default:
		return (struct word_set){NULL, 0};
	}
}

static bool has_word(const struct word_set *set, struct str word, bool is_caseless)
{
	for (size_t i = 0; i < set->n; i++) {
		struct str known = str_of(set->at(i));

		if (is_caseless ? str_ieq(known, word) : str_eq(known, word))
			return true;
	}
	return word.len == 0;
}

bool filter_word_check(struct filter_parser *p, const struct filter_node *node, struct str word, struct str quoted)
{
	struct word_set set = words_of(node->field);
	bool is_whole = node->op == FILTER_OP_EQ || node->op == FILTER_OP_NE || node->op == FILTER_OP_IN;
	const char *field = filter_field_name(node->field);
	char list[LIST_BYTES] = "";
	size_t nearest, len = 0;

	if (set.n == 0 || !is_whole || has_word(&set, word, filter_field_is_caseless(node->field)))
		return true;
	nearest = suggest_word(word, set.at, set.n);
	if (nearest < set.n)
		return filter_fail(p, quoted, "no %s is called so; is \"%s\" meant?", field, set.at(nearest));
	for (size_t i = 0; set.n <= LISTED && i < set.n && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s \"%s\"", i > 0 ? "," : ": there are", set.at(i));
	return filter_fail(p, quoted, "no %s is called so%s", field, list);
}
