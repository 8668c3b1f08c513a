/* See import.h. */
#include "admin/import.h"

#include "base/utf8.h"
#include "http/form.h"
#include "store/json.h"

#include <limits.h>

static int refuse(struct text *t, int status, const char *why)
{
	text_printf(t, "%d: %s\n", status, why);
	return status;
}

/* What is to be understood of a query. */
struct wanted {
	struct str path, name;
	bool is_odd; /* there is something else, or one of them twice */
};

static bool on_pair(void *owner, const struct form_pair *p)
{
	struct wanted *w = owner;
	struct str *to = str_eq(p->name, STR("path")) ? &w->path : &w->name;

	w->is_odd |= to->p != NULL || (to == &w->name && !str_eq(p->name, STR("name")));
	*to = p->value;
	return true;
}

/* Behind its last slash. */
static struct str file_name(struct str path)
{
	size_t n = path.len;

	while (n > 0 && path.p[n - 1] != '/')
		n--;
	return str_from(path, n);
}

static void put_progress(struct text *t, const struct import_progress *p)
{
	text_byte(t, '{');
	json_i64(t, "id", (int64_t)p->id);
	json_str(t, "state", str_of(import_state_name(p->state)));
	json_str(t, "name", str_of(p->name));
	json_opt_i64(t, "session_id", p->session_id > 0 ? p->session_id : -1);
	json_i64(t, "bytes", (int64_t)p->bytes);
	json_i64(t, "size", (int64_t)p->size);
	json_i64(t, "flows", (int64_t)p->flows);
	json_i64(t, "left_out", (int64_t)p->left_out);
	json_key(t, "left_out_first");
	text_byte(t, '[');
	for (size_t i = 0; i < p->left_out && i < IMPORT_LEFT_OUT_SHOWN; i++) {
		json_next(t);
		json_string(t, str_of(p->left_out_lines[i]));
	}
	text_byte(t, ']');
	json_opt(t, "why", str_of(p->why));
	text_put(t, STR("}\n"));
}

static int begin(struct text *t, struct importer *i, const char *path, const char *name)
{
	struct import_progress progress;
	uint64_t id;

	switch (importer_begin(i, path, name, &id)) {
	case IMPORT_BEGUN:
		break;
	case IMPORT_BUSY:
		return refuse(t, 409, "another import is running");
	default:
		return refuse(t, 503, "the system gives no thread");
	}
	if (importer_progress(i, id, &progress))
		put_progress(t, &progress);
	return 202;
}

int import_begin(struct text *t, struct importer *i, struct arena *a, struct str query)
{
	struct wanted w = {.path = STR_NONE};
	char name[IMPORT_NAME_BYTES];
	struct str path;

	if (i == NULL)
		return refuse(t, 503, "nothing can be imported here");
	if (!form_each_pair(a, query, on_pair, &w) || w.is_odd || w.path.len == 0 || w.path.p[0] != '/' ||
		w.path.len >= PATH_MAX || str_find(w.path, '\0') < w.path.len)
		return refuse(t, 400, "?path=ABSOLUTE&name=NAME is needed, of which the name may be missing");
	path = arena_str(a, w.path);
	if (path.p == NULL)
		return refuse(t, 400, "the path is too long");
	/* It is shown in lists and on terminals. */
	utf8_legible(w.name.len > 0 ? w.name : file_name(path), name, sizeof(name));
	return begin(t, i, path.p, name);
}

int import_tell(struct text *t, struct importer *i, struct str id)
{
	struct import_progress progress;
	uint64_t number;

	if (i == NULL || !str_to_u64(id, INT64_MAX, &number) || !importer_progress(i, number, &progress))
		return refuse(t, 404, "the last import has another number");
	put_progress(t, &progress);
	return 200;
}
