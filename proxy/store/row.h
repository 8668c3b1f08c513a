/* The columns of a statement, one after the other: parameters that are bound, and results that are read. What is no UTF-8,
 * or holds a NUL, is bound as a BLOB of the same bytes, and read back as those bytes. */
#ifndef VIADUCT_STORE_ROW_H
#define VIADUCT_STORE_ROW_H

#include "base/str.h"
#include "store/flow_view.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* A row being bound: columns in the order of the statement. Nothing is copied: what is bound must live until row_end. */
struct row {
	sqlite3_stmt *s;
	int at;
};

void row_null(struct row *r);
void row_i64(struct row *r, int64_t n);
/* NULL when the condition does not hold. */
void row_i64_if(struct row *r, bool is_known, int64_t n);
void row_bytes(struct row *r, struct str s);
/* NULL when empty. */
void row_opt(struct row *r, struct str s);
/* Text that is ours, so ASCII; NULL when empty or NULL. */
void row_own(struct row *r, const char *text);
/* JSON that is ours, so UTF-8; NULL when empty. */
void row_json(struct row *r, struct str json);
/* Runs the statement; it is ready for the next row afterwards. The result of the step is the one that counts. */
int row_end(struct row *r);

/* A row that was read. Strings are valid until the next step. */
struct columns {
	sqlite3_stmt *s;
	int at;
};

/* -1 for NULL. */
int64_t columns_i64(struct columns *c);
/* 0 for NULL. */
uint64_t columns_u64(struct columns *c);
/* Empty for NULL. */
struct str columns_str(struct columns *c);
/* Two columns: the id of a body, and why it is not whole. */
struct kept_body columns_body(struct columns *c);

#endif
