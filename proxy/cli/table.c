/* Columns of a table. What is wider than its column is not cut. */
#include "cli/table.h"

void table_align_right(struct text *t, size_t from, size_t width)
{
	size_t len = t->len - from;

	if (len >= width)
		return;
	text_room(t, width - len);
	for (size_t i = len; i > 0; i--)
		t->p[from + width - len + i - 1] = t->p[from + i - 1];
	for (size_t i = 0; i < width - len; i++)
		t->p[from + i] = ' ';
	t->len = from + width;
}

void table_pad(struct text *t, size_t from, size_t width)
{
	while (t->len - from < width)
		text_byte(t, ' ');
	text_put(t, STR("  "));
}
