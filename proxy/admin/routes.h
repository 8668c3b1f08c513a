/* From a request at the inspector's address to its answer. Pure: all that it needs to know comes with the visit. */
#ifndef VIADUCT_ADMIN_ROUTES_H
#define VIADUCT_ADMIN_ROUTES_H

#include "admin/importer.h"
#include "admin/sessions.h"
#include "admin/setup.h"
#include "admin/status.h"
#include "admin/token.h"
#include "core/reply.h"
#include "net/address.h"

struct visit {
	const struct message *request;
	const struct address *here; /* the local address at which it came in */
	const char *token;
	const struct address *proxy; /* as the visitor can reach it */
	const struct status *status;
	struct sessions sessions;
	struct importer *importer; /* NULL: nothing can be imported */
	struct ca_source ca;
	struct arena *arena;
	struct bufpool *pool;
};

/* NULL when the arena is full. */
struct stream *routes_answer(const struct visit *v) MUST_CHECK;

#endif
