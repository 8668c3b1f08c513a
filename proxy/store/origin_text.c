/* See origin_text.h. */
#include "store/origin_text.h"

static const struct str mark = {"://", 3};

/* Where the authority begins; 0 if there is no scheme. */
static size_t authority_at(struct str url)
{
	size_t colon = str_find(url, ':');

	return colon > 0 && str_starts(str_from(url, colon), mark) ? colon + mark.len : 0;
}

struct str origin_text(struct str url)
{
	size_t end = authority_at(url);

	if (end == 0)
		return STR_NONE;
	while (end < url.len && url.p[end] != '/' && url.p[end] != '?' && url.p[end] != '#')
		end++;
	return str_first(url, end);
}

static struct str host_of(struct str authority)
{
	if (authority.len > 0 && authority.p[0] == '[')
		return str_first(str_from(authority, 1), str_find(str_from(authority, 1), ']'));
	return str_first(authority, str_find(authority, ':'));
}

struct str origin_text_host(struct str url)
{
	return host_of(str_from(origin_text(url), authority_at(url)));
}

void origin_text_place(struct str url, struct str *ret_host, uint16_t *ret_port)
{
	bool has_scheme = authority_at(url) > 0;
	struct str authority = has_scheme ? str_from(origin_text(url), authority_at(url)) : url;
	struct str host = host_of(authority);
	struct str rest = str_from(authority, host.len);
	size_t colon;
	uint64_t port = 0;

	if (authority.len > 0 && authority.p[0] == '[')
		rest = str_from(authority, str_find(authority, ']'));
	colon = str_find(rest, ':');
	if (colon < rest.len)
		(void)str_to_u64(str_from(rest, colon + 1), UINT16_MAX, &port);
	else if (has_scheme)
		port = str_starts(url, STR("https:")) ? 443 : 80;
	*ret_host = host;
	*ret_port = (uint16_t)port;
}

struct str origin_text_left(struct str url, struct str final_url)
{
	struct str to = origin_text(final_url);

	return str_ieq(to, origin_text(url)) ? STR_NONE : to;
}
