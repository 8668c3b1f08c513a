/* One piece of a body made smaller, where that pays. zstd at its fastest level: what is kept is written once, and read seldom.
 * Not for content codings, which are kept as they were sent: http/coding.h. */
#ifndef VIADUCT_STORE_BODY_PACK_H
#define VIADUCT_STORE_BODY_PACK_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	BODY_PACK_FROM_BYTES = 2048, /* what is smaller is not tried */
	BODY_PACK_SHARE = 8          /* it pays if one part in so many is saved */
};

/* What stands in the column `compression`. */
extern const char body_pack_name[];

/* True if a body that begins like this is compressed already (archives, images, video, fonts, …), so that trying would be a
 * waste. */
bool body_pack_is_vain(struct str begin);

/* Keeps its memory from piece to piece. */
struct body_packer;
struct body_packer *body_packer_new(void);
void body_packer_free(struct body_packer *p); /* NULL is fine */
/* The piece packed, valid until the next call; false: it does not pay. */
bool body_pack(struct body_packer *p, struct str piece, struct str *ret);

struct body_unpacker;
struct body_unpacker *body_unpacker_new(void);
void body_unpacker_free(struct body_unpacker *u); /* NULL is fine */
/* The piece as it was, valid until the next call; bytes: how long it was. False: it is damaged. */
bool body_unpack(struct body_unpacker *u, struct str packed, size_t bytes, struct str *ret);

#endif
