/* TCP transports and listeners on raw libevent events. */
#ifndef VIADUCT_NET_TCP_H
#define VIADUCT_NET_TCP_H

#include "base/error.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/transport.h"

#include <stdbool.h>

/* Takes the connected descriptor over (non-blocking, close-on-exec), sets TCP_NODELAY and keep-alive (first probe after 60 s).
 * With nothing watched a half close is not told, a reset is. */
struct transport *tcp_new(struct loop *l, int fd);

struct tcp_connect;
/* Starts a connection to one address. on_done comes later, once, with a transport or an error (ERR_connect_refused,
 * ERR_connect_unreachable, ERR_connect_failed); never from inside this call. */
struct tcp_connect *tcp_connect_start(struct loop *l, const struct address *to,
	void (*on_done)(void *owner, struct transport *t, enum error error, int os_error), void *owner);
void tcp_connect_cancel(struct tcp_connect *c);

/* A bound, listening, non-blocking socket with SO_REUSEPORT and SO_REUSEADDR (IPv6 ones with IPV6_V6ONLY); -1 with errno. The
 * address gets the port that was taken. backlog: SOMAXCONN. */
int tcp_listen(struct address *address);
/* Whether nobody listens there: SO_REUSEPORT would let a second process of the user share the port unnoticed. False with errno
 * (EADDRINUSE, EACCES …). To be asked once, before the first tcp_listen of a port. */
bool tcp_can_listen(const struct address *address);

struct listener;
/* Accepts on the descriptor, which it takes over; up to 64 a turn. EMFILE and the like: one log line, a pause of 100 ms. */
struct listener *listener_new(struct loop *l, int fd, void (*on_accept)(void *owner, struct transport *t), void *owner);
void listener_pause(struct listener *l, bool pause);
void listener_free(struct listener *l);

#endif
