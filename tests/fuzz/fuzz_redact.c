/* Redaction of hostile heads and bodies: what is replaced once stays as it is when it is replaced again; a body that is not
 * replaced leaves nothing behind; JSON stays JSON, of which only the values of covered members differ. The first byte says
 * what the rest is. */
#include "store/redact/redact.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
} texts[] = {{'u', redact_url}, {'q', redact_query}, {'l', redact_start_line}};

static void check_text(size_t i, struct str s)
{
	struct text once = {NULL, 0, 0}, twice = {NULL, 0, 0};

	if (!texts[i].redact(redactor(), &once, s))
		require(str_eq(text_str(&once), s));
	texts[i].redact(redactor(), &twice, text_str(&once));
	require(str_eq(text_str(&once), text_str(&twice)));
	text_fini(&once);
	text_fini(&twice);
}

static void check_field(struct str s)
{
	size_t colon = str_find(s, ':');
	struct text once = {NULL, 0, 0}, twice = {NULL, 0, 0};

	text_put(&once, str_first(s, colon + (colon < s.len)));
	field(redactor(), &once, s);
	text_put(&twice, str_first(s, colon + (colon < s.len)));
	field(redactor(), &twice, text_str(&once));
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
		require(redact_body(redactor(), &twice, type, STR_NONE, text_str(&once)) != REDACT_REPLACED);
	if (str_eq(type, STR("application/json")) && codings.len == 0 && end != REDACT_BLIND)
		check_json(body, end == REDACT_REPLACED ? text_str(&once) : body);
	text_fini(&once);
	text_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct str s = {(const char *)bytes + 1, size - 1};

	if (size == 0)
		return 0;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (bytes[0] == (unsigned char)texts[i].sign)
			check_text(i, s);
	}
	if (bytes[0] == 'f')
		check_field(s);
	else if (bytes[0] == 'j')
		check_body(STR("application/json"), STR_NONE, s);
	else if (bytes[0] == 't')
		check_body(STR("text/plain"), STR_NONE, s);
	else if (bytes[0] == 'g')
		check_body(STR("application/json"), STR("gzip"), s);
	else if (bytes[0] == 'm')
		check_body(STR("multipart/form-data; boundary=B"), STR_NONE, s);
	return 0;
}
