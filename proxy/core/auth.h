/* Basic proxy authentication (RFC 7617, RFC 9110 section 11.7). Hashing a password takes tens of milliseconds by intent, so it is
 * done on a thread of its own; each worker remembers what was right. */
#ifndef VIADUCT_CORE_AUTH_H
#define VIADUCT_CORE_AUTH_H

#include "base/arena.h"
#include "base/str.h"
#include "config/settings.h"
#include "net/loop.h"

#include <stdbool.h>

/* The thread that hashes; shared by all workers. At most 256 questions wait. */
struct verifier;
struct verifier *verifier_new(void);
/* No worker asks any more. NULL is fine. */
void verifier_free(struct verifier *v);

/* What one worker remembers: the last 64 credentials that were right. */
struct auth;
struct auth *auth_new(struct loop *l, struct verifier *v);
void auth_free(struct auth *a); /* NULL is fine */

enum auth_verdict { AUTH_WAIT, AUTH_RIGHT, AUTH_WRONG };

/* A question; lives in the asker. */
struct auth_ask {
	void (*on_change)(void *owner); /* the verdict is there */
	void *owner;
	enum auth_verdict verdict;
	struct str user;      /* AUTH_RIGHT; in the arena */
	struct auth_job *job; /* under way; NULL else */
};
/* Asks about the value of a Proxy-Authorization field (p NULL: there was none). The verdict may be there on return. */
void auth_check(struct auth *a, struct auth_ask *ask, struct settings *settings, struct str field, struct arena *arena);
/* The asker goes. Fine if nothing is under way. */
void auth_cancel(struct auth_ask *ask);

#endif
