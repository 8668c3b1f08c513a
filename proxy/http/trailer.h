/* Inside of the codecs: a trailer section (RFC 9112 section 7.1.2) that head_scan has bounded, into the fields that may pass. */
#ifndef VIADUCT_HTTP_TRAILER_H
#define VIADUCT_HTTP_TRAILER_H

#include "http/message.h"

/* section ends with an empty line and stays where it is: kept fields are slices of it. Kept are fields that the head's own
 * Trailer announces and that do not act on framing, routing, authentication or the reading of the message. False if a line
 * is not a field, or if the arena is full; *ret_why says which. */
bool trailer_parse(struct arena *a, struct str section, struct message *head, const char **ret_why) MUST_CHECK;
/* Whether a field of that name may stand in a trailer section at all (RFC 9110 section 6.5.1). */
bool trailer_may_hold(struct str name);

#endif
