/* Allocation that ends the process instead of failing. Not for bounding memory: each container has a limit of its own. */
#include "base/mem.h"

#include "base/log.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_OUT_OF_MEMORY = 70 };

/* Ends the process. No exit handlers: they would want memory too. */
static _Noreturn void out_of_memory(size_t size)
{
	log_error("out of memory: %zu bytes were asked for", size);
	_exit(STATUS_OUT_OF_MEMORY);
}

void *mem_alloc(size_t size)
{
	/* One byte, because the C library may answer 0 with NULL. */
	void *p = malloc(size != 0 ? size : 1);

	if (p == NULL)
		out_of_memory(size);
	return p;
}

void *mem_calloc(size_t n, size_t size)
{
	void *p;

	if (n == 0 || size == 0)
		n = size = 1;
	p = calloc(n, size);
	if (p == NULL)
		out_of_memory(n > SIZE_MAX / size ? SIZE_MAX : n * size);
	return p;
}

void *mem_realloc(void *p, size_t size)
{
	void *grown = realloc(p, size != 0 ? size : 1);

	if (grown == NULL)
		out_of_memory(size);
	return grown;
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, SIZE_MAX);
}

char *mem_strndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = mem_alloc(len + 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

void mem_free(void *p)
{
	free(p);
}
