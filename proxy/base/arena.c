/* The bump allocator: blocks that double from 1 KiB, freed together. Not for what must be given back alone. */
#include "base/arena.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK_FIRST_BYTES = 1024, BLOCK_MAX_BYTES = 65536 };

struct block {
	struct block *next;
	max_align_t bytes[];
};

struct arena {
	struct block *blocks; /* all but the first, which the arena itself begins */
	char *at;
	size_t left; /* bytes from at to the end of the block in use */
	size_t used, limit;
	size_t next_block_bytes;
	max_align_t first[];
};

struct arena *arena_new(size_t limit_bytes)
{
	struct arena *a = mem_alloc(BLOCK_FIRST_BYTES);

	*a = (struct arena){
		.at = (char *)a->first,
		.left = BLOCK_FIRST_BYTES - sizeof(*a),
		.limit = limit_bytes,
		.next_block_bytes = BLOCK_FIRST_BYTES * 2,
	};
	return a;
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	while (a->blocks != NULL) {
		struct block *b = a->blocks;

		a->blocks = b->next;
		mem_free(b);
	}
	mem_free(a);
}

static struct block *add_block(struct arena *a, size_t bytes)
{
	struct block *b = mem_alloc(sizeof(*b) + bytes);

	b->next = a->blocks;
	a->blocks = b;
	return b;
}

/* Makes a new block the one in use, with room for size bytes at least. */
static void next_block(struct arena *a, size_t size)
{
	size_t bytes = a->next_block_bytes - sizeof(struct block);

	if (bytes < size)
		bytes = size;
	a->at = (char *)add_block(a, bytes)->bytes;
	a->left = bytes;
	if (a->next_block_bytes < BLOCK_MAX_BYTES)
		a->next_block_bytes *= 2;
}

/* Takes size bytes; align is a power of two. NULL when the limit would be passed. What alignment skips counts as used. */
static void *take(struct arena *a, size_t size, size_t align)
{
	size_t skip = -(uintptr_t)a->at & (align - 1);
	char *p;

	if (size > a->limit - a->used)
		return NULL;
	if (skip > a->left || size > a->left - skip) {
		/* A big one gets a block to itself where more would be lost by leaving the block in use. */
		if (size > BLOCK_MAX_BYTES / 4 && a->left > 0) {
			a->used += size;
			return add_block(a, size)->bytes;
		}
		next_block(a, size);
		skip = 0;
	}
	if (skip > a->limit - a->used - size)
		return NULL;
	p = a->at + skip;
	a->at = p + size;
	a->left -= skip + size;
	a->used += skip + size;
	return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
	return take(a, size, _Alignof(max_align_t));
}

void *arena_zalloc(struct arena *a, size_t size)
{
	void *p = arena_alloc(a, size);

	if (p != NULL)
		memset(p, 0, size);
	return p;
}

/* Room for len bytes of text and a NUL. */
static char *take_text(struct arena *a, size_t len)
{
	return len < SIZE_MAX ? take(a, len + 1, 1) : NULL;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = take_text(a, s.len);

	if (p == NULL)
		return STR_NONE;
	if (s.len != 0)
		memcpy(p, s.p, s.len);
	p[s.len] = '\0';
	return (struct str){p, s.len};
}

struct str arena_printf(struct arena *a, const char *format, ...)
{
	bool is_written;
	va_list args;
	char *p;
	int len;

	/* The first try goes into what is left of the block, and mostly fits. */
	va_start(args, format);
	len = vsnprintf(a->at, a->left, format, args);
	va_end(args);
	if (len < 0)
		return STR_NONE;
	is_written = (size_t)len < a->left;
	p = take_text(a, (size_t)len);
	if (p == NULL)
		return STR_NONE;
	if (!is_written) {
		va_start(args, format);
		(void)vsnprintf(p, (size_t)len + 1, format, args);
		va_end(args);
	}
	return (struct str){p, (size_t)len};
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}
