/* The field lines that the writer has met of late: a table of sets with eight places each, in which the line that was used
 * longest ago makes room. Whether two lines are the same is for their bytes to say, never for a hash alone: they come from
 * outside. A head is mostly like the one before it, so its lines are looked for there first, which needs no hash. Nothing in
 * here outlives a transaction that failed: then the rows are read anew.
 * Not for reading heads: heads.c. */
#include "store/head_book.h"

#include "base/mem.h"
#include "store/json.h"
#include "store/row.h"

#include <string.h>
#include <sys/random.h>

enum { WAYS = 8, SETS = HEAD_BOOK_LINES / WAYS };

/* A line that has a row counts as used that many heads later than it was: what is seen once comes in great numbers, and must
 * not drive out what is seen always. */
enum { ROW_WORTH = 100000 };

/* Lines of the head before, and how many of them are looked at for each line. */
enum { HINTS = 64, HINTS_BYTES = 4096, HINT_WINDOW = 4 };

enum statement { ADD, EXTEND, LOAD, STATEMENTS };

static const char *const sql_of[STATEMENTS] = {
	[ADD] = "INSERT INTO head_fields (name, value, used_until) VALUES (?,?,?)",
	[EXTEND] = "UPDATE head_fields SET used_until = max(used_until, ?) WHERE id = ?",
	[LOAD] = "SELECT id, used_until, name, value FROM head_fields ORDER BY used_until DESC LIMIT ?",
};

struct line {
	int64_t id;          /* of its row; 0: it has none */
	uint64_t used_until; /* of the row; without one: the flow that it was seen in */
	uint32_t *used;      /* in its set */
	uint32_t name_len, value_len;
	char bytes[]; /* of the name, then of the value */
};

/* A tag is half of the hash, and 0 only where there is no line. */
struct set {
	uint32_t tags[WAYS];
	uint32_t used[WAYS]; /* at which head; see ROW_WORTH */
	struct line *lines[WAYS];
};

/* The lines with rows of a head, in their order. Copies that lie side by side: the lines themselves lie anywhere in memory, and
 * to fetch them costs more than to compare them. */
struct hint {
	const struct line *line;
	uint32_t *used; /* of the line */
	int64_t id;
	uint64_t used_until;
	uint32_t name_len, value_len, from; /* in the bytes */
};

struct hints {
	size_t n, bytes_n;
	struct hint v[HINTS];
	char bytes[HINTS_BYTES];
};

struct head_book {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	uint64_t seed;
	uint32_t now; /* heads so far; may wrap */
	bool is_loaded;
	uint64_t first_kept; /* rows that were used until before this may be gone */
	struct set *sets;    /* SETS of them, each in cache lines of its own: in `block` */
	void *block;
	struct hints *hints[2], *made; /* of the last head of each kind; of the one that is being put */
};

/* Where a line is, or could be. */
struct place {
	struct set *set;
	uint32_t tag;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_more(uint64_t h, struct str s)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t last = 0;
	size_t at = 0;

	for (; s.len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
		uint64_t eight;

		memcpy(&eight, s.p + at, sizeof(eight));
		h = mix(h ^ eight, odd);
	}
	if (at < s.len)
		memcpy(&last, s.p + at, s.len - at);
	return mix(h ^ last, odd ^ s.len);
}

static struct place place_of(struct head_book *b, const struct field *f)
{
	uint64_t h = hash_more(hash_more(b->seed, f->name), f->value);
	uint32_t tag = (uint32_t)(h >> 32);
	struct set *set = &b->sets[h % SETS];

	__builtin_prefetch(set->tags);
	__builtin_prefetch(set->lines);
	return (struct place){set, tag != 0 ? tag : 1};
}

static bool is_line(const struct line *l, const struct field *f)
{
	return l->name_len == f->name.len && l->value_len == f->value.len && memcmp(l->bytes, f->name.p, l->name_len) == 0 &&
		(l->value_len == 0 || memcmp(l->bytes + l->name_len, f->value.p, l->value_len) == 0);
}

/* It was used now. */
static void note_use(const struct head_book *b, const struct line *l)
{
	*l->used = b->now + (l->id != 0 ? ROW_WORTH : 0);
}

/* A line that goes: the head before is forgotten with it. */
static void drop_hints(struct head_book *b, const struct line *l)
{
	struct hints *const all[] = {b->hints[0], b->hints[1], b->made};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		for (size_t at = 0; at < all[i]->n; at++) {
			if (all[i]->v[at].line == l)
				all[i]->n = 0;
		}
	}
}

static void empty_way(struct head_book *b, struct set *s, int way)
{
	if (s->lines[way] && s->lines[way]->id != 0)
		drop_hints(b, s->lines[way]);
	mem_free(s->lines[way]);
	s->lines[way] = NULL;
	s->tags[way] = 0;
}

/* NULL where the line is not there, or its row is gone. */
static struct line *find_line(struct head_book *b, const struct place *p, const struct field *f)
{
	for (int i = 0; i < WAYS; i++) {
		struct line *l = p->set->lines[i];

		if (p->set->tags[i] != p->tag || !is_line(l, f))
			continue;
		if (l->id != 0 && l->used_until < b->first_kept) {
			empty_way(b, p->set, i);
			return NULL;
		}
		note_use(b, l);
		return l;
	}
	return NULL;
}

