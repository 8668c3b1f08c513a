/* What imported HAR files said beside their entries: pages, and who wrote them. Not for their entries: har_kept.c. */
#include "store/har/har_part.h"

#include "store/har/har_json.h"
#include "store/reader.h"

/* Members of log that are told otherwise, or made anew. */
static const char *const not_kept[] = {"version", "entries", "pages"};

bool har_page_is_taken(struct reader *r, int64_t session_id, struct str page)
{
	sqlite3_stmt *s = NULL;
	bool is_taken;

	if (sqlite3_prepare_v2(r->db,
		    "SELECT 1 FROM sessions s, json_each(s.log_json, '$.pages') p WHERE s.is_import AND s.id < ?"
		    " AND json_extract(p.value, '$.id') = ? LIMIT 1",
		    -1, &s, NULL) != SQLITE_OK)
		return false;
	sqlite3_bind_int64(s, 1, session_id);
	sqlite3_bind_text64(s, 2, page.p, page.len, SQLITE_STATIC, SQLITE_UTF8);
	is_taken = sqlite3_step(s) == SQLITE_ROW;
	sqlite3_finalize(s);
	return is_taken;
}

struct str har_page_name(struct arena *a, int64_t session_id, struct str page)
{
	struct str name = arena_printf(a, "%.*s@%lld", STR_ARG(page), (long long)session_id);

	return name.p ? name : page;
}

/* The imported sessions, gathered. */
struct gathering {
	struct reader *r;
	const struct har_options *o;
	struct arena *arena;
	json_t *pages, *logs;
};

static void take_page(struct gathering *g, int64_t session_id, json_t *page)
{
	struct str id = har_json_str(json_object_get(page, "id"));

	if (id.len > 0 && har_page_is_taken(g->r, session_id, id))
		har_json_set(page, "id", har_page_name(g->arena, session_id, id));
	(void)json_array_append(g->pages, page);
}

static bool is_wanted(const struct har_sessions *s, int64_t id)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i] == id)
			return true;
	}
	return false;
}

static bool take_session(void *owner, const struct session_view *v)
{
	struct gathering *g = owner;
	json_t *log, *page;
	size_t i;

	if (!v->is_import || v->log_json.len == 0 || !is_wanted(g->o->sessions, v->id))
		return true;
	log = har_json_load(v->log_json);
	if (!json_is_object(log)) {
		json_decref(log);
		return true;
	}
	if (g->o->redactor)
		har_hide(g->o->redactor, log);
	json_array_foreach(json_object_get(log, "pages"), i, page) take_page(g, v->id, page);
	for (i = 0; i < sizeof(not_kept) / sizeof(not_kept[0]); i++)
		(void)json_object_del(log, not_kept[i]);
	har_json_set(log, "_session", v->name);
	(void)json_array_append_new(g->logs, log);
	return true;
}

static void put_list(struct text *t, const char *key, const json_t *list)
{
	text_printf(t, ",\"%s\":", key);
	har_json_put(t, list);
}

void har_put_imports(struct text *t, struct reader *r, const struct har_options *o)
{
	enum { NAMES_BYTES = 1024 * 1024 };
	struct gathering g = {r, o, arena_new(NAMES_BYTES), json_array(), json_array()};

	/* Sessions that cannot be read are told of by whoever reads the flows. */
	if (g.pages && g.logs)
		(void)reader_sessions(r, take_session, &g);
	put_list(t, "pages", g.pages);
	if (json_array_size(g.logs) > 0)
		put_list(t, "_importedFrom", g.logs);
	json_decref(g.pages);
	json_decref(g.logs);
	arena_free(g.arena);
}
