/* Redaction of hostile heads and bodies: what is replaced once stays as it is when it is replaced again; a secret is not seen
 * afterwards, whatever stands around it; a body that is not replaced leaves nothing behind; JSON stays JSON, of which only the
 * values of covered members differ. The first byte says what the rest is. */
#include "store/redact/redact.h"
#include "store/redact/url_cover.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECRET "s3cr3tW0rd"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* One redactor for all runs, with a key of its own that is gone at once. */
static const struct redactor *redactor(void)
{
	static char *names[] = {(char *)"password", (char *)"token"};
	static const struct text_list list = {names, 2};
	static struct redactor *r;
	char folder[] = "/tmp/viaduct-fuzz-XXXXXX", path[64], why[512];
	const struct redact_options o = {folder, &list, &list, &list};

	if (r)
		return r;
	require(mkdtemp(folder) != NULL);
	r = redactor_new(&o, why, sizeof(why));
	require(r != NULL);
	snprintf(path, sizeof(path), "%s/redact.key", folder);
	unlink(path);
	rmdir(folder);
	return r;
}

static bool field(const struct redactor *r, struct text *to, struct str s)
{
	size_t colon = str_find(s, ':');

	return redact_field(r, to, str_first(s, colon), str_from(s, colon + (colon < s.len)));
}

static const struct {
	char sign;
	bool (*redact)(const struct redactor *r, struct text *to, struct str s);
} texts[] = {{'u', redact_url}, {'q', redact_query}, {'l', redact_start_line}, {'w', redact_words}};

static bool holds_secret(struct str s)
{
	return s.len > 0 && memmem(s.p, s.len, SECRET, strlen(SECRET));
}

/* Whether it stands there, percent-encoded a few times at most. */
static bool hides_secret(struct str s)
{
	enum { TIMES = 8 };
	struct text plain = {NULL, 0, 0}, now = {NULL, 0, 0};
	bool hides = holds_secret(s);

	text_put(&now, s);
	for (int i = 0; !hides && i < TIMES; i++) {
		text_clear(&plain);
		url_cover_decode(&plain, text_str(&now));
		hides = holds_secret(text_str(&plain));
		text_clear(&now);
		text_put(&now, text_str(&plain));
	}
	text_fini(&plain);
	text_fini(&now);
	return hides;
}

static void check_text(size_t i, struct str s)
{
	struct text once = {NULL, 0, 0}, twice = {NULL, 0, 0};

	if (!texts[i].redact(redactor(), &once, s))
		require(str_eq(text_str(&once), s));
	require(!texts[i].redact(redactor(), &twice, text_str(&once)));
	require(str_eq(text_str(&once), text_str(&twice)));
	text_fini(&once);
	text_fini(&twice);
}

/* Where a secret may stand, in the midst of what the fuzzer makes. */
static const struct {
	char sign;                     /* of texts */
	const char *before, *at, *not; /* which bytes would make it another place */
	bool is_coded;                 /* what stands behind before is percent-encoded */
} places[] = {
	{'u', "", "&token=", "", false},
	{'u', "/?a=", "&token=", "", true},
	{'u', "http://", "", "/?#", false},
	{'u', "/?a=http://x:", "", "/?#&", false},
	{'u', "/a/http://x:", "", "/?#", false},
	{'u', "/a;b=", "&token=", "", true},
	{'u', "/?a=", "http://u:", "", true},
	{'q', "", "&token=", "", false},
	{'q', "a=", "&token=", "", true},
	{'l', "GET ", "&token=", "", false},
	{'w', "", "&token=", "", false},
	{'w', "http://x;a=", "&token=", "", true},
	{'w', "see x://", "", "/?# \"<>\r\n\t", false},
};

static void put_coded(struct text *t, struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		text_printf(t, "%%%02x", (unsigned char)s.p[i]);
}

/* A text with a secret in such a place, between the parts of s. False: it would be another place. */
static bool place_secret(struct text *ret, size_t place, struct str s)
{
	struct str start = str_first(s, str_find(s, '|')), rest = str_from(s, start.len + (start.len < s.len));
	struct text behind = {NULL, 0, 0};
	bool is_user = places[place].at[0] != '&';

	for (size_t i = 0; i < start.len; i++) {
		if ((unsigned char)start.p[i] <= ' ' && places[place].sign == 'w' && is_user)
			return false;
		if (start.p[i] != '\0' && strchr(places[place].not, start.p[i]))
			return false;
	}
	text_put(ret, str_of(places[place].before));
	text_put(&behind, start);
	text_put(&behind, str_of(places[place].at));
	text_put(&behind, STR(SECRET));
	if (is_user)
		text_byte(&behind, '@');
	text_put(&behind, rest);
	if (places[place].is_coded)
		put_coded(ret, text_str(&behind));
	else
		text_put(ret, text_str(&behind));
	text_fini(&behind);
	return true;
}

static void check_places(size_t i, struct str s)
{
	for (size_t place = 0; place < sizeof(places) / sizeof(places[0]); place++) {
		struct text with = {NULL, 0, 0}, shown = {NULL, 0, 0};

		if (places[place].sign == texts[i].sign && place_secret(&with, place, s)) {
			require(texts[i].redact(redactor(), &shown, text_str(&with)));
			require(!hides_secret(text_str(&shown)));
			check_text(i, text_str(&with));
		}
		text_fini(&with);
		text_fini(&shown);
	}
}

