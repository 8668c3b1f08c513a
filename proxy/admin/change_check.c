/* See change_check.h. */
#include "admin/change_check.h"

#include "admin/token.h"

/* A page of the inspector itself, or no page at all. */
static bool is_own_origin(const struct fields *f)
{
	const struct str scheme = STR("http://");
	struct str origin = fields_value(f, STR("Origin")), site = fields_value(f, STR("Sec-Fetch-Site"));

	if (fields_count(f, STR("Origin")) > 1 || fields_count(f, STR("Sec-Fetch-Site")) > 1)
		return false;
	if (site.p != NULL && !str_eq(site, STR("same-origin")) && !str_eq(site, STR("none")))
		return false;
	return origin.p == NULL ||
		(str_starts(origin, scheme) && str_ieq(str_from(origin, scheme.len), fields_value(f, STR("Host"))));
}

enum change_verdict change_check(const char *token, const struct fields *f)
{
	if (!is_own_origin(f))
		return CHANGE_FOREIGN;
	if (token_is_bearer(token, f))
		return CHANGE_MEANT;
	if (!token_is_in_fields(token, f))
		return CHANGE_NO_TOKEN;
	/* A page of another origin cannot set a field of this name without asking first, which is refused. */
	return str_eq(fields_value(f, STR("Viaduct-Request")), STR("1")) ? CHANGE_MEANT : CHANGE_BY_COOKIE;
}
