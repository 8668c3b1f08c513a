/* Flows that have ended since, as HAR entries, page by page: for a file that is written while traffic flows. Each page is read
 * in a transaction of its own, which is short. Not for files: har_file.h. */
#ifndef VIADUCT_STORE_HAR_FEED_H
#define VIADUCT_STORE_HAR_FEED_H

#include "store/har/har_write.h"

enum { HAR_FEED_FLOWS = 200, HAR_FEED_BYTES = 1024 * 1024 }; /* where a page ends */

struct har_feed;

/* How far it is read: a place to go back to. */
struct har_mark {
	int64_t change;    /* what changed up to this one is done */
	int64_t upto;      /* now come those up to this one; 0: nothing is begun */
	uint64_t newest;   /* flow, when that was begun */
	uint64_t after_id; /* of those, behind this flow */
	uint64_t highest;  /* the greatest id of those that are done */
	uint64_t lowest;   /* the oldest flow that had ended, at the last look; 0: there was none */
	uint64_t n_missed; /* flows that left the database before they were read, or cannot be read */
};

enum har_feed_end { HAR_FEED_DONE, HAR_FEED_MORE, HAR_FEED_FAILED };

/* From the end of what is in the database now. filter: "" for all. NULL with one line in ret_why. */
struct har_feed *har_feed_new(const char *folder, const char *filter, char *ret_why, size_t size);
void har_feed_free(struct har_feed *f); /* NULL is fine */
/* True if there may be something new. Cheap. */
bool har_feed_has_news(struct har_feed *f);
/* Appends the next page of entries, each led in by a comma and a line's end; ret_n: how many. */
enum har_feed_end har_feed_page(struct har_feed *f, struct text *t, const struct har_options *o, size_t *ret_n);
const struct har_mark *har_feed_mark(const struct har_feed *f);
/* Reads again what came behind that mark. */
void har_feed_go_back(struct har_feed *f, const struct har_mark *to);
/* The reason of HAR_FEED_FAILED. */
const char *har_feed_error(const struct har_feed *f);

#endif
