/* yaml_read.h: flat names with lines, and all that is refused, with its line. */
#include "config/yaml_read.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

static struct yaml_entries *read_text(const char *text)
{
	char why[400] = "";
	struct yaml_entries *e = yaml_read_text(str_of(text), "f.yaml", why, sizeof(why));

	assert_string_equal(why, "");
	assert_non_null(e);
	return e;
}

/* The text is refused with exactly this message. */
static void refuses(struct str text, const char *message)
{
	char why[400] = "";

	assert_null(yaml_read_text(text, "f.yaml", why, sizeof(why)));
	assert_string_equal(why, message);
}

/* The same, where libyaml words the rest. */
static void refuses_like(struct str text, const char *start)
{
	char why[400] = "";

	assert_null(yaml_read_text(text, "f.yaml", why, sizeof(why)));
	assert_true(strlen(why) > strlen(start));
	assert_memory_equal(why, start, strlen(start));
}

static void test_empty(void **state)
{
	static const char *const texts[] = {"", "\n", "# only a comment\n", "---\n", "--- ~\n...\n", "{}"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct yaml_entries *e = read_text(texts[i]);

		assert_int_equal(e->n, 0);
		yaml_entries_free(e);
	}
	yaml_entries_free(NULL);
}

static void test_nested_and_dotted(void **state)
{
	struct yaml_entries *e = read_text("workers: 3\n"
					   "timeouts:\n"
					   "  connect: 5s\n"
					   "  sub: {deep.er: 'a b'}\n"
					   "timeouts.tls: \"x\\ty\"\n"
					   "listen: [a, 'b, c']\n"
					   "ports:\n"
					   "  - 1\n"
					   "  - !!int 2\n"
					   "none: []\n");
	static const char *const names[] = {
		"workers", "timeouts.connect", "timeouts.sub.deep.er", "timeouts.tls", "listen", "ports", "none"};
	static const int lines[] = {1, 3, 4, 5, 6, 7, 10};

	(void)state;
	assert_int_equal(e->n, 7);
	for (size_t i = 0; i < e->n; i++) {
		assert_string_equal(e->v[i].name, names[i]);
		assert_int_equal(e->v[i].line, lines[i]);
	}
	assert_int_equal(e->v[0].kind, ENTRY_TEXT);
	assert_string_equal(e->v[0].text, "3");
	assert_string_equal(e->v[2].text, "a b");
	assert_string_equal(e->v[3].text, "x\ty");
	assert_int_equal(e->v[4].kind, ENTRY_LIST);
	assert_int_equal(e->v[4].items_n, 2);
	assert_string_equal(e->v[4].items[1], "b, c");
	assert_string_equal(e->v[5].items[1], "2");
	assert_int_equal(e->v[6].kind, ENTRY_LIST);
	assert_int_equal(e->v[6].items_n, 0);
	yaml_entries_free(e);
}

static void test_empty_values(void **state)
{
	struct yaml_entries *e = read_text("a:\nb: ~\nc: null\nd: {}\ne: ''\nf: 'null'\n");

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(e->v[i].kind, ENTRY_EMPTY);
	assert_int_equal(e->v[4].kind, ENTRY_TEXT);
	assert_string_equal(e->v[4].text, "");
	assert_string_equal(e->v[5].text, "null");
	yaml_entries_free(e);
}

