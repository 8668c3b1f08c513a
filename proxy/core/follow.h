/* follow: the decision after a hop. Deliver what came, go on to another URL, try again, or fail. Pure: no I/O, no clock.
 * RFC 9110 section 15.4. What cannot be followed exactly right is delivered as it came, and the words say why. */
#ifndef VIADUCT_CORE_FOLLOW_H
#define VIADUCT_CORE_FOLLOW_H

#include "base/arena.h"
#include "base/error.h"
#include "config/settings.h"
#include "core/forward.h"
#include "http/message.h"
#include "http/url.h"

#include <stdbool.h>

enum verdict_kind { VERDICT_DELIVER, VERDICT_REDIRECT, VERDICT_RETRY, VERDICT_FAIL };

struct verdict {
	enum verdict_kind kind;
	struct url url;     /* VERDICT_REDIRECT: where to */
	enum method method; /* VERDICT_REDIRECT: with which method */
	enum error error;   /* VERDICT_FAIL */
	const char *words;  /* for the record; NULL if nothing was to be decided */
};

/* Where the chain has been: the URL and the method of each hop that is over, newest first. */
struct trail {
	const struct url *url;
	enum method method;
	bool lost_cookies; /* the client's cookies were withheld there */
	const struct trail *before;
};

struct follow_input {
	struct arena *arena; /* for the new URL and the words */
	enum redirects_mode mode;
	int64_t max_hops;              /* redirects allowed */
	unsigned redirects;            /* followed so far */
	const struct message *request; /* the client's own */
	enum method method;            /* of this hop */
	const struct url *url;         /* of this hop */
	bool has_body;                 /* the request has a body */
	bool is_upgrade;
	const struct message *response; /* NULL: the hop ended with error */
	const struct trail *trail;      /* this hop first */
	struct taint taint;             /* of this hop */
	enum error error;
	bool may_retry; /* nothing was delivered and the request can be sent again whole */
	bool was_kept;  /* the upstream connection had carried a response before */
	bool got_bytes; /* some of a response had come */
	bool was_sent;  /* some of the request had gone out */
};

void follow(const struct follow_input *in, struct verdict *ret);

/* The mode of this request where the options say auto: pass for what a browser sends, else follow. ret_words: why. */
enum redirects_mode follow_mode(const struct message *request, enum redirects_mode mode, const char **ret_words);

#endif
