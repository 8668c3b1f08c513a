/* The opening of a tunnel, of a CONNECT that may be opened: what its exchange knows and holds in the steps PEEK and OPENED.
 *
 *   PEEK: the client was told 200; what it says first, or that the origin speaks first, decides. Meanwhile a connection to where the tunnel leads is
 *         being made: it carries the tunnel if that is relayed, and the first request inside (as its "prime") if it is opened.
 *   OPENED: TLS is ended here with a certificate of ours, and a client inside, whose exchanges have this one as parent, speaks HTTP; or HTTP without TLS. */
#ifndef VIADUCT_CORE_OPENING_H
#define VIADUCT_CORE_OPENING_H

#include "core/learned.h"
#include "core/nest.h"
#include "core/pool.h"
#include "core/sniff.h"
#include "net/tls_server.h"

#include <stdbool.h>
#include <stdint.h>

struct exchange;

enum {
	OPENING_PRIME_MS = 2000,  /* for a connection to the origin without a request: nobody counts it */
	OPENING_DEAD_MS = 5000,   /* for a client's first byte once it is known that the origin cannot be reached */
	OPENING_LINE_MS = 1000,   /* for what may become the first line of a request, once it has begun */
	OPENING_REFUSAL_MS = 2000 /* who closes without a request so soon after the handshake did not like what it saw */
};

enum opening_wish {
	OPENING_NO,      /* relayed, or passed: facts.tunnel says why */
	OPENING_PERHAPS, /* the host asked for is none to be opened, the name in the ClientHello may be */
	OPENING_YES      /* unless what is in it cannot be */
};

struct opening {
	enum opening_wish wish;
	bool is_decided; /* it is opened, or not */
	bool is_tired;   /* the client has begun a line and does not end it */
	struct clienthello hello;
	struct str server_name; /* in it, if it is one for a certificate; else empty */
	struct str name;        /* that the certificate is for: server_name, else the host of the CONNECT */

	/* With intercept.copy_names: the origin is asked first. */
	struct lease names;
	struct url names_url;
	bool has_asked_names;

	struct tls_handshake *handshake; /* with the client, under way; or NULL */
	struct transport *carrier;       /* NULL before and after */
	struct nest *nest;
	struct lease *prime;
	struct timer prime_timer; /* set up with prime */
	int64_t since_us;         /* monotonic: the client's handshake ended */
	bool is_resumed;
	bool is_closed, is_aborted; /* the carrier was */
	bool has_looked_back;       /* how the client inside ended was looked at */
	bool is_trusted;            /* the client inside has asked for something */
	enum error error;           /* of the handshake, with detail */
	char detail[160];
};

/* What rules and options wish for a CONNECT that was admitted, before anything of it is known; notes why it is passed. */
enum opening_wish opening_wish(struct exchange *x);
/* The exchange is over, whatever it was doing. */
void opening_fini(struct exchange *x);

/* The connection that was begun when the tunnel was asked for goes to the first request inside, if that comes soon. */
void opening_keep_prime(struct exchange *x);
/* It does not, any more. */
void opening_drop_prime(struct exchange *x);

/* For the steps. */
/* The rules block the name in the ClientHello, and nothing inside will say so: words why; NULL: they do not. */
const char *opening_blocked(struct exchange *x);
/* Decides on the ClientHello that was read: true if TLS is to be ended here; else facts.tunnel says why not. */
bool opening_admits_tls(struct exchange *x);
/* Asks the origin for the names of its certificate. False if they are known, or not wished for. */
bool opening_ask_names(struct exchange *x);
/* False while that goes on. */
bool opening_has_names(struct exchange *x);
/* Begins what is spoken inside. False if the certificate is not to be had: then the tunnel is passed, and facts.tunnel says why. */
bool opening_begin_tls(struct exchange *x);
void opening_begin_http(struct exchange *x);
/* The carrier was closed in order: what is to be learnt of how the client inside ended. */
void opening_look_back(struct exchange *x);

#endif
