/* Secrets in imported HAR entries. An entry says most things several times: fields, cookies and parameters apart, URLs, bodies;
 * and browsers add members of their own. So all of it is walked through: pairs of name and value by what list they stand in,
 * all other strings by their look. */
#include "store/har_json.h"

#include <string.h>

enum { DEPTH_MAX = 40 };

/* What a list of {name, value} holds. */
enum pairs { PAIRS_NONE, PAIRS_FIELDS, PAIRS_COOKIES, PAIRS_QUERY };

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

/* "name=value" as redact reads it; of the result, what stands behind the first "=". */
static bool hide_assigned(const struct redactor *r, struct text *to, enum pairs kind, struct str name, struct str value)
{
	struct text line = {NULL, 0, 0};
	bool is_hidden;
	size_t equals;

	/* What would divide the pair is not part of any name that is covered. */
	text_put(&line, str_first(name, str_find(name, '=')));
	text_byte(&line, '=');
	for (size_t i = 0; i < value.len; i++) {
		bool divides = value.p[i] == '&' || value.p[i] == ';' || value.p[i] == '#';

		text_byte(&line, divides ? '_' : value.p[i]);
	}
	is_hidden = kind == PAIRS_COOKIES ? redact_field(r, to, STR("Cookie"), text_str(&line))
					  : redact_query(r, to, text_str(&line));
	equals = str_find(text_str(to), '=');
	text_drop(to, equals < to->len ? equals + 1 : to->len);
	text_fini(&line);
	return is_hidden;
}

static void hide_pair(const struct redactor *r, json_t *pair, enum pairs kind)
{
	struct str name = har_json_str(json_object_get(pair, "name")), value = har_json_str(json_object_get(pair, "value"));
	struct text clean = {NULL, 0, 0};
	bool is_hidden;

	if (kind == PAIRS_FIELDS)
		is_hidden = redact_field(r, &clean, name, value);
	else
		is_hidden = hide_assigned(r, &clean, kind, name, value);
	if (is_hidden) {
		har_json_set(pair, "value", text_str(&clean));
		(void)json_object_del(pair, "_valueHex");
	}
	text_fini(&clean);
}

static void hide_pairs(const struct redactor *r, json_t *list, enum pairs kind)
{
	json_t *pair;
	size_t i;

	json_array_foreach(list, i, pair)
	{
		if (json_is_object(pair))
			hide_pair(r, pair, kind);
	}
}

/* True if the string begins as a URL, or a start line with one. */
static bool holds_url(struct str s)
{
	size_t colon = str_find(s, ':'), question = str_find(s, '?');

	return question < s.len || (colon < s.len && str_starts(str_from(s, colon), STR("://")));
}

static bool is_json(struct str s)
{
	s = str_trim(s);
	return s.len > 1 && (s.p[0] == '{' || s.p[0] == '[');
}

/* A string by its look. True if it was replaced: the text is what to put there. */
static bool hide_string(const struct redactor *r, struct text *to, const char *key, struct str s)
{
	if (strcmp(key, "line") == 0 || strcmp(key, "_line") == 0)
		return redact_start_line(r, to, s);
	if (is_json(s))
		return redact_body(r, to, STR("application/json"), STR_NONE, s) == REDACT_REPLACED;
	return holds_url(s) && redact_url(r, to, s);
}

static void hide_value(const struct redactor *r, json_t *object, const char *key, json_t *value, int depth);

/* The texts of bodies are of their type. */
static void hide_text(const struct redactor *r, json_t *holder)
{
	struct str text = har_json_str(json_object_get(holder, "text")),
		   type = har_json_str(json_object_get(holder, "mimeType"));
	bool is_base64 = json_object_get(holder, "encoding") || json_object_get(holder, "_encoding");
	struct text clean = {NULL, 0, 0};
	enum redact_end end = REDACT_NOTHING;

	if (text.len > 0 && redact_covers(type))
		end = is_base64 ? REDACT_BLIND : redact_body(r, &clean, type, STR_NONE, text);
	if (end == REDACT_REPLACED)
		har_json_set(holder, "text", text_str(&clean));
	if (end == REDACT_BLIND) {
		(void)json_object_del(holder, "text");
		har_json_set(holder, "_cut", STR("redacted"));
	}
	text_fini(&clean);
}

static void hide_object(const struct redactor *r, json_t *object, int depth)
{
	bool is_body = json_object_get(object, "mimeType") && json_object_get(object, "text");
	const char *key;
	json_t *value;
	void *next;

	if (is_body)
		hide_text(r, object);
	json_object_foreach_safe(object, next, key, value)
	{
		if (!is_body || strcmp(key, "text") != 0)
			hide_value(r, object, key, value, depth);
	}
}

static void hide_member(const struct redactor *r, json_t *object, const char *key, struct str s)
{
	struct text clean = {NULL, 0, 0};

	if (hide_string(r, &clean, key, s))
		har_json_set(object, key, text_str(&clean));
	text_fini(&clean);
}

static void hide_list(const struct redactor *r, json_t *list, int depth)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (json_is_object(item) && depth < DEPTH_MAX)
			hide_object(r, item, depth + 1);
	}
}

static void hide_value(const struct redactor *r, json_t *object, const char *key, json_t *value, int depth)
{
	enum pairs pairs = pairs_of(key);

	if (json_is_string(value))
		hide_member(r, object, key, har_json_str(value));
	else if (json_is_array(value) && pairs != PAIRS_NONE)
		hide_pairs(r, value, pairs);
	else if (json_is_array(value))
		hide_list(r, value, depth);
	else if (json_is_object(value) && depth < DEPTH_MAX)
		hide_object(r, value, depth + 1);
}

void har_hide(const struct redactor *r, json_t *entry)
{
	hide_object(r, entry, 0);
}
