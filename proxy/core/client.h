/* A client: one downstream connection, a link in server role, and its exchanges one after the other. */
#ifndef VIADUCT_CORE_CLIENT_H
#define VIADUCT_CORE_CLIENT_H

#include "core/link.h"
#include "core/nest.h"
#include "core/worker.h"

struct client;

/* Takes the transport over: any that carries HTTP. refusal: ERR_none, or the answer to whatever it asks. */
struct client *client_new(struct worker *w, struct transport *t, enum error refusal);
/* A client inside an opened tunnel, whose requests inherit what the nest says; takes a reference. */
struct client *client_new_inside(struct worker *w, struct transport *t, struct nest *nest);
/* Closes it once its present exchange, if any, has ended; one that waits for a request at once. */
void client_drain(struct client *c);
/* Ends it now; its exchange must be over. */
void client_end(struct client *c);
/* The client at this node of the worker's list. */
struct client *client_of_node(struct list *node);

#endif
