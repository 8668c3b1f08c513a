/* See har_value.h. */
#include "store/har/har_value.h"

#include "store/har/har_date.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY_BYTES = 48 };

const json_t *har_object(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_object(v) ? v : NULL;
}

const json_t *har_array(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_array(v) ? v : NULL;
}

static struct str plain_str(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_string(v) ? (struct str){json_string_value(v), json_string_length(v)} : STR_NONE;
}

/* p NULL if it is not hexadecimal, or the arena is full. */
static struct str unhex(struct arena *a, struct str hex)
{
	char *to = hex.len % 2 == 0 ? arena_alloc(a, hex.len / 2 + 1) : NULL;

	for (size_t i = 0; to != NULL && i < hex.len / 2; i++) {
		int high = str_hex_digit(hex.p[2 * i]), low = str_hex_digit(hex.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return STR_NONE;
		to[i] = (char)(high << 4 | low);
	}
	return to != NULL ? (struct str){to, hex.len / 2} : STR_NONE;
}

struct str har_str(struct arena *a, const json_t *o, const char *key)
{
	char beside[KEY_BYTES];
	struct str hex, exact = STR_NONE;

	snprintf(beside, sizeof(beside), "_%sHex", key);
	hex = plain_str(o, beside);
	if (hex.len > 0)
		exact = unhex(a, hex);
	return exact.p != NULL ? exact : plain_str(o, key);
}

const char *har_words(const json_t *o, const char *key)
{
	const char *words = json_string_value(json_object_get(o, key));

	return words != NULL ? words : "";
}

bool har_number(const json_t *o, const char *key, double *ret)
{
	const json_t *v = json_object_get(o, key);
	double number;
	char *end;

	if (json_is_number(v)) {
		*ret = json_number_value(v);
		return true;
	}
	if (!json_is_string(v) || json_string_length(v) == 0)
		return false;
	number = strtod(json_string_value(v), &end);
	if (*end != '\0' || !isfinite(number))
		return false;
	*ret = number;
	return true;
}

/* Far enough for bytes and microseconds, and without loss in a double. */
static const double largest = 9007199254740991.0;

int64_t har_count(const json_t *o, const char *key, int64_t min, int64_t otherwise)
{
	double n;

	if (!har_number(o, key, &n) || n < (double)min || n > largest)
		return otherwise;
	return (int64_t)n;
}

int64_t har_us(const json_t *o, const char *key)
{
	double ms;

	if (!har_number(o, key, &ms) || ms < 0 || ms * 1000 > largest)
		return -1;
	return (int64_t)(ms * 1000 + 0.5);
}

int64_t har_time(const json_t *o, const char *key, int64_t otherwise)
{
	int64_t us;

	if (har_date(plain_str(o, key), &us))
		return us;
	us = har_us(o, key);
	return us > 0 ? us : otherwise;
}

bool har_is_true(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}
