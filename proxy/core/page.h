/* The bodies of replies: error pages in three forms and the help page. Pure; everything from outside is escaped. */
#ifndef VIADUCT_CORE_PAGE_H
#define VIADUCT_CORE_PAGE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "core/reply.h"

#include <stdbool.h>

struct page {
	struct str content_type, body;
};

/* False when the arena is full. */
bool page_of_error(struct arena *a, enum error error, struct str detail, struct str host, enum reply_form form,
	struct page *ret) MUST_CHECK;

/* What somebody sees who opens the proxy's own address. proxy: "127.0.0.1:8080" as the client reached it; inspector: its URL, or
 * empty if it is off. */
bool page_of_help(struct arena *a, struct str proxy, struct str inspector, enum reply_form form, struct page *ret) MUST_CHECK;

/* s with <>&"' as references. p NULL when the arena is full. */
struct str page_escape_html(struct arena *a, struct str s);
/* s as the inside of a JSON string; bytes above 0x7e as \u00NN. p NULL when the arena is full. */
struct str page_escape_json(struct arena *a, struct str s);

#endif
