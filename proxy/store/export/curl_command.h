/* A request as a curl command line for a POSIX shell that sends it again, byte for byte as far as curl can: what it cannot do
 * the same is said in comments above the command. No byte of the request can leave the quotes, or steer a terminal. */
#ifndef VIADUCT_STORE_CURL_COMMAND_H
#define VIADUCT_STORE_CURL_COMMAND_H

#include "store/query.h"
#include "store/redact/redact.h"
#include "store/text.h"

/* hop 0: the client's own request, sent to the origin directly; else as it was sent to that hop. redactor NULL: as stored.
 * Appends the command, one or more lines, with comments on what curl cannot do the same, or the shell cannot hold; a comment
 * alone where there is nothing to send. False on an error (reader_error). */
bool curl_put_command(struct text *t, struct reader *r, const struct flow_view *v, int64_t hop,
	const struct redactor *redactor);

#endif
