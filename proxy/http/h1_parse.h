/* Inside of the codecs: one whole head of HTTP/1.x, in one piece, to a message. llhttp reads it; what the supported versions
 * of llhttp read differently or too kindly is refused before or behind it (RFC 9112 sections 3 to 5). */
#ifndef VIADUCT_HTTP_H1_PARSE_H
#define VIADUCT_HTTP_H1_PARSE_H

#include "http/framing.h"
#include "http/message.h"

/* A head that head_scan found whole; text lives as long as the arena, and the message's strings are slices of it. */
struct h1_head {
	struct str text;
	size_t lines;
	size_t first_line;
	bool has_controls;
};

struct h1_parsed {
	struct message *message;
	/* how llhttp would delimit the body */
	bool is_chunked, has_length;
	bool has_blank_coding; /* blanks stand behind the Transfer-Encoding: then llhttp 8 does not see that it is chunked */
	uint64_t length;
	const char *why; /* of an error, for the record; set with an error too */
};

/* Errors: ERR_bad_request, ERR_bad_target, ERR_bad_framing, ERR_version_unsupported, ERR_method_unsupported,
 * ERR_head_too_large (the arena is full). */
enum error h1_parse_request(struct arena *a, const struct h1_head *head, struct h1_parsed *ret) MUST_CHECK;
/* Errors: ERR_response_malformed, ERR_response_framing, ERR_response_head_too_large. */
enum error h1_parse_response(struct arena *a, const struct h1_head *head, struct h1_parsed *ret) MUST_CHECK;

/* Guard 5: whether our verdict on the body is llhttp's too. */
bool h1_parse_agrees(const struct h1_parsed *parsed, const struct framing *framing);

/* Whether the end of a request line, at most the last 9 bytes, is " HTTP/" digit "." digit: else it is HTTP/0.9 or no HTTP,
 * and no more of it will come. */
bool h1_line_has_version(struct str end);

#endif
