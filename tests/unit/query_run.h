/* A flow database written by a store and read again, in a folder of its own: for the tests of what is read. */
#ifndef VIADUCT_TESTS_QUERY_RUN_H
#define VIADUCT_TESTS_QUERY_RUN_H

#include "store/origin_text.h"
#include "store/query.h"
#include "store_run.h"

enum { ARENA_BYTES = 1024 * 1024, MAX_FLOWS = 1000000 };

/* Makes it a flow with one hop, on a new connection to the place of that URL. */
static inline void fixture_lead(struct flow_fixture *f, const char *url)
{
	f->x.hops = &f->hops[1];
	f->x.hops_n = 1;
	f->hops[1].number = 1;
	f->hops[1].url = str_of(url);
	f->hops[1].is_reused = f->leg.is_resumed = false;
	origin_text_place(f->hops[1].url, &f->identity.host, &f->identity.port);
}

/* Writes one flow and ends the store. */
static inline void write_one(const struct exchange_facts *x)
{
	struct store *s = start(MAX_FLOWS);

	push_facts(store_add_ring(s), x);
	store_stop(s);
}

static inline struct reader *open_reader(void)
{
	char why[WHY_BYTES] = "";
	bool is_absent = true;
	struct reader *r = reader_open(folder.data, &is_absent, why, sizeof(why));

	assert_string_equal(why, "");
	assert_false(is_absent);
	return r;
}

static inline void assert_bytes(struct str got, const void *expected, size_t len)
{
	assert_int_equal(got.len, len);
	assert_memory_equal(got.p, expected, len);
}

static inline void assert_str(struct str got, const char *expected)
{
	assert_bytes(got, expected, strlen(expected));
}

#endif
