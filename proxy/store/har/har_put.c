/* Values of HAR. How bytes that are no Unicode are written: HAR.md. */
#include "store/har/har_put.h"

#include "store/format.h"
#include "store/json.h"

/* A byte as the character of that number, in UTF-8. */
static void put_latin1(struct text *t, unsigned char c)
{
	const char two[] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};

	if (c == 0)
		text_put(t, STR("\xef\xbf\xbd"));
	else if (c < 0x80)
		text_byte(t, (char)c);
	else
		text_put(t, (struct str){two, sizeof(two)});
}

void har_put_text(struct text *t, struct str s)
{
	struct text latin1 = {NULL, 0, 0};

	if (is_plain_utf8(s)) {
		json_string(t, s);
		return;
	}
	for (size_t i = 0; i < s.len; i++)
		put_latin1(&latin1, (unsigned char)s.p[i]);
	json_string(t, text_str(&latin1));
	text_fini(&latin1);
}

void har_put_str(struct text *t, const char *key, struct str s)
{
	json_key(t, key);
	har_put_text(t, s);
}

void har_put_exact(struct text *t, const char *key, struct str s)
{
	static const char digits[] = "0123456789abcdef";

	har_put_str(t, key, s);
	if (is_plain_utf8(s))
		return;
	text_put(t, STR(",\"_"));
	text_put(t, str_of(key));
	text_put(t, STR("Hex\":\""));
	for (size_t i = 0; i < s.len; i++) {
		text_byte(t, digits[(unsigned char)s.p[i] >> 4]);
		text_byte(t, digits[(unsigned char)s.p[i] & 15]);
	}
	text_byte(t, '"');
}

void har_put_opt(struct text *t, const char *key, struct str s)
{
	if (s.len > 0)
		har_put_exact(t, key, s);
}

void har_put_ms(struct text *t, const char *key, int64_t us)
{
	char fraction[] = {'.', (char)('0' + us / 100 % 10), (char)('0' + us / 10 % 10), (char)('0' + us % 10)};
	size_t len = sizeof(fraction);

	json_key(t, key);
	if (us < 0) {
		text_put(t, STR("-1"));
		return;
	}
	text_i64(t, us / 1000);
	while (len > 1 && fraction[len - 1] == '0')
		len--;
	if (len > 1)
		text_put(t, (struct str){fraction, len});
}

void har_put_time(struct text *t, const char *key, int64_t us)
{
	json_key(t, key);
	text_byte(t, '"');
	format_time_utc(t, us);
	text_byte(t, '"');
}

void har_put_flag(struct text *t, const char *key, bool is_set)
{
	if (is_set)
		json_bool(t, key, true);
}

bool har_put_pair(void *owner, const struct form_pair *p)
{
	struct text *t = owner;

	json_next(t);
	text_byte(t, '{');
	har_put_str(t, "name", p->name);
	har_put_str(t, "value", p->value);
	text_byte(t, '}');
	return true;
}

void har_put_base64(struct text *t, struct str bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)bytes.p;
	char *to = text_room(t, bytes.len / 3 * 4 + 4);
	size_t n = bytes.len;

	for (; n >= 3; n -= 3, p += 3) {
		*to++ = digits[p[0] >> 2];
		*to++ = digits[(p[0] & 3) << 4 | p[1] >> 4];
		*to++ = digits[(p[1] & 15) << 2 | p[2] >> 6];
		*to++ = digits[p[2] & 63];
	}
	if (n > 0) {
		*to++ = digits[p[0] >> 2];
		*to++ = digits[(p[0] & 3) << 4 | (n > 1 ? p[1] >> 4 : 0)];
		*to++ = n > 1 ? digits[(p[1] & 15) << 2] : '=';
		*to++ = '=';
	}
	t->len = (size_t)(to - t->p);
}
