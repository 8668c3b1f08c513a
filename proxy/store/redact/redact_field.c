/* Secrets in heads: fields by their names, URLs, start lines. */
#include "store/redact/redact_part.h"
#include "store/redact/url_cover.h"

enum {
	LONGEST_SCHEME = 20, /* of Authorization; a longer word is rather a key */
	LONGEST_VERSION = 8  /* HTTP/1.1 */
};

static bool is_query_name(const void *owner, struct str name)
{
	return name_set_has(&((const struct redactor *)owner)->query, name);
}

static bool put_encoded(const void *owner, struct text *to, struct str secret)
{
	return redact_encoded(owner, to, secret);
}

static struct url_cover cover_of(const struct redactor *r)
{
	return (struct url_cover){is_query_name, put_encoded, r};
}

bool redact_is_parameter(const struct redactor *r, struct str name)
{
	const struct url_cover cover = cover_of(r);

	return url_cover_has(&cover, name);
}

bool redact_url_once(const struct redactor *r, struct text *to, struct str url)
{
	const struct url_cover cover = cover_of(r);

	return url_cover_url(&cover, to, url);
}

bool redact_url(const struct redactor *r, struct text *to, struct str url)
{
	return redact_settle_text(r, to, url, redact_url_once);
}

bool redact_query_once(const struct redactor *r, struct text *to, struct str query)
{
	const struct url_cover cover = cover_of(r);

	return url_cover_query(&cover, to, query);
}

bool redact_query(const struct redactor *r, struct text *to, struct str query)
{
	return redact_settle_text(r, to, query, redact_query_once);
}

static bool is_version(struct str s)
{
	size_t n = 5;

	if (!str_istarts(s, STR("HTTP/")) || s.len > LONGEST_VERSION)
		return false;
	while (n < s.len && (s.p[n] == '.' || s.p[n] == '?' || (s.p[n] >= '0' && s.p[n] <= '9')))
		n++;
	return n == s.len;
}

/* Where the blank before the version of a request line is. A last word that is no version may be part of the target. */
static size_t target_end(struct str line)
{
	size_t n = line.len;

	while (n > 0 && line.p[n - 1] != ' ')
		n--;
	return n > 0 && is_version(str_from(line, n)) ? n - 1 : line.len;
}

/* One round over a start line. */
static bool put_start_line(const struct redactor *r, struct text *to, struct str line)
{
	size_t from = str_find(line, ' '), end = target_end(line);
	bool is_replaced;

	from += from < line.len;
	if (str_starts(line, STR("HTTP/")))
		from = line.len;
	if (from > end)
		end = line.len;
	text_put(to, str_first(line, from));
	is_replaced = redact_url_once(r, to, str_first(str_from(line, from), end - from));
	text_put(to, str_from(line, end));
	return is_replaced;
}

bool redact_start_line(const struct redactor *r, struct text *to, struct str line)
{
	return redact_settle_text(r, to, line, put_start_line);
}

/* "Bearer redacted-…"; what has no scheme is a secret as a whole. */
static bool put_authorization(const struct redactor *r, struct text *to, struct str value)
{
	size_t end = str_find(value, ' ');

	if (end == value.len || end > LONGEST_SCHEME || !str_is_token(str_first(value, end)))
		return redact_secret(r, to, value);
	while (end < value.len && value.p[end] == ' ')
		end++;
	text_put(to, str_first(value, end));
	return redact_secret(r, to, str_from(value, end));
}

/* "name=value", with blanks around; what has no name is a secret as a whole. */
static bool put_cookie(const struct redactor *r, struct text *to, struct str pair)
{
	struct str inner = str_trim(pair);
	size_t eq = str_find(inner, '=');
	size_t before = inner.len > 0 ? (size_t)(inner.p - pair.p) : pair.len;
	bool is_replaced;

	eq = eq < inner.len ? eq + 1 : 0;
	text_put(to, str_first(pair, before + eq));
	is_replaced = redact_secret(r, to, str_from(inner, eq));
	text_put(to, str_from(pair, before + inner.len));
	return is_replaced;
}