/* A list of maps: each is a list of entries of its own, with its own names and lines. */
static void test_maps(void **state)
{
	struct yaml_entries *e = read_text("before: 1\n"
					   "deep:\n"
					   "  list:\n"
					   "    - name: x\n"
					   "      list: [1, 2]\n"
					   "    - {}\n"
					   "    -\n"
					   "      sub: {a: 'y'}\n"
					   "      none:\n"
					   "  after: 2\n"
					   "name: z\n");
	const struct yaml_map *maps = e->v[1].maps;

	(void)state;
	assert_int_equal(e->n, 4);
	assert_string_equal(e->v[1].name, "deep.list");
	assert_int_equal(e->v[1].kind, ENTRY_MAPS);
	assert_int_equal(e->v[1].line, 3);
	assert_int_equal(e->v[1].items_n, 0);
	assert_int_equal(e->v[1].maps_n, 3);
	assert_int_equal(maps[0].line, 4);
	assert_int_equal(maps[0].entries.n, 2);
	assert_string_equal(maps[0].entries.v[0].name, "name");
	assert_string_equal(maps[0].entries.v[1].name, "list");
	assert_int_equal(maps[0].entries.v[1].line, 5);
	assert_int_equal(maps[0].entries.v[1].items_n, 2);
	assert_int_equal(maps[1].line, 6);
	assert_int_equal(maps[1].entries.n, 0);
	assert_string_equal(maps[2].entries.v[0].name, "sub.a");
	assert_string_equal(maps[2].entries.v[0].text, "y");
	assert_int_equal(maps[2].entries.v[1].kind, ENTRY_EMPTY);
	assert_int_equal(maps[2].entries.v[1].line, 9);
	assert_string_equal(e->v[2].name, "deep.after");
	assert_string_equal(e->v[3].name, "name");
	yaml_entries_free(e);
}

static void test_refused(void **state)
{
	(void)state;
	refuses(STR("a: 1\nb: 2\na: 3\n"), "f.yaml:3: a: given already in line 1");
	refuses(STR("t:\n  x: 1\nt.x: 2\n"), "f.yaml:3: t.x: given already in line 2");
	refuses(STR("a: [1]\nb: 0\na: [2]\n"), "f.yaml:3: a: given already in line 1");
	refuses(STR("a: 1\nb: &x 2\n"), "f.yaml:2: anchors (&x) are not taken here");
	refuses(STR("a: &l [1]\n"), "f.yaml:1: anchors (&l) are not taken here");
	refuses(STR("a: &m {b: 1}\n"), "f.yaml:1: anchors (&m) are not taken here");
	refuses(STR("&k a: 1\n"), "f.yaml:1: anchors (&k) are not taken here");
	refuses(STR("--- &r\na: 1\n"), "f.yaml:1: anchors (&r) are not taken here");
	refuses(STR("a: 1\nb:\n  - x\n  - &i y\n"), "f.yaml:4: anchors (&i) are not taken here");
	refuses(STR("b: *x\n"), "f.yaml:1: b: aliases (*x) are not taken here");
	refuses(STR("b: [*x]\n"), "f.yaml:1: b: aliases (*x) are not taken here");
	refuses(STR("\na: !env HOME\n"), "f.yaml:2: the tag !env is not known here");
	refuses(STR("a: !!binary AAAA\n"), "f.yaml:1: the tag tag:yaml.org,2002:binary is not known here");
	refuses(STR("a: !x [1]\n"), "f.yaml:1: the tag !x is not known here");
	refuses(STR("a: !x {b: 1}\n"), "f.yaml:1: the tag !x is not known here");
	refuses(STR("a:\n  - b: 1\n    c:\n      - d: 1\n"), "f.yaml:4: c: the items of a list are plain values here");
	refuses(STR("a:\n  - x\n  - b: 1\n"), "f.yaml:3: a: the items of a list are plain values here");
	refuses(STR("a:\n  - b: 1\n  - x\n"), "f.yaml:3: a: a map was expected here, like the items before");
	refuses(STR("a:\n  - b: 1\n  - [x]\n"), "f.yaml:3: a: the items of a list are plain values here");
	refuses(STR("a:\n  - b: 1\n    b: 2\n"), "f.yaml:3: b: given already in line 2");
	refuses(STR("a:\n  - &m\n    b: 1\n"), "f.yaml:2: anchors (&m) are not taken here");
	refuses(STR("a:\n  - !x {b: 1}\n"), "f.yaml:2: the tag !x is not known here");
	refuses(STR("a:\n  - [b]: 1\n"), "f.yaml:2: the name of an option was expected here");
	refuses(STR("a: [[1]]\n"), "f.yaml:1: a: the items of a list are plain values here");
	refuses(STR("a: 1\n---\nb: 2\n"), "f.yaml:2: only one document is taken here");
	refuses(STR("- a\n"), "f.yaml:1: the file is no list of \"option: value\"");
	refuses(STR("just text\n"), "f.yaml:1: the file is no list of \"option: value\"");
	refuses(STR("[a]: 1\n"), "f.yaml:1: the name of an option was expected here");
	refuses(STR("a: 1\n'': 2\n"), "f.yaml:2: a name is empty");
	refuses(STR("a: {'': 2}\n"), "f.yaml:1: a name is empty");
	refuses(STR("a: \"x\\0y\"\n"), "f.yaml:1: a value holds a NUL byte");
	refuses_like(STR("a: 1\n\tb: 2\n"), "f.yaml:2: not valid YAML: ");
	refuses_like(STR("a: 'open\n"), "f.yaml:2: not valid YAML: ");
	refuses_like(STR("a: 1\nb: \xff\n"), "f.yaml:2: not UTF-8 text: ");
	refuses_like(STR("a: 1\nb: \x01\n"), "f.yaml:2: not UTF-8 text: ");
}

