/* See token.h. */
#include "admin/token.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

bool token_make(char ret[TOKEN_TEXT_BYTES])
{
	unsigned char bits[TOKEN_BITS / 8];
	ssize_t n;

	do
		n = getrandom(bits, sizeof(bits), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(bits))
		return false;
	for (size_t i = 0; i < sizeof(bits); i++)
		snprintf(ret + 2 * i, 3, "%02x", bits[i]);
	return true;
}

bool token_is(const char *token, struct str text)
{
	struct str right = str_of(token);
	volatile unsigned char difference = 0; /* so that no compiler leaves the loop at the first one */

	/* The length is no secret. */
	if (text.len != right.len || right.len == 0)
		return false;
	for (size_t i = 0; i < right.len; i++)
		difference = (unsigned char)(difference | (text.p[i] ^ right.p[i]));
	return difference == 0;
}

/* Takes what is in front of the separator, trimmed; false when nothing is left. */
static bool take(struct str *rest, char separator, struct str *ret)
{
	size_t n = str_find(*rest, separator);

	if (rest->len == 0)
		return false;
	*ret = str_trim(str_first(*rest, n));
	*rest = str_from(*rest, n < rest->len ? n + 1 : n);
	return true;
}

/* One Cookie field (RFC 6265 section 5.4). A browser sends cookies of all ports of a host, so there may be several of ours. */
static bool is_in_cookies(const char *token, struct str cookies)
{
	const struct str name = STR(TOKEN_COOKIE "=");
	struct str cookie;

	while (take(&cookies, ';', &cookie)) {
		if (str_starts(cookie, name) && token_is(token, str_from(cookie, name.len)))
			return true;
	}
	return false;
}

static bool is_in_bearer(const char *token, struct str value)
{
	const struct str scheme = STR("Bearer ");

	return str_istarts(value, scheme) && token_is(token, str_trim(str_from(value, scheme.len)));
}

bool token_is_bearer(const char *token, const struct fields *f)
{
	for (size_t i = 0; i < f->n; i++) {
		if (str_ieq(f->v[i].name, STR("Authorization")) && is_in_bearer(token, f->v[i].value))
			return true;
	}
	return false;
}

bool token_is_in_fields(const char *token, const struct fields *f)
{
	for (size_t i = 0; i < f->n; i++) {
		if (str_ieq(f->v[i].name, STR("Cookie")) && is_in_cookies(token, f->v[i].value))
			return true;
	}
	return token_is_bearer(token, f);
}

struct str token_of_query(struct str query)
{
	const struct str name = STR("token=");
	struct str item;

	while (take(&query, '&', &item)) {
		if (str_starts(item, name))
			return str_from(item, name.len);
	}
	return STR_NONE;
}
