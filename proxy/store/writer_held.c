/* One entry for each body of an exchange in flight, from its first piece to the record in which the exchange ends. Most bodies come
 * whole with that record. What a transaction changes in an entry is undone if it is rolled back, since then the records come again;
 * so an entry that is done with stays until the commit. Not for what a secret is: redact.h. */
#include "store/writer_held.h"

#include "base/mem.h"
#include "net/keymap.h"
#include "store/har/har_type.h"

#include <string.h>

enum stage {
	STAGE_HOLDING,
	STAGE_PASSING, /* nothing in it is looked for */
	STAGE_DROPPED  /* not kept; what comes is left out */
};

/* What a transaction may change. */
struct progress {
	enum stage stage;
	enum body_cut cut;
	size_t held;    /* bytes of the text that count */
	uint64_t next;  /* of the body: where the next piece begins */
	uint64_t told;  /* bytes that were passed on */
	bool is_marked; /* as dropped */
	bool is_over;
};

struct held_key {
	uint64_t exchange_id;
	uint32_t hop, direction;
};

struct held {
	struct keymap_node node;
	struct held_key key;
	struct text bytes;
	struct progress now, committed;
	bool is_new; /* in this transaction */
	bool is_touched;
	struct held *next_touched;
};

struct held_bodies {
	struct keymap bodies;
	size_t bytes; /* in all entries */
	struct held *touched;
	struct body_part *out, **out_end;
};

/* What a message says of its body. */
struct body_type {
	bool is_known;
	struct redact_types types;
	struct str codings; /* those of several fields are one list; that is rare enough not to be looked through */
};

static void clear_out(struct held_bodies *h)
{
	while (h->out) {
		struct body_part *next = h->out->next;

		mem_free(h->out);
		h->out = next;
	}
	h->out_end = &h->out;
}

struct held_bodies *held_bodies_new(void)
{
	struct held_bodies *h = mem_calloc(1, sizeof(*h));

	keymap_init(&h->bodies);
	clear_out(h);
	return h;
}

static void touch(struct held_bodies *h, struct held *e)
{
	keymap_use(&h->bodies, &e->node);
	if (e->is_touched)
		return;
	e->is_touched = true;
	e->next_touched = h->touched;
	h->touched = e;
}

static void drop_entry(struct held_bodies *h, struct held *e)
{
	keymap_remove(&h->bodies, &e->node);
	h->bytes -= e->bytes.len;
	text_fini(&e->bytes);
	mem_free(e);
}

void held_bodies_free(struct held_bodies *h)
{
	struct keymap_node *node;

	if (!h)
		return;
	while ((node = keymap_oldest(&h->bodies)) != NULL)
		drop_entry(h, LIST_ITEM(node, struct held, node));
	keymap_fini(&h->bodies);
	clear_out(h);
	mem_free(h);
}

bool held_bodies_any(const struct held_bodies *h)
{
	return h->bodies.n > 0;
}

static struct held *find(struct held_bodies *h, uint64_t exchange_id, unsigned hop, enum body_direction direction)
{
	struct held_key key = {exchange_id, hop, direction};
	struct keymap_node *node = keymap_find(&h->bodies, (struct str){(const char *)&key, sizeof(key)});

	return node ? LIST_ITEM(node, struct held, node) : NULL;
}

/* A body that is heard of for the first time. One that began before anything was to be redacted, or was given up to make room, is
 * not kept from here on. */
static struct held *add(struct held_bodies *h, const struct redactor *r, uint64_t exchange_id, const struct body_part *p)
{
	struct held *e = mem_calloc(1, sizeof(*e));
	struct keymap_node *oldest = h->bodies.n >= HELD_BODIES ? keymap_oldest(&h->bodies) : NULL;

	if (oldest && !LIST_ITEM(oldest, struct held, node)->is_touched)
		drop_entry(h, LIST_ITEM(oldest, struct held, node));
	e->key = (struct held_key){exchange_id, p->hop, p->direction};
	e->is_new = true;
	e->now.next = e->now.told = p->offset;
	if (r)
		e->now.stage = p->offset == 0 ? STAGE_HOLDING : STAGE_DROPPED;
	else
		e->now.stage = STAGE_PASSING;
	keymap_add(&h->bodies, &e->node, (struct str){(const char *)&e->key, sizeof(e->key)});
	return e;
}

/* Passes bytes on, in pieces; a cut behind the last one. */
static void pass_bytes(struct held_bodies *h, struct held *e, struct str bytes, enum body_cut cut)
{
	do {
		size_t n = bytes.len < BODY_PART_BYTES ? bytes.len : BODY_PART_BYTES;
		struct body_part *p = body_part_new(e->key.hop, (enum body_direction)e->key.direction, e->now.told, n);

		if (n > 0)
			memcpy(p->bytes, bytes.p, n);
		p->len = n;
		p->cut = n == bytes.len ? cut : CUT_NONE;
		*h->out_end = p;
		h->out_end = &p->next;
		e->now.told += n;
		bytes = str_from(bytes, n);
	} while (bytes.len > 0);
}

/* Says once that the body is not kept, or not from here on. */
static void drop(struct held_bodies *h, struct held *e)
{
	e->now.stage = STAGE_DROPPED;
	if (!e->now.is_marked)
		pass_bytes(h, e, STR_NONE, CUT_REDACTED);
	e->now.is_marked = true;
}

static struct str held_bytes(const struct held *e)
{
	return (struct str){e->bytes.p, e->now.held};
}

