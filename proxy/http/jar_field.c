/* The Cookie value of a hop: the client's own, byte by byte, overlaid by the jar (RFC 6265 section 5.4). */
#include "http/jar.h"
#include "http/jar_part.h"

#include <string.h>

/* What the jar has to say for one URL. */
struct overlay {
	const struct cookie *v[JAR_COOKIES]; /* in the order of sending */
	bool is_done[JAR_COOKIES];           /* written, or left out for want of room */
	size_t n;
	const struct cookie *deleted[JAR_ENTRIES];
	size_t n_deleted;
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
			o.deleted[o.n_deleted++] = &k->cookie;
		else
			insert(&o, &k->cookie);
	}
	return o;
}

/* Index of the first cookie to be sent that has the name, or o->n. */
static size_t index_of(const struct overlay *o, struct str name)
{
	size_t i = 0;

	while (i < o->n && !str_eq(o->v[i]->name, name))
		i++;
	return i;
}

static bool is_deleted(const struct overlay *o, struct str name)
{
	for (size_t i = 0; i < o->n_deleted; i++) {
		if (str_eq(o->deleted[i]->name, name))
			return true;
	}
	return false;
}

/* What stands between two ";" of a Cookie value. */
struct piece {
	struct str all, blanks, text; /* blanks: in front of the text, which is trimmed */
	struct str name;              /* empty without "=" */
};

/* The next piece that is not blank; false when the value is used up. */
static bool next_piece(struct str *rest, struct piece *ret)
{
	while (rest->len > 0) {
		struct str all = str_first(*rest, str_find(*rest, ';')), text = str_trim(all);
		size_t equals = str_find(text, '=');

		*rest = str_from(*rest, all.len < rest->len ? all.len + 1 : all.len);
		if (text.len == 0)
			continue;
		ret->all = all;
		ret->blanks = str_first(all, (size_t)(text.p - all.p));
		ret->text = text;
		ret->name = str_trim(str_first(text, equals < text.len ? equals : 0));
		return true;
	}
	return false;
}

/* Bytes of a cookie with what divides it from the one before. */
static size_t cookie_room(const struct cookie *c)
{
	return sizeof("; =") - 1 + c->name.len + c->value.len;
}

/* Bytes of the client's field that stay, those of replaced pieces counted as far as their blanks stay. */
static size_t bytes_kept(const struct overlay *o, struct str client_cookie)
{
	struct piece piece;
	size_t bytes = 0;

	while (next_piece(&client_cookie, &piece)) {
		if (index_of(o, piece.name) < o->n)
			bytes += piece.blanks.len;
		else if (!is_deleted(o, piece.name))
			bytes += piece.all.len + 1;
	}
	return bytes;
}

/* Leaves out what does not fit beside the client's. Returns the bytes that the value has at most. */
static size_t fit(struct overlay *o, struct str client_cookie)
{
	size_t limit = client_cookie.len > JAR_FIELD_BYTES ? client_cookie.len : JAR_FIELD_BYTES;
	size_t bytes = bytes_kept(o, client_cookie);

	for (size_t i = 0; i < o->n; i++) {
		size_t room = cookie_room(o->v[i]);

		o->is_done[i] = bytes + room > limit;
		bytes += o->is_done[i] ? 0 : room;
	}
	return bytes;
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

/* One piece of the client's field: as it is, replaced, or left out. */
static void write_piece(struct writer *w, const struct piece *piece, struct overlay *o)
{
	size_t i = index_of(o, piece->name);

	if (i == o->n) {
		if (is_deleted(o, piece->name))
			return;
		begin_piece(w, piece->blanks);
		write_bytes(w, str_from(piece->all, piece->blanks.len));
	} else if (!o->is_done[i]) {
		write_cookie(w, piece->blanks, o->v[i]);
		o->is_done[i] = true;
	}
}

struct str jar_cookie_field(const struct jar *j, struct arena *a, const struct url *to, struct str client_cookie, int64_t now_s,
	bool *ret_full)
{
	struct overlay o = overlay_for(j, to, now_s);
	struct writer w = {NULL, 0};
	struct piece piece;

	*ret_full = false;
	if (o.n == 0 && (o.n_deleted == 0 || !client_cookie.p))
		return client_cookie;
	w.p = arena_alloc(a, fit(&o, client_cookie));
	if (!w.p) {
		*ret_full = true;
		return STR_NONE;
	}
	while (next_piece(&client_cookie, &piece))
		write_piece(&w, &piece, &o);
	for (size_t i = 0; i < o.n; i++) {
		if (!o.is_done[i])
			write_cookie(&w, STR(" "), o.v[i]);
	}
	return w.len > 0 ? (struct str){w.p, w.len} : STR_NONE;
}

/* True if that is what write_cookie makes of it. */
static bool is_written_as(const struct cookie *c, struct str text)
{
	size_t equals = c->name.len;

	if (equals == 0)
		return str_eq(text, c->value);
	return text.len > equals && text.p[equals] == '=' && str_starts(text, c->name) &&
		str_eq(str_from(text, equals + 1), c->value);
}

struct str jar_names_sent(const struct jar *j, struct arena *a, const struct url *to, struct str sent, int64_t now_s)
{
	struct overlay o = overlay_for(j, to, now_s);
	struct writer w = {NULL, 0};
	struct piece piece;
	size_t room = 1;

	while (next_piece(&sent, &piece)) {
		for (size_t i = 0; i < o.n; i++)
			o.is_done[i] = o.is_done[i] || is_written_as(o.v[i], piece.text);
	}
	for (size_t i = 0; i < o.n; i++)
		room += o.v[i]->name.len + sizeof(", ");
	w.p = arena_alloc(a, room);
	if (!w.p)
		return STR_NONE;
	for (size_t i = 0; i < o.n; i++) {
		if (!o.is_done[i])
			continue;
		write_bytes(&w, w.len > 0 ? STR(", ") : STR_NONE);
		write_bytes(&w, o.v[i]->name);
	}
	return w.len > 0 ? (struct str){w.p, w.len} : STR_NONE;
}
