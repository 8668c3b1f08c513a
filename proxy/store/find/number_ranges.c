/* Comparisons of numbers as ranges. Pure but for memory. */
#include "store/find/number_ranges.h"

#include "base/mem.h"

#include <stdlib.h>

enum { THOUSAND = 1000 };

static int by_first(const void *a, const void *b)
{
	const struct number_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* The values as ranges of one number each, those that touch joined. */
static struct number_ranges listed(const struct filter_node *node)
{
	struct number_ranges r = {mem_calloc(node->values_n, sizeof(*r.v)), 0, false};
	size_t n = 0;

	for (size_t i = 0; i < node->values_n; i++)
		r.v[i] = (struct number_range){node->values[i].number, node->values[i].number};
	qsort(r.v, node->values_n, sizeof(*r.v), by_first);
	for (size_t i = 0; i < node->values_n; i++) {
		if (n > 0 && r.v[i].first - 1 <= r.v[n - 1].last)
			r.v[n - 1].last = r.v[i].last;
		else
			r.v[n++] = r.v[i];
	}
	r.n = n;
	return r;
}

static struct number_ranges one(int64_t first, int64_t last)
{
	struct number_ranges r = {mem_calloc(1, sizeof(*r.v)), 1, false};

	r.v[0] = (struct number_range){first, last};
	return r;
}

/* Numbers that can be written are not negative, so one can be taken away from them. */
struct number_ranges number_ranges_of(const struct filter_node *node)
{
	struct number_ranges r = {NULL, 0, false}, equal;
	int64_t number = node->values_n > 0 ? node->values[0].number : 0;

	switch (node->op) {
	case FILTER_OP_THERE:
		return one(INT64_MIN, INT64_MAX);
	case FILTER_OP_EQ:
	case FILTER_OP_IN:
		return listed(node);
	case FILTER_OP_NE:
		equal = listed(node);
		r = number_ranges_but(&equal);
		number_ranges_fini(&equal);
		return r;
	case FILTER_OP_LT:
		return one(INT64_MIN, number - 1);
	case FILTER_OP_LE:
		return one(INT64_MIN, number);
	case FILTER_OP_GE:
		return one(number, INT64_MAX);
	case FILTER_OP_GT:
		return number < INT64_MAX ? one(number + 1, INT64_MAX) : r;
	case FILTER_OP_MATCH:
	case FILTER_OP_NOT_MATCH:
	case FILTER_OP_CONTAINS:
		break;
	}
	return r;
}

struct number_ranges number_ranges_but(const struct number_ranges *r)
{
	struct number_ranges but = {mem_calloc(r->n + 1, sizeof(*but.v)), 0, !r->has_null};
	int64_t from = INT64_MIN;
	bool is_open = true; /* something is left from there on */

	for (size_t i = 0; i < r->n; i++) {
		if (r->v[i].first > from)
			but.v[but.n++] = (struct number_range){from, r->v[i].first - 1};
		is_open = r->v[i].last < INT64_MAX;
		from = is_open ? r->v[i].last + 1 : INT64_MAX;
	}
	if (is_open)
		but.v[but.n++] = (struct number_range){from, INT64_MAX};
	return but;
}

void number_ranges_intersect(struct number_ranges *r, const struct number_ranges *other)
{
	struct number_ranges both = {mem_calloc(r->n + other->n + 1, sizeof(*both.v)), 0, r->has_null && other->has_null};
	size_t i = 0, j = 0;

	while (i < r->n && j < other->n) {
		struct number_range a = r->v[i], b = other->v[j];
		struct number_range common = {a.first > b.first ? a.first : b.first, a.last < b.last ? a.last : b.last};

		if (common.first <= common.last)
			both.v[both.n++] = common;
		if (a.last <= b.last)
			i++;
		else
			j++;
	}
	number_ranges_fini(r);
	*r = both;
}

static int64_t scaled(int64_t number, int64_t more)
{
	if (number > (INT64_MAX - more) / THOUSAND)
		return INT64_MAX;
	return number < INT64_MIN / THOUSAND ? INT64_MIN : number * THOUSAND + more;
}

void number_ranges_to_thousandths(struct number_ranges *r)
{
	for (size_t i = 0; i < r->n; i++) {
		r->v[i].first = scaled(r->v[i].first, 0);
		r->v[i].last = scaled(r->v[i].last, THOUSAND - 1);
	}
}

void number_ranges_fini(struct number_ranges *r)
{
	mem_free(r->v);
	*r = (struct number_ranges){NULL, 0, false};
}
