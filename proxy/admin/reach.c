/* See reach.h. */
#include "admin/reach.h"

struct address reach_locally(const struct address *listener)
{
	struct str loopback = listener->ss.ss_family == AF_INET6 ? STR("::1") : STR("127.0.0.1");
	struct address there;

	if (!address_is_unspecified(listener) || !address_parse(loopback, address_port(listener), &there))
		return *listener;
	return there;
}

struct address reach_proxy(const struct settings *s, const struct address *here)
{
	for (size_t i = 0; i < s->listen.n; i++) {
		if (address_eq_host(&s->listen_addresses[i], here))
			return s->listen_addresses[i];
	}
	for (size_t i = 0; i < s->listen.n; i++) {
		const struct address *listener = &s->listen_addresses[i];

		if (address_is_unspecified(listener) && listener->ss.ss_family == here->ss.ss_family) {
			struct address there = *here;

			address_set_port(&there, address_port(listener));
			return there;
		}
	}
	return reach_locally(&s->listen_addresses[0]);
}
