/* The pieces of bodies that records carry, and what a record weighs. Not for copying exchanges: record.c. */
#include "base/mem.h"
#include "capture/record.h"

const char *body_cut_name(enum body_cut c)
{
	static const char *const names[] = {
		[CUT_NONE] = NULL,
		[CUT_LIMIT] = "limit",
		[CUT_OVERLOAD] = "overload",
		[CUT_STORE] = "store",
		[CUT_REDACTED] = "redacted",
	};

	return names[c];
}

struct record *record_new_body(uint64_t id)
{
	struct record *r = mem_calloc(1, sizeof(*r));

	r->kind = RECORD_BODY;
	r->facts.id = id;
	r->weight = sizeof(*r);
	return r;
}

struct body_part *body_part_new(unsigned hop, enum body_direction direction, uint64_t offset, size_t size)
{
	struct body_part *p = mem_alloc(sizeof(*p) + size);

	*p = (struct body_part){.hop = hop, .direction = direction, .offset = offset, .size = size};
	return p;
}

struct body_part *body_part_resize(struct body_part *part, size_t size)
{
	struct body_part *p = mem_realloc(part, sizeof(*part) + size);

	p->size = size;
	return p;
}

void record_add_part(struct record *r, struct body_part *part)
{
	struct body_part **end = &r->parts;

	while (*end)
		end = &(*end)->next;
	part->next = NULL;
	*end = part;
	r->weight += sizeof(*part) + part->size;
}

static void lighten(struct record *r, size_t bytes)
{
	r->weight -= bytes;
	if (r->backlog)
		atomic_fetch_sub_explicit(&r->backlog->bytes, bytes, memory_order_relaxed);
}

void record_cut_bodies(struct record *r, enum body_cut why)
{
	for (struct body_part **at = &r->parts; *at; at = &(*at)->next) {
		struct body_part *old = *at;
		struct body_part *cut;

		if (old->len == 0)
			continue;
		cut = body_part_new(old->hop, old->direction, old->offset, 0);
		cut->cut = why;
		cut->next = old->next;
		*at = cut;
		lighten(r, old->size);
		mem_free(old);
	}
}

void record_weigh(struct record *r, struct backlog *b)
{
	r->backlog = b;
	atomic_fetch_add_explicit(&b->bytes, r->weight, memory_order_relaxed);
}

void record_free(struct record *r)
{
	struct body_part *next;

	if (!r)
		return;
	if (r->backlog)
		atomic_fetch_sub_explicit(&r->backlog->bytes, r->weight, memory_order_relaxed);
	for (struct body_part *p = r->parts; p; p = next) {
		next = p->next;
		mem_free(p);
	}
	mem_free(r);
}
