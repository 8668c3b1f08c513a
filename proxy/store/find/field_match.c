/* Rows of head_fields are written once and their ids are not used again, so an answer stays right for as long as the filter
 * is asked. Rows that are written after the answers were found out are looked up one by one. */
#include "store/find/field_match.h"

#include "base/mem.h"
#include "store/database.h"
#include "store/find/field_scan.h"
#include "store/head_lines.h"
#include "store/row.h"

#include <stdlib.h>

/* Ascending. */
struct id_list {
	int64_t *v;
	size_t n, cap;
};

struct known {
	const struct filter_node *node;
	struct id_list yes, undecided; /* rows whose value fulfils it, or may */
};

struct field_match {
	struct reader *reader;
	struct known *known; /* by the address of the node */
	size_t known_n;
	int64_t last_id; /* of the rows that were asked about */
	struct text scratch;
};

static void id_add(struct id_list *l, int64_t id)
{
	if (l->n == l->cap) {
		l->cap = l->cap != 0 ? 2 * l->cap : 16;
		l->v = mem_realloc(l->v, l->cap * sizeof(*l->v));
	}
	l->v[l->n++] = id;
}

static bool id_is_in(const struct id_list *l, int64_t id)
{
	size_t from = 0, to = l->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (l->v[middle] < id)
			from = middle + 1;
		else
			to = middle;
	}
	return from < l->n && l->v[from] == id;
}

/* Counts the comparisons with fields of heads, and notes them where there is room for it. */
static size_t collect(const struct filter_node *node, struct known *to, size_t n)
{
	if (node->kind == FILTER_NODE_COMPARE) {
		if (!filter_field_is_named(node->field))
			return n;
		if (to != NULL)
			to[n] = (struct known){.node = node};
		return n + 1;
	}
	for (const struct filter_node *child = node->child; child != NULL; child = child->next)
		n = collect(child, to, n);
	return n;
}

static int by_node(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return (x->node > y->node) - (x->node < y->node);
}

static enum filter_answer greatest(enum filter_answer a, enum filter_answer b)
{
	return a > b ? a : b;
}

/* What the comparison says of all rows that have the name. */
static bool learn(struct reader *r, struct known *k)
{
	sqlite3_stmt *s = NULL;
	struct row row;
	int rc = sqlite3_prepare_v2(r->db, "SELECT id, value FROM head_fields WHERE name = ? COLLATE NOCASE ORDER BY id", -1,
		&s, NULL);

	if (rc != SQLITE_OK)
		return reader_fail(r);
	row = (struct row){s, 0};
	row_bytes(&row, k->node->name);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct columns c = {s, 0};
		int64_t id = columns_i64(&c);
		struct filter_value v = {.text = columns_str(&c)};
		enum filter_answer answer = filter_value_fits(k->node, &v);

		if (answer != FILTER_NO)
			id_add(answer == FILTER_YES ? &k->yes : &k->undecided, id);
	}
	return reader_finish(r, s, rc);
}

struct field_match *field_match_new(struct reader *r, const struct filter *f)
{
	struct field_match *m = mem_calloc(1, sizeof(*m));
	size_t n = collect(filter_tree(f), NULL, 0);
	sqlite3_int64 last = 0;
	bool ok = true;

	m->reader = r;
	if (n == 0)
		return m;
	m->known = mem_calloc(n, sizeof(*m->known));
	m->known_n = collect(filter_tree(f), m->known, 0);
	qsort(m->known, n, sizeof(*m->known), by_node);
	if (!database_number(r->db, "SELECT max(id) FROM head_fields", 0, &last))
		ok = reader_fail(r);
	for (size_t i = 0; ok && i < n; i++)
		ok = learn(r, &m->known[i]);
	m->last_id = last;
	if (ok)
		return m;
	field_match_free(m);
	return NULL;
}

void field_match_free(struct field_match *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->known_n; i++) {
		mem_free(m->known[i].yes.v);
		mem_free(m->known[i].undecided.v);
	}
	text_fini(&m->scratch);
	mem_free(m->known);
	mem_free(m);
}

/* A row that was written after the answers were found out; one that has left is no field. */
static bool look_up(struct field_match *m, const struct filter_node *node, int64_t id, enum filter_answer *ret)
{
	struct field field;
	struct filter_value v;

	*ret = FILTER_NO;
	if (!head_lines_find(m->reader->lines, id, &field)) {
		int rc = sqlite3_errcode(m->reader->db);

		return rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW || reader_fail(m->reader);
	}
	v = (struct filter_value){.text = field.value};
	if (str_ieq(field.name, node->name))
		*ret = filter_value_fits(node, &v);
	return true;
}

static bool ask_row(struct field_match *m, const struct known *k, int64_t id, enum filter_answer *ret)
{
	if (id > m->last_id)
		return look_up(m, k->node, id, ret);
	if (id_is_in(&k->yes, id))
		*ret = FILTER_YES;
	else
		*ret = id_is_in(&k->undecided, id) ? FILTER_UNDECIDED : FILTER_NO;
	return true;
}

bool field_match_ask(struct field_match *m, const struct filter_node *node, struct str fields, enum filter_answer *ret)
{
	const struct known key = {.node = node};
	const struct known *k = bsearch(&key, m->known, m->known_n, sizeof(key), by_node);
	enum filter_answer answer = FILTER_NO;
	struct field_element e;

	while (k != NULL && answer != FILTER_YES && field_scan(&fields, &e)) {
		enum filter_answer of_this = FILTER_NO;
		struct filter_value v;

		if (e.id == 0 && field_is_named(&e.name, node->name)) {
			v = (struct filter_value){.text = field_bytes(&e.value, &m->scratch)};
			of_this = filter_value_fits(node, &v);
		} else if (e.id != 0 && !ask_row(m, k, e.id, &of_this)) {
			return false;
		}
		answer = greatest(answer, of_this);
	}
	*ret = answer;
	return true;
}
