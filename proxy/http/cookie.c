/* Set-Cookie lines and what a cookie belongs to (RFC 6265 sections 5.1 to 5.4, as 6265bis has tightened them). Not for: keeping
 * cookies (jar.h). */
#include "http/cookie.h"

#include "http/date.h"
#include "http/idn.h"
#include "http/public_suffix.h"

enum {
	PAIR_BYTES = 4096,      /* of name and value */
	ATTRIBUTE_BYTES = 1024, /* of an attribute's value: a longer one is passed over */
};

const char *cookie_refusal_name(enum cookie_refusal r)
{
	switch (r) {
	case COOKIE_OK:
		return "taken";
	case COOKIE_MALFORMED:
		return "it is malformed";
	case COOKIE_TOO_LARGE:
		return "it is too large";
	case COOKIE_DOMAIN:
		return "its Domain does not cover the host";
	case COOKIE_PUBLIC_SUFFIX:
		return "its Domain is a public suffix";
	case COOKIE_NOT_SECURE:
		return "it demands https and came over http";
	case COOKIE_PREFIX:
		return "it lacks what the prefix of its name demands";
	case COOKIE_OVER_SECURE:
		return "over http it would take the place of a Secure cookie";
	case COOKIE_TOO_MANY:
		return "there are too many cookies";
	}
	return "unknown";
}

/* A line while it is read. */
struct reading {
	struct cookie c;
	struct str domain; /* of the attribute, without the dot in front; empty: none */
	int64_t now_s;
	bool has_max_age;
};

/* HTAB is no danger: a field value may hold it. */
static bool has_controls(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static void take_expires(struct reading *r, struct str value)
{
	int64_t at_s;

	if (r->has_max_age || !date_parse_cookie(value, &at_s))
		return;
	r->c.has_expiry = true;
	r->c.expires_s = at_s;
}

static void take_max_age(struct reading *r, struct str value)
{
	bool is_negative = value.len > 1 && value.p[0] == '-';
	int64_t delta_s;

	if (!date_parse_delta(str_from(value, is_negative), &delta_s))
		return;
	r->has_max_age = r->c.has_expiry = true;
	r->c.expires_s = is_negative || delta_s == 0 ? INT64_MIN : r->now_s + delta_s;
}

/* An empty one is passed over, as if it were not there. */
static void take_domain(struct reading *r, struct str value)
{
	if (value.len == 0)
		return;
	r->domain = str_from(value, value.p[0] == '.');
}

static void take_path(struct reading *r, struct str value)
{
	r->c.has_path = value.len > 0 && value.p[0] == '/';
	r->c.path = value;
}

static void take_secure(struct reading *r, struct str value)
{
	(void)value;
	r->c.is_secure = true;
}

static void take_http_only(struct reading *r, struct str value)
{
	(void)value;
	r->c.is_http_only = true;
}

static const struct {
	struct str name;
	void (*take)(struct reading *r, struct str value);
} attributes[] = {
	{{"Expires", 7}, take_expires},
	{{"Max-Age", 7}, take_max_age},
	{{"Domain", 6}, take_domain},
	{{"Path", 4}, take_path},
	{{"Secure", 6}, take_secure},
	{{"HttpOnly", 8}, take_http_only},
};

/* "name=value", both trimmed; without "=" all of it is the name. */
static void split_pair(struct str pair, struct str *ret_name, struct str *ret_value)
{
	size_t equals = str_find(pair, '=');

	*ret_name = str_trim(str_first(pair, equals));
	*ret_value = str_trim(str_from(pair, equals < pair.len ? equals + 1 : equals));
}

/* Of several attributes of one name the last one that is valid wins. */
static void take_attribute(struct reading *r, struct str attribute)
{
	struct str name, value;

	split_pair(attribute, &name, &value);
	if (value.len > ATTRIBUTE_BYTES)
		return;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++) {
		if (str_ieq(attributes[i].name, name))
			attributes[i].take(r, value);
	}
}

/* Reads up to the next ";", which is taken too. */
static struct str next_part(struct str *line)
{
	struct str part = str_first(*line, str_find(*line, ';'));

	*line = str_from(*line, part.len < line->len ? part.len + 1 : part.len);
	return part;
}

static void read_line(struct reading *r, struct str line)
{
	struct str pair = next_part(&line);

	split_pair(pair, &r->c.name, &r->c.value);
	if (str_find(pair, '=') == pair.len) {
		r->c.value = r->c.name;
		r->c.name = str_first(r->c.name, 0);
	}
	while (line.len > 0)
		take_attribute(r, next_part(&line));
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.p[i] > 0x7f)
			return false;
	}
	return true;
}

/* The domain attribute as a URL's host is spelled. p NULL if it is no name. */
static struct str canonical_domain(struct arena *a, const struct url *from, struct str domain)
{
	if (from->authority.kind == HOST_IPV6 && domain.len > 2 && domain.p[0] == '[' && domain.p[domain.len - 1] == ']')
		return str_from(str_first(domain, domain.len - 1), 1);
	return is_ascii(domain) ? domain : idn_to_ascii(a, domain);
}

