/* Version-free message heads: method and target or status, fields in their order and case as received, trailers. */
#ifndef VIADUCT_HTTP_MESSAGE_H
#define VIADUCT_HTTP_MESSAGE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* The methods that are forwarded: the ones that every supported parser version knows. */
enum method {
	METHOD_UNKNOWN,
#define METHOD_ROW(id, text, safe, idempotent) METHOD_##id,
#include "http/method.def"
#undef METHOD_ROW
};

enum method method_of(struct str name); /* case-sensitive, RFC 9110 section 9.1 */
bool method_is_safe(enum method m);
bool method_is_idempotent(enum method m);

struct field {
	struct str name, value; /* value without surrounding OWS */
};

struct fields {
	struct field *v;
	size_t n, cap;
};

/* Appends; strings are not copied, the array grows in the arena. False when the arena is full. */
bool fields_add(struct arena *a, struct fields *f, struct str name, struct str value) MUST_CHECK;
/* The first field of that name at index from or later; NULL if there is none. Names compare without case. */
const struct field *fields_find(const struct fields *f, struct str name, size_t from);
/* Value of the first field of that name; p NULL if there is none. */
struct str fields_value(const struct fields *f, struct str name);
size_t fields_count(const struct fields *f, struct str name);
/* True if any field of that name, as a comma-separated list, holds the item (without case). */
bool fields_list_has(const struct fields *f, struct str name, struct str item);
/* Removes all fields of that name; returns how many. */
size_t fields_remove(struct fields *f, struct str name);

enum version { VERSION_1_0 = 10, VERSION_1_1 = 11, VERSION_2 = 20 };
const char *version_name(enum version v); /* "HTTP/1.1" */

struct message {
	bool is_request;
	enum version version;
	/* of a request */
	enum method method;
	struct str method_name;
	struct str target; /* as received */
	/* of a response */
	int status;
	struct str reason; /* as received, for the record; never forwarded */
	struct fields fields;
	struct fields trailers; /* complete once the stream's in_end is set */
};

/* The reason phrase that we send with a status (RFC 9110 section 15); "" for one without a name. */
const char *status_reason(int status);

/* A copy of the head in the arena, strings shared. NULL when the arena is full. */
struct message *message_clone(struct arena *a, const struct message *m) MUST_CHECK;

#endif
