/* Functions for those who ask the flow database in SQL (SCHEMA.md): body(id), body_text(id, coding, type, cut), header(fields,
 * name), and regexp, so that text REGEXP pattern works. */
#ifndef VIADUCT_STORE_SQL_FUNCTIONS_H
#define VIADUCT_STORE_SQL_FUNCTIONS_H

#include "store/query.h"

/* Makes them known to the reader's statements. False on an error. */
bool sql_functions_add(struct reader *r);

#endif
