/* Bodies searched. Answers are kept by body, by what its head says of it (the same bytes may be sent as they are, or as a
 * coding of something else), and by comparison; of the texts the last one is kept, for the next comparison. */
#include "store/body/body_match.h"

#include "base/mem.h"
#include "store/body/body_text.h"
#include "store/reader.h"
#include "store/row.h"

#include <stdio.h>
#include <string.h>

enum { FLOW_ARENA_BYTES = 16 << 20, FIRST_SLOTS = 1024, MAX_SLOTS = 1 << 22, MAX_FORMS = 512 };

/* What heads say of bodies, each told once. */
struct forms {
	struct text bytes; /* codings NUL type NUL … */
	size_t n;
	size_t at[MAX_FORMS];
};

struct answer {
	const struct filter_node *node; /* NULL: a free slot */
	int64_t body_id;
	uint32_t form;
	enum filter_answer answer;
};

struct body_match {
	struct reader *reader;
	sqlite3_stmt *hops; /* the bodies of a flow; NULL: not asked yet */
	uint64_t max_bytes, spent_bytes;
	struct forms forms;
	struct answer *slots; /* a hash table, open, of which at most half is used */
	size_t slots_n, used;
	struct text text; /* of this body: */
	int64_t text_id;  /* 0: of none */
	uint32_t text_form;
	bool text_is_part;
};

struct body_match *body_match_new(struct reader *r, uint64_t max_bytes)
{
	struct body_match *m = mem_calloc(1, sizeof(*m));

	m->reader = r;
	m->max_bytes = max_bytes;
	m->slots_n = FIRST_SLOTS;
	m->slots = mem_calloc(m->slots_n, sizeof(*m->slots));
	return m;
}

void body_match_free(struct body_match *m)
{
	if (m == NULL)
		return;
	sqlite3_finalize(m->hops);
	text_fini(&m->forms.bytes);
	text_fini(&m->text);
	mem_free(m->slots);
	mem_free(m);
}

/* The number of a form; MAX_FORMS if there are too many to tell them apart. */
static uint32_t form_number(struct forms *f, const struct body_form *form)
{
	size_t from = f->bytes.len, len;

	text_put(&f->bytes, form->codings);
	text_byte(&f->bytes, '\0');
	/* The boundary of a multipart is another one each time, and says nothing of interest here. */
	text_put(&f->bytes,
		str_istarts(form->type, STR("multipart/")) ? str_first(form->type, str_find(form->type, ';')) : form->type);
	text_byte(&f->bytes, '\0');
	len = f->bytes.len - from;
	for (size_t i = 0; i < f->n; i++) {
		size_t end = i + 1 < f->n ? f->at[i + 1] : from;

		if (end - f->at[i] == len && memcmp(f->bytes.p + f->at[i], f->bytes.p + from, len) == 0) {
			f->bytes.len = from;
			return (uint32_t)i;
		}
	}
	if (f->n == MAX_FORMS) {
		f->bytes.len = from;
		return MAX_FORMS;
	}
	f->at[f->n] = from;
	return (uint32_t)f->n++;
}

static size_t hash_of(const struct answer *a)
{
	uint64_t h = (uint64_t)a->body_id * UINT64_C(0x9e3779b97f4a7c15) ^ a->form ^ (uint64_t)(uintptr_t)a->node;

	h *= UINT64_C(0xff51afd7ed558ccd);
	return (size_t)(h ^ h >> 32);
}

/* Where the answer stands, or would. */
static struct answer *slot_of(struct answer *slots, size_t n, const struct answer *a)
{
	size_t i = hash_of(a) & (n - 1);

	while (slots[i].node != NULL &&
		!(slots[i].node == a->node && slots[i].body_id == a->body_id && slots[i].form == a->form))
		i = (i + 1) & (n - 1);
	return &slots[i];
}

static void keep_answer(struct body_match *m, const struct answer *a)
{
	if (2 * (m->used + 1) > m->slots_n && m->slots_n < MAX_SLOTS) {
		size_t n = 2 * m->slots_n;
		struct answer *slots = mem_calloc(n, sizeof(*slots));

		for (size_t i = 0; i < m->slots_n; i++) {
			if (m->slots[i].node != NULL)
				*slot_of(slots, n, &m->slots[i]) = m->slots[i];
		}
		mem_free(m->slots);
		m->slots = slots;
		m->slots_n = n;
	}
	if (a->form == MAX_FORMS || 2 * (m->used + 1) > m->slots_n)
		return;
	*slot_of(m->slots, m->slots_n, a) = *a;
	m->used++;
}

