/* A HAR read from a string, and what came of it. */
#ifndef VIADUCT_TESTS_HAR_READ_RIG_H
#define VIADUCT_TESTS_HAR_READ_RIG_H

#include "store/har/har_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RIG_RECORDS = 2000, RIG_TEXT_BYTES = 65536 };

struct har_rig {
	struct record *records[RIG_RECORDS];
	size_t n, max; /* max 0: no limit */
	uint64_t next_id;
	char log[RIG_TEXT_BYTES];
	unsigned logs;
	char left_out[RIG_TEXT_BYTES]; /* "2@104: why\n" */
	uint64_t progress;
	/* What har_read said. */
	size_t entries;
	char why[512];
};

static inline uint64_t rig_next_id(void *owner)
{
	return ++((struct har_rig *)owner)->next_id;
}

static inline bool rig_take(void *owner, struct record *r)
{
	struct har_rig *rig = owner;

	assert_true(rig->n < RIG_RECORDS);
	assert_int_equal(rig->logs, 1);
	rig->records[rig->n++] = r;
	return rig->n != rig->max;
}

static inline bool rig_take_log(void *owner, struct str json)
{
	struct har_rig *rig = owner;

	rig->logs++;
	snprintf(rig->log, sizeof(rig->log), "%.*s", STR_ARG(json));
	return true;
}

static inline void rig_left_out(void *owner, size_t entry, uint64_t at, const char *why)
{
	struct har_rig *rig = owner;
	size_t n = strlen(rig->left_out);

	snprintf(rig->left_out + n, sizeof(rig->left_out) - n, "%zu@%llu: %s\n", entry, (unsigned long long)at, why);
}

static inline void rig_progress(void *owner, uint64_t bytes)
{
	struct har_rig *rig = owner;

	assert_true(bytes > rig->progress);
	rig->progress = bytes;
}

static inline struct har_rig *rig_new(void)
{
	struct har_rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	return rig;
}

static inline void rig_free(struct har_rig *rig)
{
	for (size_t i = 0; i < rig->n; i++)
		record_free(rig->records[i]);
	free(rig);
}

/* Reads the bytes as a file. */
static inline bool rig_read(struct har_rig *rig, struct str har)
{
	const struct har_needs needs = {.next_id = rig_next_id,
		.take = rig_take,
		.take_log = rig_take_log,
		.on_left_out = rig_left_out,
		.on_progress = rig_progress,
		.owner = rig};
	FILE *f = tmpfile();
	bool ok;

	assert_non_null(f);
	assert_int_equal(fwrite(har.p, 1, har.len, f), har.len);
	rewind(f);
	ok = har_read(f, &needs, &rig->entries, rig->why, sizeof(rig->why));
	fclose(f);
	return ok;
}

/* A log with these entries, separated by commas. */
static inline void rig_read_entries(struct har_rig *rig, const char *entries)
{
	size_t size = strlen(entries) + 128;
	char *har = malloc(size);

	assert_non_null(har);
	snprintf(har, size, "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"t\",\"version\":\"1\"},\"entries\":[%s]}}",
		entries);
	assert_true(rig_read(rig, str_of(har)));
	assert_string_equal(rig->why, "");
	free(har);
}

/* The one flow of a file with one entry. */
static inline const struct exchange_facts *rig_one(struct har_rig *rig, const char *entry)
{
	rig_read_entries(rig, entry);
	assert_string_equal(rig->left_out, "");
	assert_int_equal(rig->n, 1);
	return &rig->records[0]->facts;
}

static inline void assert_str(struct str got, const char *expected)
{
	assert_int_equal(got.len, strlen(expected));
	assert_memory_equal(got.p, expected, got.len);
}

/* The kept body, whole; how long it is. */
static inline size_t rig_body(const struct record *r, unsigned hop, enum body_direction direction, char *to, size_t size)
{
	size_t n = 0;

	for (const struct body_part *p = r->parts; p != NULL; p = p->next) {
		if (p->hop != hop || p->direction != direction)
			continue;
		assert_int_equal(p->offset, n);
		assert_true(p->len <= BODY_PART_BYTES && n + p->len <= size);
		memcpy(to + n, p->bytes, p->len);
		n += p->len;
	}
	return n;
}

#define assert_body(r, hop, direction, expected)                                                                               \
	do {                                                                                                                   \
		char body_[4096];                                                                                              \
		size_t body_n_ = rig_body(r, hop, direction, body_, sizeof(body_) - 1);                                        \
		body_[body_n_] = '\0';                                                                                         \
		assert_string_equal(body_, expected);                                                                          \
	} while (0)

/* What is kept of the entry of a hop. */
static inline struct str rig_extra(const struct record *r, unsigned hop)
{
	for (const struct hop_extra *e = r->extras; e != NULL; e = e->next) {
		if (e->hop == hop)
			return e->json;
	}
	return STR_NONE;
}

static inline const struct field *rig_field(const struct message *m, size_t i)
{
	assert_true(i < m->fields.n);
	return &m->fields.v[i];
}

#endif
