/* PCRE2 with bounds. Its own match limit counts the steps from one place of the subject where a match might begin, and starts anew
 * at the next place, so that it bounds little: a subject is as long as a hostile peer likes. So the steps are counted here: PCRE2
 * calls before each part of the pattern that it tries, at whatever place, and after the last one.
 *
 * What it does between two calls is bounded by the pattern. A repeat of one character is run through without calls, but where it
 * then gives up one after the other, each is a call: that holds only without auto-possessification. The least number of a counted
 * repeat is never given up; hence a step costs more the larger those numbers are. */
#include "config/filter_regex.h"

#include "base/mem.h"
#include "config/filter_pattern.h"

#include <stdio.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
	START_STEPS = 8,          /* a match costs something before its first step */
	BYTES_PER_STEP = 256,     /* of the subject, in which places to begin at are looked for */
	REPEATS_PER_STEP = 16,    /* characters compared in the time of a step */
	DEPTH_LIMIT = 100000,     /* of remembered choices */
	HEAP_LIMIT_KIB = 4 << 10, /* for them; new memory costs time too */
};

struct filter_regex {
	pcre2_general_context *memory;
	pcre2_code *code;
	uint32_t step_price; /* what a step takes from the budget */
};

static void *memory_take(size_t size, void *unused)
{
	(void)unused;
	return mem_alloc(size);
}

static void memory_give(void *p, void *unused)
{
	(void)unused;
	mem_free(p);
}

/* NULL on failure, with PCRE2's number and place. */
static pcre2_code *compile(pcre2_general_context *memory, struct str pattern, bool caseless, int *ret_error,
	size_t *ret_position)
{
	pcre2_compile_context *limits = pcre2_compile_context_create(memory);
	uint32_t options = PCRE2_AUTO_CALLOUT | PCRE2_NO_AUTO_POSSESS; /* for the count of steps */
	pcre2_code *code;

	pcre2_set_parens_nest_limit(limits, FILTER_REGEX_MAX_NESTING);
	pcre2_set_newline(limits, PCRE2_NEWLINE_LF);
	/* Bytes only, whatever the pattern asks for; $ is the end and nothing before it. */
	options |= PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY;
	if (caseless)
		options |= PCRE2_CASELESS;
	code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.len, options, ret_error, ret_position, limits);
	pcre2_compile_context_free(limits);
	return code;
}

/* What the scan of the pattern cannot know: what it has become. False with the reason. */
static bool compiled_check(const pcre2_code *code, char *ret_why, size_t size)
{
	size_t bytes = SIZE_MAX;
	uint32_t back_references = 1;

	if (pcre2_pattern_info(code, PCRE2_INFO_SIZE, &bytes) != 0 || bytes > FILTER_REGEX_MAX_COMPILED_BYTES) {
		snprintf(ret_why, size, "it repeats too much (compiled it is larger than %d bytes)",
			FILTER_REGEX_MAX_COMPILED_BYTES);
		return false;
	}
	if (pcre2_pattern_info(code, PCRE2_INFO_BACKREFMAX, &back_references) != 0 || back_references != 0) {
		snprintf(ret_why, size, "back-references are not supported");
		return false;
	}
	return true;
}

/* Compiles the pattern; false with the reason. */
static bool regex_fill(struct filter_regex *r, struct str pattern, bool caseless, size_t *ret_position, char *ret_why,
	size_t size)
{
	unsigned char text[128] = "no reason is known";
	size_t position = 0;
	int error;

	r->code = compile(r->memory, pattern, caseless, &error, &position);
	if (r->code == NULL) {
		pcre2_get_error_message(error, text, sizeof(text));
		*ret_position = position < pattern.len ? position : pattern.len;
		snprintf(ret_why, size, "%s", (const char *)text);
		return false;
	}
	*ret_position = 0;
	return compiled_check(r->code, ret_why, size);
}

struct filter_regex *filter_regex_new(struct str pattern, bool caseless, size_t *ret_position, char *ret_why, size_t size)
{
	struct filter_regex *r;
	unsigned most_repeats;

	if (pattern.len > FILTER_REGEX_MAX_BYTES) {
		*ret_position = FILTER_REGEX_MAX_BYTES;
		snprintf(ret_why, size, "it is longer than %d bytes", FILTER_REGEX_MAX_BYTES);
		return NULL;
	}
	if (!filter_pattern_check(pattern, &most_repeats, ret_position, ret_why, size))
		return NULL;
	r = mem_calloc(1, sizeof(*r));
	r->memory = pcre2_general_context_create(memory_take, memory_give, NULL);
	r->step_price = 1 + most_repeats / REPEATS_PER_STEP;
	if (regex_fill(r, pattern.len != 0 ? pattern : STR(""), caseless, ret_position, ret_why, size))
		return r;
	filter_regex_free(r);
	return NULL;
}

void filter_regex_free(struct filter_regex *r)
{
	if (r == NULL)
		return;
	pcre2_code_free(r->code);
	pcre2_general_context_free(r->memory);
	mem_free(r);
}

static bool spend(struct filter_budget *budget, size_t steps)
{
	bool is_enough = budget->steps >= steps;

	budget->steps = is_enough ? budget->steps - (uint32_t)steps : 0;
	return is_enough;
}

struct meter {
	struct filter_budget *budget;
	uint32_t step_price;
};

/* One step; what is not 0 ends the match. */
static int on_step(pcre2_callout_block *unused, void *owner)
{
	const struct meter *m = owner;

	(void)unused;
	return spend(m->budget, m->step_price) ? 0 : PCRE2_ERROR_CALLOUT;
}

enum filter_answer filter_regex_finds(const struct filter_regex *r, struct str subject, struct filter_budget *budget)
{
	struct meter meter = {budget, r->step_price};
	pcre2_match_data *found;
	pcre2_match_context *limits;
	int result;

	if (!spend(budget, START_STEPS + subject.len / BYTES_PER_STEP))
		return FILTER_UNDECIDED;
	found = pcre2_match_data_create(1, r->memory);
	limits = pcre2_match_context_create(r->memory);
	pcre2_set_callout(limits, on_step, &meter);
	pcre2_set_depth_limit(limits, DEPTH_LIMIT);
	pcre2_set_heap_limit(limits, HEAP_LIMIT_KIB);
	result = pcre2_match(r->code, (PCRE2_SPTR)(subject.len != 0 ? subject.p : ""), subject.len, 0, 0, found, limits);
	pcre2_match_context_free(limits);
	pcre2_match_data_free(found);
	if (result == PCRE2_ERROR_NOMATCH)
		return FILTER_NO;
	if (result >= 0)
		return FILTER_YES; /* 0: with more groups than there is room for */
	budget->steps = 0;         /* whatever ran out: it shall not do so again and again */
	return FILTER_UNDECIDED;
}
