/* Where a redirect leads: its Location, resolved, and whether a chain may change schemes that way (see follow.h). */
#include "core/follow_part.h"

/* The one Location of a response; several that say the same count as one. */
static const char *one_location(const struct fields *f, struct str *ret)
{
	const struct field *first = fields_find(f, STR("Location"), 0), *other;

	if (first == NULL)
		return "returned: no Location";
	for (other = first; other != NULL; other = fields_find(f, STR("Location"), (size_t)(other - f->v) + 1)) {
		if (!str_eq(other->value, first->value))
			return "returned: several Locations that differ";
	}
	*ret = first->value;
	return NULL;
}

static const char *refusal_words(enum location_refusal refusal)
{
	switch (refusal) {
	case LOCATION_EMPTY:
		return "returned: Location is empty";
	case LOCATION_SCHEME:
		return "returned: Location has another scheme";
	case LOCATION_USERINFO:
		return "returned: Location has userinfo (redirects.userinfo)";
	case LOCATION_BACKSLASH:
		return "returned: Location has a backslash";
	case LOCATION_HOST:
		return "returned: Location has no usable host";
	case LOCATION_PORT:
		return "returned: Location has no usable port";
	case LOCATION_BYTES:
		return "returned: Location has control bytes";
	case LOCATION_TOO_LONG:
		return "returned: Location is too long";
	default:
		return "returned: Location is not usable";
	}
}

static const char *scheme_obstacle(const struct follow_input *in, const struct url *to)
{
	if (in->url->scheme == SCHEME_HTTP && to->scheme == SCHEME_HTTPS &&
		in->settings->redirects_upgrade == REDIRECTS_OTHER_PASS)
		return "returned: from http to https (redirects.upgrade)";
	if (in->url->scheme == SCHEME_HTTPS && to->scheme == SCHEME_HTTP &&
		in->settings->redirects_downgrade == REDIRECTS_OTHER_PASS)
		return "returned: from https to http (redirects.downgrade)";
	return NULL;
}

const char *follow_target(const struct follow_input *in, struct url *ret)
{
	bool drops_userinfo = in->settings->redirects_userinfo != REDIRECTS_OTHER_PASS;
	struct str location = STR_NONE;
	enum location_refusal refusal;
	const char *words = one_location(&in->response->fields, &location);
	struct url url;

	if (words != NULL)
		return words;
	refusal = url_resolve(in->arena, in->url, location, drops_userinfo, &url);
	if (refusal != LOCATION_OK)
		return refusal_words(refusal);
	words = scheme_obstacle(in, &url);
	if (words == NULL)
		*ret = url;
	return words;
}