/* The text of the body, ready in m->text. */
static enum body_match_end read_text(struct body_match *m, int64_t id, uint32_t number, const struct body_form *form)
{
	if (m->text_id == id && m->text_form == number && number != MAX_FORMS)
		return BODY_MATCH_OK;
	if (m->max_bytes != 0 && m->spent_bytes >= m->max_bytes)
		return BODY_MATCH_LIMIT;
	m->text_id = 0;
	text_clear(&m->text);
	if (!reader_body_search_text(m->reader, id, form, &m->text, &m->text_is_part, NULL))
		return BODY_MATCH_FAILED;
	m->text_id = id;
	m->text_form = number;
	m->spent_bytes += m->text.len;
	return BODY_MATCH_OK;
}

/* What the comparison says of one body: of one that is looked through in part, only what is found is certain. */
static enum body_match_end ask_body(struct body_match *m, int64_t id, const struct body_form *form,
	const struct filter_node *node, enum filter_answer *ret)
{
	struct answer a = {node, id, form_number(&m->forms, form), FILTER_UNDECIDED};
	const struct answer *known = slot_of(m->slots, m->slots_n, &a);
	enum body_match_end end = BODY_MATCH_OK;

	if (known->node != NULL && a.form != MAX_FORMS) {
		*ret = known->answer;
		return BODY_MATCH_OK;
	}
	end = read_text(m, id, a.form, form);
	*ret = FILTER_UNDECIDED;
	if (end != BODY_MATCH_OK)
		return end;
	if (m->text.len != 0) {
		const struct filter_value v = {.text = text_str(&m->text)};

		a.answer = filter_value_fits(node, &v);
	} else {
		a.answer = FILTER_NO; /* nothing was captured: no value */
	}
	if (m->text_is_part && a.answer == FILTER_NO)
		a.answer = FILTER_UNDECIDED;
	keep_answer(m, &a);
	*ret = a.answer;
	return BODY_MATCH_OK;
}

/* The body of a row, and the fields of its head. */
static enum body_match_end ask_row(struct body_match *m, const struct kept_body *b, struct str head,
	const struct filter_node *node, enum filter_answer *ret)
{
	struct arena *a = arena_new(FLOW_ARENA_BYTES);
	enum body_match_end end = BODY_MATCH_FAILED;
	struct fields fields = {NULL, 0, 0};

	if (reader_fields(m->reader, head, a, &fields)) {
		struct body_form form = body_form_of(a, b, &fields);

		end = ask_body(m, b->id, &form, node, ret);
	}
	arena_free(a);
	return end;
}

/* The bodies of a flow, one row each: of its hops, and of a response that was made here. */
static bool prepare(struct body_match *m)
{
	static const char sql[] =
		"SELECT request_body_id, request_body_cut, request_fields, response_body_id, response_body_cut,"
		" response_fields FROM hops WHERE exchange_id = ?1 UNION ALL"
		" SELECT NULL, NULL, NULL, response_body_id, response_body_cut, response_fields FROM exchanges"
		" WHERE id = ?1 AND response_body_id IS NOT NULL";

	return m->hops != NULL || sqlite3_prepare_v2(m->reader->db, sql, -1, &m->hops, NULL) == SQLITE_OK ||
		reader_fail(m->reader);
}

enum body_match_end body_match_ask(struct body_match *m, uint64_t flow_id, const struct filter_node *node,
	enum filter_answer *ret)
{
	enum body_match_end end = BODY_MATCH_OK, worst = BODY_MATCH_OK;
	enum filter_answer answer = FILTER_NO;
	int rc = SQLITE_DONE;

	if (!prepare(m))
		return BODY_MATCH_FAILED;
	sqlite3_bind_int64(m->hops, 1, (sqlite3_int64)flow_id);
	while (answer != FILTER_YES && end != BODY_MATCH_FAILED && (rc = sqlite3_step(m->hops)) == SQLITE_ROW) {
		struct columns c = {m->hops, node->field == FILTER_req_body ? 0 : 3};
		enum filter_answer of_this = FILTER_NO;
		struct kept_body b = {.id = columns_i64(&c)};

		b.cut = columns_str(&c);
		if (b.id <= 0)
			continue;
		end = ask_row(m, &b, columns_str(&c), node, &of_this);
		worst = end > worst ? end : worst;
		answer = of_this > answer ? of_this : answer;
	}
	if (end != BODY_MATCH_FAILED && rc != SQLITE_ROW && rc != SQLITE_DONE) {
		reader_fail(m->reader);
		worst = BODY_MATCH_FAILED;
	}
	sqlite3_reset(m->hops);
	*ret = answer;
	return answer == FILTER_YES && worst != BODY_MATCH_FAILED ? BODY_MATCH_OK : worst;
}
