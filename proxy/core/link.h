/* A link drives one codec over one transport: reads while the codec wants input, feeds it, writes what it puts out, and ends
 * the transport the way the codec asks for. Client and upstream are a link each, with what belongs to their role. */
#ifndef VIADUCT_CORE_LINK_H
#define VIADUCT_CORE_LINK_H

#include "base/bufq.h"
#include "http/codec.h"
#include "net/loop.h"
#include "net/transport.h"

#include <stdbool.h>

enum link_role { LINK_CLIENT, LINK_UPSTREAM };

struct link_events {
	/* After each pass, when all that could be moved was moved: the owner looks at the codec. */
	void (*on_update)(void *owner);
	/* Reading has failed; the transport says how. NULL: it is of no interest. */
	void (*on_broken)(void *owner, const struct transport *t);
	/* The transport is closed. Called once, as the last thing; the owner may free itself by the reaper. */
	void (*on_end)(void *owner);
};

/* What all links of a worker share: whether they may read on (the memory budget). */
struct link_budget {
	struct bufpool *pool;
	size_t limit_bytes;
	struct list stalled; /* links that did not read because of it; woken by link_budget_check */
	/* A link has stalled: link_budget_check is to be called in a while, nothing else wakes it. NULL: the owner does so anyway. */
	void (*on_stall)(void *owner);
	void *owner;
};
void link_budget_init(struct link_budget *b, struct bufpool *pool, size_t limit_bytes);
/* Beyond the limit: no new clients. */
bool link_budget_is_spent(const struct link_budget *b);
/* Beyond one and a half times the limit: those that there are stop reading too. In between, a few that stall do not stop the rest. */
bool link_budget_is_exhausted(const struct link_budget *b);
/* Wakes stalled links once the memory in use is below the limit again. */
void link_budget_check(struct link_budget *b);

struct link {
	enum link_role role;
	struct loop *loop;
	struct transport *transport;
	struct codec *codec;
	struct link_budget *budget;
	const struct link_events *events;
	void *owner;
	struct bufq in;
	struct task task;
	struct timer linger;
	struct list stalled;
	size_t discarded_bytes;
	int64_t linger_since_us;
	enum error read_error; /* how reading ended; ERR_none: in order */
	bool is_read_over, is_eof_told, is_write_broken, is_shut, is_lingering, is_over;
	bool is_busy; /* set by the owner while a stream is open: the transport is not ended under it */
};

/* Takes the transport over and, once codec is set by the owner right after, drives both. */
void link_init(struct link *l, enum link_role role, struct loop *loop, struct transport *t, struct link_budget *budget,
	const struct link_events *events, void *owner);
/* Something changed: a pass at the end of the turn. */
void link_wake(struct link *l);
/* Ends the transport now; on_end is called. */
void link_end(struct link *l, bool abort);
/* Takes the transport out of a link through which nothing has gone: the link is over, on_end is called, and the transport is the caller's, who sets its
 * owner. NULL (and nothing happens) if there are bytes on either side, or it has ended. */
struct transport *link_detach(struct link *l);
/* False while a client that has shut its side may yet turn out to be gone: what was written is on its way and not acknowledged.
 * A client that is gone is told to the codec. */
bool link_is_settled(struct link *l);
/* Frees what the link holds, the codec too; after on_end. */
void link_fini(struct link *l);

#endif
