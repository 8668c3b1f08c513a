/* A redactor with a known key, in a folder of its own, and its results as they are to be compared. */
#ifndef VIADUCT_TESTS_REDACT_RIG_H
#define VIADUCT_TESTS_REDACT_RIG_H

#include "store/redact/redact.h"
#include "store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define KEY "0000000000000000000000000000000000000000000000000000000000000000\n"

enum { WHY_BYTES = 512 };

static char *fields[] = {(char *)"X-Api-Key", (char *)"X-Rewrite-URL"};
static char *query[] = {(char *)"token", (char *)"password", (char *)"code"};
static char *json[] = {(char *)"password", (char *)"accessToken"};
static const struct text_list field_list = {fields, 2}, query_list = {query, 3}, json_list = {json, 2};

struct rig {
	struct folder folder;
	struct redactor *r;
	struct text out;
};

static inline struct redactor *make(const struct folder *f, char why[WHY_BYTES])
{
	const struct redact_options o = {f->data, &field_list, &query_list, &json_list};

	return redactor_new(&o, why, WHY_BYTES);
}

static inline void write_key(const struct folder *f, const char *text, size_t len)
{
	char path[256];
	FILE *to;

	snprintf(path, sizeof(path), "%s/redact.key", f->data);
	to = fopen(path, "w");
	assert_true(to != NULL);
	assert_int_equal(fwrite(text, 1, len, to), len);
	assert_int_equal(fclose(to), 0);
}

static inline void make_data(const struct folder *f)
{
	char deep[128];

	snprintf(deep, sizeof(deep), "%s/deep", f->path);
	assert_int_equal(mkdir(deep, 0700), 0);
	assert_int_equal(mkdir(f->data, 0700), 0);
}

static inline int setup(void **state)
{
	static struct rig rig;
	char why[WHY_BYTES] = "";

	memset(&rig, 0, sizeof(rig));
	if (folder_make(&rig.folder) != 0)
		return -1;
	make_data(&rig.folder);
	write_key(&rig.folder, KEY, sizeof(KEY) - 1);
	rig.r = make(&rig.folder, why);
	assert_string_equal(why, "");
	*state = &rig;
	return rig.r ? 0 : -1;
}

static inline int teardown(void **state)
{
	struct rig *rig = *state;

	redactor_unref(rig->r);
	text_fini(&rig->out);
	folder_remove(&rig->folder);
	return 0;
}

/* The text as a C string, in which each hash has become "#", so that what stands around is seen. */
static inline const char *shown(struct text *t)
{
	static char out[8192];
	size_t n = 0;

	for (size_t i = 0; i < t->len; i++) {
		assert_true(n + 1 < sizeof(out));
		if (t->len - i >= 21 && memcmp(t->p + i, "redacted-", 9) == 0 &&
			strspn(t->p + i + 9, "0123456789abcdef") >= 12) {
			out[n++] = '#';
			i += 20;
			continue;
		}
		out[n++] = t->p[i];
	}
	out[n] = '\0';
	return out;
}

static inline void check(struct rig *rig, bool is_replaced, const char *from, const char *to)
{
	text_byte(&rig->out, '\0'); /* for strspn */
	rig->out.len--;
	assert_string_equal(shown(&rig->out), to);
	assert_int_equal(is_replaced, strcmp(from, to) != 0);
	text_clear(&rig->out);
}

#define REDACT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
