/* URLs: what is taken can be written and taken again, and means the same; what a Location resolves to can be asked for. */
#include "http/url.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_target(struct arena *a, struct str text)
{
	struct authority host;
	struct url u, again;

	if (authority_parse(a, text, 0, &host) == ERR_none)
		require(host.port > 0 && host.host.len > 0 && host_field_is_valid(text));
	if (url_parse_target(a, text, &u) != ERR_none)
		return;
	require(url_parse_target(a, url_text(a, &u), &again) == ERR_none);
	require(url_same_origin(&u, &again) && str_eq(u.path, again.path));
	require(host_field_is_valid(url_host_field(a, &u)));
}

static void check_location(struct arena *a, struct str location)
{
	struct url base, u, again;

	if (url_parse_target(a, STR("http://base.example:81/a/b;c?d"), &base) != ERR_none)
		abort();
	if (url_resolve(a, &base, location, &u) != LOCATION_OK)
		return;
	require(url_parse_target(a, url_text(a, &u), &again) == ERR_none);
	require(url_same_origin(&u, &again) && str_eq(u.path, again.path));
	/* what was resolved is in its final form */
	require(url_resolve(a, &base, url_text(a, &u), &again) == LOCATION_OK && str_eq(u.path, again.path));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct str text = {(const char *)bytes, size};
	struct arena *a = arena_new(1 << 20);

	if (size > 0) {
		check_target(a, text);
		check_location(a, text);
	}
	arena_free(a);
	return 0;
}
