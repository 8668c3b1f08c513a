/* follow: the decision after a hop. Deliver what came, go on to another URL, try again, or fail. Pure: no I/O, no clock. RFC
 * 9110 section 15.4, the Fetch standard's HTTP-redirect fetch. What cannot be followed exactly right is delivered as it came,
 * and the words say why: "passed: …" where the mode is pass, "returned: …" where the mode is follow but this redirect cannot be
 * followed. */
#ifndef VIADUCT_CORE_FOLLOW_H
#define VIADUCT_CORE_FOLLOW_H

#include "base/arena.h"
#include "base/error.h"
#include "config/settings.h"
#include "core/forward.h"
#include "core/retry.h"
#include "http/jar.h"
#include "http/message.h"
#include "http/url.h"

#include <stdbool.h>

enum verdict_kind { VERDICT_DELIVER, VERDICT_REDIRECT, VERDICT_RETRY, VERDICT_FAIL };

struct verdict {
	enum verdict_kind kind;
	struct url url;     /* VERDICT_REDIRECT: where to */
	enum method method; /* VERDICT_REDIRECT: with which method */
	bool drops_body;    /* VERDICT_REDIRECT: without the body and the fields that describe it, from here on */
	bool takes_budget;  /* VERDICT_RETRY: only if the retry budget allows */
	int64_t delay_ms;   /* VERDICT_RETRY */
	enum error error;   /* VERDICT_FAIL */
	bool was_wished;    /* VERDICT_DELIVER: a redirect that the mode says to follow, and that is returned */
	const char *words;  /* for the record; NULL if nothing was to be decided */
};

/* Where the chain has been: the URL, the method and the Cookie value of each hop that is over, newest first. */
struct trail {
	const struct url *url;
	enum method method;
	struct str cookies; /* as sent; p NULL: none */
	const struct trail *before;
};

/* What becomes of the body if the request is to be sent again. */
enum body_state {
	BODY_STATE_NONE,      /* the request has none, or none any more */
	BODY_STATE_KEPT,      /* it can be sent again whole */
	BODY_STATE_TOO_LARGE, /* longer than redirects.replay_limit */
	BODY_STATE_LOST,      /* the copy failed */
	BODY_STATE_EXPECTED   /* the client waits for 100 (Continue), and nobody has told it to go on */
};

struct follow_input {
	struct arena *arena; /* for the new URL and the words */
	const struct settings *settings;
	enum redirects_mode mode;      /* of redirects.mode, or of a rule */
	const char *mode_words;        /* where the mode is from: "redirects.mode", "rule NAME" */
	unsigned redirects;            /* followed so far */
	const struct message *request; /* the client's own */
	enum method method;            /* of this hop */
	struct str method_name;
	const struct url *url; /* of this hop */
	enum body_state body;
	bool is_upgrade;
	const struct message *response; /* NULL: the hop ended with error */
	const struct trail *trail;      /* this hop first */
	struct taint taint;             /* of this hop */
	const struct jar *jar;          /* what the chain has set, this hop's response included */
	enum error error;
	bool nothing_delivered;
	bool nothing_moved; /* no byte of the body has been taken from the client */
	bool was_kept;      /* the upstream connection had carried a response before */
	bool got_bytes;     /* some of a response had come */
	bool was_sent;      /* some of the request had gone out */
	bool retry_enabled; /* retry.enabled, or what a rule says */
	unsigned retries;   /* made so far by that policy */
	int64_t now_s;      /* since 1970 */
	uint32_t random;
};

void follow(const struct follow_input *in, struct verdict *ret);

/* The mode of this request: what it says itself (Viaduct-Redirects, where redirects.by_request allows), else the given one,
 * auto resolved: pass for what a browser sends, else follow. ret_words: why, if it is pass. Never follow for an upgrade, a CORS
 * preflight, gRPC. */
enum redirects_mode follow_mode(const struct follow_input *in, const char **ret_words);

/* True if a 1xx of this hop may be told to the client at once, since no verdict but deliver or fail can come (else it waits for
 * the verdict). */
bool follow_is_off(const struct follow_input *in);

#endif
