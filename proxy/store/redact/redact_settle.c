/* Replaces until nothing is left to replace, so that what was replaced once stays as it is. What tells a URL from a query, or
 * where one ends, may have stood in a secret: without it the rest is read in another way, as whoever redacts it again would
 * read it. Not for what is secret: that is what each round finds. */
#include "store/redact/redact_part.h"

#include <string.h>

/* One is enough for nearly all; what takes more than these is made to. */
enum { ROUNDS_MAX = 4 };

/* For the rounds that follow the first one: what they meet has been counted. */
static struct redactor without_count(const struct redactor *r)
{
	struct redactor again = {.fields = r->fields, .query = r->query, .json = r->json};

	memcpy(again.key, r->key, sizeof(again.key));
	return again;
}

/* One round. What has become too large to be looked through again is given up. */
static enum redact_end run(redact_round *round, const void *owner, const struct redactor *r, struct text *to, struct str s)
{
	size_t from = to->len;
	enum redact_end end = round(owner, r, to, s);

	if (end != REDACT_REPLACED || to->len - from <= REDACT_MAX_BODY)
		return end;
	to->len = from;
	return REDACT_BLIND;
}

/* The rounds after the first one, on the text from there on. */
static enum redact_end settle_rest(const struct redactor *r, struct text *to, size_t from, redact_round *round,
	const void *owner)
{
	enum redact_end end = REDACT_REPLACED;

	for (unsigned n = 1; n < ROUNDS_MAX && end == REDACT_REPLACED; n++) {
		struct text shown = {NULL, 0, 0};

		end = run(round, owner, r, &shown, str_from(text_str(to), from));
		if (end == REDACT_REPLACED) {
			to->len = from;
			text_put(to, text_str(&shown));
		}
		text_fini(&shown);
	}
	return end;
}

enum redact_end redact_settle(const struct redactor *r, struct text *to, struct str s, redact_round *round, const void *owner)
{
	size_t from = to->len;
	enum redact_end end = run(round, owner, r, to, s);
	struct redactor again;

	if (end != REDACT_REPLACED)
		return end;
	again = without_count(r);
	end = settle_rest(&again, to, from, round, owner);
	explicit_bzero(again.key, sizeof(again.key));
	if (end == REDACT_NOTHING)
		return REDACT_REPLACED;
	to->len = from;
	return REDACT_BLIND;
}

struct text_round {
	redact_text_round *round;
};

static enum redact_end round_of_text(const void *owner, const struct redactor *r, struct text *to, struct str s)
{
	size_t from = to->len;

	if (((const struct text_round *)owner)->round(r, to, s))
		return REDACT_REPLACED;
	to->len = from;
	return REDACT_NOTHING;
}

bool redact_settle_text(const struct redactor *r, struct text *to, struct str s, redact_text_round *round)
{
	const struct text_round owner = {round};
	enum redact_end end = redact_settle(r, to, s, round_of_text, &owner);

	if (end == REDACT_BLIND)
		return redact_secret(r, to, s);
	if (end == REDACT_NOTHING)
		text_put(to, s);
	return end == REDACT_REPLACED;
}
