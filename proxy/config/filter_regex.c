/* PCRE2 with bounds. Its match limit counts the steps from one place of the subject where a match might begin, and starts anew
 * at the next place, so that alone it bounds little: a subject is as long as a hostile peer likes. Hence two ways:
 *
 *   1. the pattern as it is, with so few steps for each place that all places together stay within the budget. Nearly every
 *      question is answered here, at full speed.
 *   2. if that was too few, the pattern behind ".*?", anchored: the same question as one match with one count of steps, which
 *      may use the whole budget. */
#include "config/filter_regex.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
	BUDGET_STEPS = 200000, /* for one subject, in each of the two ways: some 4 ms */
	LEAST_STEPS = 16,      /* from one place */
	DEPTH_LIMIT = 100000,  /* of remembered choices */
	HEAP_LIMIT_KIB = 16384,
};

static const char before[] = "(?s:.*?)(?:", after[] = ")";

struct filter_regex {
	pcre2_general_context *memory;
	pcre2_code *anywhere; /* the pattern */
	pcre2_code *whole;    /* the pattern behind what may come before it */
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
static pcre2_code *compile(pcre2_general_context *memory, struct str pattern, uint32_t options, uint32_t nesting,
	int *ret_error, size_t *ret_position)
{
	pcre2_compile_context *limits = pcre2_compile_context_create(memory);
	pcre2_code *code;

	pcre2_set_parens_nest_limit(limits, nesting);
	/* Bytes only, whatever the pattern asks for; $ is the end and nothing before it. */
	options |= PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY;
	code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.len, options, ret_error, ret_position, limits);
	pcre2_compile_context_free(limits);
	return code;
}

static pcre2_code *compile_whole(pcre2_general_context *memory, struct str pattern, uint32_t options)
{
	char text[sizeof(before) + FILTER_REGEX_MAX_BYTES + sizeof(after)];
	size_t len = 0, position;
	int error;

	memcpy(text, before, sizeof(before) - 1);
	len += sizeof(before) - 1;
	memcpy(text + len, pattern.p, pattern.len);
	len += pattern.len;
	memcpy(text + len, after, sizeof(after) - 1);
	len += sizeof(after) - 1;
	return compile(memory, (struct str){text, len}, options | PCRE2_ANCHORED, FILTER_REGEX_MAX_NESTING + 1, &error,
		&position);
}

static size_t compiled_bytes(const pcre2_code *code)
{
	size_t size = SIZE_MAX;

	if (pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size) != 0)
		return SIZE_MAX;
	return size;
}

/* Fills in both forms; false with the reason. */
static bool regex_fill(struct filter_regex *r, struct str pattern, uint32_t options, size_t *ret_position, char *ret_why,
	size_t size)
{
	size_t position = 0;
	int error;

	r->anywhere = compile(r->memory, pattern, options, FILTER_REGEX_MAX_NESTING, &error, &position);
	if (r->anywhere == NULL) {
		unsigned char text[128] = "no reason is known";

		pcre2_get_error_message(error, text, sizeof(text));
		*ret_position = position < pattern.len ? position : pattern.len;
		snprintf(ret_why, size, "%s", (const char *)text);
		return false;
	}
	*ret_position = 0;
	if (compiled_bytes(r->anywhere) > FILTER_REGEX_MAX_COMPILED_BYTES) {
		snprintf(ret_why, size, "it repeats too much (compiled it is larger than %d bytes)",
			FILTER_REGEX_MAX_COMPILED_BYTES);
		return false;
	}
	/* What is good alone but not in a group: a verb at its start, a comment or \Q that runs to its end. */
	r->whole = compile_whole(r->memory, pattern, options);
	if (r->whole == NULL)
		snprintf(ret_why, size, "it begins with a (*verb), or ends in a comment or within \\Q");
	return r->whole != NULL;
}

struct filter_regex *filter_regex_new(struct str pattern, bool caseless, size_t *ret_position, char *ret_why, size_t size)
{
	struct filter_regex *r;

	if (pattern.len > FILTER_REGEX_MAX_BYTES) {
		*ret_position = FILTER_REGEX_MAX_BYTES;
		snprintf(ret_why, size, "it is longer than %d bytes", FILTER_REGEX_MAX_BYTES);
		return NULL;
	}
	r = mem_calloc(1, sizeof(*r));
	r->memory = pcre2_general_context_create(memory_take, memory_give, NULL);
	if (regex_fill(r, pattern.len != 0 ? pattern : STR(""), caseless ? PCRE2_CASELESS : 0, ret_position, ret_why, size))
		return r;
	filter_regex_free(r);
	return NULL;
}

void filter_regex_free(struct filter_regex *r)
{
	if (r == NULL)
		return;
	pcre2_code_free(r->anywhere);
	pcre2_code_free(r->whole);
	pcre2_general_context_free(r->memory);
	mem_free(r);
}

/* One try with so many steps; what pcre2_match returns. */
static int attempt(const struct filter_regex *r, const pcre2_code *code, struct str subject, size_t steps)
{
	pcre2_match_data *found = pcre2_match_data_create(1, r->memory);
	pcre2_match_context *limits = pcre2_match_context_create(r->memory);
	int result;

	pcre2_set_match_limit(limits, (uint32_t)steps);
	pcre2_set_depth_limit(limits, DEPTH_LIMIT);
	pcre2_set_heap_limit(limits, HEAP_LIMIT_KIB);
	result = pcre2_match(code, (PCRE2_SPTR)(subject.len != 0 ? subject.p : ""), subject.len, 0, 0, found, limits);
	pcre2_match_context_free(limits);
	pcre2_match_data_free(found);
	return result;
}

bool filter_regex_finds(const struct filter_regex *r, struct str subject)
{
	size_t steps = BUDGET_STEPS / (subject.len + 1);
	int result = attempt(r, r->anywhere, subject, steps > LEAST_STEPS ? steps : LEAST_STEPS);

	if (result == PCRE2_ERROR_MATCHLIMIT)
		result = attempt(r, r->whole, subject, BUDGET_STEPS);
	return result >= 0; /* 0: found, with more groups than there is room for */
}
