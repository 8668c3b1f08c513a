/* The lines about flows that have ended: access log and terminal together, as the options say. */
#ifndef VIADUCT_STORE_LINES_H
#define VIADUCT_STORE_LINES_H

#include "core/observer.h"
#include "store/sink.h"
#include "store/store.h"

struct lines {
	struct sink log, terminal;
	bool log_is_json, has_colour;
};

void lines_init(struct lines *l, const struct store_options *o);
void lines_fini(struct lines *l);
/* Opens the access log anew, under its name, with its format. */
void lines_reopen(struct lines *l, const struct store_options *o);
void lines_put(struct lines *l, const struct exchange_facts *x);
void lines_flush(struct lines *l);
/* True while there is something that could not be written yet. */
bool lines_are_pending(const struct lines *l);

#endif
