/* Rows of head_fields by their id, for those who read heads. A row never changes and its id is not used again, so what was read
 * once is kept, up to a bound. */
#ifndef VIADUCT_STORE_HEAD_LINES_H
#define VIADUCT_STORE_HEAD_LINES_H

#include "http/message.h"

#include <sqlite3.h>
#include <stdint.h>

enum { HEAD_LINES_KEPT = 4096 };

struct head_lines;

struct head_lines *head_lines_new(sqlite3 *db);
void head_lines_free(struct head_lines *l); /* NULL is fine; before the database is closed */
/* The line of that id, valid until the next call; names and values have no bounds. False: there is none, or an error (then
 * sqlite3_errcode of the database is one). */
bool head_lines_find(struct head_lines *l, int64_t id, struct field *ret) MUST_CHECK;

#endif
