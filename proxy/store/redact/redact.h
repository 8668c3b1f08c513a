/* Secrets replaced by a short keyed hash ("redacted-3f2a9c01b7de": 12 hexadecimal digits of HMAC-SHA-256), the same for equal
 * secrets, however they were sent (percent-encoded, escaped in JSON), so that they stay comparable over flows, files and runs
 * without being readable. What was replaced once stays as it is: where one of these functions finds something to replace, the
 * same one finds nothing in what it made of it, under any key. What can be read in several ways is covered as far as any of
 * them goes, as a whole if need be. The key lies in the data folder (redact.key, mode 0600). What cannot be looked through is
 * not let pass: see redact_body. Thread-safe. */
#ifndef VIADUCT_STORE_REDACT_H
#define VIADUCT_STORE_REDACT_H

#include "config/settings.h"
#include "http/message.h"
#include "store/text.h"

#include <stdbool.h>

struct redactor;

struct redact_options {
	const char *folder;                            /* of the key; both are made if missing */
	const struct text_list *fields, *query, *json; /* of the settings; copied */
};
/* NULL with one line in ret_why: the key can be neither read nor made. */
struct redactor *redactor_new(const struct redact_options *o, char *ret_why, size_t size);
struct redactor *redactor_ref(const struct redactor *r);
void redactor_unref(struct redactor *r); /* NULL is fine */
/* How many secrets were met so far: replaced, found replaced already, or kept back with a whole body. */
uint64_t redactor_met(const struct redactor *r);

/* Each appends to the text what is to be shown of a value, and returns true if anything was replaced. */
/* A field's value by its name: Authorization and Proxy-Authorization keep their scheme, Cookie and Set-Cookie names and
 * attributes; Location, Referer and other fields with a URL are as redact_url, as are words with a query in any other. */
bool redact_field(const struct redactor *r, struct text *to, struct str name, struct str value);
/* User information and the values of covered parameters, in query and fragment, also of URLs that stand in this one,
 * percent-encoded or not. Also of a path with query. */
bool redact_url(const struct redactor *r, struct text *to, struct str url);
/* A query, or an urlencoded body. */
bool redact_query(const struct redactor *r, struct text *to, struct str query);
/* The URLs and parameters among the words of a sentence. */
bool redact_words(const struct redactor *r, struct text *to, struct str words);
/* A start line as it is stored: the target of a request is a URL. */
bool redact_start_line(const struct redactor *r, struct text *to, struct str line);

enum redact_end {
	REDACT_NOTHING,  /* nothing to replace: the text is as it was before */
	REDACT_REPLACED, /* the body that is to be kept was appended: without its content coding */
	REDACT_BLIND /* JSON or a form that cannot be looked through (unknown coding, too large, too many types): not to be kept */
};
enum { REDACT_MAX_BODY = 4 * 1024 * 1024 }; /* decoded */
/* What is said of the type of a body. Who reads it may believe any of these, so each of them counts. */
struct redact_types {
	const struct fields *fields; /* of its head, perhaps with several Content-Type; NULL: no head is known */
	struct str other;            /* a type said elsewhere, such as mimeType of an imported HAR entry; may be empty */
};
/* A body by its types and its Content-Encoding: JSON members (also one value a line, in event streams, and under any type that
 * is not one of images, audio, video, fonts or archives, where the text begins with a bracket), urlencoded and multipart form
 * fields (forms also as text/plain or without a type). The text around a replaced value stays byte by byte. A body that was
 * cut is looked through as far as it goes. */
enum redact_end redact_typed_body(const struct redactor *r, struct text *to, const struct redact_types *types,
	struct str codings, struct str body);
/* False if redact_typed_body finds nothing in any body that begins so. Empty: the beginning is not known yet. */
bool redact_may_cover(const struct redact_types *types, struct str codings, struct str start);
/* The same for one type. */
enum redact_end redact_body(const struct redactor *r, struct text *to, struct str content_type, struct str codings,
	struct str body);
/* True for the types that are kept back where they cannot be looked through: JSON, event streams, forms, text/plain, none. */
bool redact_covers(struct str content_type);

#endif
