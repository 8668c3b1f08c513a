/* The parts of viaduct export: what is asked for, and the flows that go out. */
#ifndef VIADUCT_CLI_CLI_EXPORT_H
#define VIADUCT_CLI_CLI_EXPORT_H

#include "cli/export_file.h"
#include "config/filter.h"
#include "store/har/har_write.h"
#include "store/query.h"
#include "store/redact/redact.h"

enum export_format { EXPORT_HAR, EXPORT_JSONL, EXPORT_CURL };

struct export
{
	enum export_format format;
	struct filter *filter;     /* NULL: all */
	struct redactor *redactor; /* NULL: as stored */
	bool has_count;
	uint64_t count; /* the newest so many */
	int64_t hop;    /* of curl */
	struct reader *reader;
	struct export_file file;
	struct text out;
	/* How it goes. */
	uint64_t last_id;  /* of the newest flow when it began: what comes later is not for this export */
	uint64_t first_id; /* of the first that matched; 0: none yet */
	uint64_t flows, secret_flows, undecided;
	bool has_failed;
	uint64_t *ids; /* of the newest, newest first */
	size_t ids_n, ids_cap;
	struct har_sessions sessions; /* of the flows that went into a HAR */
};

/* Writes them all. False after saying why. */
bool export_flows(struct export *x);
/* What the user should know of it, on stderr. */
void export_summary(const struct export *x);

#endif
