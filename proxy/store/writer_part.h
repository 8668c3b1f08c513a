/* What the files that write records share. Not for those who have records written: writer.h. */
#ifndef VIADUCT_STORE_WRITER_PART_H
#define VIADUCT_STORE_WRITER_PART_H

#include "capture/record.h"
#include "store/body/body_book.h"
#include "store/head_book.h"
#include "store/identity_book.h"
#include "store/row.h"
#include "store/rows.h"
#include "store/text.h"
#include "store/writer.h"
#include "store/writer_queue.h"

enum statement {
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

/* An address and its text. */
struct address_text {
	struct address address;
	char text[ADDRESS_TEXT_BYTES];
};

/* What is made for a row, and must live until its statement has run. Kept for the memory, and since an address is often the
 * same again. */
struct row_texts {
	struct head_text request, response;
	struct address_text client, listener, peer;
};

struct held_bodies;

struct writer {
	sqlite3_stmt *statements[STATEMENTS];
	struct rows exchanges, hops;
	struct identity_book *identities;
	struct head_book *heads;
	struct body_book *bodies;
	struct held_bodies *held;
	int64_t run, session_id;
	struct writer_queue queue;
	struct row_texts texts[ROWS_AT_ONCE]; /* of row number i: the one at i % ROWS_AT_ONCE */
	struct writer_sum sum;                /* of the transaction */
};

/* Takes away what was written of a flow: only where it can have rows. What is left out of a response, and cookies, are told of
 * flows with hops only. */
int writer_delete(struct writer *w, uint64_t id);

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

/* Makes the texts of both heads of a side. writer_heads.c */
int writer_make_heads(struct writer *w, struct row_texts *t, uint64_t id, const struct message *request,
	const struct message *response);
/* Puts them: a line, fields and trailers each; NULL for a head that there is not. */
void writer_put_heads(struct row *r, const struct row_texts *t, const struct message *request, const struct message *response);
/* How long the body will be by its head; NULL if that does not say so, or there is none. writer_heads.c */
void writer_put_request_length(struct row *r, const struct message *request);
void writer_put_response_length(struct row *r, const struct message *request, const struct message *response);

/* Binds the row of the exchange itself; puts that of its tunnel. writer_exchange.c */
int writer_bind_exchange(struct writer *w, struct row *r, struct row_texts *t, const struct queued_flow *f);
int writer_put_tunnel(struct writer *w, uint64_t id, const struct tunnel_facts *t);
/* Binds the row of a hop; puts what belongs to it. writer_hops.c */
int writer_bind_hop(struct writer *w, struct row *r, struct row_texts *t, const struct queued_hop *q);
int writer_put_belongings(struct writer *w, uint64_t id, const struct hop_facts *h);

#endif
