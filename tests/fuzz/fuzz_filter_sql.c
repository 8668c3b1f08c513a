/* The filter language as SQL: whatever parses becomes a condition that SQLite takes; the flows that are found by it, those
 * that are asked one by one, and those that are asked in memory are the same; and no flow that may match is lost on the way
 * by the indexes. */
#include "../unit/filter_rows.h"

#include "store/find/flow_query.h"
#include "store/find/flow_subject.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What was found out: a bit for each flow. */
struct answers {
	uint64_t yes, undecided;
};

/* One database for all inputs; nothing changes it. */
static struct filter_rows *rows(void)
{
	static struct filter_rows made;

	if (made.reader.db != NULL)
		return &made;
	rows_open(&made);
	rows_exec(&made, "CREATE INDEX IF NOT EXISTS exchanges_session ON exchanges (session_id)");
	rows_put_cases(&made);
	return &made;
}

static bool note_id(void *owner, uint64_t id)
{
	uint64_t *found = owner;

	*found |= UINT64_C(1) << id;
	return true;
}

static uint64_t find(const struct flow_query *q, uint64_t *ret_undecided)
{
	struct flow_query_end end = {.undecided = 0};
	uint64_t found = 0;

	if (!reader_select_ids(&rows()->reader, q, note_id, &found, &end) || end.is_cut || end.is_more)
		abort();
	*ret_undecided = end.undecided;
	return found;
}

struct asking {
	const struct filter *filter;
	struct answers answers;
};

static bool ask_stored(void *owner, const struct flow_view *v)
{
	struct asking *a = owner;
	enum filter_answer answer;

	if (!flow_subject_ask(&rows()->reader, v, a->filter, &answer))
		abort();
	a->answers.yes |= (uint64_t)(answer == FILTER_YES) << v->id;
	a->answers.undecided |= (uint64_t)(answer == FILTER_UNDECIDED) << v->id;
	return true;
}

/* In memory, of the table itself. */
static void ask_cases(const struct filter *f, const struct answers *expected)
{
	for (int flow = 0; flow < CASE_FLOWS; flow++) {
		const struct filter_subject subject = {.each = case_each, .owner = case_flows[flow]};
		enum filter_answer answer = filter_ask(f, &subject, NULL);
		uint64_t bit = UINT64_C(1) << case_flows[flow][0].number;

		if ((answer == FILTER_YES) != ((expected->yes & bit) != 0) ||
			(answer == FILTER_UNDECIDED) != ((expected->undecided & bit) != 0))
			abort();
	}
}

/* By the indexes alone. */
static void check_set(const struct filter *f, uint64_t wanted)
{
	for (int is_whole = 0; is_whole < 2; is_whole++) {
		uint64_t left;

		if (!rows_set(rows(), f, is_whole != 0, &left) || (wanted & ~left) != 0)
			abort();
	}
}

static void check(struct str expression)
{
	struct filter_error error;
	struct filter *f = filter_parse(expression, false, &error);
	const struct flow_query newest = {.filter = f}, changed = {.filter = f, .after_change = 1, .is_oldest_first = true};
	struct asking a = {.filter = f};
	uint64_t undecided, undecided_too;

	if (f == NULL)
		return;
	if (!reader_newest(&rows()->reader, CASE_FLOWS, ask_stored, &a))
		abort();
	if (find(&newest, &undecided) != a.answers.yes || find(&changed, &undecided_too) != a.answers.yes)
		abort();
	if (undecided != (uint64_t)__builtin_popcountll(a.answers.undecided) || undecided != undecided_too)
		abort();
	ask_cases(f, &a.answers);
	check_set(f, a.answers.yes | a.answers.undecided);
	filter_free(f);
}

/* Puts what two bytes choose: a comparison out of the cases behind all that there is, or all that there is in brackets and
 * denied. */
static void put_choice(struct text *t, uint8_t how, uint8_t which)
{
	size_t i = ((size_t)(how >> 3) << 8 | which) % FILTER_CASES_N;
	struct text all = {NULL, 0, 0};

	text_put(&all, how & 1 ? STR("!(") : STR("("));
	text_put(&all, text_str(t));
	text_put(&all, how & 2 ? STR(") || ") : STR(") && "));
	text_put(&all, how & 4 ? STR("!(") : STR("("));
	text_put(&all, str_of(filter_cases[i].expression));
	text_byte(&all, ')');
	text_fini(t);
	*t = all;
}

/* Filters are made of comparisons that say something, too; an input that begins with 0xff chooses them. */
static void check_made(const uint8_t *bytes, size_t size)
{
	struct text t = {NULL, 0, 0};

	text_put(&t, STR("id > 42"));
	for (size_t i = 0; i + 1 < size && t.len < FILTER_MAX_BYTES; i += 2)
		put_choice(&t, bytes[i], bytes[i + 1]);
	check(text_str(&t));
	text_fini(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size > 0 && bytes[0] == 0xff)
		check_made(bytes + 1, size - 1);
	else
		check((struct str){(const char *)bytes, size});
	return 0;
}
