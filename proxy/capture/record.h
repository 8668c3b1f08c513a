/* A record: one exchange as it stood at one moment, copied whole into one block of memory, so that it can cross threads. */
#ifndef VIADUCT_CAPTURE_RECORD_H
#define VIADUCT_CAPTURE_RECORD_H

#include "core/observer.h"

struct record {
	struct record *next; /* for whoever owns it, to keep it in a queue */
	/* A deep copy: every pointer inside points into this record's own block. */
	struct exchange_facts facts;
};

/* Copies facts, hops and heads. */
struct record *record_new(const struct exchange_facts *x);
void record_free(struct record *r);

#endif
