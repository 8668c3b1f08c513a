/* Stored heads back to fields (jansson). Not for writing them: json.c. */
#include "store/heads.h"

#include <jansson.h>

static bool bytes_of_hex(struct arena *a, struct str hex, struct str *ret)
{
	char *to = arena_alloc(a, hex.len / 2 + 1);

	if (!to || hex.len % 2 != 0)
		return false;
	for (size_t i = 0; i < hex.len / 2; i++) {
		int high = str_hex_digit(hex.p[2 * i]), low = str_hex_digit(hex.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		to[i] = (char)(high << 4 | low);
	}
	*ret = (struct str){to, hex.len / 2};
	return true;
}

/* A string, or {"hex":…}. */
static bool bytes_of(struct arena *a, const json_t *v, struct str *ret)
{
	const json_t *hex = json_object_get(v, "hex");
	struct str s;

	if (json_is_string(hex))
		return bytes_of_hex(a, (struct str){json_string_value(hex), json_string_length(hex)}, ret);
	if (!json_is_string(v))
		return false;
	s = arena_str(a, (struct str){json_string_value(v), json_string_length(v)});
	if (!s.p)
		return false;
	*ret = s;
	return true;
}

/* What an id refers to, into the arena. */
static bool line_of(struct arena *a, int64_t id, heads_find *find, void *owner, struct field *ret)
{
	struct field f;

	if (!find || !find(owner, id, &f))
		return false;
	ret->name = arena_str(a, f.name);
	ret->value = arena_str(a, f.value);
	return ret->name.p && ret->value.p;
}

static bool pair_of(struct arena *a, const json_t *pair, struct field *ret)
{
	return json_array_size(pair) == 2 && bytes_of(a, json_array_get(pair, 0), &ret->name) &&
		bytes_of(a, json_array_get(pair, 1), &ret->value);
}

bool heads_parse_fields(struct arena *a, struct str json, heads_find *find, void *owner, struct fields *ret)
{
	json_t *root = json_loadb(json.p ? json.p : "", json.len, 0, NULL);
	struct fields fields = {NULL, 0, 0};
	bool ok = json_is_array(root);

	for (size_t i = 0; ok && i < json_array_size(root); i++) {
		const json_t *element = json_array_get(root, i);
		struct field f;

		if (json_is_integer(element))
			ok = line_of(a, json_integer_value(element), find, owner, &f);
		else
			ok = pair_of(a, element, &f);
		ok = ok && fields_add(a, &fields, f.name, f.value);
	}
	json_decref(root);
	if (ok)
		*ret = fields;
	return ok;
}
