/* Flows found by a filter, page by page. What SQL can say of the filter it is asked (filter_sql.h), by the indexes where
 * they help; the rest (regular expressions, parts of texts, networks, header fields, bodies) is asked row by row in memory,
 * by the same evaluation as rules'. */
#ifndef VIADUCT_STORE_FLOW_QUERY_H
#define VIADUCT_STORE_FLOW_QUERY_H

#include "config/filter.h"
#include "store/query.h"

struct flow_query {
	const struct filter *filter; /* parsed with early false; NULL: all */
	bool is_oldest_first;        /* else the newest come first */
	/* The page begins behind this flow in that order; 0: at the beginning. */
	uint64_t after_id;
	int64_t after_change; /* only flows that changed after it; 0: all. In the order of their ids all the same */
	bool is_ended_only;   /* no flows in flight */
	size_t limit;         /* flows of a page; 0: all */
	/* What searching in bodies may cost in all; 0: no limit. */
	uint64_t max_body_bytes;
	/* Asked every few milliseconds; true: enough (the client is gone, the time is over). NULL: never. */
	bool (*is_enough)(void *owner);
	void *owner;
};

struct flow_query_end {
	bool is_more;      /* there may be more behind the last one visited */
	bool is_cut;       /* a limit ended it before all were looked at: ended_id is where to go on from */
	uint64_t ended_id; /* the last one looked at, or where visit had enough; 0: none was */
	uint64_t
		undecided; /* flows left out because a regular expression took too many steps on them, or a body is too large */
};

/* False on an error (reader_error). ret_end may be NULL. Without a transaction of its own the reader sees one state of the
 * database at a time, and a later one when it takes long. */
bool reader_select(struct reader *r, const struct flow_query *q, flow_visit *visit, void *owner,
	struct flow_query_end *ret_end);
/* The same, but only the ids are visited. */
bool reader_select_ids(struct reader *r, const struct flow_query *q, id_visit *visit, void *owner,
	struct flow_query_end *ret_end);
/* The flows of these ids, in ascending or descending order whatever theirs is. */
bool reader_flows(struct reader *r, const uint64_t *ids, size_t n, bool is_ascending, flow_visit *visit, void *owner);
/* How many flows match, whatever the limit. */
bool reader_count(struct reader *r, const struct flow_query *q, uint64_t *ret);

#endif
