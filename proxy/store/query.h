/* Reading the flow database, beside a writer. One thread per reader. */
#ifndef VIADUCT_STORE_QUERY_H
#define VIADUCT_STORE_QUERY_H

#include "store/flow_view.h"

#include <stddef.h>

struct reader;

/* True if a viaduct that runs writes to the database in the folder. */
bool reader_is_live(const char *folder);
/* NULL with one line in ret_why: no database, not ours, of another version. ret_is_absent: there is none yet, but there may
 * be one when a proxy has been started. */
struct reader *reader_open(const char *folder, bool *ret_is_absent, char *ret_why, size_t size);
void reader_close(struct reader *r); /* NULL is fine */
/* The reason of the last failure. */
const char *reader_error(const struct reader *r);

/* Several questions about one state of the database; end it soon, for it keeps the write-ahead log from shrinking. */
bool reader_begin(struct reader *r);
void reader_end(struct reader *r);

/* Called per row; false ends the reading (which counts as success). */
typedef bool flow_visit(void *owner, const struct flow_view *v);
typedef bool hop_visit(void *owner, const struct hop_view *v);
typedef bool id_visit(void *owner, uint64_t id);
typedef bool identity_visit(void *owner, const struct identity_view *v);
typedef bool session_visit(void *owner, const struct session_view *v);
typedef bool change_visit(void *owner, const struct change_view *v);

/* The newest n flows, oldest of them first. False on an error. */
bool reader_newest(struct reader *r, size_t n, flow_visit *visit, void *owner);
/* Flows that changed after a change number and have ended, in the order of their changes. */
bool reader_ended_after(struct reader *r, int64_t change, flow_visit *visit, void *owner);
/* The flow of that id: visited once, or not at all. */
bool reader_flow(struct reader *r, uint64_t id, flow_visit *visit, void *owner);
/* The ids of the flows that came inside the tunnel of a flow, in their order. */
bool reader_children(struct reader *r, uint64_t id, id_visit *visit, void *owner);
/* The hops of a flow in their order, with what belongs to them, which goes into the arena. */
bool reader_hops(struct reader *r, uint64_t id, struct arena *a, hop_visit *visit, void *owner);
/* What was withheld from a hop (hop 0: from the client) into the arena. */
bool reader_drops(struct reader *r, uint64_t id, int64_t hop, struct arena *a, struct drop_rows *ret);
/* A head (hop 0: the client's side) into the arena; NULL in ret: there is none. False on an error. */
bool reader_head(struct reader *r, uint64_t id, int64_t hop, bool is_request, struct arena *a, struct head_view **ret);

/* Identities that were seen after a time (0: all), at one host (empty: at all), the one seen last at the end. */
bool reader_identities(struct reader *r, struct str host, int64_t since_us, identity_visit *visit, void *owner);
/* The same for what changed, or did so again, after that time: the one that did last at the end. */
bool reader_identity_changes(struct reader *r, struct str host, int64_t since_us, change_visit *visit, void *owner);

/* All sessions, oldest first. */
bool reader_sessions(struct reader *r, session_visit *visit, void *owner);
/* Whether there is one of that name. False on an error. */
bool reader_has_session(struct reader *r, const char *name, bool *ret);

/* The id of the newest flow; 0 if there is none. */
bool reader_newest_id(struct reader *r, uint64_t *ret);
/* The largest change number; 0 in an empty database. */
bool reader_last_change(struct reader *r, int64_t *ret);
/* True if another has written since the last call; the first call says true. */
bool reader_has_news(struct reader *r);

#endif
