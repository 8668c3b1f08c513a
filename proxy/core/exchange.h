/* An exchange: one client request and all that is done to answer it. The user sees it as a flow.
 *
 *   ARRIVED -> RULES -> (HELD) -> HOP -> JUDGE -> RELAY -> DONE
 *                |         ^       ^       |       |
 *                |         |       +-------+       |   redirect, retry
 *                |         +---------------+       |   retry, after a while
 *                +----------------> PEEK <---------+   CONNECT that may be opened
 *                                    +-> HOP, RELAY    it is not
 *                                    +-> OPENED -> DONE
 *
 * A step is a function that returns the next step or WAIT; exchange.c moves between them and refuses impossible moves. Nothing is
 * sent downstream before JUDGE says deliver, but for interim responses. */
#ifndef VIADUCT_CORE_EXCHANGE_H
#define VIADUCT_CORE_EXCHANGE_H

#include "config/settings.h"
#include "core/auth.h"
#include "core/chain.h"
#include "core/hop.h"
#include "core/nest.h"
#include "core/observer.h"
#include "core/opening.h"
#include "core/pipe.h"
#include "core/tunnel.h"
#include "core/upload.h"
#include "http/stream.h"
#include "net/loop.h"

#include <stdbool.h>

struct worker;

enum step {
	STEP_ARRIVED,
	STEP_RULES,
	STEP_HELD,
	STEP_HOP,
	STEP_JUDGE,
	STEP_RELAY,
	STEP_PEEK,
	STEP_OPENED,
	STEP_DONE,
	STEP_COUNT
};
/* What a step returns when it cannot go on now. */
#define STEP_WAIT STEP_COUNT
const char *step_name(enum step s);

struct exchange {
	struct exchange_facts facts;
	struct worker *worker;
	struct settings *settings; /* as they were when it arrived */
	struct stream *d;          /* the client's stream; closed by the exchange */
	struct arena *arena;       /* of d: everything of this exchange is in it */
	struct list node;          /* of the worker's exchanges */
	struct list held;          /* of those that wait for the recorder */
	struct task task;
	struct timer timer;
	enum step step;
	struct str via;
	struct auth_ask auth;

	struct hop *hop;       /* the present one, or the last */
	struct chain chain;    /* what redirects and retries leave behind */
	struct stream *source; /* what is relayed to the client: the hop's stream, or a reply */
	struct stream *reply;  /* made here; NULL if there is none */
	struct upload upload;  /* the request's body */
	struct pipe up, down;  /* up: a tunnel's */
	struct tunnel tunnel;
	struct opening *opening; /* of a CONNECT that may be opened; else NULL */
	struct nest *nest;       /* what it inherits from the CONNECT around it; NULL: none is */
	unsigned interims;
	struct message *held_interims[4]; /* 1xx of a hop that may yet be followed; more than these are left out */

	enum error wait_error; /* what strikes when the timer is due */
	uint64_t wait_progress;
	size_t wait_queued; /* bytes under way to who is waited for, when the timer was set */
	/* How it ends, once that is known; told to observers at the end. */
	enum outcome outcome;
	enum error error;
	const char *detail;
	enum error hop_error;  /* why the present hop failed, for JUDGE */
	enum error refusal;    /* why it is refused whatever it asks for */
	int64_t started_us;    /* monotonic */
	const char *decision;  /* JUDGE's words on the last hop */
	bool tells_decision;   /* a redirect that was to be followed is handed over: the client may be told why */
	int64_t retry_after_s; /* with a refusal because of a rate: when to come again; 0: not known */

	bool is_read;  /* what was asked for is known, as far as it can be */
	bool is_begun; /* observers know it */
	bool is_upgrade, is_asterisk;
	bool is_head_sent; /* of the final response, downstream */
	bool is_told_100;  /* the client was told to go on with its body */
	bool is_probed;    /* it was found out whether a client that has shut its side is gone */
	bool is_cut_off;   /* at shutdown */
	unsigned settling; /* looks taken at whether the client got it all */
	bool (*is_settled)(void *owner);
	size_t (*queued)(void *owner);
	void (*on_end)(void *owner, struct exchange *x);
	void *owner;
};

