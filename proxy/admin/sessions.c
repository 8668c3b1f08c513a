/* See sessions.h. */
#include "admin/sessions.h"

#include "base/utf8.h"
#include "http/form.h"
#include "store/format.h"
#include "store/json.h"
#include "store/query.h"
#include "store/view_json.h"

enum { WHY_BYTES = 512 };

static int refuse(struct text *t, int status, const char *why)
{
	text_printf(t, "%d: ", status);
	text_visible(t, str_of(why));
	text_byte(t, '\n');
	return status;
}

static bool on_session(void *owner, const struct session_view *v)
{
	struct text *t = owner;

	json_next(t);
	view_json_session(t, v);
	return true;
}

int sessions_list(struct text *t, const struct sessions *s)
{
	char why[WHY_BYTES] = "";
	bool is_absent, ok;
	struct reader *r = s->folder ? reader_open(s->folder, &is_absent, why, sizeof(why)) : NULL;

	if (!r)
		return refuse(t, 503, s->folder ? why : "flows are not kept (capture.enabled)");
	text_byte(t, '[');
	ok = reader_sessions(r, on_session, t);
	if (ok) {
		text_put(t, STR("]\n"));
	} else {
		text_clear(t);
		(void)refuse(t, 503, reader_error(r));
	}
	reader_close(r);
	return ok ? 200 : 503;
}

/* What is to be understood of a query. */
struct wanted {
	struct str name;
	unsigned pairs;
	bool is_odd; /* there is something else */
};

static bool on_pair(void *owner, const struct form_pair *p)
{
	struct wanted *w = owner;

	w->pairs++;
	w->is_odd |= !str_eq(p->name, STR("name"));
	w->name = p->value;
	return true;
}

/* A name is shown in lists and on terminals, so it is legible: valid UTF-8 without control characters, no longer than what is
 * kept. */
static bool is_name(struct str name)
{
	char legible[SESSION_NAME_BYTES + 4];

	return name.len > 0 && name.len < SESSION_NAME_BYTES && is_plain_utf8(name) &&
		utf8_legible(name, legible, sizeof(legible)) == name.len && str_eq(str_of(legible), name);
}

static void put_session(struct text *t, const struct session *x)
{
	text_byte(t, '{');
	json_i64(t, "id", x->id);
	json_str(t, "name", str_of(x->name));
	json_key(t, "started");
	text_byte(t, '"');
	format_time_utc(t, x->started_us);
	text_byte(t, '"');
	json_i64(t, "started_us", x->started_us);
	text_put(t, STR("}\n"));
}

int sessions_begin(struct text *t, const struct sessions *s, bool is_end, struct arena *a, struct str query)
{
	struct wanted wanted = {.name = STR_NONE};
	char why[WHY_BYTES] = "";
	struct session present;
	int64_t id;

	if (!form_each_pair(a, query, on_pair, &wanted))
		return refuse(t, 400, "the query is too long");
	if (is_end && wanted.pairs > 0)
		return refuse(t, 400, "nothing is understood behind ? here");
	if (!is_end && (wanted.pairs != 1 || wanted.is_odd))
		return refuse(t, 400, "?name=NAME is needed, and nothing else is understood");
	if (!is_end && !is_name(wanted.name))
		return refuse(t, 400, "a name is 1 to 255 bytes of UTF-8 without control characters");
	if (!store_begin_session(s->store, wanted.name, &id, why, sizeof(why)))
		return refuse(t, 503, why);
	store_session(s->store, &present);
	put_session(t, &present);
	return 201;
}
