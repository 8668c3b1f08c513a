/* What the files that write HAR entries share. Not for those who want some: har_write.h. */
#ifndef VIADUCT_STORE_HAR_PART_H
#define VIADUCT_STORE_HAR_PART_H

#include "base/arena.h"
#include "store/har/har_write.h"

/* One flow on its way to a HAR. */
struct har_out {
	struct text *t;
	struct reader *r;
	const struct har_options *o;
	struct arena *arena;  /* of this flow */
	struct text *scratch; /* free for anyone who calls nobody meanwhile */
};

/* A hop, copied, with its heads. */
struct har_hop {
	struct hop_view v;
	struct head_view *request, *response; /* NULL: none */
};

struct har_flow {
	const struct flow_view *v;
	struct har_hop *hops;
	size_t n;
	struct head_view *received, *delivered; /* on the client's side; NULL: none */
	struct drop_rows dropped;               /* from the response to the client */
};

/* How long the phases of a hop took together. */
int64_t har_hop_us(const struct hop_view *v);

/* What is to be shown of a URL, a field's value, a start line, a sentence: in the arena, or as it was. */
struct str har_shown_url(struct har_out *x, struct str url);
struct str har_shown_value(struct har_out *x, const struct field *f);
struct str har_shown_line(struct har_out *x, struct str line);
struct str har_shown_words(struct har_out *x, struct str words);

/* har_fields.c: members with a list of {name, value}. */
void har_put_fields(struct har_out *x, const char *key, const struct fields *f);
void har_put_query(struct har_out *x, struct str url);
/* All fields of that name, combined by ", " (RFC 9110 section 5.3); in the arena. */
struct str har_combined(struct har_out *x, const struct fields *f, struct str name);
bool har_fields_equal(const struct fields *a, const struct fields *b);

/* har_cookies.c: the member "cookies", of Cookie or of Set-Cookie; at_us: what Max-Age counts from. */
void har_put_request_cookies(struct har_out *x, const struct fields *f);
void har_put_response_cookies(struct har_out *x, const struct fields *f, int64_t at_us);

/* har_content.c */
struct har_passed_body {
	struct kept_body kept;
	uint64_t passed_bytes;
	const struct fields *fields; /* of its head */
};
/* The members "content", and "postData" where there is a body. False on an error of the database. */
bool har_put_content(struct har_out *x, const struct har_passed_body *b);
bool har_put_post(struct har_out *x, const struct har_passed_body *b);

/* har_forms.c: the member "params" of a form; nothing for other types. */
void har_put_params(struct har_out *x, struct str content_type, struct str body);

/* har_message.c */
struct har_request {
	struct str method, url;       /* what is known without a head */
	const struct head_view *head; /* NULL: none */
	struct har_passed_body body;
	uint64_t head_bytes;
	bool is_connect;
};
struct har_response {
	int64_t status;               /* what is known without a head; -1: none */
	const struct head_view *head; /* NULL: none */
	struct har_passed_body body;
	uint64_t head_bytes;
	struct str redirect_url; /* may be empty */
	struct str error;        /* may be empty */
	int64_t at_us;
	bool is_tunnel;
};
/* The members "request" and "response". False on an error of the database. */
bool har_put_request(struct har_out *x, const struct har_request *m);
bool har_put_response(struct har_out *x, const struct har_response *m);
/* Where a response leads: absolute if it leads anywhere; empty if it is no redirect. base: the URL that answered. */
struct str har_location(struct har_out *x, struct str base, const struct head_view *response);

/* har_facts.c: members of our own. */
void har_put_flow_facts(struct har_out *x, const struct har_flow *f);
void har_put_hop_facts(struct har_out *x, const struct har_flow *f, size_t i);
void har_put_tls(struct har_out *x, const struct hop_view *v);
void har_put_tunnel(struct har_out *x, const struct flow_view *v);
void har_put_drops(struct text *t, const char *key, const struct drop_rows *l);
void har_put_received(struct har_out *x, const struct har_flow *f);
/* False on an error of the database. */
bool har_put_delivered(struct har_out *x, const struct har_flow *f);

/* har_entry.c: the entry of hop i, or of a flow without hops. False on an error of the database. */
bool har_put_entry(struct har_out *x, const struct har_flow *f, size_t i);

/* har_kept.c: the entry of an imported hop, as it was. The same. */
bool har_put_kept(struct har_out *x, const struct har_flow *f, size_t i);
/* The members of "log" that the files of o->sessions brought along, each behind a comma. */
void har_put_imports(struct text *t, struct reader *r, const struct har_options *o);

#endif
