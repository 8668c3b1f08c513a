/* The filter language: no expression crashes the parser or the evaluation; a refusal has a reason and a place; what is
 * printed parses to a filter that prints the same and says the same. */
#include "config/filter_tree.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A fixed flow: some fields there, one of them twice, some absent. */
static void each(const void *owner, enum filter_field field, struct str name,
	bool (*take)(void *taker, const struct filter_value *v), void *taker)
{
	static const struct filter_value text = {{"/Users/42?q=\"a\\b\"", 17}, 0}, other = {{"", 0}, 0},
					 number = {{NULL, 0}, 2048};

	(void)owner;
	(void)name;
	if (field == FILTER_user || field == FILTER_status)
		return;
	if (filter_field_type(field) != FILTER_TEXT)
		take(taker, &number);
	else if (take(taker, &text) && filter_field_is_named(field))
		take(taker, &other);
}

/* What is printed; to be freed. */
static char *print(const struct filter *f, size_t *ret_len)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, ret_len);

	filter_print(f, to);
	fclose(to);
	return text;
}

/* With one budget for all, or one for each regular expression. */
static enum filter_answer answer_of(const struct filter *f, bool is_shared)
{
	const struct filter_subject subject = {.each = each};
	struct filter_budget budget = {FILTER_BUDGET_STEPS};

	return filter_ask(f, &subject, is_shared ? &budget : NULL);
}

static void round_trip(const struct filter *f, bool early)
{
	struct filter_error error;
	struct filter *again;
	size_t len = 0, twice_len = 0;
	char *once = print(f, &len), *twice;

	if (len <= FILTER_MAX_BYTES) { /* spaces may have been added */
		again = filter_parse((struct str){once, len}, early, &error);
		if (again == NULL || answer_of(f, true) != answer_of(again, true) ||
			answer_of(f, false) != answer_of(again, false))
			abort();
		twice = print(again, &twice_len);
		if (twice_len != len || memcmp(once, twice, len) != 0)
			abort();
		free(twice);
		filter_free(again);
	}
	free(once);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct str text = {(const char *)bytes, size};

	for (int early = 0; early < 2; early++) {
		struct filter_error error = {SIZE_MAX, ""};
		struct filter *f = filter_parse(text, early != 0, &error);

		if (f == NULL && (error.position > size || error.text[0] == '\0'))
			abort();
		if (f != NULL)
			round_trip(f, early != 0);
		filter_free(f);
	}
	return 0;
}
