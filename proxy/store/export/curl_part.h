/* What the files of the curl command share. Not for those who ask: curl_command.h. */
#ifndef VIADUCT_STORE_CURL_PART_H
#define VIADUCT_STORE_CURL_PART_H

#include "base/arena.h"
#include "store/export/curl_command.h"

struct curl_command {
	struct reader *reader;
	const struct redactor *redactor; /* NULL: as stored */
	struct arena *arena;
	int64_t hop;
	/* What is to be sent. */
	struct str url; /* of the client, or of the hop */
	const struct head_view *head;
	struct kept_body body;
	uint64_t body_bytes; /* that were sent */
	/* What it is made of. */
	struct str method, target, version, authority;
	struct text bytes; /* of the body, as curl is to send it */
	bool has_body;
	bool is_own_length; /* the body is not as long as the head says */
	bool is_uncoded;    /* it was taken out of its content coding */
	/* What is made. */
	struct text notes, words;
};

/* A comment line; its words go on behind it. */
void curl_note(struct curl_command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A new line of the command, and an option on it. */
void curl_option(struct curl_command *c, const char *option);

/* Divides the start line; false, with a note, if it is none that curl can send. */
bool curl_read_target(struct curl_command *c);
/* True for versions of which curl chooses one itself. */
bool curl_is_later_version(const struct curl_command *c);
/* The URL, and the options on where and how to send the request line. */
void curl_put_target(struct curl_command *c);
void curl_put_fields(struct curl_command *c);
/* False on an error (reader_error). */
bool curl_read_body(struct curl_command *c);
void curl_put_body(struct curl_command *c);
/* What is to stand before the command. */
void curl_put_source(struct curl_command *c, struct text *t);

#endif
