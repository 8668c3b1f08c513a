/* A place for lines that may fail or be slow, a log file or a terminal: whole lines are kept until they can be written, up to a
 * bound; then they are counted and left out. Nothing here blocks for long or stops the proxy. */
#ifndef VIADUCT_STORE_SINK_H
#define VIADUCT_STORE_SINK_H

#include "store/text.h"

enum { SINK_MAX_BYTES = 1024 * 1024 };

struct sink {
	int fd;           /* -1: none */
	size_t piece;     /* bytes a write */
	char *name;       /* for log lines; owned */
	struct text text; /* not written yet */
	uint64_t lost_lines;
	bool is_failing; /* said already */
};

/* Takes the descriptor over; fd -1 is a sink into which nothing goes. */
void sink_init(struct sink *s, int fd, const char *name);
/* Tries a last time to write what is left. Does not close fds 0 to 2. */
void sink_fini(struct sink *s);
/* Where the next line is written, up to its newline; NULL when there is no room (the line is counted as lost). */
struct text *sink_line(struct sink *s);
/* Writes as much as can be written without waiting. */
void sink_flush(struct sink *s);

#endif
