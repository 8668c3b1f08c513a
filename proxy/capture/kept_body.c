/* See kept_body.h. */
#include "capture/kept_body.h"

#include "base/mem.h"

#include <string.h>

/* A part that is handed over gives back what it does not need, where that is worth the work. */
enum { SMALLEST_PART_BYTES = 1024, GROWTH = 4, SPARE_BYTES = 2048 };

struct kept_body *kept_body_of(struct kept_body **list, unsigned hop, enum body_direction direction, uint64_t limit)
{
	struct kept_body *b;

	for (b = *list; b; b = b->next) {
		if (b->hop == hop && b->direction == direction)
			return b;
	}
	b = mem_calloc(1, sizeof(*b));
	b->hop = hop;
	b->direction = direction;
	b->limit = limit;
	b->next = *list;
	*list = b;
	return b;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Room for n bytes more in the part, as far as it may grow. Most bodies come in one piece, which then fits exactly. */
static void make_room(struct kept_body *b, size_t n, size_t part_bytes)
{
	size_t wanted = n < SMALLEST_PART_BYTES ? SMALLEST_PART_BYTES : n;

	if (!b->part) {
		b->part = body_part_new(b->hop, b->direction, b->bytes, least(wanted, part_bytes));
	} else if (b->part->size - b->part->len < n && b->part->size < part_bytes) {
		wanted = b->part->size * GROWTH < b->part->len + n ? b->part->len + n : b->part->size * GROWTH;
		b->part = body_part_resize(b->part, least(wanted, part_bytes));
	}
}

/* The part leaves. */
static struct body_part *hand_over(struct kept_body *b)
{
	struct body_part *p = b->part;

	b->part = NULL;
	return p->size - p->len > SPARE_BYTES ? body_part_resize(p, p->len) : p;
}

struct str kept_body_put(struct kept_body *b, struct str piece, size_t part_bytes, struct body_part **ret_full)
{
	uint64_t left = b->limit - b->bytes;
	size_t n = piece.len < left ? piece.len : (size_t)left;

	*ret_full = NULL;
	if (b->cut != CUT_NONE)
		return STR_NONE;
	if (n < piece.len && n == 0) {
		b->cut = CUT_LIMIT;
		return STR_NONE;
	}
	make_room(b, n, part_bytes);
	n = least(n, b->part->size - b->part->len);
	memcpy(b->part->bytes + b->part->len, piece.p, n);
	b->part->len += n;
	b->bytes += n;
	if (b->part->len >= part_bytes)
		*ret_full = hand_over(b);
	return str_from(piece, n);
}

void kept_bodies_tell(struct kept_body *list, struct record *r)
{
	for (struct kept_body *b = list; b; b = b->next) {
		bool tells_cut = b->cut != CUT_NONE && !b->is_cut_told;

		if (!b->part && tells_cut)
			b->part = body_part_new(b->hop, b->direction, b->bytes, 0);
		if (!b->part)
			continue;
		b->part->cut = b->cut;
		b->is_cut_told = b->cut != CUT_NONE;
		record_add_part(r, hand_over(b));
	}
}

void kept_bodies_free(struct kept_body **list)
{
	while (*list) {
		struct kept_body *b = *list;

		*list = b->next;
		mem_free(b->part);
		mem_free(b);
	}
}
