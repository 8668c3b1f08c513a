/* Cookies of HAR messages: what Cookie and Set-Cookie say (RFC 6265 sections 5.2 and 5.4). Not for what is made of it:
 * http/cookie.h. */
#include "store/har/har_part.h"

#include "http/date.h"
#include "store/har/har_put.h"
#include "store/json.h"

/* Takes what stands before the next semicolon away from the text, trimmed. */
static struct str next_part(struct str *rest)
{
	size_t end = str_find(*rest, ';');
	struct str part = str_trim(str_first(*rest, end));

	*rest = str_from(*rest, end < rest->len ? end + 1 : end);
	return part;
}

/* "name=value", both trimmed; without "=" the second is empty. */
static void split(struct str part, struct str *ret_name, struct str *ret_value)
{
	size_t equals = str_find(part, '=');

	*ret_name = str_trim(str_first(part, equals));
	*ret_value = equals < part.len ? str_trim(str_from(part, equals + 1)) : STR_NONE;
}

static void put_pair(struct text *t, struct str part)
{
	struct str name, value;

	split(part, &name, &value);
	har_put_str(t, "name", name);
	har_put_str(t, "value", value);
}

void har_put_request_cookies(struct har_out *x, const struct fields *f)
{
	json_key(x->t, "cookies");
	text_byte(x->t, '[');
	for (size_t i = 0; i < f->n; i++) {
		const struct field *c = &f->v[i];
		struct str rest = str_ieq(c->name, STR("Cookie")) ? har_shown_value(x, c) : STR_NONE;

		while (rest.len > 0) {
			struct str part = next_part(&rest);

			if (part.len == 0)
				continue;
			json_next(x->t);
			text_byte(x->t, '{');
			put_pair(x->t, part);
			text_byte(x->t, '}');
		}
	}
	text_byte(x->t, ']');
}

/* What a Set-Cookie line says; of an attribute that is said twice the last one counts (section 5.3). */
struct line {
	struct str path, domain, same_site; /* p NULL: not said */
	int64_t expires_s, now_s;
	bool has_expiry, has_max_age, is_secure, is_http_only;
};

/* Max-Age wins over Expires. */
static void take_expires(struct line *l, struct str value)
{
	if (!l->has_max_age && date_parse_cookie(value, &l->expires_s))
		l->has_expiry = true;
}

static void take_max_age(struct line *l, struct str value)
{
	bool is_negative = value.len > 1 && value.p[0] == '-';
	int64_t delta_s;

	if (!date_parse_delta(str_from(value, is_negative), &delta_s))
		return;
	l->has_expiry = l->has_max_age = true;
	l->expires_s = l->now_s + (is_negative ? 0 : delta_s);
}

static void take_attribute(struct line *l, struct str name, struct str value)
{
	if (str_ieq(name, STR("Path")))
		l->path = value;
	else if (str_ieq(name, STR("Domain")))
		l->domain = value;
	else if (str_ieq(name, STR("SameSite")))
		l->same_site = value;
	else if (str_ieq(name, STR("Expires")))
		take_expires(l, value);
	else if (str_ieq(name, STR("Max-Age")))
		take_max_age(l, value);
	l->is_secure |= str_ieq(name, STR("Secure"));
	l->is_http_only |= str_ieq(name, STR("HttpOnly"));
}

static void put_attribute(struct text *t, const char *key, struct str value)
{
	if (value.p)
		har_put_str(t, key, value);
}

static void put_set_cookie(struct text *t, struct str text, int64_t at_us)
{
	struct line l = {.now_s = at_us / 1000000};

	text_byte(t, '{');
	put_pair(t, next_part(&text));
	while (text.len > 0) {
		struct str name, value;

		split(next_part(&text), &name, &value);
		take_attribute(&l, name, value);
	}
	put_attribute(t, "path", l.path);
	put_attribute(t, "domain", l.domain);
	if (l.has_expiry)
		har_put_time(t, "expires", l.expires_s * 1000000);
	json_bool(t, "httpOnly", l.is_http_only);
	json_bool(t, "secure", l.is_secure);
	put_attribute(t, "sameSite", l.same_site);
	text_byte(t, '}');
}

void har_put_response_cookies(struct har_out *x, const struct fields *f, int64_t at_us)
{
	json_key(x->t, "cookies");
	text_byte(x->t, '[');
	for (size_t i = 0; i < f->n; i++) {
		const struct field *c = &f->v[i];

		if (!str_ieq(c->name, STR("Set-Cookie")))
			continue;
		json_next(x->t);
		put_set_cookie(x->t, har_shown_value(x, c), at_us);
	}
	text_byte(x->t, ']');
}
