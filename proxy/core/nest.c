/* See nest.h. */
#include "core/nest.h"

#include "base/mem.h"

static struct str copy(struct str s)
{
	return (struct str){mem_strndup(s.p == NULL ? "" : s.p, s.len), s.len};
}

static const struct tls_leg *leg_copy(const struct tls_leg *from)
{
	struct tls_leg *leg = mem_alloc(sizeof(*leg));

	*leg = *from;
	leg->version = mem_strdup(from->version);
	leg->cipher = mem_strdup(from->cipher);
	leg->alpn = mem_strdup(from->alpn);
	leg->server_name = mem_strdup(from->server_name);
	return leg;
}

struct nest *nest_new(const struct nest *from)
{
	struct nest *n = mem_alloc(sizeof(*n));

	*n = *from;
	n->users = 1;
	n->authority.host = copy(from->authority.host);
	n->server_name = copy(from->server_name);
	n->user = copy(from->user);
	n->tls = from->tls == NULL ? NULL : leg_copy(from->tls);
	return n;
}

struct nest *nest_ref(struct nest *n)
{
	n->users++;
	return n;
}

static void leg_free(const struct tls_leg *leg)
{
	if (leg == NULL)
		return;
	mem_free((char *)leg->version);
	mem_free((char *)leg->cipher);
	mem_free((char *)leg->alpn);
	mem_free((char *)leg->server_name);
	mem_free((struct tls_leg *)leg);
}

void nest_unref(struct nest *n)
{
	if (n == NULL || --n->users > 0)
		return;
	mem_free((char *)n->authority.host.p);
	mem_free((char *)n->server_name.p);
	mem_free((char *)n->user.p);
	leg_free(n->tls);
	mem_free(n);
}