struct exchange_needs {
	struct worker *worker;
	struct stream *d;
	uint64_t client_id;
	unsigned client_request;
	const struct address *client, *listener;
	enum error refusal; /* ERR_none, or why every request of this client is refused */
	struct nest *nest;  /* NULL: not inside a tunnel */
	/* True when it is known whether the client got what was written, as far as that can be known. */
	bool (*is_settled)(void *owner);
	/* Bytes written to the client that its system has not acknowledged. */
	size_t (*queued)(void *owner);
	/* The exchange is over and d closed; its memory goes at the end of the turn. */
	void (*on_end)(void *owner, struct exchange *x);
	void *owner;
};
/* Takes over the stream and its arena; runs at the end of the turn. */
struct exchange *exchange_new(const struct exchange_needs *needs);
/* There may be work. The second form is for callbacks. */
void exchange_wake(struct exchange *x);
void exchange_on_change(void *owner);
/* Ends it now, whatever it is doing (shutdown). */
void exchange_cut_off(struct exchange *x);

/* For the steps. */
/* Reads what is asked for and tells the observers. Returns what is wrong with it. */
enum error exchange_begin(struct exchange *x);
/* The request had a body when it came, and no redirect has dropped it. */
bool exchange_has_body(const struct exchange *x);
static inline bool exchange_has_upload(const struct exchange *x)
{
	return x->upload.d != NULL;
}
/* The client's answer is this error: an error response where nothing was delivered yet, else a broken transport. Returns the next
 * step. */
enum step exchange_fail(struct exchange *x, enum error error, const char *detail);
/* The client's answer is made here. NULL (the arena was full) is a failure. Returns the next step. */
enum step exchange_answer(struct exchange *x, struct stream *reply);
void exchange_observe_hop(struct exchange *x, struct hop *h);
/* Observers see a piece of a body (exchange_bodies.c): of the request on its way to the present hop; of a response on its way to the client;
 * and what waits of a hop's response that nobody will get, before it is dropped. */
void exchange_on_up_piece(void *owner, struct str piece);
void exchange_on_down_piece(void *owner, struct str piece);
void exchange_observe_rest(struct exchange *x, const struct hop *h, const struct bufq *q);
/* Moves to the step and runs on from there; the exchange may be over after it. */
void exchange_go(struct exchange *x, enum step next);
/* What has gone wrong with what is being waited for: the present hop has failed, or all of it. */
void exchange_strike(struct exchange *x, enum error error);
/* No verdict but deliver or fail can come of the present hop. */
bool exchange_is_final(const struct exchange *x);
/* Finds out whether a client that has shut its side is gone. */
void exchange_probe(struct exchange *x);
/* In the step HELD, between two hops: begins the next when it is time. */
enum step exchange_resume(struct exchange *x);
/* Arms the timer for what is being waited for now (exchange_wait.c). */
void exchange_arm(struct exchange *x);
void exchange_on_due(void *owner);

/* Sends the 2xx to CONNECT. False when the arena is full. */
bool exchange_grant_connect(struct exchange *x) MUST_CHECK;
/* True if the response is made here, without a hop: what the proxy says of itself, and the set-up host. */
bool exchange_is_local(const struct exchange *x);

/* The steps (exchange_arrive.c, exchange_hop.c, exchange_judge.c, exchange_relay.c, exchange_peek.c, exchange_opened.c). */
enum step step_arrived(struct exchange *x);
enum step step_rules(struct exchange *x);
enum step step_held(struct exchange *x);
enum step step_hop(struct exchange *x);
enum step step_judge(struct exchange *x);
enum step step_relay(struct exchange *x);
enum step step_peek(struct exchange *x);
enum step step_opened(struct exchange *x);

#endif
