/* For tests of what is kept in temporary files: a worker's loop and pool, a spooler with a folder of its own, and bytes that tell their
 * place in a body. */
#ifndef VIADUCT_TESTS_SPOOL_RIG_H
#define VIADUCT_TESTS_SPOOL_RIG_H

#include "core/spooler.h"

#include "heads.h"
#include "turn_until.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

struct spool_rig {
	struct loop *loop;
	struct bufpool *pool;
	struct spooler *spooler;
	char folder[64];
	unsigned changes; /* on_change was called */
};

static inline void on_spool_change(void *owner)
{
	((struct spool_rig *)owner)->changes++;
}

static inline void spool_rig_up(struct spool_rig *r)
{
	*r = (struct spool_rig){.loop = loop_new(), .pool = bufpool_new(1 << 20)};
	snprintf(r->folder, sizeof(r->folder), "/tmp/viaduct-spool-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	r->spooler = spooler_new(r->folder);
	assert_non_null(r->spooler);
}

/* In the order of a shutdown. No file has a name, so the folder is empty; no queue holds memory that nobody gives back. */
static inline void spool_rig_down(struct spool_rig *r)
{
	spooler_free(r->spooler);
	loop_free(r->loop);
	assert_int_equal(rmdir(r->folder), 0);
	assert_int_equal(bufpool_used(r->pool), 0);
	bufpool_free(r->pool);
}

/* The byte at this place of every body. */
static inline char pattern(uint64_t at)
{
	return (char)(at * 7 + at / 251 + at / 65536);
}

/* Puts the bytes of a body from this place on to the end of a queue, in parts as a socket would read them. */
static inline void pattern_put(struct bufq *q, uint64_t at, size_t n)
{
	char part[BUFQ_SLAB_BYTES];

	while (n > 0) {
		size_t some = n < sizeof(part) ? n : sizeof(part);

		for (size_t i = 0; i < some; i++)
			part[i] = pattern(at + i);
		bufq_append(q, part, some);
		at += some;
		n -= some;
	}
}

/* The queue holds exactly n bytes, those of a body from this place on. */
static inline void pattern_expect(const struct bufq *q, uint64_t at, size_t n)
{
	const struct piece *cursor = NULL;
	struct str span;

	assert_int_equal(q->len, n);
	while (bufq_each(q, &cursor, &span)) {
		for (size_t i = 0; i < span.len; i++, at++) {
			if (span.p[i] != pattern(at))
				fail_msg("another byte at %llu", (unsigned long long)at);
		}
	}
}

static inline unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* Sets a limit of the process and returns what it was. */
static inline rlim_t limit_to(int what, rlim_t n)
{
	struct rlimit limit;
	rlim_t before;

	assert_int_equal(getrlimit(what, &limit), 0);
	before = limit.rlim_cur;
	limit.rlim_cur = n;
	assert_int_equal(setrlimit(what, &limit), 0);
	return before;
}

#endif
