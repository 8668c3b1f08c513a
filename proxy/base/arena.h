/* A bump allocator with a limit: the strings and heads of one exchange live and die together. */
#ifndef VIADUCT_BASE_ARENA_H
#define VIADUCT_BASE_ARENA_H

#include "base/str.h"

#include <stddef.h>

struct arena;

/* An arena that never hands out more than limit_bytes in all. Blocks grow from a small first one (1 KiB). */
struct arena *arena_new(size_t limit_bytes);
void arena_free(struct arena *a);

/* Uninitialised, aligned for any type. NULL when the limit would be passed. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((warn_unused_result));
/* Zeroed. NULL when the limit would be passed. */
void *arena_zalloc(struct arena *a, size_t size) __attribute__((warn_unused_result));
/* A copy of s, with a NUL behind it that is not counted; p is NULL when the limit would be passed. */
struct str arena_str(struct arena *a, struct str s) __attribute__((warn_unused_result));
/* printf into the arena, as arena_str. */
struct str arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3), warn_unused_result));
size_t arena_used(const struct arena *a);

#endif
