/* A record: one exchange as it stood at one moment, copied whole into one block of memory, so that it can cross threads; or pieces of
 * bodies of an exchange that is still in flight. */
#ifndef VIADUCT_CAPTURE_RECORD_H
#define VIADUCT_CAPTURE_RECORD_H

#include "capture/backlog.h"
#include "core/observer.h"

enum record_kind {
	RECORD_FLOW, /* facts, and the pieces of its bodies that were not told before */
	RECORD_BODY  /* pieces only; of facts nothing but the id is set */
};

/* Why not all of a body was kept; the length that passed is in the facts of its hop. */
enum body_cut {
	CUT_NONE,
	CUT_LIMIT,    /* capture.body_limit */
	CUT_OVERLOAD, /* the store was behind */
	CUT_STORE,    /* the store could not be written */
	CUT_REDACTED  /* it may hold secrets, and could not be looked through (capture.redact: all) */
};
const char *body_cut_name(enum body_cut c); /* "limit", "overload", "store", "redacted"; NULL for CUT_NONE */

/* A piece of a body, content coding and all, without framing. The pieces of one body come in order, over one or more records, without
 * gaps; a cut ends it. */
struct body_part {
	struct body_part *next;
	unsigned hop; /* 0: a response that was made here, for the client */
	enum body_direction direction;
	enum body_cut cut; /* behind this piece; CUT_NONE: it goes on, or is whole */
	uint64_t offset;   /* of its first byte */
	size_t len;        /* may be 0 where there is a cut */
	size_t size;       /* of the room for bytes, which is what it weighs */
	char bytes[];
};
enum { BODY_PART_BYTES = 65536 }; /* at most, in one piece */

/* What an imported flow brings besides its facts. */
struct hop_extra {
	unsigned hop;
	struct str json; /* the HAR entry as it was, without the texts of its bodies */
	const struct hop_extra *next;
};

struct record {
	struct record *next; /* for whoever owns it, to keep it in a queue */
	enum record_kind kind;
	bool is_again;           /* a flow of which the same recorder gave a record before */
	struct body_part *parts; /* owned; each allocated by body_part_new */
	struct backlog *backlog; /* from which weight is taken when it is freed; NULL: none */
	size_t weight;           /* bytes of memory, parts and all */
	int64_t session_id;      /* of an imported flow; 0: the present one */
	struct str comment;      /* of an imported flow; may be empty */
	const struct hop_extra *extras;
	/* A deep copy: every pointer inside points into this record's own block. */
	struct exchange_facts facts;
};

/* Copies facts, hops and heads. */
struct record *record_new(const struct exchange_facts *x);
/* The same for an imported flow; comment and extras are copied. */
struct record *record_new_imported(const struct exchange_facts *x, int64_t session_id, struct str comment,
	const struct hop_extra *extras);
/* Pieces of the exchange of that id, to be added. */
struct record *record_new_body(uint64_t id);
/* A piece with room for size bytes, len 0. */
struct body_part *body_part_new(unsigned hop, enum body_direction direction, uint64_t offset, size_t size);
/* The same piece with room for so many bytes, at least its len; it may have moved. */
struct body_part *body_part_resize(struct body_part *part, size_t size);
/* Takes the piece over, behind those that are there. */
void record_add_part(struct record *r, struct body_part *part);
/* Frees the bytes of all pieces, which are marked as cut for that reason; bytes are taken from the backlog. */
void record_cut_bodies(struct record *r, enum body_cut why);
/* Counts the record into the backlog, which outlives it. Once. */
void record_weigh(struct record *r, struct backlog *b);
void record_free(struct record *r); /* NULL is fine */

#endif
