/* Forms split: application/x-www-form-urlencoded (WHATWG URL section 5), multipart/form-data (RFC 7578) and other multipart
 * (RFC 2046), for view, export and redaction. Pure. */
#ifndef VIADUCT_HTTP_FORM_H
#define VIADUCT_HTTP_FORM_H

#include "base/arena.h"
#include "base/str.h"
#include "http/message.h"

#include <stdbool.h>

enum {
	FORM_MAX_PARTS = 1000,
	FORM_MAX_PART_FIELDS = 50,
	FORM_PART_HEAD_BYTES = 16 * 1024, /* fields beyond are passed over */
	FORM_BOUNDARY_BYTES = 200         /* RFC 2046 has 70; some send more */
};

struct form_pair {
	struct str raw_name, raw_value; /* as they were, in the input */
	struct str name, value;         /* with %XX and + undone, in the arena */
	bool has_value;                 /* there was an = */
};
/* Calls take with each pair of a query or an urlencoded body, until it returns false. False if the arena is full. */
bool form_each_pair(struct arena *a, struct str text, bool (*take)(void *owner, const struct form_pair *p), void *owner);

struct form_part {
	struct fields fields;      /* its head; a folded value is joined, a line without a colon passed over */
	struct str name, filename; /* of Content-Disposition; may be empty; filename* (RFC 8187) wins, as UTF-8 */
	struct str content_type;   /* may be empty */
	struct str body;           /* in the input */
	bool is_cut;               /* the input ended inside it */
};
/* Calls take with each part, until it returns false, at most FORM_MAX_PARTS times. Lines may end with LF alone. False if
 * there is no such boundary, or the arena is full. */
bool form_each_part(struct arena *a, struct str boundary, struct str body, bool (*take)(void *owner, const struct form_part *p),
	void *owner);

#endif
