/* URLs: what is taken can be written and taken again, and means the same; what a Location resolves to can be asked for, is at the
 * host that was written or at the base's, and holds no byte that a request line, another parser or a log could trip over. */
#include "http/idn.h"
#include "http/url.h"

#include <stdlib.h>
#include <string.h>

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

/* Printable ASCII without a backslash. */
static void check_bytes(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		require(c > ' ' && c < 0x7f && c != '\\');
	}
}

/* Lower case, and nothing that could end an authority or stand for something else. */
static void check_host(const struct authority *host)
{
	require(host->host.len > 0 && host->host.len <= 253 && host->port > 0);
	for (size_t i = 0; i < host->host.len; i++) {
		char c = host->host.p[i];

		require((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
			(c == ':' && host->kind == HOST_IPV6));
	}
}

static void check_url(struct arena *a, const struct url *base, const struct url *u)
{
	struct str text = url_text(a, u), report = url_report(a, u);
	struct url again;

	check_host(&u->authority);
	check_bytes(text);
	check_bytes(report);
	require(u->path.len > 0 && u->path.p[0] == '/' && target_bytes_are_fine(u->path));
	require(str_find(text, '#') == text.len && str_starts(report, text));
	require(u->has_fragment ? report.len == text.len + 1 + u->fragment.len : report.len == text.len);
	/* the one parser reads it the same way */
	require(url_parse_target(a, text, &again) == ERR_none);
	require(url_same_origin(u, &again) && str_eq(u->path, again.path));
	/* and it is in its final form */
	require(url_resolve(a, base, report, false, &again) == LOCATION_OK && str_eq(url_report(a, &again), report));
	require(url_same_origin(u, &again) && str_eq(u->path, again.path));
}

/* Whether a Location that was taken names a host: else it must be the base's. */
static bool names_host(struct str location)
{
	location = str_trim(location);
	return str_starts(location, STR("//")) || str_istarts(location, STR("http://")) ||
		str_istarts(location, STR("https://"));
}

/* The authority of an ASCII Location, as somebody else would cut it out: from "//" to the first of "/?#". */
static struct str cut_authority(struct str location)
{
	size_t n = 0;

	while (!str_starts(location, STR("//")))
		location = str_from(location, 1);
	location = str_from(location, 2);
	while (n < location.len && !strchr("/?#", location.p[n]))
		n++;
	return str_first(location, n);
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.p[i] >= 0x80 || s.p[i] == '%')
			return false;
	}
	return true;
}

/* Never another host than the one that was written; with userinfo, than the one behind it. */
static void check_origin(struct arena *a, const struct url *base, struct str location, const struct url *u)
{
	struct authority host;
	struct str authority;

	if (!names_host(location)) {
		require(url_same_origin(base, u));
		return;
	}
	authority = cut_authority(location);
	if (str_find(authority, '@') < authority.len)
		authority = str_from(authority, str_find(authority, '@') + 1);
	require(str_find(authority, '@') == authority.len);
	if (!is_ascii(authority))
		return;
	authority = str_trim(authority);
	require(authority_parse(a, authority, scheme_port(u->scheme), &host) == ERR_none);
	require(str_eq(host.host, u->authority.host) && host.port == u->authority.port);
}

static void check_location(struct arena *a, struct str location)
{
	enum location_refusal kept, dropped;
	struct url base, u, v;

	if (url_parse_target(a, STR("http://base.example:81/a/b;c?d"), &base) != ERR_none)
		abort();
	base.fragment = STR("e");
	base.has_fragment = true;
	kept = url_resolve(a, &base, location, false, &u);
	dropped = url_resolve(a, &base, location, true, &v);
	/* the flag is about userinfo only */
	require(kept == dropped || kept == LOCATION_USERINFO);
	if (dropped != LOCATION_OK)
		return;
	check_url(a, &base, &v);
	check_origin(a, &base, location, &v);
	require(kept != LOCATION_OK || str_eq(url_report(a, &u), url_report(a, &v)));
}

/* What is a name by IDNA is one to the parser, or an address that some script's digits spell. */
static void check_name(struct arena *a, struct str text)
{
	struct str ascii = idn_to_ascii(a, text);
	struct authority host;

	check_bytes(ascii);
	if (ascii.p && authority_parse(a, ascii, 80, &host) == ERR_none)
		check_host(&host);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct str text = {(const char *)bytes, size};
	struct arena *a = arena_new(1 << 20);

	if (size > 0) {
		check_target(a, text);
		check_location(a, text);
		check_name(a, text);
	}
	arena_free(a);
	return 0;
}