/* RFC 6265 section 5.3 steps 5 and 6. What covers the host is its end: the domain of the cookie is taken from there, in lower
 * case. */
static enum cookie_refusal settle_domain(struct reading *r, struct arena *a, const struct url *from)
{
	struct str host = from->authority.host, domain;

	r->c.domain = host;
	r->c.is_host_only = true;
	if (r->domain.len == 0)
		return COOKIE_OK;
	domain = canonical_domain(a, from, r->domain);
	if (!domain.p || domain.len > host.len)
		return COOKIE_DOMAIN;
	if (!str_ieq(domain, str_from(host, host.len - domain.len)))
		return COOKIE_DOMAIN;
	domain = str_from(host, host.len - domain.len);
	if (!cookie_domain_covers(domain, host))
		return COOKIE_DOMAIN;
	if (from->authority.kind != HOST_NAME)
		return COOKIE_OK;
	if (public_suffix_is(domain))
		return domain.len == host.len ? COOKIE_OK : COOKIE_PUBLIC_SUFFIX;
	r->c.domain = domain;
	r->c.is_host_only = false;
	return COOKIE_OK;
}

/* Servers that send a value without a name get it back as it is: it must not look like a name with a prefix either. */
static bool has_prefix(const struct cookie *c, struct str prefix)
{
	return str_istarts(c->name.len > 0 ? c->name : c->value, prefix);
}

/* Secure, and the prefixes of 6265bis. */
static enum cookie_refusal check_security(const struct reading *r, const struct url *from)
{
	const struct cookie *c = &r->c;
	bool is_host = has_prefix(c, STR("__Host-")), has_any = is_host || has_prefix(c, STR("__Secure-"));

	if ((c->is_secure || has_any) && from->scheme != SCHEME_HTTPS)
		return COOKIE_NOT_SECURE;
	if (has_any && (c->name.len == 0 || !c->is_secure))
		return COOKIE_PREFIX;
	if (is_host && (r->domain.len > 0 || !c->has_path || !str_eq(c->path, STR("/"))))
		return COOKIE_PREFIX;
	return COOKIE_OK;
}

enum cookie_refusal cookie_parse(struct arena *a, struct str line, const struct url *from, int64_t now_s, struct cookie *ret)
{
	struct reading r = {.now_s = now_s};
	enum cookie_refusal refusal;

	read_line(&r, line);
	if (!r.c.has_path)
		r.c.path = cookie_default_path(from);
	refusal = settle_domain(&r, a, from);
	if (has_controls(r.c.name))
		r.c.name = STR_NONE;
	*ret = r.c;
	if (has_controls(line) || r.c.name.len + r.c.value.len == 0)
		return COOKIE_MALFORMED;
	if (r.c.name.len + r.c.value.len > PAIR_BYTES)
		return COOKIE_TOO_LARGE;
	return refusal != COOKIE_OK ? refusal : check_security(&r, from);
}

/* The path of a request without its query. */
static struct str request_path(const struct url *u)
{
	return str_first(u->path, str_find(u->path, '?'));
}

struct str cookie_default_path(const struct url *u)
{
	struct str path = request_path(u);
	size_t n = path.len;

	while (n > 0 && path.p[n - 1] != '/')
		n--;
	return n <= 1 || path.p[0] != '/' ? STR("/") : str_first(path, n - 1);
}

/* A host that ends in a number is no name: http/authority.h has seen to that. */
static bool is_address(struct str host)
{
	size_t n = host.len;

	while (n > 0 && host.p[n - 1] >= '0' && host.p[n - 1] <= '9')
		n--;
	return str_find(host, ':') < host.len || (n < host.len && (n == 0 || host.p[n - 1] == '.'));
}

bool cookie_domain_covers(struct str domain, struct str host)
{
	if (domain.len == 0 || domain.len > host.len || !str_eq(domain, str_from(host, host.len - domain.len)))
		return false;
	return domain.len == host.len || (host.p[host.len - domain.len - 1] == '.' && !is_address(host));
}

bool cookie_path_covers(struct str cookie_path, struct str path)
{
	if (cookie_path.len == 0 || !str_starts(path, cookie_path))
		return false;
	return path.len == cookie_path.len || cookie_path.p[cookie_path.len - 1] == '/' || path.p[cookie_path.len] == '/';
}

bool cookie_belongs(const struct cookie *c, const struct url *to)
{
	struct str host = to->authority.host;

	if (c->is_secure && to->scheme != SCHEME_HTTPS)
		return false;
	if (c->is_host_only ? !str_eq(c->domain, host) : !cookie_domain_covers(c->domain, host))
		return false;
	return cookie_path_covers(c->path, request_path(to));
}

bool cookie_is_expired(const struct cookie *c, int64_t now_s)
{
	return c->has_expiry && c->expires_s <= now_s;
}

bool cookie_matches(const struct cookie *c, const struct url *to, int64_t now_s)
{
	return cookie_belongs(c, to) && !cookie_is_expired(c, now_s);
}
