/* How to trust the CA: its certificate in the forms that systems want, and a page of lines to copy. It answers at
 * http://viaduct.proxy/ through the proxy (SETUP_HOST, core/local.h) and, without a token, at the inspector (/setup and the same
 * files). It knows the certificate only: the key is nowhere near. */
#ifndef VIADUCT_ADMIN_SETUP_H
#define VIADUCT_ADMIN_SETUP_H

#include "core/worker.h"
#include "pki/ca.h"

#include <stdbool.h>

/* Where the CA is to be had. Empty: nowhere. */
struct ca_source {
	/* A reference of the CA, which is made if there is none yet; NULL if that cannot be done, which has been logged. From any
	 * thread. */
	struct ca *(*need)(void *owner);
	void *owner;
};

struct setup_visit {
	const struct message *request; /* GET or HEAD, else it is refused */
	struct str path;               /* of its target, without query */
	bool is_inspector;             /* asked there */
	struct str proxy;              /* "host:port", as the visitor reaches it */
	int64_t intercept;             /* the option */
	struct ca_source ca;
	struct arena *arena;
	struct bufpool *pool;
};

/* True if the inspector has such a page or file. */
bool setup_is_path(struct str path);
/* NULL when the arena is full. */
struct stream *setup_answer(const struct setup_visit *v) MUST_CHECK;

/* For worker_needs.setup. source outlives the workers. */
struct answerer setup_answerer(struct ca_source *source);

#endif
