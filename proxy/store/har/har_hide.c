/* Secrets in imported HAR entries, and in what files said beside them. An entry says most things several times: fields, cookies
 * and parameters apart, URLs, bodies; and other programs add members of their own. So all of it is walked through: what has a
 * name by that name, all other strings by their look. HAR.md says what is seen of it, and what is not. */
#include "store/har/har_hide.h"

#include "store/har/har_body.h"
#include "store/har/har_json.h"
#include "store/har/har_put.h"
#include "store/redact/redact_part.h"

#include <string.h>

enum { DEPTH_MAX = 40 };

/* What a list of names and values holds. */
enum pairs { PAIRS_NONE, PAIRS_FIELDS, PAIRS_COOKIES, PAIRS_QUERY };

/* Where in the entry one is. */
struct place {
	const struct redactor *redactor;
	struct str type; /* Content-Type of the message around it; may be empty */
	int depth;
};

static enum pairs pairs_of(const char *key)
{
	static const struct {
		const char *key;
		enum pairs pairs;
	} rows[] = {
		{"headers", PAIRS_FIELDS},
		{"trailers", PAIRS_FIELDS},
		{"_trailers", PAIRS_FIELDS},
		{"cookies", PAIRS_COOKIES},
		{"queryString", PAIRS_QUERY},
		{"params", PAIRS_QUERY},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(key, rows[i].key) == 0)
			return rows[i].pairs;
	}
	return PAIRS_NONE;
}

static bool is_covered(const struct redactor *r, enum pairs kind, struct str name)
{
	switch (kind) {
	case PAIRS_FIELDS:
		return redact_is_field(r, name);
	case PAIRS_COOKIES:
		return true;
	case PAIRS_QUERY:
		return redact_is_parameter(r, name);
	default:
		return redact_is_field(r, name) || redact_is_parameter(r, name) || name_set_has(&r->json, name);
	}
}

/* The text as a string, which is given up; NULL if nothing was replaced in it. */
static json_t *take_text(struct text *t, bool is_replaced)
{
	json_t *s = is_replaced ? json_stringn(t->len > 0 ? t->p : "", t->len) : NULL;

	text_fini(t);
	return s || !is_replaced ? s : json_null();
}

/* What stands for a value that is a secret as a whole; NULL: it says nothing, or was replaced before. */
static json_t *hide_whole(const struct redactor *r, const json_t *value)
{
	struct text dumped = {NULL, 0, 0}, shown = {NULL, 0, 0};
	struct str s = har_json_str(value);
	bool is_new;

	if (json_is_boolean(value) || json_is_null(value))
		return NULL;
	if (!json_is_string(value)) {
		har_json_put(&dumped, value);
		s = text_str(&dumped);
	}
	is_new = redact_secret(r, &shown, s);
	text_fini(&dumped);
	return take_text(&shown, is_new);
}

/* The same for the value of a name that is covered. */
static json_t *hide_covered(const struct redactor *r, enum pairs kind, struct str name, const json_t *value)
{
	struct text shown = {NULL, 0, 0};
	bool is_new;

	if (!json_is_string(value) || kind == PAIRS_COOKIES)
		return hide_whole(r, value);
	if (kind == PAIRS_QUERY)
		is_new = redact_encoded(r, &shown, har_json_str(value));
	else if (redact_is_field(r, name))
		is_new = redact_field(r, &shown, name, har_json_str(value));
	else
		return hide_whole(r, value);
	return take_text(&shown, is_new);
}

/* True if the string is a URL from its beginning on. */
static bool is_url(struct str s)
{
	size_t n = 0;

	while (n < s.len && str_is_token((struct str){s.p + n, 1}))
		n++;
	return n > 0 && str_starts(str_from(s, n), STR("://"));
}

static bool may_be_json(struct str s)
{
	s = str_trim(s);
	return s.len > 1 && (s.p[0] == '{' || s.p[0] == '[');
}

