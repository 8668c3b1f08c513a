/* See har_scan.h. A reader that goes down the few levels of the log which matter, and passes over or copies what stands beside
 * them by its brackets alone. Recursion is as deep as those levels; the nesting of what is passed over costs a counter. */
#include "store/har/har_scan.h"

#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

enum {
	PIECE_BYTES = 65536,
	KEY_BYTES = 65536,
	KEPT_BYTES = 4 * 1024 * 1024 /* what a buffer may keep from one entry to the next */
};

struct scan {
	const struct har_scan_needs *needs;
	FILE *from;
	char *piece;
	size_t at, len;
	uint64_t before; /* bytes of the pieces before this one */

	/* What may still be kept; is_over: it was not enough. */
	size_t room;
	bool is_over;

	struct text key; /* the last one read */
	struct text *log;
	struct har_cut cut;
	bool has_log, has_entries, is_inside, is_enough;
	const char *wrong; /* the first thing that was */
};

static const char cut_short[] = "the file ends in the middle";
static const char no_json[] = "this is not JSON";

/* Notes what is wrong; false, for the caller to return. */
static bool fail(struct scan *s, const char *wrong)
{
	if (s->wrong == NULL)
		s->wrong = wrong;
	return false;
}

/* The next piece of the file. False at its end. */
static bool fill(struct scan *s)
{
	s->before += s->len;
	s->at = 0;
	s->len = fread(s->piece, 1, PIECE_BYTES, s->from);
	if (s->needs->on_progress != NULL && s->len > 0)
		s->needs->on_progress(s->needs->owner, s->before + s->len);
	if (s->len == 0 && ferror(s->from))
		return fail(s, "the file cannot be read");
	return s->len > 0;
}

/* -1 at the end. */
static int peek(struct scan *s)
{
	return s->at < s->len || fill(s) ? (unsigned char)s->piece[s->at] : -1;
}

