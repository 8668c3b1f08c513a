/* What the files that write records share. Not for those who have records written: writer.h. */
#ifndef VIADUCT_STORE_WRITER_PART_H
#define VIADUCT_STORE_WRITER_PART_H

#include "capture/record.h"
#include "store/body/body_book.h"
#include "store/head_book.h"
#include "store/identity_book.h"
#include "store/row.h"
#include "store/text.h"

enum statement {
	PUT_EXCHANGE,
	PUT_HOP,
	PUT_TUNNEL,
	PUT_DROP,
	PUT_COOKIE,
	DELETE_EXCHANGE,
	DELETE_HOPS,
	DELETE_DROPS,
	DELETE_COOKIES,
	DELETE_TUNNEL,
	STATEMENTS
};

/* A head on its way into a row. */
struct head_text {
	struct text line, fields, trailers;
};

/* An address and its text: the one before it is mostly the same. */
struct address_text {
	struct address address;
	char text[ADDRESS_TEXT_BYTES];
};

struct held_bodies;

struct writer {
	sqlite3_stmt *statements[STATEMENTS];
	struct identity_book *identities;
	struct head_book *heads;
	struct body_book *bodies;
	struct held_bodies *held;
	int64_t run, session_id;
	/* Kept from record to record for their memory. */
	struct head_text request, response;
	struct address_text client, listener, peer;
};

/* What is the same in an exchange and a hop. Functions that return int return an SQLite result code. */
struct row writer_row(struct writer *w, enum statement statement);
void writer_put_status(struct row *r, const struct message *response);
void writer_put_sizes(struct row *r, uint64_t request_head, uint64_t request_body, uint64_t response_head,
	uint64_t response_body);
void writer_put_error(struct row *r, enum error error, const char *detail);
void writer_put_address(struct row *r, const struct address *a, struct address_text *kept);
void writer_put_body(struct row *r, const struct body_ref *ref);
/* The fields that were left out. hop 0: of the response to the client. */
int writer_put_drops(struct writer *w, uint64_t id, unsigned hop, const struct drop *first);

/* Makes the texts of both heads of a side; they are valid until those of another side are made. writer_heads.c */
int writer_make_heads(struct writer *w, uint64_t id, const struct message *request, const struct message *response);
/* Puts them: a line, fields and trailers each; NULL for a head that there is not. */
void writer_put_heads(struct row *r, const struct writer *w, const struct message *request, const struct message *response);
/* How long the body will be by its head; NULL if that does not say so, or there is none. writer_heads.c */
void writer_put_request_length(struct row *r, const struct message *request);
void writer_put_response_length(struct row *r, const struct message *request, const struct message *response);

/* The row of the exchange itself, and of its tunnel. writer_exchange.c */
int writer_put_exchange(struct writer *w, const struct record *record, const struct exchange_facts *x, int64_t change);
int writer_put_tunnel(struct writer *w, uint64_t id, const struct tunnel_facts *t);
/* All hops, with what belongs to them. writer_hops.c */
int writer_put_hops(struct writer *w, const struct exchange_facts *x, const struct hop_extra *extras);

#endif