static bool put_cookies(const struct redactor *r, struct text *to, struct str value)
{
	bool is_replaced = false;

	for (;;) {
		size_t end = str_find(value, ';');

		is_replaced |= put_cookie(r, to, str_first(value, end));
		if (end == value.len)
			return is_replaced;
		text_byte(to, ';');
		value = str_from(value, end + 1);
	}
}

static bool put_set_cookie(const struct redactor *r, struct text *to, struct str value)
{
	size_t end = str_find(value, ';');
	bool is_replaced = put_cookie(r, to, str_first(value, end));

	text_put(to, str_from(value, end));
	return is_replaced;
}

/* `<URL>; rel=next, <URL>`: RFC 8288. */
static bool put_link(const struct redactor *r, struct text *to, struct str value)
{
	bool is_replaced = false;

	while (value.len > 0) {
		size_t from = str_find(value, '<');
		size_t end;

		from += from < value.len;
		end = from + str_find(str_from(value, from), '>');
		text_put(to, str_first(value, from));
		if (end > from)
			is_replaced |= redact_url(r, to, str_first(str_from(value, from), end - from));
		value = str_from(value, end);
	}
	return is_replaced;
}

/* `5; url=URL`, the URL perhaps in quotes. */
static bool put_refresh(const struct redactor *r, struct text *to, struct str value)
{
	size_t from = 0;

	while (from < value.len && value.p[from] != ';' && value.p[from] != ',')
		from++;
	while (from < value.len && !str_istarts(str_from(value, from), STR("url=")))
		from++;
	from = from < value.len ? from + 4 : 0;
	if (from < value.len && (value.p[from] == '"' || value.p[from] == '\''))
		from++;
	text_put(to, str_first(value, from));
	return redact_url(r, to, str_from(value, from));
}

struct field_rule {
	struct str name;
	bool (*put)(const struct redactor *r, struct text *to, struct str value);
};

/* Secrets whatever the settings name. */
static const struct field_rule secrets[] = {
	{{"Authorization", 13}, put_authorization},
	{{"Proxy-Authorization", 19}, put_authorization},
	{{"Cookie", 6}, put_cookies},
	{{"Set-Cookie", 10}, put_set_cookie},
};

static const struct field_rule urls[] = {
	{{":path", 5}, redact_url}, /* HTTP/2, in imported HAR files */
	{{"Location", 8}, redact_url},
	{{"Content-Location", 16}, redact_url},
	{{"Referer", 7}, redact_url},
	{{"Destination", 11}, redact_url},
	{{"Operation-Location", 18}, redact_url},
	{{"X-Original-URL", 14}, redact_url},
	{{"X-Rewrite-URL", 13}, redact_url},
	{{"X-Forwarded-Uri", 15}, redact_url},
	{{"Viaduct-Final-URL", 17}, redact_url},
	{{"Refresh", 7}, put_refresh},
	{{"Link", 4}, put_link},
	{{"Proxy-Status", 12}, redact_words},
};

static const struct field_rule *find_rule(const struct field_rule *rules, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++) {
		if (str_ieq(rules[i].name, name))
			return &rules[i];
	}
	return NULL;
}

bool redact_is_field(const struct redactor *r, struct str name)
{
	return name_set_has(&r->fields, name) || find_rule(secrets, sizeof(secrets) / sizeof(secrets[0]), name);
}

bool redact_field(const struct redactor *r, struct text *to, struct str name, struct str value)
{
	const struct field_rule *rule = find_rule(secrets, sizeof(secrets) / sizeof(secrets[0]), name);

	if (!rule && name_set_has(&r->fields, name))
		return redact_secret(r, to, value);
	if (!rule)
		rule = find_rule(urls, sizeof(urls) / sizeof(urls[0]), name);
	if (rule)
		return rule->put(r, to, value);
	if (str_find(value, '?') < value.len)
		return redact_words(r, to, value);
	text_put(to, value);
	return false;
}
