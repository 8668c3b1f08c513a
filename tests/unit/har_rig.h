/* A flow written by a store and read again as HAR: for the tests of what HAR files say. */
#ifndef VIADUCT_TESTS_HAR_RIG_H
#define VIADUCT_TESTS_HAR_RIG_H

#include "query_run.h"
#include "store/har/har_write.h"

#include <jansson.h>

/* A member by its place: "request.headers.0.name". NULL: there is none. */
static inline json_t *at(json_t *value, const char *place)
{
	char name[64];

	while (value && *place) {
		size_t n = strcspn(place, ".");

		assert_true(n < sizeof(name));
		memcpy(name, place, n);
		name[n] = '\0';
		value = json_is_array(value) ? json_array_get(value, (size_t)strtoul(name, NULL, 10))
					     : json_object_get(value, name);
		place += place[n] == '.' ? n + 1 : n;
	}
	return value;
}

static inline void assert_at(json_t *value, const char *place, const char *expected)
{
	json_t *found = at(value, place);

	if (!json_is_string(found) || strcmp(json_string_value(found), expected) != 0)
		fail_msg("%s is %s, not %s", place, found ? json_dumps(found, JSON_ENCODE_ANY) : "missing", expected);
}

static inline void assert_number_at(json_t *value, const char *place, double expected)
{
	json_t *found = at(value, place);

	if (!json_is_number(found) || json_number_value(found) < expected - 1e-9 || json_number_value(found) > expected + 1e-9)
		fail_msg("%s is %s, not %f", place, found ? json_dumps(found, JSON_ENCODE_ANY) : "missing", expected);
}

static inline void assert_none_at(json_t *value, const char *place)
{
	json_t *found = at(value, place);

	if (found)
		fail_msg("%s is there: %s", place, json_dumps(found, JSON_ENCODE_ANY));
}

/* A piece of a body as a record carries it. */
static inline void add_body(struct record *r, unsigned hop, enum body_direction direction, struct str bytes, enum body_cut cut)
{
	struct body_part *part = body_part_new(hop, direction, 0, bytes.len);

	if (bytes.len > 0)
		memcpy(part->bytes, bytes.p, bytes.len);
	part->len = bytes.len;
	part->cut = cut;
	record_add_part(r, part);
}

/* Writes records, which are taken over, and ends the store. */
static inline void write_records(struct record *const *records, size_t n)
{
	struct store *s = start(MAX_FLOWS);
	struct ring *ring = store_add_ring(s);

	for (size_t i = 0; i < n; i++)
		push_record(ring, records[i]);
	store_stop(s);
}

struct har_export {
	struct reader *r;
	struct text t;
	const struct har_options *o;
	size_t n;
};

static inline bool export_flow(void *owner, const struct flow_view *v)
{
	struct har_export *x = owner;
	size_t n = 0, before = x->t.len;

	if (x->n > 0)
		text_put(&x->t, STR(","));
	assert_true(har_put_flow(&x->t, x->r, v, x->o, &n));
	if (n == 0)
		x->t.len = before;
	x->n += n;
	return true;
}

/* All that is stored as a HAR; json_decref it. */
static inline json_t *export_all(const struct har_options *o)
{
	struct har_sessions sessions = {NULL, 0, 0};
	struct har_options all = *o;
	struct har_export x = {.r = open_reader(), .o = &all};
	json_error_t error;
	json_t *har;

	all.sessions = &sessions;
	har_put_begin(&x.t, &all);
	assert_true(reader_newest(x.r, 1000, export_flow, &x));
	har_put_end(&x.t, x.r, &all);
	har_sessions_fini(&sessions);
	har = json_loadb(x.t.p, x.t.len, 0, &error);
	if (!har)
		fail_msg("%s in %.*s", error.text, (int)x.t.len, x.t.p);
	text_fini(&x.t);
	reader_close(x.r);
	return har;
}

static inline json_t *export_record(struct record *r)
{
	const struct har_options o = {.version = "1.2.3"};

	write_records(&r, 1);
	return export_all(&o);
}

#define ENTRY(har, i) at(har, "log.entries." #i)

#endif
