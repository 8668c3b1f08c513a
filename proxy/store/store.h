/* The store's thread: takes records from the workers' rings and writes them where they belong: the flow database (SQLite, WAL,
 * batched), the access log, the terminal. A slow disk makes the workers wait (their rings fill up); a failing one never stops
 * the proxy: it is said once, and up to STORE_HELD_MAX records are held back and tried again, ever more seldom; what comes
 * beyond that is counted as lost, and the number said when the disk works again. */
#ifndef VIADUCT_STORE_STORE_H
#define VIADUCT_STORE_STORE_H

#include "base/ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STORE_BATCH_RECORDS = 1000, /* a transaction ends at latest with this many, */
	STORE_BATCH_MS = 200,       /* or this old */
	STORE_HELD_MAX = 20000
};

struct store_options {
	const char *folder; /* of flows.db; made with mode 0700 if missing; NULL: no database */
	int64_t max_flows;
	const char *access_log; /* path; NULL or "": none */
	bool access_is_json;    /* else the combined log format */
	bool terminal;          /* one line per flow on stdout */
	bool terminal_colour;
	const char *version; /* of viaduct, kept in the database */
};

struct store;

/* Opens and migrates the database (mode 0600), marks flows that an earlier run left pending as interrupted, and starts the
 * thread. NULL with one line in ret_why. A folder in use by another viaduct is refused (locked). */
struct store *store_start(const struct store_options *o, char *ret_why, size_t size);
/* The first id that is free for a flow: one past the largest in the database; 1 without one. */
uint64_t store_next_id(const struct store *s);
/* A ring for one worker; before the workers run. Lives as long as the store. */
struct ring *store_add_ring(struct store *s);
/* New options that can change while running (log file, format, max_flows); reopens the access log. Thread-safe. */
void store_reload(struct store *s, const struct store_options *o);
/* Writes everything that was pushed, closes, ends the thread. No ring is pushed to any more. NULL is fine. */
void store_stop(struct store *s);

/* Counters since the start, for metrics; thread-safe. */
struct store_counts {
	uint64_t flows_written; /* records of flows that have ended */
	uint64_t write_errors;  /* transactions that failed */
	uint64_t flows_lost;    /* given up after such errors */
};
void store_counts(const struct store *s, struct store_counts *ret);

#endif