/* A string by its look; NULL: it may stay. */
static json_t *hide_string(const struct redactor *r, const char *key, const json_t *value)
{
	struct text shown = {NULL, 0, 0};
	struct str s = har_json_str(value);
	enum redact_end end = REDACT_NOTHING;

	if (strcmp(key, "line") == 0 || strcmp(key, "_line") == 0)
		return take_text(&shown, redact_start_line(r, &shown, s));
	if (may_be_json(s))
		end = redact_body(r, &shown, STR("text/plain"), STR_NONE, s);
	if (end == REDACT_REPLACED)
		return take_text(&shown, true);
	text_clear(&shown);
	if (end == REDACT_BLIND) {
		text_fini(&shown);
		return hide_whole(r, value);
	}
	return take_text(&shown, is_url(s) ? redact_url(r, &shown, s) : redact_words(r, &shown, s));
}

static void hide_object(const struct place *p, const char *key, json_t *object, enum pairs kind);
static void hide_list(const struct place *p, const char *key, json_t *list, enum pairs kind, bool is_row);

/* What is to stand in place of a value that has no name of a secret; NULL: the value, in which secrets were replaced. */
static json_t *hide_value(const struct place *p, const char *key, json_t *value, enum pairs kind)
{
	struct place inner = *p;

	if (json_is_string(value))
		return hide_string(p->redactor, key, value);
	if (!json_is_object(value) && !json_is_array(value))
		return NULL;
	if (++inner.depth > DEPTH_MAX)
		return json_null();
	if (json_is_object(value))
		hide_object(&inner, key, value, kind);
	else
		hide_list(&inner, key, value, kind, false);
	return NULL;
}

/* Sets a member that is there. The exact bytes beside a string are gone with it (HAR.md). */
static void replace(json_t *object, const char *key, json_t *instead)
{
	struct text hex = {NULL, 0, 0};

	if (!instead)
		return;
	(void)json_object_set_new(object, key, instead);
	text_printf(&hex, "_%sHex", key);
	text_byte(&hex, '\0');
	if (json_object_get(object, hex.p))
		(void)json_object_set_new(object, hex.p, json_null());
	text_fini(&hex);
}

/* Members of a pair that tell nothing of its value. */
static bool is_attribute(const char *key)
{
	static const char *const keys[] = {
		"name", "path", "domain", "expires", "httpOnly", "secure", "sameSite", "comment", "fileName", "contentType"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (str_ieq(str_of(key), str_of(keys[i])))
			return true;
	}
	return false;
}

/* The value of a name that is not covered: of a field it may be a URL. */
static json_t *hide_plain(const struct place *p, enum pairs kind, struct str name, const char *key, json_t *value)
{
	struct text shown = {NULL, 0, 0};

	if (kind == PAIRS_FIELDS && json_is_string(value) && redact_field(p->redactor, &shown, name, har_json_str(value)))
		return take_text(&shown, true);
	text_fini(&shown);
	return hide_value(p, key, value, PAIRS_NONE);
}

/* {"name": …, "value": …}. Other members of one whose value is a secret may tell it, too. */
static void hide_pair(const struct place *p, json_t *pair, enum pairs kind, struct str name)
{
	bool is_secret = is_covered(p->redactor, kind, name);
	const char *key;
	json_t *value;

	json_object_foreach(pair, key, value)
	{
		json_t *instead;

		if (str_ieq(str_of(key), STR("name")))
			continue;
		if (!is_secret || is_attribute(key))
			instead = hide_plain(p, kind, name, key, value);
		else if (str_ieq(str_of(key), STR("value")))
			instead = hide_covered(p->redactor, kind, name, value);
		else
			instead = hide_whole(p->redactor, value);
		replace(pair, key, instead);
	}
}

/* The name of a pair, as it stands there; p NULL: it is none. */
static struct str pair_name(const json_t *object)
{
	struct str name = STR_NONE;
	bool has_value = false;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		if (str_ieq(str_of(key), STR("name")) && json_is_string(value))
			name = har_json_str(value);
		has_value |= str_ieq(str_of(key), STR("value"));
	}
	return has_value ? name : STR_NONE;
}

/* What the first field of that kind says. */
static struct str type_of(const json_t *message)
{
	const json_t *pair;
	size_t i;

	json_array_foreach(json_object_get(message, "headers"), i, pair)
	{
		if (str_ieq(har_json_str(json_object_get(pair, "name")), STR("Content-Type")))
			return har_json_str(json_object_get(pair, "value"));
	}
	return STR_NONE;
}

