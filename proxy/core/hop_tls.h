/* What the record shows of the TLS of a hop: copies, since what is known lives with the transport, which may go before the record is made. */
#ifndef VIADUCT_CORE_HOP_TLS_H
#define VIADUCT_CORE_HOP_TLS_H

#include "base/arena.h"
#include "core/observer.h"
#include "http/url.h"
#include "net/tls.h"

/* NULL when the arena is full: then the record lacks it. */
const struct tls_leg *hop_tls_leg(struct arena *a, const struct tls_facts *f);
/* The same; NULL for NULL. place: whom it was taken for. */
const struct peer_identity *hop_tls_identity(struct arena *a, const struct tls_peer *p, struct authority place);

#endif
