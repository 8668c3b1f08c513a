/* The Cookie value of a hop: the client's own, byte by byte, overlaid by the jar (RFC 6265 section 5.4). */
#include "http/jar.h"
#include "http/jar_part.h"

#include <string.h>

/* The cookies of the jar that go to one URL, in the order of sending. */
struct overlay {
	const struct cookie *v[JAR_COOKIES];
	bool is_written[JAR_COOKIES];
	size_t n;
	bool has_deleted; /* some cookie that would go there is deleted */
};

/* Longer paths first, then earlier creation. */
static void insert(struct overlay *o, const struct cookie *c)
{
	size_t at = o->n++;

	for (; at > 0 && o->v[at - 1]->path.len < c->path.len; at--)
		o->v[at] = o->v[at - 1];
	o->v[at] = c;
}

static struct overlay overlay_for(const struct jar *j, const struct url *to, int64_t now_s)
{
	struct overlay o = {.n = 0};

	for (const struct jar_cookie *k = j->cookies; k; k = k->next) {
		if (!cookie_belongs(&k->cookie, to))
			continue;
		if (cookie_is_expired(&k->cookie, now_s))
			o.has_deleted = true;
		else
			insert(&o, &k->cookie);
	}
	return o;
}

static bool is_deleted(const struct jar *j, const struct url *to, struct str name, int64_t now_s)
{
	for (const struct jar_cookie *k = j->cookies; k; k = k->next) {
		if (str_eq(k->cookie.name, name) && cookie_belongs(&k->cookie, to) && cookie_is_expired(&k->cookie, now_s))
			return true;
	}
	return false;
}

/* The value while it is made; room for all of it is there. */
struct writer {
	char *p;
	size_t len;
};

static void write_bytes(struct writer *w, struct str s)
{
	if (s.len > 0)
		memcpy(w->p + w->len, s.p, s.len);
	w->len += s.len;
}

/* Divides from what stands before, by ";" and these blanks. */
static void begin_piece(struct writer *w, struct str blanks)
{
	if (w->len == 0)
		return;
	write_bytes(w, STR(";"));
	write_bytes(w, blanks);
}

static void write_cookie(struct writer *w, struct str blanks, const struct cookie *c)
{
	begin_piece(w, blanks);
	write_bytes(w, c->name);
	if (c->name.len > 0)
		write_bytes(w, STR("="));
	write_bytes(w, c->value);
}

/* The name of a piece of the client's field; without "=" it has none. */
static struct str piece_name(struct str piece)
{
	size_t equals = str_find(piece, '=');

	return equals == piece.len ? str_first(piece, 0) : str_trim(str_first(piece, equals));
}

/* One piece of the client's field, between two ";": as it is, replaced, or left out. */
static void write_piece(struct writer *w, struct str piece, struct overlay *o, const struct jar *j, const struct url *to,
	int64_t now_s)
{
	struct str text = str_trim(piece), name = piece_name(text), blanks;
	size_t i = 0;

	if (text.len == 0)
		return;
	blanks = str_first(piece, (size_t)(text.p - piece.p));
	while (i < o->n && !str_eq(o->v[i]->name, name))
		i++;
	if (i < o->n) {
		if (!o->is_written[i])
			write_cookie(w, blanks, o->v[i]);
		o->is_written[i] = true;
	} else if (!is_deleted(j, to, name, now_s)) {
		begin_piece(w, blanks);
		write_bytes(w, str_from(piece, blanks.len));
	}
}

/* Bytes that the value has at most. */
static size_t room_for(const struct overlay *o, struct str client_cookie)
{
	size_t room = client_cookie.len;

	for (size_t i = 0; i < o->n; i++)
		room += o->v[i]->name.len + o->v[i]->value.len + sizeof("; =");
	return room;
}

struct str jar_cookie_field(const struct jar *j, struct arena *a, const struct url *to, struct str client_cookie, int64_t now_s,
	bool *ret_full)
{
	struct overlay o = overlay_for(j, to, now_s);
	struct str rest = client_cookie;
	struct writer w = {NULL, 0};

	*ret_full = false;
	if (o.n == 0 && (!o.has_deleted || !client_cookie.p))
		return client_cookie;
	w.p = arena_alloc(a, room_for(&o, client_cookie));
	if (!w.p) {
		*ret_full = true;
		return STR_NONE;
	}
	while (rest.len > 0) {
		size_t end = str_find(rest, ';');

		write_piece(&w, str_first(rest, end), &o, j, to, now_s);
		rest = str_from(rest, end < rest.len ? end + 1 : end);
	}
	for (size_t i = 0; i < o.n; i++) {
		if (!o.is_written[i])
			write_cookie(&w, STR(" "), o.v[i]);
	}
	return w.len > 0 ? (struct str){w.p, w.len} : STR_NONE;
}

struct str jar_names_for(const struct jar *j, struct arena *a, const struct url *to, int64_t now_s)
{
	struct overlay o = overlay_for(j, to, now_s);
	struct writer w = {NULL, 0};

	if (o.n == 0)
		return STR_NONE;
	w.p = arena_alloc(a, room_for(&o, STR_NONE));
	if (!w.p)
		return STR_NONE;
	for (size_t i = 0; i < o.n; i++) {
		if (i > 0)
			write_bytes(&w, STR(", "));
		write_bytes(&w, o.v[i]->name);
	}
	return (struct str){w.p, w.len};
}
