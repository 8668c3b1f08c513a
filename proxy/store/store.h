/* The store's thread: takes records from the workers' rings and writes them where they belong: the flow database (SQLite, WAL,
 * batched), the access log, the terminal. A slow disk makes the workers wait (their rings fill up, and what waits is counted,
 * capture/backlog.h) and loses nothing. A failing one never stops the proxy: it is said once, records are held back and tried
 * again, ever more seldom, and the memory for them is bounded: beyond half of store_options.memory the bodies of what comes are
 * cut, beyond STORE_HELD_MAX records, or STORE_HELD_BYTES (or four times the memory, if that is more), flows are lost. Both are
 * counted, and the numbers said when it works again. */
#ifndef VIADUCT_STORE_STORE_H
#define VIADUCT_STORE_STORE_H

#include "base/ring.h"
#include "base/str.h"
#include "capture/backlog.h"
#include "store/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STORE_BATCH_RECORDS = 1000,          /* a transaction ends at latest with this many, */
	STORE_BATCH_BYTES = 8 * 1024 * 1024, /* or when they weigh as much, */
	STORE_BATCH_MS = 200,                /* or this old */
	STORE_HELD_MAX = 20000,
	STORE_HELD_BYTES = 64 * 1024 * 1024,
	STORE_BEGIN_MS = 2000 /* how long a caller waits for a session to begin */
};

struct store_options {
	const char *folder;                       /* of flows.db; made with mode 0700 if missing; NULL: no database */
	int64_t max_flows, max_bytes, max_age_us; /* max_bytes, max_age_us 0: none */
	int64_t memory;                           /* capture.memory, bytes */
	const char *session;                      /* name of the first session; NULL or "": date and time */
	const struct redactor *redactor;          /* for the database; a reference is taken; NULL: nothing is replaced */
	const char *access_log;                   /* path; NULL or "": none */
	bool access_is_json;                      /* else the combined log format */
	bool terminal;                            /* one line per flow on stdout */
	bool terminal_colour;
	const char *version; /* of viaduct, kept in the database */
};

struct redactor;
struct store;

/* Opens and migrates the database (mode 0600), marks flows that an earlier run left pending as interrupted, and starts the
 * thread. NULL with one line in ret_why. A folder in use by another viaduct is refused (locked). */
struct store *store_start(const struct store_options *o, char *ret_why, size_t size);
/* The first id that is free for a flow: one past the largest in the database; 1 without one. */
uint64_t store_next_id(const struct store *s);
/* What is on its way to the store; for recorders. Lives as long as the store. */
struct backlog *store_backlog(struct store *s);
/* Ends the session and begins another of that name, for flows that end from now on ("": date and time). Thread-safe; waits for
 * STORE_BEGIN_MS at most; done when it returns true. False with one line in ret_why. */
bool store_begin_session(struct store *s, struct str name, int64_t *ret_id, char *ret_why, size_t size);
/* A session for flows of a file; the present one stays. The same. */
bool store_begin_import(struct store *s, struct str name, struct str log_json, int64_t *ret_id, char *ret_why, size_t size);
/* The present session; id 0 without a database. Thread-safe. */
void store_session(struct store *s, struct session *ret);
/* A ring for one worker; before the workers run. Lives as long as the store. */
struct ring *store_add_ring(struct store *s);
/* New options that can change while running (log file, format, limits, redactor); reopens the access log. Thread-safe. */
void store_reload(struct store *s, const struct store_options *o);
/* Writes everything that was pushed, closes, ends the thread. No ring is pushed to any more. NULL is fine. */
void store_stop(struct store *s);

/* Counters since the start, for metrics; thread-safe. */
struct store_counts {
	uint64_t flows_written; /* records of flows that have ended */
	uint64_t write_errors;  /* transactions that failed */
	uint64_t flows_lost;    /* given up after such errors */
	uint64_t bodies_cut_limit, bodies_cut_overload, bodies_cut_store;
	uint64_t pruned;        /* flows that left because of a limit */
	uint64_t file_bytes;    /* size of the database without its log */
	uint64_t log_bytes;     /* of its log */
	uint64_t backlog_bytes; /* of memory that waits to be written */
};
void store_counts(const struct store *s, struct store_counts *ret);

#endif
