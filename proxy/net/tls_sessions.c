/* The sessions that may be resumed, each with the peer that it was made with. Not for deciding whether a session is good: the
 * library and the peer do. */
#include "base/mem.h"
#include "net/tls_internal.h"

#include <string.h>

enum {
	SESSIONS_MAX = 1000,
	TICKETS_PER_KEY = 4 /* upstreams of one origin that are opened at the same time each need one */
};

struct ticket {
	SSL_SESSION *session;
	struct tls_peer *peer; /* may be NULL */
};

struct session_entry {
	struct keymap_node node;
	struct ticket tickets[TICKETS_PER_KEY]; /* the newest last */
	size_t n;
	char *key;
};

static struct session_entry *entry_of(struct keymap_node *node)
{
	return LIST_ITEM(node, struct session_entry, node);
}

/* Drops the oldest session of an entry. */
static void drop_oldest(struct tls_sessions *s, struct session_entry *e)
{
	SSL_SESSION_free(e->tickets[0].session);
	tls_peer_unref(e->tickets[0].peer);
	e->n--;
	s->n--;
	memmove(&e->tickets[0], &e->tickets[1], e->n * sizeof(e->tickets[0]));
}

static void drop_entry(struct tls_sessions *s, struct session_entry *e)
{
	while (e->n != 0)
		drop_oldest(s, e);
	keymap_remove(&s->map, &e->node);
	mem_free(e->key);
	mem_free(e);
}

void tls_sessions_init(struct tls_sessions *s)
{
	keymap_init(&s->map);
	s->n = 0;
}

void tls_sessions_fini(struct tls_sessions *s)
{
	struct keymap_node *node;

	while ((node = keymap_oldest(&s->map)) != NULL)
		drop_entry(s, entry_of(node));
	keymap_fini(&s->map);
}

void tls_sessions_put(struct tls_sessions *s, const char *key, SSL_SESSION *session, struct tls_peer *peer)
{
	struct keymap_node *node = keymap_find(&s->map, str_of(key));
	struct session_entry *e;

	if (node == NULL) {
		e = mem_calloc(1, sizeof(*e));
		e->key = mem_strdup(key);
		keymap_add(&s->map, &e->node, str_of(e->key));
	} else {
		e = entry_of(node);
		keymap_use(&s->map, node);
	}
	if (e->n == TICKETS_PER_KEY)
		drop_oldest(s, e);
	e->tickets[e->n++] = (struct ticket){session, peer};
	s->n++;
	while (s->n > SESSIONS_MAX)
		drop_entry(s, entry_of(keymap_oldest(&s->map)));
}

SSL_SESSION *tls_sessions_take(struct tls_sessions *s, const char *key, struct tls_peer **ret_peer)
{
	struct keymap_node *node = keymap_find(&s->map, str_of(key));
	struct session_entry *e;
	struct ticket newest;

	if (node == NULL)
		return NULL;
	e = entry_of(node);
	newest = e->tickets[e->n - 1];
	keymap_use(&s->map, node);
	if (SSL_SESSION_get_protocol_version(newest.session) < TLS1_3_VERSION) {
		SSL_SESSION_up_ref(newest.session);
		*ret_peer = newest.peer != NULL ? tls_peer_ref(newest.peer) : NULL;
		return newest.session;
	}
	e->n--;
	s->n--;
	if (e->n == 0)
		drop_entry(s, e);
	*ret_peer = newest.peer;
	return newest.session;
}
