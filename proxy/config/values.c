/* Reading the values of options. Messages follow the option's name and show the value escaped and cut. */
#include "config/values.h"

#include "base/mem.h"
#include "config/printable.h"

#include <stdarg.h>
#include <string.h>

struct unit {
	const char *suffix;
	int64_t factor;
};

/* In the order of value_format_number's preference; what is only read comes last. */
static const struct unit count_units[] = {{"", 1}, {NULL, 0}};
static const struct unit byte_units[] = {
	{"", 1}, {"k", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"K", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {NULL, 0}};
static const struct unit time_units[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"", 1000}, {NULL, 0}};

/* Writes the reason; false, so that it can be returned. */
static bool fail(char *ret_why, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool fail(char *ret_why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_why, size, format, args);
	va_end(args);
	return false;
}

static const struct unit *units_of(enum value_type type)
{
	if (type == VALUE_BYTES)
		return byte_units;
	return type == VALUE_MS ? time_units : count_units;
}

static const char *kind_of(enum value_type type)
{
	if (type == VALUE_BYTES)
		return "a size (use k, M or G)";
	return type == VALUE_MS ? "a time (use ms, s, m or h)" : "a whole number";
}

const char *value_format_number(enum value_type type, int64_t number, char to[VALUE_NUMBER_BYTES])
{
	const struct unit *best = NULL;

	for (const struct unit *u = units_of(type); u->suffix != NULL; u++) {
		if (number % u->factor == 0 && (best == NULL || u->factor > best->factor))
			best = u;
	}
	if (number == 0 || best == NULL)
		snprintf(to, VALUE_NUMBER_BYTES, "%lld", (long long)number);
	else
		snprintf(to, VALUE_NUMBER_BYTES, "%lld%s", (long long)(number / best->factor), best->suffix);
	return to;
}

/* The factor of a suffix, 0 if it is none of the type's. */
static int64_t unit_factor(enum value_type type, struct str suffix)
{
	for (const struct unit *u = units_of(type); u->suffix != NULL; u++) {
		if (str_eq(suffix, str_of(u->suffix)))
			return u->factor;
	}
	return 0;
}

/* INT, BYTES and MS: digits and a suffix, within the row's limits. */
static bool number_read(const struct option *o, struct str text, int64_t *ret, char *ret_why, size_t size)
{
	char shown[PRINTABLE_BYTES], limit[VALUE_NUMBER_BYTES];
	uint64_t number;
	int64_t factor;
	size_t digits = 0;

	while (digits < text.len && text.p[digits] >= '0' && text.p[digits] <= '9')
		digits++;
	factor = unit_factor(o->type, str_trim(str_from(text, digits)));
	printable_show(text, shown);
	if (digits == 0 || factor == 0)
		return fail(ret_why, size, "%s is not %s", shown, kind_of(o->type));
	if (!str_to_u64(str_first(text, digits), (uint64_t)(o->max / factor), &number))
		return fail(ret_why, size, "%s is too large (at most %s)", shown, value_format_number(o->type, o->max, limit));
	if ((int64_t)number * factor < o->min)
		return fail(ret_why, size, "%s is too small (at least %s)", shown, value_format_number(o->type, o->min, limit));
	*ret = (int64_t)number * factor;
	return true;
}

static bool bool_read(struct str text, bool *ret, char *ret_why, size_t size)
{
	static const char *const words[][2] = {{"false", "true"}, {"no", "yes"}, {"off", "on"}};
	char shown[PRINTABLE_BYTES];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		for (int is_true = 0; is_true <= 1; is_true++) {
			if (str_ieq(text, str_of(words[i][is_true]))) {
				*ret = is_true;
				return true;
			}
		}
	}
	return fail(ret_why, size, "%s is neither true nor false", printable_show(text, shown));
}

/* Takes the next of "auto|follow|pass" off the front; false at the end. */
static bool choice_next(struct str *choices, struct str *ret_choice)
{
	size_t end = str_find(*choices, '|');

	if (choices->len == 0)
		return false;
	*ret_choice = str_first(*choices, end);
	*choices = str_from(*choices, end < choices->len ? end + 1 : end);
	return true;
}

static bool enum_read(const struct option *o, struct str text, int64_t *ret, char *ret_why, size_t size)
{
	struct str choices = str_of(o->choices), choice;
	char shown[PRINTABLE_BYTES];

	for (int64_t i = 0; choice_next(&choices, &choice); i++) {
		if (str_eq(text, choice)) {
			*ret = i;
			return true;
		}
	}
	return fail(ret_why, size, "%s is not one of %s", printable_show(text, shown), o->choices);
}

