/* HAR files as they come. Whatever is in them: what is taken are sound records. The extras are JSON, as whoever exports them
 * needs it; bodies come in order without gaps; hops are numbered upwards; entries are used or left out, none twice. */
#include "store/har/har_read.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { WHY_BYTES = 256 };

struct seen {
	uint64_t next_id;
	size_t hops, left_out, logs;
	uint64_t progress;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static uint64_t next_id(void *owner)
{
	return ++((struct seen *)owner)->next_id;
}

static void require_json(struct str s)
{
	json_t *json = json_loadb(s.p, s.len, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);

	require(json_is_object(json));
	json_decref(json);
}

/* The pieces of one body; other bodies' may stand between them. */
static void check_parts(const struct record *r)
{
	for (const struct body_part *p = r->parts; p != NULL; p = p->next) {
		uint64_t end = p->offset + p->len;
		const struct body_part *n = p->next;

		require(p->len <= BODY_PART_BYTES && p->hop <= r->facts.hops_n + UINT16_MAX + 1U);
		while (n != NULL && (n->hop != p->hop || n->direction != p->direction))
			n = n->next;
		require(n == NULL || (n->offset == end && p->len == BODY_PART_BYTES));
	}
}

static void check_message(const struct message *m)
{
	if (m == NULL)
		return;
	require(m->is_request ? m->method_name.len > 0 && m->target.p != NULL : m->status >= 100 && m->status <= 999);
	for (size_t i = 0; i < m->fields.n; i++)
		require(m->fields.v[i].name.len > 0);
}

static size_t check_hops(const struct exchange_facts *x)
{
	unsigned number = 0;
	size_t n = 0;

	for (const struct hop_facts *h = x->hops; h != NULL; h = h->next) {
		require(h->number > number);
		number = h->number;
		check_message(h->request);
		check_message(h->response);
		n++;
	}
	return n;
}

static bool take(void *owner, struct record *r)
{
	struct seen *seen = owner;
	const struct exchange_facts *x = &r->facts;

	require(seen->logs == 1);
	require(x->id > 0 && x->id <= seen->next_id && x->parent_id <= seen->next_id);
	require(x->outcome != OUTCOME_PENDING && x->url.len > 0);
	require(check_hops(x) == x->hops_n && x->hops_n > 0);
	check_message(x->request);
	check_message(x->response);
	check_parts(r);
	for (const struct hop_extra *e = r->extras; e != NULL; e = e->next)
		require_json(e->json);
	seen->hops += x->hops_n;
	record_free(r);
	return true;
}

static bool take_log(void *owner, struct str json)
{
	require_json(json);
	((struct seen *)owner)->logs++;
	return true;
}

static void on_left_out(void *owner, size_t entry, uint64_t at, const char *why)
{
	require(entry > 0 && at > 0 && why[0] != '\0');
	((struct seen *)owner)->left_out++;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct seen seen = {0};
	const struct har_needs needs = {
		.next_id = next_id, .take = take, .take_log = take_log, .on_left_out = on_left_out, .owner = &seen};
	char why[WHY_BYTES] = "", *copy = malloc(size + 1);
	size_t entries = 0;
	FILE *f;
	bool ok;

	require(copy != NULL);
	memcpy(copy, bytes, size);
	f = fmemopen(copy, size > 0 ? size : 1, "rb");
	require(f != NULL);
	ok = har_read(f, &needs, &entries, why, sizeof(why));
	require(ok == (why[0] == '\0'));
	require(!ok || seen.logs == 1);
	require(seen.hops == entries);
	fclose(f);
	free(copy);
	return 0;
}
