/* The order of addresses: IPv6 first, then the families in turn (RFC 8305 section 4, with a "First Address Family Count" of
 * 1). Not for sockets and time. */
#include "net/dialer_internal.h"

static enum family family_of(const struct address *a)
{
	return a->ss.ss_family == AF_INET6 ? FAMILY_V6 : FAMILY_V4;
}

void address_queue_init(struct address_queue *q, size_t max)
{
	for (enum family f = FAMILY_V6; f < FAMILIES; f++)
		q->n[f] = q->next[f] = 0;
	q->turn = FAMILY_V6;
	q->left = max;
}

/* True if the address was in this queue before, tried or not. */
static bool is_known(const struct address_queue *q, enum family f, const struct address *a)
{
	for (size_t i = 0; i < q->n[f]; i++) {
		if (address_eq(&q->items[f][i], a))
			return true;
	}
	return false;
}

void address_queue_add(struct address_queue *q, const struct address *addresses, size_t n, uint16_t port)
{
	for (size_t i = 0; i < n; i++) {
		struct address a = addresses[i];
		enum family f = family_of(&a);

		address_set_port(&a, port);
		if (q->n[f] < ANSWER_ADDRESSES_MAX && !is_known(q, f, &a))
			q->items[f][q->n[f]++] = a;
	}
}

bool address_queue_take(struct address_queue *q, struct address *ret)
{
	enum family f = q->turn;

	if (q->left == 0)
		return false;
	if (q->next[f] == q->n[f])
		f = f == FAMILY_V6 ? FAMILY_V4 : FAMILY_V6;
	if (q->next[f] == q->n[f])
		return false;
	*ret = q->items[f][q->next[f]++];
	q->turn = f == FAMILY_V6 ? FAMILY_V4 : FAMILY_V6;
	q->left--;
	return true;
}
