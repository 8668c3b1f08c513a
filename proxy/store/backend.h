/* What the store's thread needs of a place where flows are kept. SQLite is the embedded one; another is one more file with
 * these operations. Used by one thread at a time. */
#ifndef VIADUCT_STORE_BACKEND_H
#define VIADUCT_STORE_BACKEND_H

#include "capture/record.h"
#include "store/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend;
struct redactor;

struct backend_limits {
	int64_t max_flows;
	int64_t max_bytes;       /* of the file, without its log; 0: none */
	int64_t oldest_start_us; /* flows that began before it go; 0: none */
};

enum backend_fault {
	FAULT_NONE,
	FAULT_LATER,  /* disk full, busy, an I/O error, read-only: try again */
	FAULT_DAMAGED /* what is stored cannot be read or written any more: renew */
};

enum backend_place {
	PLACE_SAME,
	PLACE_MOVED,  /* deleted, replaced, or not open */
	PLACE_DAMAGED /* what was written is not there any more */
};

struct backend_ops {
	/* Writes n records all or none, in order; a flow that is there already is replaced. A record that can never be written
	 * (too large) is left out and counted in ret_lost. Else one line in ret_why. redactor: secrets are replaced by it;
	 * NULL: nothing is. */
	enum backend_fault (*write_batch)(struct backend *b, struct record *const *records, size_t n,
		const struct redactor *redactor, size_t *ret_lost, char *ret_why, size_t size);
	/* Deletes some of the oldest flows, at most about `limit`, if there is more than the limits allow; ret_more: there is
	 * more to do. */
	enum backend_fault (*prune)(struct backend *b, const struct backend_limits *limits, size_t limit, bool *ret_more,
		char *ret_why, size_t size);
	/* Ends the present session and begins another; flows written from now on belong to it. Without a name: date and time.
	 * is_import: one for flows of a file; the present one stays as it is. log_json: what an imported HAR says beside its
	 * entries; may be empty. */
	enum backend_fault (*begin_session)(struct backend *b, struct str name, bool is_import, struct str log_json,
		int64_t *ret_id, char *ret_why, size_t size);
	/* Whether what is written still goes where the name leads: if not, renew. Cheap enough for once a second. */
	enum backend_place (*look)(struct backend *b);
	/* Closes what is there and opens it anew; what is damaged is set aside under another name first. ret_why tells what
	 * became of the old one, or why it failed. Numbers and change numbers never go back; bodies in flight go on where what
	 * was stored of them is still there. False: try again later. */
	bool (*renew)(struct backend *b, bool is_damaged, char *ret_why, size_t size);
	/* The first id that is free. */
	uint64_t (*next_id)(const struct backend *b);
	void (*close)(struct backend *b);
};

struct backend {
	const struct backend_ops *ops;
	const char *name; /* for log lines: the file, the address */
	/* What it has come to, as of the last operation. */
	struct session session; /* the present one */
	uint64_t pruned;        /* flows deleted since it was opened */
	uint64_t file_bytes;    /* without its log */
	uint64_t log_bytes;
	uint64_t bodies_lost; /* in flight, cut since what was stored of them went with another file, since it was opened */
};

struct backend_needs {
	const char *folder;
	const char *version; /* of viaduct */
	const char *session; /* name of the session that begins; NULL or "": date and time */
	bool is_import;      /* no session begins but those that are asked for */
};
/* Opens the flow database in a folder for writing: makes both if missing, locks, migrates, ends what an earlier run left; a
 * damaged file is set aside, which is said in the log. Where it can be read but not written at the moment (disk full, locked),
 * its place is PLACE_MOVED, and renew tries again. NULL with one line in ret_why. */
struct backend *backend_sqlite(const struct backend_needs *needs, char *ret_why, size_t size);

#endif
