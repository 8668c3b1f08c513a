/* What a person should know of a tunnel at a glance: in the terminal's lines, in tables. All bytes from outside are escaped. */
#ifndef VIADUCT_STORE_TUNNEL_TEXT_H
#define VIADUCT_STORE_TUNNEL_TEXT_H

#include "base/error.h"
#include "store/format.h"

/* "opened", "opened (clear): WHY", "passed: WHY", "relayed: WHY"; nothing for one that was relayed and that is all there is
 * to say. */
void tunnel_text(struct text *t, struct str handling, struct str why);
/* Passed: it catches the eye; all else is on the side. */
enum colour tunnel_text_colour(struct str handling);
/* What is most likely behind a failed TLS handshake with a client; NULL for other errors. */
const char *tunnel_text_cause(enum error error);
/* A TLS handshake with the client failed: then there is nothing to say of how the tunnel was handled. */
bool tunnel_text_is_refusal(enum error error);
/* Of such a failure, behind its name: " (alert: unknown ca): it pins …"; nothing for other errors. */
void tunnel_text_refusal(struct text *t, enum error error, struct str detail);

#endif
