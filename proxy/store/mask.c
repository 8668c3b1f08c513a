/* Masks secrets in URLs. Not for the flow database, which keeps what was sent. */
#include "store/mask.h"

static const char *const secret_names[] = {"access_token", "api_key", "apikey", "auth", "client_secret", "code", "id_token",
	"key", "passwd", "password", "pwd", "refresh_token", "secret", "sig", "signature", "token", "x-amz-credential",
	"x-amz-security-token", "x-amz-signature", "x-goog-signature"};

static bool is_secret(struct str name)
{
	for (size_t i = 0; i < sizeof(secret_names) / sizeof(secret_names[0]); i++) {
		if (str_ieq(name, str_of(secret_names[i])))
			return true;
	}
	return false;
}

/* Index of the first of two bytes in s, or s.len. */
static size_t find_either(struct str s, char a, char b)
{
	size_t i = 0;

	while (i < s.len && s.p[i] != a && s.p[i] != b)
		i++;
	return i;
}

/* Scheme and authority: puts them without userinfo; returns the rest. */
static struct str put_authority(struct text *t, struct str url)
{
	size_t colon = str_find(url, ':');
	size_t from = 0, end, at;

	if (str_starts(str_from(url, colon), STR("://")))
		from = colon + 3;
	end = from + find_either(str_from(url, from), '/', '?');
	for (at = end; at > from && url.p[at - 1] != '@'; at--)
		continue;
	text_put(t, str_first(url, from));
	if (at > from)
		text_put(t, STR("***@"));
	text_put(t, (struct str){url.p + at, end - at});
	return str_from(url, end);
}

/* One "name=value" of a query. */
static void put_parameter(struct text *t, struct str parameter)
{
	size_t eq = str_find(parameter, '=');

	if (eq < parameter.len && is_secret(str_first(parameter, eq))) {
		text_put(t, str_first(parameter, eq + 1));
		text_put(t, STR("***"));
	} else {
		text_put(t, parameter);
	}
}

void mask_url(struct text *t, struct str url)
{
	struct str rest = url.len > 0 ? put_authority(t, url) : url;
	size_t mark = str_find(rest, '?');

	if (rest.len == 0)
		return;
	text_put(t, str_first(rest, mark));
	if (mark == rest.len)
		return;
	text_byte(t, '?');
	rest = str_from(rest, mark + 1);
	for (;;) {
		size_t end = find_either(rest, '&', '#');

		put_parameter(t, str_first(rest, end));
		if (end == rest.len)
			return;
		text_byte(t, rest.p[end]);
		rest = str_from(rest, end + 1);
	}
}
