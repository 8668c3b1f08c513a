/* Field lines that were read: a place for each id modulo the number of places. Not for writing them: head_book.c. */
#include "store/head_lines.h"

#include "base/mem.h"
#include "store/row.h"

#include <string.h>

struct kept_line {
	int64_t id; /* 0: the place is free */
	char *bytes;
	struct field field; /* in bytes */
};

struct head_lines {
	sqlite3 *db;
	sqlite3_stmt *find; /* NULL: not asked yet */
	struct kept_line kept[HEAD_LINES_KEPT];
};

struct head_lines *head_lines_new(sqlite3 *db)
{
	struct head_lines *l = mem_calloc(1, sizeof(*l));

	l->db = db;
	return l;
}

void head_lines_free(struct head_lines *l)
{
	if (!l)
		return;
	sqlite3_finalize(l->find);
	for (size_t i = 0; i < HEAD_LINES_KEPT; i++)
		mem_free(l->kept[i].bytes);
	mem_free(l);
}

static void keep(struct kept_line *k, int64_t id, struct str name, struct str value)
{
	mem_free(k->bytes);
	k->bytes = mem_alloc(name.len + value.len + 1);
	memcpy(k->bytes, name.p ? name.p : "", name.len);
	memcpy(k->bytes + name.len, value.p ? value.p : "", value.len);
	k->field = (struct field){{k->bytes, name.len}, {k->bytes + name.len, value.len}};
	k->id = id;
}

/* Reads a row into its place. */
static bool read_line(struct head_lines *l, struct kept_line *k, int64_t id)
{
	struct columns c = {NULL, 0};
	struct str name;
	bool has;

	if (!l->find &&
		sqlite3_prepare_v3(l->db, "SELECT name, value FROM head_fields WHERE id = ?", -1, SQLITE_PREPARE_PERSISTENT,
			&l->find, NULL) != SQLITE_OK)
		return false;
	sqlite3_bind_int64(l->find, 1, id);
	has = sqlite3_step(l->find) == SQLITE_ROW;
	if (has) {
		c.s = l->find;
		name = columns_str(&c);
		keep(k, id, name, columns_str(&c));
	}
	sqlite3_reset(l->find);
	return has;
}

bool head_lines_find(struct head_lines *l, int64_t id, struct field *ret)
{
	struct kept_line *k = &l->kept[(uint64_t)id % HEAD_LINES_KEPT];

	if (id <= 0 || (k->id != id && !read_line(l, k, id)))
		return false;
	*ret = k->field;
	return true;
}
