/* What one worker counts for the metrics. The worker's thread writes, the inspector's reads: each cell is right, but cells may
 * be a moment apart. */
#ifndef VIADUCT_ADMIN_METER_H
#define VIADUCT_ADMIN_METER_H

#include "base/error.h"
#include "core/observer.h"

#include <stdint.h>

/* What became of a redirect: the proxy went on; it went to the client since the mode is pass; it went to the client although the
 * mode is follow. */
enum meter_redirect { REDIRECTS_FOLLOWED, REDIRECTS_PASSED, REDIRECTS_RETURNED };
/* How a TLS handshake went. */
enum meter_handshake { HANDSHAKE_FULL, HANDSHAKE_RESUMED, HANDSHAKE_FAILED };
enum meter_withheld { WITHHELD_AUTHORIZATION, WITHHELD_COOKIE, WITHHELD_OTHER };

/* Where each number is; of chains, what exchanges that ended had. */
enum meter_cell {
	METER_BEGUN,                                         /* exchanges */
	METER_OUTCOME,                                       /* + enum outcome: exchanges that ended */
	METER_ERROR = METER_OUTCOME + OUTCOME_CANCELLED + 1, /* + enum error: exchanges that failed */
	METER_STATUS = METER_ERROR + ERR_count,   /* + first digit of the status sent to the client; 0: nothing was sent */
	METER_HOP = METER_STATUS + 6,             /* + enum hop_reason */
	METER_TUNNELS = METER_HOP + HOP_AUTH + 1, /* + enum tunnel_handling: tunnels that ended */
	METER_CLIENT_TLS = METER_TUNNELS + TUNNEL_HTTP + 1, /* + enum meter_handshake: with clients, of tunnels that ended */
	METER_ORIGIN_TLS =
		METER_CLIENT_TLS + HANDSHAKE_FAILED + 1,          /* + enum meter_handshake: with origins, of hops that ended */
	METER_REFUSALS = METER_ORIGIN_TLS + HANDSHAKE_FAILED + 1, /* clients that refused our certificate */
	METER_CLIENT_BYTES,                                       /* + enum body_direction: bodies of exchanges that ended */
	METER_ORIGIN_BYTES = METER_CLIENT_BYTES + 2,              /* + enum body_direction: bodies of hops that ended */
	METER_TUNNEL_BYTES = METER_ORIGIN_BYTES + 2,              /* + enum body_direction: of tunnels that ended */
	METER_REDIRECTS = METER_TUNNEL_BYTES + 2,                 /* + enum meter_redirect */
	METER_RETRIES = METER_REDIRECTS + REDIRECTS_RETURNED + 1,
	METER_WITHHELD, /* + enum meter_withheld: request fields, once for each hop */
	METER_CELLS = METER_WITHHELD + WITHHELD_OTHER + 1
};

struct meter_counts {
	uint64_t cells[METER_CELLS];
};

struct meter;

struct meter *meter_new(void);
void meter_free(struct meter *m); /* NULL is fine */
/* To be registered with one worker; lives as long as the meter. */
const struct observer *meter_observer(const struct meter *m);
/* Adds what it has counted. From any thread. */
void meter_add_to(const struct meter *m, struct meter_counts *sum);

/* Exchanges that have begun and not ended. */
uint64_t meter_in_flight(const struct meter_counts *c);
/* Exchanges that ended. */
uint64_t meter_done(const struct meter_counts *c);

#endif
