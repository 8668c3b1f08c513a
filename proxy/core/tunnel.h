/* A tunnel: what follows a 2xx to CONNECT or a 101. Two pipes carry it; this looks at the first bytes that the client sends, for
 * the record, and never delays them. */
#ifndef VIADUCT_CORE_TUNNEL_H
#define VIADUCT_CORE_TUNNEL_H

#include "base/str.h"
#include "core/observer.h"

#include <stdbool.h>
#include <stddef.h>

struct tunnel {
	struct tunnel_facts *facts;
	unsigned char *seen; /* the first bytes, while they may become a ClientHello */
	size_t seen_n;
	bool is_peek_over;
};

void tunnel_init(struct tunnel *t, struct tunnel_facts *facts);
/* The next bytes from the client. */
void tunnel_peek(struct tunnel *t, struct str piece);
void tunnel_fini(struct tunnel *t);

#endif