static bool is_space(int c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The next byte that is not white space, not taken yet. */
static int peek_token(struct scan *s)
{
	int c = peek(s);

	while (is_space(c)) {
		s->at++;
		c = peek(s);
	}
	return c;
}

/* to NULL: not kept. Once something did not fit, nothing more is. */
static void keep(struct scan *s, struct text *to, const char *p, size_t n)
{
	if (to == NULL || s->is_over)
		return;
	s->is_over = n > s->room;
	if (s->is_over)
		return;
	s->room -= n;
	text_put(to, (struct str){p, n});
}

/* The next n bytes of the piece. */
static void keep_next(struct scan *s, struct text *to, size_t n)
{
	keep(s, to, s->piece + s->at, n);
	s->at += n;
}

/* A byte of the structure. */
static bool take(struct scan *s, struct text *to, char wanted)
{
	int c = peek_token(s);

	if (c != wanted)
		return fail(s, c < 0 ? cut_short : no_json);
	keep_next(s, to, 1);
	return true;
}

/* How many bytes from here to the next quote or backslash in the piece. */
static size_t plain_run(const struct scan *s)
{
	const char *from = s->piece + s->at;
	size_t n = s->len - s->at;
	const char *quote = memchr(from, '"', n);
	const char *escape;

	if (quote != NULL)
		n = (size_t)(quote - from);
	escape = memchr(from, '\\', n);
	return escape != NULL ? (size_t)(escape - from) : n;
}

/* The inside of a string, escapes and all; its closing quote is taken, but not kept. */
static bool copy_inside(struct scan *s, struct text *to)
{
	for (int c = peek(s); c >= 0; c = peek(s)) {
		keep_next(s, to, plain_run(s));
		if (s->at == s->len)
			continue;
		if (s->piece[s->at] == '"') {
			s->at++;
			return true;
		}
		keep_next(s, to, 1);
		if (peek(s) >= 0)
			keep_next(s, to, 1);
	}
	return fail(s, cut_short);
}

/* Behind its opening quote. */
static bool copy_string(struct scan *s, struct text *to)
{
	if (!copy_inside(s, to))
		return false;
	keep(s, to, "\"", 1);
	return true;
}

/* A number or one of the words. */
static bool copy_word(struct scan *s, struct text *to)
{
	size_t n = 0;

	for (int c = peek(s); c > 0 && !is_space(c) && strchr(",]}[{\":", c) == NULL; c = peek(s)) {
		keep_next(s, to, 1);
		n++;
	}
	return n > 0 || fail(s, no_json);
}

/* One token of a value; goes a level down or up with a bracket. */
static bool copy_token(struct scan *s, struct text *to, size_t *depth)
{
	int c = peek_token(s);

	if (c < 0)
		return fail(s, cut_short);
	if (c == '\0' || strchr("\"{[}],:", c) == NULL)
		return copy_word(s, to);
	if (*depth == 0 && strchr("}],:", c) != NULL)
		return fail(s, no_json);
	keep_next(s, to, 1);
	if (c == '"')
		return copy_string(s, to);
	if (c == '{' || c == '[')
		++*depth;
	else if (c == '}' || c == ']')
		--*depth;
	return true;
}

/* A whole value. to NULL: it is passed over. */
static bool copy_value(struct scan *s, struct text *to)
{
	size_t depth = 0;

	do {
		if (!copy_token(s, to, &depth))
			return false;
	} while (depth > 0);
	return true;
}

/* The name of a member and the colon, into s->key; is_over after it if it was too long, and then it is none of ours. */
static bool read_key(struct scan *s)
{
	size_t room = s->room;
	bool was_over = s->is_over;
	bool ok;

	text_clear(&s->key);
	s->room = KEY_BYTES;
	s->is_over = false;
	ok = take(s, NULL, '"') && copy_inside(s, &s->key) && take(s, NULL, ':');
	s->room = room;
	s->is_over |= was_over;
	return ok;
}

static bool key_is(const struct scan *s, const char *name)
{
	return !s->is_over && str_eq(text_str(&s->key), str_of(name));
}

/* `"key":` behind a comma unless it is the first of its object. */
static void keep_key(struct scan *s, struct text *to)
{
	if (to == NULL)
		return;
	if (to->len > 0 && to->p[to->len - 1] != '{')
		keep(s, to, ",", 1);
	keep(s, to, "\"", 1);
	keep(s, to, s->key.p, s->key.len);
	keep(s, to, "\":", 2);
}

/* Between members of an object or elements of an array, and at the end, where *ret_more is false. One comma too many is let
 * pass. */
static bool take_comma(struct scan *s, char closing, bool *ret_more)
{
	int c = peek_token(s);

	if (c != ',' && c != closing)
		return fail(s, c < 0 ? cut_short : no_json);
	s->at++;
	*ret_more = c == ',' && peek_token(s) != closing;
	if (c == ',' && !*ret_more)
		s->at++;
	return true;
}

/* An object or array that is there, up to its first member or element. */
static bool take_opening(struct scan *s, char opening, char closing, bool *ret_more)
{
	if (!take(s, NULL, opening))
		return false;
	*ret_more = peek_token(s) != closing;
	if (!*ret_more)
		s->at++;
	return true;
}

typedef bool member_taker(struct scan *s);

/* An object whose members are taken one by one, each from its value on. */
static bool walk_object(struct scan *s, member_taker *take_member)
{
	bool more;

	if (!take_opening(s, '{', '}', &more))
		return false;
	while (more) {
		if (!read_key(s) || !take_member(s) || !take_comma(s, '}', &more))
			return false;
	}
	return true;
}

/* The same for an object inside an entry, which is kept. Its brackets are kept even where nothing more is. */
static bool walk_kept(struct scan *s, member_taker *take_member)
{
	keep(s, &s->cut.json, "{", 1);
	if (!walk_object(s, take_member))
		return false;
	keep(s, &s->cut.json, "}", 1);
	return true;
}

/* The text of a body goes beside the entry; a second one in the same place stays where it is. */
static bool take_text(struct scan *s, struct har_text *t)
{
	bool is_text = key_is(s, "text");

	keep_key(s, &s->cut.json);
	if (!is_text || t->is_there || peek_token(s) != '"')
		return copy_value(s, &s->cut.json);
	s->at++;
	keep(s, &s->cut.json, "\"\"", 2);
	t->is_there = true;
	return copy_inside(s, &t->text);
}

static bool take_post_member(struct scan *s)
{
	return take_text(s, &s->cut.request);
}

static bool take_content_member(struct scan *s)
{
	return take_text(s, &s->cut.response);
}

/* A member that is looked into if it has this name and is an object. */
static bool take_or_walk(struct scan *s, const char *name, member_taker *take_member)
{
	bool is_it = key_is(s, name);

	keep_key(s, &s->cut.json);
	return is_it && peek_token(s) == '{' ? walk_kept(s, take_member) : copy_value(s, &s->cut.json);
}

static bool take_request_member(struct scan *s)
{
	return take_or_walk(s, "postData", take_post_member);
}

static bool take_response_member(struct scan *s)
{
	return take_or_walk(s, "content", take_content_member);
}

static bool take_entry_member(struct scan *s)
{
	return key_is(s, "request") ? take_or_walk(s, "request", take_request_member)
				    : take_or_walk(s, "response", take_response_member);
}

static void clear_buffer(struct text *t)
{
	if (t->cap > KEPT_BYTES)
		text_fini(t);
	text_clear(t);
}

static void begin_entry(struct scan *s)
{
	clear_buffer(&s->cut.json);
	clear_buffer(&s->cut.request.text);
	clear_buffer(&s->cut.response.text);
	s->cut.request.is_there = s->cut.response.is_there = false;
	s->cut.number++;
	(void)peek_token(s);
	s->cut.at = s->before + s->at;
	s->room = s->needs->max_entry_bytes;
	s->is_over = false;
	s->is_inside = true;
}

static bool take_entry(struct scan *s)
{
	bool ok;

	begin_entry(s);
	if (s->needs->on_entry == NULL)
		ok = copy_value(s, NULL);
	else
		ok = peek_token(s) == '{' ? walk_kept(s, take_entry_member) : copy_value(s, &s->cut.json);
	s->is_inside = !ok;
	if (!ok || s->needs->on_entry == NULL)
		return ok;
	s->cut.is_too_long = s->is_over;
	s->is_enough = !s->needs->on_entry(s->needs->owner, &s->cut);
	return !s->is_enough;
}

static bool take_entries(struct scan *s)
{
	bool more;

	if (peek_token(s) != '[')
		return fail(s, "entries is not an array");
	if (!take_opening(s, '[', ']', &more))
		return false;
	s->has_entries = true;
	while (more) {
		if (!take_entry(s) || !take_comma(s, ']', &more))
			return false;
	}
	s->is_over = false;
	return true;
}

/* A member that does not fit, or is not whole, is taken back. */
static bool take_log_member(struct scan *s)
{
	size_t before = s->log != NULL ? s->log->len : 0;
	bool ok;

	if (key_is(s, "entries"))
		return take_entries(s);
	s->room = before < HAR_MAX_LOG_BYTES ? HAR_MAX_LOG_BYTES - before : 0;
	keep_key(s, s->log);
	ok = copy_value(s, s->log);
	if (s->log != NULL && (s->is_over || !ok))
		s->log->len = before;
	s->is_over = false;
	return ok;
}

static bool take_root_member(struct scan *s)
{
	bool is_log = key_is(s, "log");

	s->is_over = false;
	if (!is_log || s->has_log)
		return copy_value(s, NULL);
	if (peek_token(s) != '{')
		return fail(s, "log is not an object");
	s->has_log = true;
	return walk_object(s, take_log_member);
}

/* A byte order mark is none of the JSON. */
static void skip_mark(struct scan *s)
{
	(void)peek(s);
	if (s->len >= 3 && memcmp(s->piece, "\xef\xbb\xbf", 3) == 0)
		s->at = 3;
}

/* What follows the last bracket is not worth failing for. */
static bool scan_all(struct scan *s)
{
	skip_mark(s);
	if (peek_token(s) != '{')
		return fail(s, s->len == 0 ? "the file is empty" : "this is no HAR file: it is not a JSON object");
	if (!walk_object(s, take_root_member))
		return false;
	if (!s->has_log)
		return fail(s, "this is no HAR file: it has no log");
	return s->has_entries || fail(s, "this is no HAR file: its log has no entries");
}

static void say_why(const struct scan *s, char *ret_why, size_t size)
{
	char entry[48] = "";

	if (s->is_inside)
		snprintf(entry, sizeof(entry), " (entry %zu)", s->cut.number);
	snprintf(ret_why, size, "at byte %" PRIu64 "%s: %s", s->before + s->at, entry, s->wrong);
}

bool har_scan(FILE *from, const struct har_scan_needs *needs, struct text *log, bool *ret_is_har, char *ret_why, size_t size)
{
	struct scan s = {.needs = needs, .from = from, .log = log, .piece = mem_alloc(PIECE_BYTES)};
	bool ok;

	if (log != NULL)
		text_byte(log, '{');
	ok = scan_all(&s);
	if (log != NULL)
		text_byte(log, '}');
	if (ret_is_har != NULL)
		*ret_is_har = s.has_entries;
	if (!ok && !s.is_enough)
		say_why(&s, ret_why, size);
	mem_free(s.piece);
	text_fini(&s.key);
	text_fini(&s.cut.json);
	text_fini(&s.cut.request.text);
	text_fini(&s.cut.response.text);
	return ok;
}
