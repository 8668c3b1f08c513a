/* The exchanges in flight on one worker, found by their id. */
#ifndef VIADUCT_CAPTURE_OPEN_SET_H
#define VIADUCT_CAPTURE_OPEN_SET_H

#include "base/list.h"
#include "core/observer.h"

/* What a look at an exchange shows; two that are equal mean that it has not changed. */
struct glimpse {
	unsigned hops_n;
	bool has_response, is_tunnel, has_client_tls;
	enum tunnel_handling handling;
	uint64_t body_bytes, tunnel_bytes;
};

struct kept_body;

struct open_flow {
	struct list node; /* of the recorder */
	uint64_t id;
	const struct exchange_facts *x;
	int64_t looked_us; /* monotonic: its begin, or the last look at it */
	struct glimpse seen;
	bool is_told; /* there is a record of it */
	struct kept_body *bodies;
};

struct open_set {
	struct open_flow **slots;
	size_t size, n; /* size: 0 or a power of two */
};

void open_set_init(struct open_set *s);
/* The flows themselves belong to the caller. */
void open_set_fini(struct open_set *s);
void open_set_add(struct open_set *s, struct open_flow *f);
/* The flow of that id; NULL if there is none. */
struct open_flow *open_set_find(const struct open_set *s, uint64_t id);
/* Takes the flow of that id out; NULL if there is none. */
struct open_flow *open_set_take(struct open_set *s, uint64_t id);

#endif