/* A free way of a set: where the line was that is missed least. */
static int make_way(struct head_book *b, struct set *s)
{
	int32_t least = INT32_MAX;
	int way = 0;

	for (int i = 0; i < WAYS; i++) {
		int32_t worth = (int32_t)(s->used[i] - b->now);

		if (s->tags[i] == 0)
			return i;
		if (worth < least) {
			least = worth;
			way = i;
		}
	}
	empty_way(b, s, way);
	return way;
}

static struct line *add_line(struct head_book *b, const struct place *p, const struct field *f)
{
	int way = make_way(b, p->set);
	struct line *l = mem_alloc(sizeof(*l) + f->name.len + f->value.len);

	*l = (struct line){.used = &p->set->used[way], .name_len = (uint32_t)f->name.len, .value_len = (uint32_t)f->value.len};
	memcpy(l->bytes, f->name.p, f->name.len);
	if (f->value.len > 0)
		memcpy(l->bytes + f->name.len, f->value.p, f->value.len);
	p->set->tags[way] = p->tag;
	p->set->used[way] = b->now;
	p->set->lines[way] = l;
	return l;
}

static void forget_all(struct head_book *b)
{
	for (size_t i = 0; i < SETS; i++) {
		for (int way = 0; way < WAYS; way++)
			empty_way(b, &b->sets[i], way);
	}
}

/* Rows that are there are used again, and those that were used last are the likeliest. */
static int load(struct head_book *b)
{
	sqlite3_stmt *s = b->statements[LOAD];
	int rc;

	sqlite3_bind_int64(s, 1, HEAD_BOOK_LOADED_LINES);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct columns c = {s, 0};
		int64_t id = columns_i64(&c);
		uint64_t used_until = columns_u64(&c);
		struct field f;
		struct place p;
		struct line *l;

		f.name = columns_str(&c);
		f.value = columns_str(&c);
		p = place_of(b, &f);
		if (find_line(b, &p, &f))
			continue;
		l = add_line(b, &p, &f);
		l->id = id;
		l->used_until = used_until;
		note_use(b, l);
	}
	sqlite3_reset(s);
	b->is_loaded = rc == SQLITE_DONE;
	return b->is_loaded ? SQLITE_OK : rc;
}

static int add_row(struct head_book *b, struct line *l, const struct field *f, uint64_t exchange_id)
{
	struct row r = {b->statements[ADD], 0};
	uint64_t until = exchange_id + HEAD_BOOK_AHEAD;
	int rc;

	row_bytes(&r, f->name);
	row_bytes(&r, f->value);
	row_i64(&r, (int64_t)until);
	rc = row_end(&r);
	if (rc == SQLITE_OK) {
		l->id = sqlite3_last_insert_rowid(b->db);
		l->used_until = until;
		note_use(b, l);
	}
	return rc;
}

static int extend_row(struct head_book *b, struct line *l, uint64_t exchange_id)
{
	struct row r = {b->statements[EXTEND], 0};
	uint64_t until = exchange_id + HEAD_BOOK_AHEAD;
	int rc;

	row_i64(&r, (int64_t)until);
	row_i64(&r, l->id);
	rc = row_end(&r);
	if (rc == SQLITE_OK)
		l->used_until = until;
	return rc;
}

static bool is_too_long(const struct field *f)
{
	return f->name.len == 0 || f->name.len > HEAD_BOOK_NAME_BYTES || f->value.len > HEAD_BOOK_VALUE_BYTES;
}

/* The line where the head before had it, or a little further on; NULL if it is not there. *at: where to look. */
static const struct hint *find_hint(const struct hints *h, size_t *at, const struct field *f)
{
	for (size_t i = *at; i < h->n && i < *at + HINT_WINDOW; i++) {
		const struct hint *hint = &h->v[i];
		const char *bytes = h->bytes + hint->from;

		if (hint->name_len == f->name.len && hint->value_len == f->value.len &&
			memcmp(bytes, f->name.p, f->name.len) == 0 &&
			(f->value.len == 0 || memcmp(bytes + f->name.len, f->value.p, f->value.len) == 0)) {
			*at = i + 1;
			return hint;
		}
	}
	return NULL;
}

/* One more for the next head; like: its line, and what is known of its row. */
static void make_hint(struct hints *h, const struct hint *like, const struct field *f)
{
	struct hint *hint = &h->v[h->n];
	size_t len = f->name.len + f->value.len;
	char *to = h->bytes + h->bytes_n;

	if (h->n == HINTS || HINTS_BYTES - h->bytes_n < len)
		return;
	*hint = (struct hint){like->line, like->used, like->id, like->used_until, (uint32_t)f->name.len, (uint32_t)f->value.len,
		(uint32_t)h->bytes_n};
	memcpy(to, f->name.p, f->name.len);
	if (f->value.len > 0)
		memcpy(to + f->name.len, f->value.p, f->value.len);
	h->bytes_n += len;
	h->n++;
}

