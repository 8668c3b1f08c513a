/* A filter asked about rows of exchanges in memory, column by column: for what the condition of its SQL (filter_sql.h)
 * leaves open. */
#ifndef VIADUCT_STORE_FLOW_ROW_H
#define VIADUCT_STORE_FLOW_ROW_H

#include "config/filter_tree.h"
#include "store/reader.h"
#include "store/text.h"

struct flow_row;

/* The filter must outlive it. max_body_bytes as in flow_query. NULL on an error. */
struct flow_row *flow_row_new(struct reader *r, const struct filter *f, uint64_t max_body_bytes);
void flow_row_free(struct flow_row *row); /* NULL is fine */
/* Puts ", expression" for each column that is needed behind e.id, which is the first. */
void flow_row_columns(struct flow_row *row, struct text *sql);

enum flow_row_end {
	FLOW_ROW_OK,
	FLOW_ROW_LIMIT, /* max_body_bytes are used up, so that it is not known */
	FLOW_ROW_FAILED /* reader_error */
};
/* Whether the flow of the row that the statement stands on matches. */
enum flow_row_end flow_row_ask(struct flow_row *row, sqlite3_stmt *s, enum filter_answer *ret);

#endif
