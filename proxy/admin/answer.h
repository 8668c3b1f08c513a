/* What every answer of the inspector and of the set-up pages carries, and the short ones. */
#ifndef VIADUCT_ADMIN_ANSWER_H
#define VIADUCT_ADMIN_ANSWER_H

#include "base/arena.h"
#include "base/bufq.h"
#include "base/error.h"
#include "http/stream.h"

#define ANSWER_HTML "text/html; charset=utf-8"
#define ANSWER_TEXT "text/plain; charset=utf-8"
#define ANSWER_JSON "application/json"

/* A reply that no other page may frame, read, learn the URL of or keep, and that can run no script. content_type may be NULL. NULL
 * when the arena is full. */
struct stream *answer_guarded(struct arena *a, struct bufpool *pool, int status, const char *content_type,
	struct str body) MUST_CHECK;
/* Adds a field; NULL when the arena is full, or when s is NULL already. */
struct stream *answer_field(struct stream *s, struct str name, struct str value) MUST_CHECK;
/* 405; allowed: "GET, HEAD". */
struct stream *answer_not_allowed(struct arena *a, struct bufpool *pool, struct str allowed) MUST_CHECK;

#endif
