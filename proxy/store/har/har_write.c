/* Flows as HAR: what is read of a flow, and the file around the entries. Not for the entries themselves: har_entry.c. */
#include "store/har/har_write.h"

#include "base/mem.h"
#include "store/har/har_part.h"
#include "store/json.h"

#include <string.h>

enum { FLOW_BYTES = 128 * 1024 * 1024 }; /* of heads and the like of one flow */

void har_sessions_fini(struct har_sessions *s)
{
	mem_free(s->v);
	*s = (struct har_sessions){NULL, 0, 0};
}

/* They are few, and mostly the last one comes again. */
static void note_session(struct har_sessions *s, int64_t id)
{
	for (size_t i = s->n; i > 0; i--) {
		if (s->v[i - 1] == id)
			return;
	}
	if (s->n == s->cap) {
		s->cap = s->cap > 0 ? 2 * s->cap : 8;
		s->v = mem_realloc(s->v, s->cap * sizeof(*s->v));
	}
	s->v[s->n++] = id;
}

void har_put_begin(struct text *t, const struct har_options *o)
{
	text_put(t, STR("{\"log\":{\"version\":\"1.2\",\"creator\":{"));
	json_str(t, "name", STR("viaduct"));
	json_str(t, "version", str_of(o->version ? o->version : ""));
	text_byte(t, '}');
	/* Firefox wants the pages, though there be none. */
	if (!o->sessions)
		text_put(t, STR(",\"pages\":[]"));
	text_put(t, STR(",\"entries\":[\n"));
}

void har_put_end(struct text *t, struct reader *r, const struct har_options *o)
{
	text_put(t, STR("\n]"));
	if (o->sessions)
		har_put_imports(t, r, o);
	text_put(t, STR("}}\n"));
}

/* The hops of a flow while they are read. */
struct gathering {
	struct arena *arena;
	struct har_flow *f;
	size_t cap;
	bool is_full; /* the arena is */
};

static bool keep(struct gathering *g, struct str *s)
{
	if (s->len == 0)
		return true;
	*s = arena_str(g->arena, *s);
	return s->p != NULL;
}

/* The strings of a row, which live until the next one is read. */
static bool keep_strings(struct gathering *g, struct hop_view *v)
{
	struct str *const strings[] = {&v->reason, &v->url, &v->peer, &v->peer_class, &v->tls_version, &v->tls_cipher,
		&v->tls_alpn, &v->tls_server_name, &v->tls_pin, &v->tls_staple, &v->tls_unverified, &v->error, &v->detail,
		&v->decision, &v->cookies_added, &v->request_body.cut, &v->response_body.cut, &v->extra};

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		if (!keep(g, strings[i]))
			return false;
	}
	return true;
}

static bool make_room(struct gathering *g)
{
	size_t cap = g->cap ? g->cap * 2 : 1;
	struct har_hop *hops;

	if (g->f->n < g->cap)
		return true;
	hops = arena_zalloc(g->arena, cap * sizeof(*hops));
	if (!hops)
		return false;
	if (g->f->n > 0)
		memcpy(hops, g->f->hops, g->f->n * sizeof(*hops));
	g->f->hops = hops;
	g->cap = cap;
	return true;
}

static bool take_hop(void *owner, const struct hop_view *v)
{
	struct gathering *g = owner;
	struct hop_view copy = *v;

	g->is_full = !make_room(g) || !keep_strings(g, &copy);
	if (g->is_full)
		return false;
	g->f->hops[g->f->n++].v = copy;
	return true;
}

static bool read_heads(struct reader *r, struct arena *a, struct har_flow *f)
{
	uint64_t id = f->v->id;

	if (!reader_head(r, id, 0, true, a, &f->received) || !reader_head(r, id, 0, false, a, &f->delivered))
		return false;
	for (size_t i = 0; i < f->n; i++) {
		struct har_hop *h = &f->hops[i];

		if (!reader_head(r, id, h->v.number, true, a, &h->request) ||
			!reader_head(r, id, h->v.number, false, a, &h->response))
			return false;
	}
	return true;
}

static bool read_flow(struct reader *r, struct arena *a, struct har_flow *f)
{
	struct gathering g = {.arena = a, .f = f};

	return reader_hops(r, f->v->id, a, take_hop, &g) && !g.is_full && read_heads(r, a, f) &&
		reader_drops(r, f->v->id, 0, a, &f->dropped);
}

static bool put_entries(struct har_out *x, const struct har_flow *f, size_t *ret_n)
{
	size_t n = f->n > 0 ? f->n : 1;

	for (size_t i = 0; i < n; i++) {
		bool is_kept = f->n > 0 && f->hops[i].v.extra.len > 0;

		if (i > 0)
			text_put(x->t, STR(",\n"));
		if (!(is_kept ? har_put_kept(x, f, i) : har_put_entry(x, f, i)))
			return false;
	}
	*ret_n = n;
	return true;
}

bool har_put_flow(struct text *t, struct reader *r, const struct flow_view *v, const struct har_options *o, size_t *ret_n)
{
	struct har_flow f = {.v = v};
	struct text scratch = {NULL, 0, 0};
	struct har_out x = {t, r, o, NULL, &scratch};
	size_t before = t->len;
	bool ok;

	if (flow_view_is_pending(v)) {
		*ret_n = 0;
		return true;
	}
	x.arena = arena_new(FLOW_BYTES);
	ok = read_flow(r, x.arena, &f) && put_entries(&x, &f, ret_n);
	if (!ok)
		t->len = before;
	else if (o->sessions)
		note_session(o->sessions, v->session_id);
	text_fini(&scratch);
	arena_free(x.arena);
	return ok;
}
