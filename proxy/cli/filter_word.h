/* A filter from the command line. */
#ifndef VIADUCT_CLI_FILTER_WORD_H
#define VIADUCT_CLI_FILTER_WORD_H

#include "config/filter.h"
#include "store/query.h"

/* The filter of a sub-command, and the session that its flows are of, as one; each may be NULL. False after saying what is
 * wrong, and where. NULL in ret: there is none. */
bool cli_filter(const char *command, const char *expression, const char *session, struct filter **ret);

/* Whether there is the session that flows are to be of; NULL: all. False after saying that there is none, or what failed. */
bool cli_has_session(const char *command, struct reader *r, const char *session);

#endif