/* text repeated n times, with the head before and the tail behind it. */
static char *repeat(const char *head, const char *text, size_t n, const char *tail)
{
	size_t len = strlen(text), at = strlen(head);
	char *all = mem_alloc(at + n * len + strlen(tail) + 1);

	memcpy(all, head, at);
	for (size_t i = 0; i < n; i++, at += len)
		memcpy(all + at, text, len);
	memcpy(all + at, tail, strlen(tail) + 1);
	return all;
}

static void test_depth(void **state)
{
	char *most = repeat("", "{a: ", YAML_MAX_DEPTH + 1, "1}}}}}}}}}"), *deeper = repeat("", "{a: ", 500, "1");

	(void)state;
	yaml_entries_free(read_text(most));
	refuses(str_of(deeper), "f.yaml:1: a.a.a.a.a.a.a.a.a: more than 8 levels");
	mem_free(most);
	mem_free(deeper);
}

static void test_count(void **state)
{
	char text[YAML_MAX_ENTRIES * 16 + 64], *items;
	size_t len = 0;

	(void)state;
	for (int i = 0; i < YAML_MAX_ENTRIES; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "o%d: 1\n", i);
	yaml_entries_free(read_text(text));
	snprintf(text + len, sizeof(text) - len, "more: 1\n");
	refuses(str_of(text), "f.yaml:1001: more than 1000 options");

	items = repeat("a:\n", "- x\n", YAML_MAX_ITEMS, "");
	yaml_entries_free(read_text(items));
	mem_free(items);
	items = repeat("a:\n", "- {x: 1}\n", YAML_MAX_ITEMS, "- {}\n");
	refuses(str_of(items), "f.yaml:10002: a: more than 10000 items in lists");
	mem_free(items);
	items = repeat("a:\n", "- x\n", YAML_MAX_ITEMS, "b:\n- y\n");
	refuses(str_of(items), "f.yaml:10003: b: more than 10000 items in lists");
	mem_free(items);
}

static void test_name_length(void **state)
{
	char *longest = repeat("", "n", YAML_NAME_MAX_BYTES, ": 1\n"), *longer = repeat("n", "n", YAML_NAME_MAX_BYTES, ": 1\n");

	(void)state;
	yaml_entries_free(read_text(longest));
	refuses(str_of(longer), "f.yaml:1: a name is longer than 128 bytes");
	mem_free(longest);
	mem_free(longer);
}

/* Message of a file that cannot be read, without the path before it. */
static void file_refuses(const char *path, const char *message)
{
	char why[400] = "";

	assert_null(yaml_read_file(path, why, sizeof(why)));
	assert_memory_equal(why, path, strlen(path));
	assert_string_equal(why + strlen(path), message);
}

static void test_file(void **state)
{
	char path[] = "/tmp/viaduct-yaml-XXXXXX", why[100];
	int fd = mkstemp(path);
	struct yaml_entries *e;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a: 1\n", 5), 5);
	e = yaml_read_file(path, why, sizeof(why));
	assert_non_null(e);
	assert_string_equal(e->v[0].text, "1");
	yaml_entries_free(e);
	assert_int_equal(ftruncate(fd, YAML_FILE_MAX_BYTES + 1), 0);
	file_refuses(path, ": is larger than 1048576 bytes");
	close(fd);
	unlink(path);
	file_refuses(path, ": cannot be opened: No such file or directory");
	file_refuses("/tmp", ": cannot be read: Is a directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_nested_and_dotted),
		cmocka_unit_test(test_empty_values),
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_name_length),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
