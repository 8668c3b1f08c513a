/* What keeps memory flat and the proxy serving while a backend fails. Not for trying again: hold.c. */
#ifndef VIADUCT_STORE_HOLD_RELIEF_H
#define VIADUCT_STORE_HOLD_RELIEF_H

#include "store/hold.h"

/* A flow that has ended, and is counted. */
bool hold_is_flow(const struct record *r);
/* Of a record that comes while the backend fails: it does not weigh on the workers any more; its bodies are cut where there is
 * little room. NULL: there was none for it, so it was dropped and counted. */
struct record *hold_relieve(struct hold *h, struct record *r);
/* The backend begins to fail: what is held does not weigh on the workers any more. */
void hold_relieve_all(struct hold *h);

#endif
