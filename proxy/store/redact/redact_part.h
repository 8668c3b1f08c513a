/* What the files of the redactor share. Not for those who ask: redact.h. */
#ifndef VIADUCT_STORE_REDACT_PART_H
#define VIADUCT_STORE_REDACT_PART_H

#include "http/media_type.h"
#include "store/redact/redact.h"

enum { REDACT_KEY_BYTES = 32, REDACT_DEPTH = 200 };

/* Names that are compared without case. */
struct name_set {
	char **v;
	size_t n;
	uint64_t lengths; /* bit n: one has n bytes; bit 63: that many or more */
};
bool name_set_has(const struct name_set *s, struct str name);

struct redactor {
	unsigned char key[REDACT_KEY_BYTES];
	struct name_set fields, query, json;
	int refs;     /* atomic */
	uint64_t met; /* atomic */
};

/* The key from the folder, made there if missing; of two that make it at once one wins. False with one line. */
bool redact_key_load(const char *folder, unsigned char ret_key[REDACT_KEY_BYTES], char *ret_why, size_t size);

/* Puts what stands for a secret; true if that is something else: not for what is empty or replaced already. */
bool redact_secret(const struct redactor *r, struct text *to, struct str secret);
/* The same for one that is percent-encoded. */
bool redact_encoded(const struct redactor *r, struct text *to, struct str secret);
/* Whether the value of a field of that name is a secret as a whole, or holds nothing but some. */
bool redact_is_field(const struct redactor *r, struct str name);
/* Whether a parameter or form field of that name, or of one like user[password], is covered. */
bool redact_is_parameter(const struct redactor *r, struct str name);
/* A secret was met. */
void redact_note_met(const struct redactor *r);

/* One round over a text or body: as redact_body. It appends nothing but where it replaced something. */
typedef enum redact_end redact_round(const void *owner, const struct redactor *r, struct text *to, struct str s);
/* Rounds over what was made, until one replaces nothing; REDACT_BLIND if they are too many, or if one makes more than
 * REDACT_MAX_BODY of it. */
enum redact_end redact_settle(const struct redactor *r, struct text *to, struct str s, redact_round *round, const void *owner);
/* One round over a text: as redact_url. */
typedef bool redact_text_round(const struct redactor *r, struct text *to, struct str s);
/* The same for texts. What would be REDACT_BLIND is a secret as a whole. */
bool redact_settle_text(const struct redactor *r, struct text *to, struct str s, redact_text_round *round);
/* One round of redact_url and redact_query. */
bool redact_url_once(const struct redactor *r, struct text *to, struct str url);
bool redact_query_once(const struct redactor *r, struct text *to, struct str query);

/* A body that should be JSON: one value or several. is_sure: else it is other text if it does not even begin as JSON does. */
enum redact_end redact_json(const struct redactor *r, struct text *to, struct str body, bool is_sure);
/* A multipart body; depth: in how many others it stands. */
enum redact_end redact_multipart(const struct redactor *r, struct text *to, const struct media_type *type, struct str body,
	unsigned depth);
/* An event stream (WHATWG HTML, section 9.2): the values of its events that are JSON. */
enum redact_end redact_events(const struct redactor *r, struct text *to, struct str body);
/* A text that may be JSON, an event stream or a form; may_be_form: else it is not looked at as one. */
enum redact_end redact_any_text(const struct redactor *r, struct text *to, struct str body, bool may_be_form);
/* Only JSON. */
enum redact_end redact_perhaps_json(const struct redactor *r, struct text *to, struct str text);
/* False if redact_any_text finds nothing in any text that begins so; true where that cannot be told yet. */
bool redact_is_beginning(struct str start, bool may_be_form);
/* A query or an urlencoded body; JSON, which programs send as such by mistake. */
enum redact_end redact_form(const struct redactor *r, struct text *to, struct str body);
/* A body without content coding, by its type. */
enum redact_end redact_plain_body(const struct redactor *r, struct text *to, struct str content_type, struct str body,
	unsigned depth);

#endif