static void check_field(struct str s)
{
	size_t colon = str_find(s, ':');
	struct text once = {NULL, 0, 0}, twice = {NULL, 0, 0};

	text_put(&once, str_first(s, colon + (colon < s.len)));
	field(redactor(), &once, s);
	text_put(&twice, str_first(s, colon + (colon < s.len)));
	require(!field(redactor(), &twice, text_str(&once)));
	require(str_eq(text_str(&once), text_str(&twice)));
	text_fini(&once);
	text_fini(&twice);
}

static bool is_hash(const char *s, size_t len)
{
	return len == 21 && memcmp(s, "redacted-", 9) == 0;
}

/* A value inside a covered member. */
static void check_hidden(const json_t *value)
{
	const char *key;
	const json_t *item;
	size_t i;

	if (json_is_string(value)) {
		require(json_string_length(value) == 0 || is_hash(json_string_value(value), json_string_length(value)));
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, item) check_hidden(item);
	} else if (json_is_object(value)) {
		json_object_foreach((json_t *)value, key, item) check_hidden(item);
	} else {
		require(json_is_null(value));
	}
}

static void check_same(const json_t *before, const json_t *after);

static void check_members(const json_t *before, const json_t *after)
{
	const char *key;
	const json_t *value;

	require(json_object_size(before) == json_object_size(after));
	json_object_foreach((json_t *)before, key, value)
	{
		const json_t *now = json_object_get(after, key);

		require(now != NULL);
		if (strcasecmp(key, "password") == 0 || strcasecmp(key, "token") == 0)
			check_hidden(now);
		else
			check_same(value, now);
	}
}

static void check_same(const json_t *before, const json_t *after)
{
	if (json_is_object(before)) {
		require(json_is_object(after));
		check_members(before, after);
	} else if (json_is_array(before)) {
		require(json_array_size(before) == json_array_size(after));
		for (size_t i = 0; i < json_array_size(before); i++)
			check_same(json_array_get(before, i), json_array_get(after, i));
	} else {
		require(json_equal(before, after));
	}
}

/* What a strict parser sees of JSON before and after. */
static void check_json(struct str before, struct str after)
{
	json_t *old = json_loadb(before.p ? before.p : "", before.len, JSON_DECODE_ANY, NULL);
	json_t *new = old ? json_loadb(after.p ? after.p : "", after.len, JSON_DECODE_ANY, NULL) : NULL;

	if (old) {
		require(new != NULL);
		check_same(old, new);
	}
	json_decref(old);
	json_decref(new);
}

static void check_body(struct str type, struct str codings, struct str body)
{
	struct text once = {NULL, 0, 0}, twice = {NULL, 0, 0};
	enum redact_end end = redact_body(redactor(), &once, type, codings, body);

	require(end == REDACT_REPLACED || once.len == 0);
	if (end == REDACT_REPLACED)
		require(redact_body(redactor(), &twice, type, STR_NONE, text_str(&once)) == REDACT_NOTHING);
	if (str_eq(type, STR("application/json")) && codings.len == 0 && end != REDACT_BLIND)
		check_json(body, end == REDACT_REPLACED ? text_str(&once) : body);
	text_fini(&once);
	text_fini(&twice);
}

/* Several types, each of which is believed. */
static void check_types(struct str body)
{
	static const struct field lines[] = {{{"Content-Type", 12}, {"application/json", 16}},
		{{"Content-Type", 12}, {"application/x-www-form-urlencoded", 33}},
		{{"Content-Type", 12}, {"text/event-stream", 17}}};
	const struct fields fields = {(struct field *)lines, 3, 3};
	const struct redact_types types = {&fields, STR("multipart/form-data; boundary=B")};
	struct text once = {NULL, 0, 0}, twice = {NULL, 0, 0};

	if (redact_typed_body(redactor(), &once, &types, STR_NONE, body) == REDACT_REPLACED)
		require(redact_typed_body(redactor(), &twice, &types, STR_NONE, text_str(&once)) == REDACT_NOTHING);
	else
		require(once.len == 0);
	require(twice.len == 0);
	text_fini(&once);
	text_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct str s = {(const char *)bytes + 1, size - 1};

	if (size == 0)
		return 0;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (bytes[0] != (unsigned char)texts[i].sign)
			continue;
		check_text(i, s);
		if (!hides_secret(s))
			check_places(i, s);
	}
	if (bytes[0] == 'f')
		check_field(s);
	else if (bytes[0] == 'j')
		check_body(STR("application/json"), STR_NONE, s);
	else if (bytes[0] == 't')
		check_body(STR("text/plain"), STR_NONE, s);
	else if (bytes[0] == 'x')
		check_body(STR("application/x-www-form-urlencoded"), STR_NONE, s);
	else if (bytes[0] == 'e')
		check_body(STR("text/event-stream"), STR_NONE, s);
	else if (bytes[0] == 'a')
		check_types(s);
	else if (bytes[0] == 'g')
		check_body(STR("application/json"), STR("gzip"), s);
	else if (bytes[0] == 'm')
		check_body(STR("multipart/form-data; boundary=B"), STR_NONE, s);
	return 0;
}