/* The checks of a text and of an item of a list. */
static bool text_check(struct str text, char *ret_why, size_t size)
{
	char shown[PRINTABLE_BYTES];

	if (text.len > VALUE_TEXT_MAX_BYTES)
		return fail(ret_why, size, "is longer than %d bytes", VALUE_TEXT_MAX_BYTES);
	if (!printable_is(text))
		return fail(ret_why, size, "%s holds a control character or is not UTF-8", printable_show(text, shown));
	return true;
}

static void list_free(struct text_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		mem_free(list->v[i]);
	mem_free(list->v);
	*list = (struct text_list){NULL, 0};
}

/* Adds an item; empty ones and those beyond the row's limit are refused, so that the list stays bounded. */
static bool list_add(const struct option *o, struct text_list *list, struct str item, char *ret_why, size_t size)
{
	if (item.len == 0)
		return fail(ret_why, size, "item %zu is empty", list->n + 1);
	if (!text_check(item, ret_why, size))
		return false;
	if (list->n >= (size_t)o->max)
		return fail(ret_why, size, "more than %lld items", (long long)o->max);
	list->v = mem_realloc(list->v, (list->n + 1) * sizeof(*list->v));
	list->v[list->n++] = mem_strndup(item.p, item.len);
	return true;
}

/* Puts a whole list in the place of the field's; frees it if it is too short. */
static bool list_replace(const struct option *o, struct text_list *list, struct text_list *field, char *ret_why, size_t size)
{
	if (list->n < (size_t)o->min) {
		fail(ret_why, size, "needs at least %lld item%s", (long long)o->min, o->min == 1 ? "" : "s");
		list_free(list);
		return false;
	}
	list_free(field);
	*field = *list;
	return true;
}

/* Comma-separated text. */
static bool list_read(const struct option *o, struct str text, struct text_list *field, char *ret_why, size_t size)
{
	struct text_list list = {NULL, 0};
	bool has_more = str_trim(text).len != 0;

	while (has_more) {
		size_t end = str_find(text, ',');

		if (!list_add(o, &list, str_trim(str_first(text, end)), ret_why, size)) {
			list_free(&list);
			return false;
		}
		has_more = end < text.len;
		text = str_from(text, has_more ? end + 1 : end);
	}
	return list_replace(o, &list, field, ret_why, size);
}

static bool text_read(struct str text, char **field, char *ret_why, size_t size)
{
	if (!text_check(text, ret_why, size))
		return false;
	mem_free(*field);
	*field = mem_strndup(text.p != NULL ? text.p : "", text.len);
	return true;
}

bool value_set(const struct option *o, const char *text, void *field, char *ret_why, size_t size)
{
	struct str trimmed = str_trim(str_of(text));

	switch (o->type) {
	case VALUE_BOOL:
		return bool_read(trimmed, field, ret_why, size);
	case VALUE_INT:
	case VALUE_BYTES:
	case VALUE_MS:
		return number_read(o, trimmed, field, ret_why, size);
	case VALUE_ENUM:
		return enum_read(o, trimmed, field, ret_why, size);
	case VALUE_LIST:
		return list_read(o, trimmed, field, ret_why, size);
	case VALUE_TEXT:
	case VALUE_PATH:
		break;
	}
	return text_read(str_of(text), field, ret_why, size);
}

bool value_set_items(const struct option *o, char *const *items, size_t n, void *field, char *ret_why, size_t size)
{
	struct text_list list = {NULL, 0};

	if (o->type != VALUE_LIST)
		return fail(ret_why, size, "takes one value, not a list");
	for (size_t i = 0; i < n; i++) {
		if (!list_add(o, &list, str_trim(str_of(items[i])), ret_why, size)) {
			list_free(&list);
			return false;
		}
	}
	return list_replace(o, &list, field, ret_why, size);
}

static bool list_equal(const struct text_list *a, const struct text_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	}
	return true;
}

bool value_equal(const struct option *o, const void *a, const void *b)
{
	switch (o->type) {
	case VALUE_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case VALUE_LIST:
		return list_equal(a, b);
	case VALUE_TEXT:
	case VALUE_PATH:
		return strcmp(*(char *const *)a, *(char *const *)b) == 0;
	case VALUE_INT:
	case VALUE_BYTES:
	case VALUE_MS:
	case VALUE_ENUM:
		break;
	}
	return *(const int64_t *)a == *(const int64_t *)b;
}

void value_clear(const struct option *o, void *field)
{
	if (o->type == VALUE_LIST) {
		list_free(field);
	} else if (o->type == VALUE_TEXT || o->type == VALUE_PATH) {
		mem_free(*(char **)field);
		*(char **)field = NULL;
	}
}
