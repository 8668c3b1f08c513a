/* The bodies of exchanges in flight, in memory: how far each has grown, so that a transaction that is rolled back takes the
 * growth with it. The first change of a body within a transaction keeps a copy of how it was. Not for rows, which SQLite rolls
 * back: body_book.c. */
#ifndef VIADUCT_STORE_BODY_GROWTH_H
#define VIADUCT_STORE_BODY_GROWTH_H

#include "base/list.h"
#include "capture/record.h"
#include "net/keymap.h"
#include "store/body/body_hash.h"

/* What can be taken back. */
struct growth {
	enum body_cut cut; /* nothing comes behind it */
	int64_t id;        /* of bodies; 0: it has no row yet */
	uint64_t bytes, stored_bytes, pieces;
	struct body_hash *hash; /* over what came; NULL before the first piece, and when it has ended */
	bool is_packing;        /* pieces are tried */
	bool has_ended;
};

struct growing_body {
	struct growing_body *next; /* of the same exchange */
	unsigned hop;
	enum body_direction direction;
	struct growth now;
	struct growth before; /* if has_before: as it was at the last commit */
	bool has_before;
	bool is_new;   /* it was not there at the last commit */
	bool is_dirty; /* its row does not say yet how far it has grown */
};

struct growing_exchange {
	struct keymap_node node; /* its key is id; the one not heard of for longest is the first */
	struct list touched;     /* in this transaction */
	uint64_t id;
	struct growing_body *bodies;
	bool is_new;  /* it was not there at the last commit */
	bool is_over; /* its last record was written in this transaction */
};

struct body_growth {
	struct keymap map;
	struct list touched; /* exchanges */
};

void body_growth_init(struct body_growth *g);
void body_growth_fini(struct body_growth *g);
/* NULL if there is none. */
struct growing_exchange *body_growth_find(struct body_growth *g, uint64_t id);
/* The exchange, added if it is not there, and marked as touched. */
struct growing_exchange *body_growth_touch(struct body_growth *g, uint64_t id);
struct growing_body *growing_body_find(struct growing_exchange *x, unsigned hop, enum body_direction direction);
struct growing_body *growing_body_add(struct growing_exchange *x, unsigned hop, enum body_direction direction);
/* Before the body is changed; its exchange must be touched. False: there is no memory for a copy. */
bool growing_body_keep(struct growing_body *body);
/* Its last record was written. */
void body_growth_over(struct body_growth *g, struct growing_exchange *x);
/* room: exchanges that stay, at most. */
void body_growth_commit(struct body_growth *g, size_t room);
void body_growth_undo(struct body_growth *g);
/* Between transactions, when the database is another one, or was opened anew: bodies with a row that does not go on are lost; of
 * them stays that they are cut (CUT_STORE). How many there are. */
size_t body_growth_lose(struct body_growth *g, bool (*goes_on)(void *of, const struct growth *body), void *of);

#endif
