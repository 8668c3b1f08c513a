/* Columns of a table for people. */
#ifndef VIADUCT_CLI_TABLE_H
#define VIADUCT_CLI_TABLE_H

#include "store/text.h"

/* Moves what was put since from to the right end of a column. */
void table_align_right(struct text *t, size_t from, size_t width);
/* Ends a column that began at from: blanks up to its width, and two more. */
void table_pad(struct text *t, size_t from, size_t width);

#endif
