/* That a session begins, wished for on one thread and granted on the store's: one at a time, and who waits does not wait for
 * long. Not for how it begins: hold.c. */
#ifndef VIADUCT_STORE_WISH_H
#define VIADUCT_STORE_WISH_H

#include "base/str.h"
#include "store/session.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { WISH_WHY_BYTES = 256 };

enum wish_state {
	WISH_NONE,
	WISH_MADE,
	WISH_TAKEN,   /* the store's thread is at it */
	WISH_GIVEN_UP /* it is, but nobody waits any more */
};

struct wish_end {
	bool is_done;
	int64_t id;             /* of what began */
	struct session session; /* the present one, after it */
	char why[WISH_WHY_BYTES];
};

struct wish {
	pthread_mutex_t lock;
	pthread_cond_t is_granted;
	enum wish_state state;
	/* Between wish_take and wish_grant the store's thread reads these without the lock. */
	char *name, *log_json; /* owned */
	bool is_import;
	struct wish_end end;
	bool has_end;
};

void wish_init(struct wish *w, const struct session *present);
void wish_fini(struct wish *w);

/* False with one line in ret_why: another is under way. Else it is to be waited for. */
bool wish_make(struct wish *w, struct str name, bool is_import, struct str log_json, char *ret_why, size_t size);
bool wish_wait(struct wish *w, int limit_ms, int64_t *ret_id, char *ret_why, size_t size);
/* The session that is present. */
void wish_session(struct wish *w, struct session *ret);

/* On the store's thread: true if there is one, which is granted, or not, with wish_grant. */
bool wish_take(struct wish *w);
void wish_grant(struct wish *w, const struct wish_end *end);

#endif