static void hold(struct held_bodies *h, struct held *e, const struct body_part *p)
{
	if (p->len > HELD_BODY_BYTES - e->now.held || p->len > HELD_BYTES - h->bytes) {
		drop(h, e);
		return;
	}
	text_put(&e->bytes, (struct str){p->bytes, p->len});
	h->bytes += p->len;
	e->now.held += p->len;
	e->now.cut = p->cut;
}

/* A piece behind a gap is worth nothing. */
static void take_part(struct held_bodies *h, struct held *e, const struct body_part *p)
{
	bool is_ended = e->now.cut != CUT_NONE;

	touch(h, e);
	if (e->now.stage == STAGE_DROPPED) {
		drop(h, e);
	} else if (!is_ended && p->offset != e->now.next) {
		e->now.cut = CUT_STORE;
		if (e->now.stage == STAGE_PASSING)
			pass_bytes(h, e, STR_NONE, CUT_STORE);
	} else if (!is_ended) {
		e->now.next += p->len;
		if (e->now.stage == STAGE_PASSING)
			pass_bytes(h, e, (struct str){p->bytes, p->len}, p->cut);
		else
			hold(h, e, p);
	}
}

static struct body_type kind_of(const struct message *m, struct str extra, enum body_direction direction, struct text *own)
{
	const struct str name = STR("content-encoding");
	struct body_type kind = {.is_known = m != NULL};

	if (!m)
		return kind;
	kind.types = (struct redact_types){&m->fields, har_extra_type(extra, direction, own)};
	kind.codings = fields_count(&m->fields, name) > 1 ? STR("several") : fields_value(&m->fields, name);
	return kind;
}

/* The body is whole: what it shows instead of secrets is written. */
static void look_through(struct held_bodies *h, const struct redactor *r, struct held *e, const struct body_type *kind)
{
	struct text shown = {NULL, 0, 0};
	enum redact_end end = REDACT_BLIND;

	if (e->now.held <= REDACT_MAX_BODY)
		end = redact_typed_body(r, &shown, &kind->types, kind->codings, held_bytes(e));
	if (end == REDACT_NOTHING)
		pass_bytes(h, e, held_bytes(e), e->now.cut);
	else if (end == REDACT_REPLACED)
		pass_bytes(h, e, text_str(&shown), CUT_REDACTED);
	else
		drop(h, e);
	text_fini(&shown);
}

/* What is known of a flow now decides what becomes of a body. */
static void decide(struct held_bodies *h, const struct redactor *r, struct held *e, const struct message *m, struct str extra,
	bool is_last)
{
	struct text own = {NULL, 0, 0};
	struct body_type kind = kind_of(m, extra, (enum body_direction)e->key.direction, &own);

	touch(h, e);
	if (e->now.stage == STAGE_HOLDING) {
		if (!r || (kind.is_known && !redact_may_cover(&kind.types, kind.codings, held_bytes(e)))) {
			pass_bytes(h, e, held_bytes(e), e->now.cut);
			e->now.stage = STAGE_PASSING;
		} else if (is_last) {
			look_through(h, r, e, &kind);
		} else if (kind.is_known && e->now.held > REDACT_MAX_BODY) {
			drop(h, e);
		}
	}
	e->now.is_over = is_last;
	text_fini(&own);
}

/* Of an imported hop its entry as it was. */
static struct str extra_of(const struct record *record, unsigned hop)
{
	const struct hop_extra *extra = record->extras;

	while (extra && extra->hop != hop)
		extra = extra->next;
	return extra ? extra->json : STR_NONE;
}

static void decide_of(struct held_bodies *h, const struct redactor *r, const struct record *record, unsigned hop,
	enum body_direction direction, const struct message *m)
{
	struct held *e = find(h, record->facts.id, hop, direction);

	if (e && !e->now.is_over)
		decide(h, r, e, m, extra_of(record, hop), record->facts.outcome != OUTCOME_PENDING);
}

const struct body_part *held_bodies_pass(struct held_bodies *h, const struct redactor *r, const struct record *record)
{
	const struct exchange_facts *x = &record->facts;

	clear_out(h);
	for (const struct body_part *p = record->parts; p; p = p->next) {
		struct held *e = find(h, x->id, p->hop, p->direction);

		take_part(h, e ? e : add(h, r, x->id, p), p);
	}
	if (record->kind != RECORD_FLOW)
		return h->out;
	decide_of(h, r, record, 0, BODY_DOWN, x->response);
	for (const struct hop_facts *hop = x->hops; hop; hop = hop->next) {
		decide_of(h, r, record, hop->number, BODY_UP, hop->request);
		decide_of(h, r, record, hop->number, BODY_DOWN, hop->response);
	}
	return h->out;
}

void held_bodies_commit(struct held_bodies *h)
{
	for (struct held *e = h->touched, *next; e; e = next) {
		next = e->next_touched;
		if (e->now.is_over) {
			drop_entry(h, e);
			continue;
		}
		e->is_new = e->is_touched = false;
		e->committed = e->now;
		if (e->now.stage != STAGE_HOLDING) {
			h->bytes -= e->bytes.len;
			text_fini(&e->bytes);
		}
	}
	h->touched = NULL;
}

void held_bodies_undo(struct held_bodies *h)
{
	for (struct held *e = h->touched, *next; e; e = next) {
		next = e->next_touched;
		if (e->is_new) {
			drop_entry(h, e);
			continue;
		}
		e->is_touched = false;
		e->now = e->committed;
		if (e->now.stage == STAGE_HOLDING) {
			h->bytes -= e->bytes.len - e->now.held;
			e->bytes.len = e->now.held;
		}
	}
	h->touched = NULL;
}