static bool holds_body(const char *key, const json_t *object)
{
	bool is_known = strcmp(key, "postData") == 0 || strcmp(key, "content") == 0 || json_object_get(object, "mimeType");

	return is_known && json_is_string(json_object_get(object, "text"));
}

/* The text of a body in place of the one that is there. */
static void set_text(json_t *holder, struct str clean, bool is_base64)
{
	struct text coded = {NULL, 0, 0};

	if (is_base64)
		har_put_base64(&coded, clean);
	har_json_set(holder, "text", is_base64 ? text_str(&coded) : clean);
	text_fini(&coded);
}

/* By the type that the fields tell, and by the holder's own. A text is in UTF-8, whatever character set they name. */
static enum redact_end redact_text(const struct place *p, struct text *clean, struct str own, struct str text)
{
	struct field field = {STR("Content-Type"), p->type};
	const struct fields fields = {&field, p->type.len > 0 ? 1 : 0, 1};
	const struct redact_types types = {&fields, own};

	return redact_typed_body(p->redactor, clean, &types, STR_NONE, text);
}

static void hide_text(const struct place *p, json_t *holder)
{
	struct str own = har_json_str(json_object_get(holder, "mimeType"));
	bool is_base64 = har_json_is_base64(holder);
	struct text bytes = {NULL, 0, 0}, clean = {NULL, 0, 0};
	enum redact_end end = redact_covers(own) || redact_covers(p->type) ? REDACT_BLIND : REDACT_NOTHING;

	text_put(&bytes, har_json_str(json_object_get(holder, "text")));
	if (!is_base64 || har_unbase64(&bytes))
		end = redact_text(p, &clean, own, text_str(&bytes));
	if (end == REDACT_REPLACED)
		set_text(holder, text_str(&clean), is_base64);
	if (end == REDACT_BLIND) {
		(void)json_object_del(holder, "text");
		har_json_set(holder, "_cut", STR("redacted"));
	}
	text_fini(&bytes);
	text_fini(&clean);
}

static void hide_members(const struct place *p, json_t *object, enum pairs kind, bool is_body)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		struct str name = str_of(key);

		if (is_body && strcmp(key, "text") == 0)
			continue;
		if (pairs_of(key) == PAIRS_NONE && is_covered(p->redactor, kind, name))
			replace(object, key, hide_covered(p->redactor, kind, name, value));
		else
			replace(object, key, hide_value(p, key, value, pairs_of(key)));
	}
}

static void hide_object(const struct place *p, const char *key, json_t *object, enum pairs kind)
{
	struct place inner = *p;
	struct str name = pair_name(object), type = type_of(object);
	bool is_body = holds_body(key, object);

	if (type.len > 0)
		inner.type = type;
	if (is_body)
		hide_text(&inner, object);
	if (name.p)
		hide_pair(&inner, object, kind, name);
	else
		hide_members(&inner, object, kind, is_body);
}

/* is_row: ["name", value, …] in a list of such. */
static void hide_list(const struct place *p, const char *key, json_t *list, enum pairs kind, bool is_row)
{
	const struct place inner = {p->redactor, p->type, p->depth + 1};
	struct str name = is_row ? har_json_str(json_array_get(list, 0)) : STR_NONE;
	bool is_secret = name.len > 0 && is_covered(p->redactor, kind, name);
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		json_t *instead = NULL;

		if (is_secret && i > 0)
			instead = hide_covered(p->redactor, kind, name, item);
		else if (json_is_array(item) && inner.depth <= DEPTH_MAX)
			hide_list(&inner, key, item, kind, true);
		else if (kind == PAIRS_COOKIES && !is_row && !json_is_object(item))
			instead = hide_whole(p->redactor, item);
		else
			instead = hide_value(p, key, item, kind);
		if (instead)
			(void)json_array_set_new(list, i, instead);
	}
}

void har_hide(const struct redactor *r, json_t *entry)
{
	hide_object(&(struct place){r, STR_NONE, 0}, "", entry, PAIRS_NONE);
}

void har_hide_log(const struct redactor *r, struct text *to, struct str log)
{
	json_t *loaded = har_json_load(log);

	if (json_is_object(loaded)) {
		har_hide(r, loaded);
		har_json_put(to, loaded);
	}
	json_decref(loaded);
}
