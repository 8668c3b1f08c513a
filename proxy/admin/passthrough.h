/* What the inspector tells of learned pass-through (core/learned.h): which clients refused our certificate for which names, so
 * that their tunnels go through unopened for a while. learned may be NULL: nothing was learnt. */
#ifndef VIADUCT_ADMIN_PASSTHROUGH_H
#define VIADUCT_ADMIN_PASSTHROUGH_H

#include "core/learned.h"
#include "store/text.h"

/* A JSON array: client, ja4, name, why, refusals, passed, left_s. */
void passthrough_write_json(struct text *t, struct learned *learned, int64_t now_us);
/* Rows for people, the latest lessons first, a hundred at most; nothing if there are none. */
void passthrough_write_table(struct text *t, struct learned *learned, int64_t now_us);
size_t passthrough_count(struct learned *learned, int64_t now_us);

/* The query of a request to forget: "name=example.com" gives that name, in lower case and with percent-encoding undone; an empty
 * query gives an empty name, which means all. False on anything else: who mistypes must not forget everything. The name goes
 * into room. */
bool passthrough_parse_query(struct str query, char *room, size_t size, struct str *ret_name);

#endif
