/* Flows as lines of JSON. Not for their bodies: export_body.c; not for how views look: view_json.c. */
#include "store/export/export_jsonl.h"

#include "base/arena.h"
#include "store/export/export_body.h"
#include "store/json.h"
#include "store/redact/redact_view.h"
#include "store/view_json.h"

enum { ARENA_BYTES = 64 * 1024 * 1024 };

struct line {
	struct text *t;
	struct reader *r;
	const struct redactor *redactor;
	uint64_t id;
	bool has_failed;
};

/* One head and the body behind it; body NULL: there is none on that side. extra: of the hop. */
static bool put_message(struct line *l, struct arena *a, int64_t hop, bool is_request, const struct kept_body *body,
	struct str extra)
{
	struct head_view *head = NULL;
	struct head_view shown;

	if (!reader_head(l->r, l->id, hop, is_request, a, &head))
		return false;
	if (head) {
		shown = *head;
		if (!redact_head_view(l->redactor, a, &shown))
			return false;
	}
	json_key(l->t, is_request ? "request" : "response");
	view_json_head(l->t, head ? &shown : NULL);
	if (!body)
		return true;
	json_key(l->t, is_request ? "request_content" : "response_content");
	return export_put_body(l->t,
		&(struct export_body){l->r, l->redactor, body, head, is_request ? BODY_UP : BODY_DOWN, extra});
}

static bool on_hop(void *owner, const struct hop_view *v)
{
	struct line *l = owner;
	struct arena *a = arena_new(ARENA_BYTES);
	struct hop_view shown = *v;
	bool ok = redact_hop_view(l->redactor, a, &shown);

	if (ok) {
		json_next(l->t);
		view_json_hop(l->t, &shown);
		ok = put_message(l, a, v->number, true, &v->request_body, v->extra) &&
			put_message(l, a, v->number, false, &v->response_body, v->extra);
		text_byte(l->t, '}');
	}
	l->has_failed |= !ok;
	arena_free(a);
	return ok;
}

static bool on_child(void *owner, uint64_t id)
{
	struct text *t = owner;

	json_next(t);
	text_i64(t, (int64_t)id);
	return true;
}

/* What stands around the chain of hops. */
static bool put_flow(struct line *l, struct arena *a, const struct flow_view *v)
{
	struct flow_view shown = *v;
	struct drop_rows dropped;

	if (!redact_flow_view(l->redactor, a, &shown) || !reader_drops(l->r, l->id, 0, a, &dropped))
		return false;
	view_json_flow(l->t, &shown);
	view_json_drops(l->t, "response_dropped", &dropped);
	json_key(l->t, "children");
	text_byte(l->t, '[');
	if (v->is_tunnel && !reader_children(l->r, l->id, on_child, l->t))
		return false;
	text_byte(l->t, ']');
	return put_message(l, a, 0, true, NULL, STR_NONE) && put_message(l, a, 0, false, &v->response_body, STR_NONE);
}

bool jsonl_put_flow(struct text *t, struct reader *r, const struct flow_view *v, const struct redactor *redactor)
{
	struct line l = {t, r, redactor, v->id, false};
	struct arena *a = arena_new(ARENA_BYTES);
	bool ok = put_flow(&l, a, v);

	if (ok) {
		json_key(t, "chain");
		text_byte(t, '[');
		ok = reader_hops(r, v->id, a, on_hop, &l) && !l.has_failed;
		text_put(t, STR("]}\n"));
	}
	arena_free(a);
	return ok;
}
