/* Bodies that are kept back from the database until they can be looked through for secrets: those of a type that is covered, and
 * those of which the type is not known yet. What cannot be looked through, or is too large for it, is not kept, and marked
 * (CUT_REDACTED). A body in which something was replaced is written without its content coding, and marked so too. */
#ifndef VIADUCT_STORE_WRITER_HELD_H
#define VIADUCT_STORE_WRITER_HELD_H

#include "capture/record.h"
#include "store/redact/redact.h"

enum {
	HELD_BYTES = 64 * 1024 * 1024,      /* of all bodies; one for which there is no room is not kept */
	HELD_BODY_BYTES = 16 * 1024 * 1024, /* of one whose type is not known yet; else REDACT_MAX_BODY */
	HELD_BODIES = 16384                 /* at a time; beyond it the one that was not heard of for longest is not kept */
};

struct held_bodies;

struct held_bodies *held_bodies_new(void);
void held_bodies_free(struct held_bodies *h); /* NULL is fine */
/* True if pieces are kept back, so that records must pass even where nothing is to be redacted any more. */
bool held_bodies_any(const struct held_bodies *h);
/* The pieces that are to be written now, in place of those of the record. Valid until the next call. redactor NULL: what was kept
 * back passes as it is. */
const struct body_part *held_bodies_pass(struct held_bodies *h, const struct redactor *redactor, const struct record *record);
/* A transaction was committed; or rolled back: everything is as it was after the last commit. */
void held_bodies_commit(struct held_bodies *h);
void held_bodies_undo(struct held_bodies *h);

#endif
