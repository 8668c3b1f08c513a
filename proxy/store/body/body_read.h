/* Reading captured bodies: by range as they were sent, or decoded for view. */
#ifndef VIADUCT_STORE_BODY_READ_H
#define VIADUCT_STORE_BODY_READ_H

#include "http/coding.h"
#include "store/query.h"
#include "store/text.h"

struct body_view {
	int64_t id;
	uint64_t bytes;    /* kept */
	struct str sha256; /* 64 hexadecimal digits; empty while the body grows. In the view itself */
	char sha256_text[65];
};

/* The body of that id; false: there is none, or an error (reader_error is "" or not). */
bool reader_body(struct reader *r, int64_t id, struct body_view *ret);
/* Calls take with the bytes from `from` on, as they were sent (content coding and all), max of them at most, piece by piece,
 * until it returns false. False on an error. */
bool reader_body_bytes(struct reader *r, int64_t id, uint64_t from, uint64_t max, bool (*take)(void *owner, struct str piece),
	void *owner);
/* The same, whole and appended to a text. */
bool reader_body_text(struct reader *r, int64_t id, uint64_t from, uint64_t max, struct text *to);

/* The content codings that are still on a kept body, of those that its head states: none where it was kept without, because its secrets were
 * replaced. */
static inline struct str kept_body_codings(const struct kept_body *b, struct str stated)
{
	return str_eq(b->cut, STR("redacted")) ? STR_NONE : stated;
}

/* The whole body with its content codings (the value of Content-Encoding, may be empty) undone, appended to a text. False on an
 * error of the database; ret_end says how the decoding ended: where the coding is not known nothing is appended. */
bool reader_body_decoded(struct reader *r, int64_t id, struct str codings, const struct coding_limits *limits, struct text *to,
	enum coding_end *ret_end);

#endif