/* The line of a field; NULL where it was never seen, and is noted now. */
static struct line *find_or_note(struct head_book *b, const struct field *f, uint64_t exchange_id)
{
	struct place p = place_of(b, f);
	struct line *l = find_line(b, &p, f);

	if (!l && is_plain_utf8(f->name) && is_plain_utf8(f->value))
		add_line(b, &p, f)->used_until = exchange_id;
	return l;
}

/* Sees to it that the row of a line is there, where it is to have one, and stays for that flow. All lines of a flow are seen
 * twice, from the client and to the origin, so a second sighting is one in another flow. */
static int settle_row(struct head_book *b, struct line *l, const struct field *f, uint64_t exchange_id)
{
	if (l->id == 0)
		return l->used_until == exchange_id ? SQLITE_OK : add_row(b, l, f, exchange_id);
	return l->used_until < exchange_id ? extend_row(b, l, exchange_id) : SQLITE_OK;
}

static void put_whole(struct text *t, const struct field *f)
{
	text_byte(t, '[');
	json_bytes(t, f->name);
	text_byte(t, ',');
	json_bytes(t, f->value);
	text_byte(t, ']');
}

/* By the hash; *ret_id 0: it stands for itself. */
static int look_up(struct head_book *b, const struct field *f, uint64_t exchange_id, int64_t *ret_id)
{
	struct line *l = is_too_long(f) ? NULL : find_or_note(b, f, exchange_id);
	int rc = l ? settle_row(b, l, f, exchange_id) : SQLITE_OK;

	*ret_id = l && rc == SQLITE_OK ? l->id : 0;
	if (*ret_id != 0)
		make_hint(b->made, &(struct hint){.line = l, .used = l->used, .id = l->id, .used_until = l->used_until}, f);
	return rc;
}

/* at: in the hints. */
static int put_field(struct head_book *b, struct text *t, const struct field *f, uint64_t exchange_id,
	const struct hints *hints, size_t *at)
{
	const struct hint *hint = find_hint(hints, at, f);
	int64_t id;
	int rc = SQLITE_OK;

	if (hint && hint->used_until >= exchange_id && hint->used_until >= b->first_kept) {
		*hint->used = b->now + ROW_WORTH;
		id = hint->id;
		make_hint(b->made, hint, f);
	} else {
		rc = look_up(b, f, exchange_id, &id);
	}
	if (id != 0)
		text_i64(t, id);
	else
		put_whole(t, f);
	return rc;
}

int head_book_put(struct head_book *b, struct text *t, const struct fields *f, uint64_t exchange_id, bool is_request)
{
	struct hints *before = b->hints[is_request];
	int rc = b->is_loaded ? SQLITE_OK : load(b);
	size_t at = 0;

	b->now++;
	b->made->n = b->made->bytes_n = 0;
	text_byte(t, '[');
	for (size_t i = 0; i < f->n && rc == SQLITE_OK; i++) {
		if (i > 0)
			text_byte(t, ',');
		rc = put_field(b, t, &f->v[i], exchange_id, before, &at);
	}
	text_byte(t, ']');
	b->hints[is_request] = b->made;
	b->made = before;
	return rc;
}

void head_book_undo(struct head_book *b)
{
	forget_all(b);
	b->is_loaded = false;
}

/* Each row is looked at when it is found next: a walk over all of them after every step would cost more than all the looks. But
 * where all rows may be gone, also those that were to be used by flows to come, those that are made next are not. */
void head_book_pruned(struct head_book *b, uint64_t first_kept)
{
	if (first_kept >= INT64_MAX)
		head_book_undo(b);
	else if (first_kept > b->first_kept)
		b->first_kept = first_kept;
}

struct head_book *head_book_new(sqlite3 *db)
{
	struct head_book *b = mem_calloc(1, sizeof(*b));

	b->db = db;
	b->block = mem_calloc(SETS + 1, sizeof(struct set));
	b->sets = (struct set *)(((uintptr_t)b->block + sizeof(struct set) - 1) / sizeof(struct set) * sizeof(struct set));
	b->hints[0] = mem_calloc(1, sizeof(struct hints));
	b->hints[1] = mem_calloc(1, sizeof(struct hints));
	b->made = mem_calloc(1, sizeof(struct hints));
	if (getrandom(&b->seed, sizeof(b->seed), GRND_NONBLOCK) != (ssize_t)sizeof(b->seed))
		b->seed = (uint64_t)(uintptr_t)b * UINT64_C(0x9e3779b97f4a7c15);
	for (int i = 0; i < STATEMENTS; i++) {
		if (sqlite3_prepare_v3(db, sql_of[i], -1, SQLITE_PREPARE_PERSISTENT, &b->statements[i], NULL) != SQLITE_OK) {
			head_book_free(b);
			return NULL;
		}
	}
	return b;
}

void head_book_free(struct head_book *b)
{
	if (!b)
		return;
	forget_all(b);
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(b->statements[i]);
	mem_free(b->hints[0]);
	mem_free(b->hints[1]);
	mem_free(b->made);
	mem_free(b->block);
	mem_free(b);
}
