/* The sessions that may be resumed, each with the peer that it was made with. Not for deciding whether a session is good: the
 * library and the peer do. */
#include "base/mem.h"
#include "net/tls_internal.h"

#include <string.h>

#include <openssl/crypto.h>

enum {
	SESSIONS_MAX = 1000,
	SESSIONS_BYTES = 4 << 20,
	SESSION_BYTES = 16 * 1024, /* an origin may send tickets of 64 KiB */
	TICKETS_PER_KEY = 4        /* upstreams of one origin that are opened at the same time each need one */
};

/* A session, encoded: that costs a twentieth of a millisecond to undo, but has no chain, and cannot be spoiled. */
struct ticket {
	unsigned char *der;
	size_t n;
	bool is_for_once;
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

/* What counts of a ticket: its peer too, though others may share it. */
static size_t bytes_of(const struct ticket *t)
{
	return t->n + (t->peer != NULL ? tls_peer_bytes(t->peer) : 0);
}

/* Takes a ticket out of an entry. */
static struct ticket remove_ticket(struct tls_sessions *s, struct session_entry *e, size_t at)
{
	struct ticket t = e->tickets[at];

	e->n--;
	memmove(&e->tickets[at], &e->tickets[at + 1], (e->n - at) * sizeof(e->tickets[0]));
	s->n--;
	s->bytes -= bytes_of(&t);
	return t;
}

static void ticket_free(struct ticket t)
{
	OPENSSL_cleanse(t.der, t.n);
	mem_free(t.der);
	tls_peer_unref(t.peer);
}

static void drop_entry(struct tls_sessions *s, struct session_entry *e)
{
	while (e->n != 0)
		ticket_free(remove_ticket(s, e, 0));
	keymap_remove(&s->map, &e->node);
	s->bytes -= sizeof(*e);
	mem_free(e->key);
	mem_free(e);
}

void tls_sessions_init(struct tls_sessions *s)
{
	keymap_init(&s->map);
	s->n = 0;
	s->bytes = 0;
}

void tls_sessions_fini(struct tls_sessions *s)
{
	struct keymap_node *node;

	while ((node = keymap_oldest(&s->map)) != NULL)
		drop_entry(s, entry_of(node));
	keymap_fini(&s->map);
}

/* Finds or makes the entry of a key; it is the one used last then. */
static struct session_entry *use_entry(struct tls_sessions *s, const char *key)
{
	struct keymap_node *node = keymap_find(&s->map, str_of(key));
	struct session_entry *e;

	if (node != NULL) {
		keymap_use(&s->map, node);
		return entry_of(node);
	}
	e = mem_calloc(1, sizeof(*e));
	e->key = mem_strdup(key);
	keymap_add(&s->map, &e->node, str_of(e->key));
	s->bytes += sizeof(*e);
	return e;
}

/* Encodes a session; false if it is too large, or none that can be encoded. */
static bool encode(const SSL_SESSION *session, struct ticket *ret)
{
	const int n = i2d_SSL_SESSION(session, NULL);
	unsigned char *at;

	if (n <= 0 || n > SESSION_BYTES)
		return false;
	ret->der = at = mem_alloc((size_t)n);
	ret->n = (size_t)n;
	ret->is_for_once = SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION;
	if (i2d_SSL_SESSION(session, &at) == n)
		return true;
	mem_free(ret->der);
	return false;
}

void tls_sessions_put(struct tls_sessions *s, const char *key, const SSL_SESSION *session, const struct tls_peer *peer)
{
	struct session_entry *e;
	struct ticket t;

	if (!encode(session, &t))
		return;
	t.peer = peer != NULL ? tls_peer_ref(peer) : NULL;
	e = use_entry(s, key);
	if (e->n == TICKETS_PER_KEY)
		ticket_free(remove_ticket(s, e, 0));
	e->tickets[e->n++] = t;
	s->n++;
	s->bytes += bytes_of(&t);
	while (s->n > SESSIONS_MAX || s->bytes > SESSIONS_BYTES)
		drop_entry(s, entry_of(keymap_oldest(&s->map)));
}

SSL_SESSION *tls_sessions_take(struct tls_sessions *s, const char *key, struct tls_peer **ret_peer)
{
	struct keymap_node *node = keymap_find(&s->map, str_of(key));
	struct session_entry *e;
	const struct ticket *newest;
	const unsigned char *at;
	SSL_SESSION *session;

	if (node == NULL)
		return NULL;
	e = entry_of(node);
	newest = &e->tickets[e->n - 1];
	at = newest->der;
	session = d2i_SSL_SESSION(NULL, &at, (long)newest->n);
	if (session != NULL)
		*ret_peer = newest->peer != NULL ? tls_peer_ref(newest->peer) : NULL;
	keymap_use(&s->map, node);
	if (newest->is_for_once)
		ticket_free(remove_ticket(s, e, e->n - 1));
	if (e->n == 0)
		drop_entry(s, e);
	return session;
}
