/* See host_check.h. */
#include "admin/host_check.h"

#include "http/url.h"

bool host_check(struct arena *a, const struct fields *f, const struct address *listener)
{
	struct authority host;
	struct address literal;

	if (fields_count(f, STR("Host")) != 1)
		return false;
	if (authority_parse(a, fields_value(f, STR("Host")), scheme_port(SCHEME_HTTP), &host) != ERR_none)
		return false;
	if (host.port != address_port(listener))
		return false;
	/* No page can make a browser send these for a name of its own. */
	if (str_eq(host.host, STR("localhost")) || str_eq(host.host, STR("127.0.0.1")) || str_eq(host.host, STR("::1")))
		return true;
	return address_parse(host.host, host.port, &literal) && address_eq(&literal, listener);
}
