/* Captured bodies as one searches them: content codings undone; text in UTF-8; what is no text, and what cannot be decoded,
 * as its bytes. */
#ifndef VIADUCT_STORE_BODY_TEXT_H
#define VIADUCT_STORE_BODY_TEXT_H

#include "http/message.h"
#include "store/query.h"
#include "store/text.h"

/* What is looked through of a body at most, after decoding. */
enum { BODY_TEXT_MAX_BYTES = 64 << 20 };

/* What the head of a body says of it. */
struct body_form {
	struct str codings; /* Content-Encoding, several ones combined by commas; may be empty */
	struct str type;    /* Content-Type; may be empty */
};

/* The form that a head gives the body that was kept behind it; strings are of the head, or in the arena. */
struct body_form body_form_of(struct arena *a, const struct kept_body *body, const struct fields *fields);

/* Appends the text of a body. is_part: there is more of it than BODY_TEXT_MAX_BYTES. ret_is_text: it is text, in UTF-8; may
 * be NULL. False on an error of the database. */
bool reader_body_search_text(struct reader *r, int64_t id, const struct body_form *form, struct text *to, bool *ret_is_part,
	bool *ret_is_text);

#endif
