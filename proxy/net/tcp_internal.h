/* What the TCP files share. */
#ifndef VIADUCT_NET_TCP_INTERNAL_H
#define VIADUCT_NET_TCP_INTERNAL_H

#include "net/address.h"
#include "net/loop.h"
#include "net/transport.h"

/* As tcp_new for a descriptor whose options are set already. An address that is NULL is asked of the system. */
struct transport *tcp_wrap(struct loop *l, int fd, const struct address *peer, const struct address *local);
/* No delay, keep-alive. Also for listening sockets: what they accept inherits it. */
void tcp_set_options(int fd);

#endif
