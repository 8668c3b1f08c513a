/* The fields of the filter language out of a flow's view, and of what belongs to it. Plain rather than fast: flow_row.c is
 * for a million flows. */
#include "store/find/flow_subject.h"

#include "base/mem.h"
#include "config/filter_tree.h"
#include "store/body/body_text.h"
#include "store/find/flow_value.h"
#include "store/reader.h"
#include "store/row.h"

enum { ARENA_BYTES = 64 << 20 };

struct asked {
	struct reader *reader;
	const struct flow_view *v;
	bool has_failed;
};

/* Who takes values, and whether it wants more. */
struct taker {
	bool (*take)(void *owner, const struct filter_value *v);
	void *owner;
	bool is_enough;
};

static void give_text(struct taker *t, enum filter_field field, struct str text)
{
	if (!t->is_enough)
		t->is_enough = !flow_value_give(field, text, t->take, t->owner);
}

/* What is negative is not known. */
static void give_number(struct taker *t, int64_t number)
{
	const struct filter_value v = {.number = number};

	if (number >= 0)
		t->is_enough = !t->take(t->owner, &v);
}

static void give_header(struct asked *a, bool is_request, struct str name, struct taker *t)
{
	struct arena *arena = arena_new(ARENA_BYTES);
	struct head_view *head = NULL;

	if (!reader_head(a->reader, a->v->id, 0, is_request, arena, &head))
		a->has_failed = true;
	for (size_t i = 0; head != NULL && i < head->fields.n && !t->is_enough; i++) {
		const struct filter_value v = {.text = head->fields.v[i].value};

		if (str_ieq(head->fields.v[i].name, name))
			t->is_enough = !t->take(t->owner, &v);
	}
	arena_free(arena);
}

static void give_session(struct asked *a, struct taker *t)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(a->reader->db, "SELECT name FROM sessions WHERE id = ?", -1, &s, NULL);

	if (rc != SQLITE_OK) {
		a->has_failed = !reader_fail(a->reader);
		return;
	}
	sqlite3_bind_int64(s, 1, a->v->session_id);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		struct columns c = {s, 0};

		give_text(t, FILTER_session, columns_str(&c));
	}
	a->has_failed |= !reader_finish(a->reader, s, rc);
}

/* What is asked of hops. */
struct hop_question {
	struct asked *asked;
	enum filter_field field;
	struct taker *taker;
	const struct filter_node *node; /* of a body */
	enum filter_answer answer;
};

static bool give_peer(void *owner, const struct hop_view *v)
{
	struct hop_question *q = owner;

	give_text(q->taker, q->field, v->peer);
	return !q->taker->is_enough;
}

static void visit_hops(struct hop_question *q, hop_visit *visit)
{
	struct arena *arena = arena_new(ARENA_BYTES);

	if (!reader_hops(q->asked->reader, q->asked->v->id, arena, visit, q))
		q->asked->has_failed = true;
	arena_free(arena);
}

/* Asks a body, whose head is that of the hop. */
static void ask_body(struct hop_question *q, const struct kept_body *body, int64_t hop, bool is_request)
{
	struct arena *arena = arena_new(ARENA_BYTES);
	struct head_view *head = NULL;
	struct text text = {NULL, 0, 0};
	struct body_form form = {STR_NONE, STR_NONE};
	bool is_part = false, ok;

	ok = reader_head(q->asked->reader, q->asked->v->id, hop, is_request, arena, &head);
	if (ok && head != NULL)
		form = body_form_of(arena, body, &head->fields);
	ok = ok && reader_body_search_text(q->asked->reader, body->id, &form, &text, &is_part, NULL);
	if (ok && text.len != 0) {
		const struct filter_value v = {.text = text_str(&text)};
		enum filter_answer answer = filter_value_fits(q->node, &v);

		if (is_part && answer == FILTER_NO)
			answer = FILTER_UNDECIDED;
		q->answer = answer > q->answer ? answer : q->answer;
	}
	q->asked->has_failed |= !ok;
	text_fini(&text);
	arena_free(arena);
}

static bool ask_hop_body(void *owner, const struct hop_view *v)
{
	struct hop_question *q = owner;
	bool is_request = q->node->field == FILTER_req_body;
	const struct kept_body *body = is_request ? &v->request_body : &v->response_body;

	if (body->id > 0)
		ask_body(q, body, v->number, is_request);
	return q->answer != FILTER_YES;
}

/* filter_subject.any: bodies, which may be known in part only. */
static bool any(const void *owner, const struct filter_node *node, enum filter_answer *ret)
{
	struct asked *a = (struct asked *)owner; /* ours, of flow_subject_ask */
	struct hop_question q = {.asked = a, .node = node, .answer = FILTER_NO};

	if (!filter_field_is_body(node->field))
		return false;
	if (node->field == FILTER_res_body && a->v->response_body.id > 0)
		ask_body(&q, &a->v->response_body, 0, false);
	if (q.answer != FILTER_YES)
		visit_hops(&q, ask_hop_body);
	*ret = q.answer;
	return true;
}

static void give_number_of(const struct flow_view *v, enum filter_field field, struct taker *t)
{
	const int64_t numbers[FILTER_FIELD_COUNT] = {
		[FILTER_id] = (int64_t)v->id,
		[FILTER_port] = v->port,
		[FILTER_status] = v->status,
		[FILTER_size] = v->status >= 0 && !v->is_tunnel ? (int64_t)v->response_body_bytes : -1,
		[FILTER_time] = v->started_us / 1000,
		[FILTER_duration] = v->duration_us >= 0 ? v->duration_us / 1000 : -1,
		[FILTER_hops] = v->hops,
		[FILTER_redirects] = v->redirects,
		[FILTER_retries] = v->retries,
		[FILTER_parent] = v->parent_id,
	};

	give_number(t, numbers[field]);
}

static void give_text_of(const struct flow_view *v, enum filter_field field, struct taker *t)
{
	const struct str texts[FILTER_FIELD_COUNT] = {
		[FILTER_method] = v->method,
		[FILTER_url] = v->url,
		[FILTER_scheme] = v->scheme,
		[FILTER_host] = v->host,
		[FILTER_path] = v->path,
		[FILTER_query] = v->query,
		[FILTER_client] = v->client,
		[FILTER_user] = v->user,
		[FILTER_type] = v->content_type,
		[FILTER_error] = v->error,
		[FILTER_outcome] = v->outcome,
		[FILTER_comment] = v->comment,
	};

	give_text(t, field, texts[field]);
}

/* filter_subject.each */
static void each(const void *owner, enum filter_field field, struct str name,
	bool (*take)(void *taker, const struct filter_value *v), void *taker)
{
	struct asked *a = (struct asked *)owner; /* as above */
	struct taker t = {take, taker, false};
	struct hop_question q = {.asked = a, .field = field, .taker = &t};

	if (filter_field_is_named(field))
		give_header(a, field == FILTER_req_header, name, &t);
	else if (field == FILTER_session)
		give_session(a, &t);
	else if (field == FILTER_peer)
		visit_hops(&q, give_peer);
	else if (filter_field_type(field) == FILTER_TEXT)
		give_text_of(a->v, field, &t);
	else
		give_number_of(a->v, field, &t);
}

bool flow_subject_ask(struct reader *r, const struct flow_view *v, const struct filter *f, enum filter_answer *ret)
{
	struct asked a = {r, v, false};
	const struct filter_subject subject = {.each = each, .any = any, .owner = &a};
	enum filter_answer answer = filter_ask(f, &subject, NULL);

	if (a.has_failed)
		return false;
	*ret = answer;
	return true;
}
