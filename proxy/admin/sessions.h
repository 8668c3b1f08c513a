/* Sessions over the API: which there are, and that another begins. Not for how flows come to belong to one: store/. */
#ifndef VIADUCT_ADMIN_SESSIONS_H
#define VIADUCT_ADMIN_SESSIONS_H

#include "base/arena.h"
#include "store/store.h"
#include "store/text.h"

struct sessions {
	struct store *store;
	const char *folder; /* of the flow database; NULL: no flows are kept */
};

/* These return the status of the answer, and put its body: JSON where the status is 2xx, else one line. */
/* An array of all, oldest first: id, run, name, started, started_us, ended_us, is_import, flows. */
int sessions_list(struct text *t, const struct sessions *s);
/* Ends the present one and begins another: of the name in the query (name=NAME), or, where is_end, with date and time for a
 * name. What has begun as an object: id, name, started, started_us. Waits for STORE_BEGIN_MS at most. */
int sessions_begin(struct text *t, const struct sessions *s, bool is_end, struct arena *a, struct str query);

#endif
