/* What the files that write records share. Not for those who have records written: writer.h. */
#ifndef VIADUCT_STORE_WRITER_PART_H
#define VIADUCT_STORE_WRITER_PART_H

#include "core/observer.h"
#include "store/identity_book.h"
#include "store/row.h"
#include "store/text.h"

enum statement {
	PUT_EXCHANGE,
	PUT_HOP,
	PUT_HEAD,
	PUT_TUNNEL,
	PUT_DROP,
	PUT_COOKIE,
	DELETE_EXCHANGE,
	DELETE_HOPS,
	DELETE_HEADS,
	DELETE_TUNNEL,
	DELETE_DROPS,
	DELETE_COOKIES,
	STATEMENTS
};

struct writer {
	sqlite3_stmt *statements[STATEMENTS];
	struct identity_book *identities;
	int64_t run;
	/* Kept from record to record for their memory. */
	struct text start_line, fields, trailers;
};

/* What is the same in an exchange and a hop. Functions that return int return an SQLite result code. */
struct row writer_row(struct writer *w, enum statement statement);
void writer_put_status(struct row *r, const struct message *response);
void writer_put_sizes(struct row *r, uint64_t request_head, uint64_t request_body, uint64_t response_head,
	uint64_t response_body);
void writer_put_error(struct row *r, enum error error, const char *detail);
/* The heads of one side, where they are, and the fields that were left out of them. hop 0: the client's side. */
int writer_put_messages(struct writer *w, uint64_t id, unsigned hop, const struct message *request,
	const struct message *response, const struct drop *drops);
/* All hops, with what belongs to them. */
int writer_put_hops(struct writer *w, const struct exchange_facts *x);

#endif
