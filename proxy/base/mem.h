/* Allocation that does not fail: when the system has no memory left, one line goes to stderr and the process ends with
 * status 70. Growth is bounded by the limits of each container, not by malloc. */
#ifndef VIADUCT_BASE_MEM_H
#define VIADUCT_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull, warn_unused_result));
/* Zeroed, n times size with an overflow check. */
void *mem_calloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull, warn_unused_result));
void *mem_realloc(void *p, size_t size) __attribute__((returns_nonnull, warn_unused_result));
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull, warn_unused_result));
char *mem_strndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull, warn_unused_result));
/* Frees p; NULL is fine. */
void mem_free(void *p);

#endif
