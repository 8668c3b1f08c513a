/* The parts of viaduct ca install that change nothing by themselves: names by which our certificates are known again, command lines,
 * programs that are run, and where browsers keep their databases. */
#include "cli/nss_places.h"
#include "cli/tool.h"
#include "cli/trust_part.h"

#include "base/mem.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

enum { PATH_BYTES = 256, OPEN_FILES = 16 };

static char home[64];

/* Makes a file, and the folders above it, below the home. */
static void file_make(const char *name, const char *text)
{
	char path[PATH_BYTES];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", home, name);
	for (char *slash = strchr(path + strlen(home) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void test_id(void **state)
{
	char id[TRUST_ID_BYTES];

	(void)state;
	trust_id("AB:CD:EF:01:23:45:67:89:99:99", id);
	assert_string_equal(id, "abcdef0123456789");
	trust_id("AB:CD", id);
	assert_string_equal(id, "abcd");
	assert_true(trust_name_is_ours(STR("viaduct-abcdef0123456789.crt"), "viaduct-", ".crt"));
	assert_true(trust_name_is_ours(STR("viaduct abcdef0123456789"), "viaduct ", ""));
	assert_false(trust_name_is_ours(STR("viaduct abcdef012345678"), "viaduct ", ""));
	assert_false(trust_name_is_ours(STR("viaduct ABCDEF0123456789"), "viaduct ", ""));
	assert_false(trust_name_is_ours(STR("viaduct-abcdef0123456789.pem"), "viaduct-", ".crt"));
	assert_false(trust_name_is_ours(STR("aqueduct abcdef012345678"), "viaduct ", ""));
	assert_false(trust_name_is_ours(STR(""), "viaduct ", ""));
}

static void test_show(void **state)
{
	static const char *const words[] = {"certutil", "-t", "C,,", "a b", "it's", "", "$(x)", "/p-1_2.crt", "\xc3\xa4", NULL};
	struct text t = {NULL, 0, 0};

	(void)state;
	tool_show(&t, words);
	text_byte(&t, '\0');
	assert_string_equal(t.p, "certutil -t C,, 'a b' 'it'\\''s' '' '$(x)' /p-1_2.crt '\xc3\xa4'");
	text_fini(&t);
}

static void test_run(void **state)
{
	struct text out = {NULL, 0, 0};
	char why[PATH_BYTES] = "";

	(void)state;
	assert_true(tool_run((const char *const[]){"true", NULL}, why, sizeof(why)));
	assert_false(tool_run((const char *const[]){"sh", "-c", "exit 3", NULL}, why, sizeof(why)));
	assert_string_equal(why, "exit status 3");
	assert_false(tool_run((const char *const[]){"sh", "-c", "kill -9 $$", NULL}, why, sizeof(why)));
	assert_string_equal(why, "ended by signal 9");
	assert_false(tool_run((const char *const[]){"no-such-program", NULL}, why, sizeof(why)));
	assert_string_equal(why, "there is no such program");
	assert_true(tool_read((const char *const[]){"echo", "$HOME; *", NULL}, &out, why, sizeof(why))); /* no shell */
	assert_true(str_eq(text_str(&out), STR("$HOME; *\n")));
	text_clear(&out);
	assert_false(tool_read((const char *const[]){"sh", "-c", "echo x; exit 1", NULL}, &out, why, sizeof(why)));
	assert_string_equal(why, "exit status 1");
	text_clear(&out);
	assert_false(tool_read((const char *const[]){"cat", "/dev/zero", NULL}, &out, why, sizeof(why)));
	assert_string_equal(why, "its output is longer than 1048576 bytes");
	text_fini(&out);
}

/* PATH first, then where PATH may not lead; folders of it that are not absolute do not count. */
static void test_find(void **state)
{
	char path[PATH_BYTES], *kept = mem_strdup(getenv("PATH")), *found;

	(void)state;
	file_make("bin/true", "#!/bin/sh\n");
	file_make("bin/not-executable", "");
	snprintf(path, sizeof(path), "%s/bin/true", home);
	assert_int_equal(chmod(path, 0700), 0);
	snprintf(path, sizeof(path), ":bin:%s/none:%s/bin:/bin", home, home);
	setenv("PATH", path, 1);
	found = tool_find("true");
	snprintf(path, sizeof(path), "%s/bin/true", home);
	assert_string_equal(found, path);
	mem_free(found);
	assert_false(tool_is_here("not-executable"));
	setenv("PATH", "", 1);
	assert_true(tool_is_here("sh"));
	unsetenv("PATH");
	assert_true(tool_is_here("sh"));
	setenv("PATH", kept, 1);
	mem_free(kept);
}

static void assert_place(const struct nss_places *p, size_t i, const char *name)
{
	char path[PATH_BYTES];

	assert_true(i < p->n);
	snprintf(path, sizeof(path), "%s/%s", home, name);
	assert_string_equal(p->v[i], path);
}

static void test_places(void **state)
{
	struct nss_places p;
	char text[PATH_BYTES], config[PATH_BYTES];

	(void)state;
	nss_places_find(home, NULL, NULL, &p);
	assert_int_equal(p.n, 0);
	assert_false(nss_places_has_shared(&p, home, NULL));
	nss_places_fini(&p);

	file_make(".mozilla/firefox/b.default/cert9.db", "");
	file_make(".mozilla/firefox/a.dev/cert9.db", "");
	file_make(".mozilla/firefox/never-started/prefs.js", "");
	file_make("elsewhere/cert9.db", "");
	snprintf(text, sizeof(text),
		"[Profile0]\nIsRelative=1\nPath=b.default\n[Profile1]\nIsRelative=0\nPath=%s/elsewhere\r\n", home);
	file_make(".mozilla/firefox/profiles.ini", text);
	file_make("snap/firefox/common/.mozilla/firefox/c.default/cert9.db", "");
	file_make("other-config/mozilla/firefox/d.default/cert9.db", "");
	snprintf(config, sizeof(config), "%s/other-config", home);
	nss_places_find(home, config, "relative", &p);
	assert_int_equal(p.n, 5);
	assert_place(&p, 0, "other-config/mozilla/firefox/d.default");
	assert_place(&p, 1, ".mozilla/firefox/a.dev");
	assert_place(&p, 2, ".mozilla/firefox/b.default");
	assert_place(&p, 3, "elsewhere");
	assert_place(&p, 4, "snap/firefox/common/.mozilla/firefox/c.default");
	assert_false(nss_places_has_shared(&p, home, NULL));
	nss_places_fini(&p);

	file_make(".pki/nssdb/cert9.db", "");
	file_make(".local/share/pki/nssdb/cert9.db", "");
	nss_places_find(home, NULL, NULL, &p);
	assert_int_equal(p.n, 6);
	assert_place(&p, 0, ".local/share/pki/nssdb");
	assert_place(&p, 1, ".pki/nssdb");
	assert_true(nss_places_has_shared(&p, home, NULL));
	nss_places_fini(&p);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(home, sizeof(home), "/tmp/viaduct-trust-XXXXXX");
	return mkdtemp(home) != NULL ? 0 : -1;
}

static int file_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	return nftw(home, file_remove, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_show),
		cmocka_unit_test(test_run),
		cmocka_unit_test_setup_teardown(test_find, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_places, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
