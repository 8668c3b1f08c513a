/* The CA's files as they should not be: open to others, somebody else's, links, torn; disks that take nothing; given files. */
#include "pki/ca_files.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "ca_files_rig.h"
#include "pki_rig.h"

enum { NOBODY = 65534 };

static int set_up(void **state)
{
	struct files_rig *r = mem_calloc(1, sizeof(*r));

	*state = r;
	return files_init(r) ? 0 : -1;
}

static int tear_down(void **state)
{
	files_fini(*state);
	mem_free(*state);
	return 0;
}

/* Neither reads nor makes one; the line names the file and says so much. */
static void assert_refused(struct files_rig *r, const char *name, const char *says)
{
	char path[FILES_PATH_BYTES];

	files_path(r, name, path);
	if (name[0] == '\0')
		path[strlen(path) - 1] = '\0';
	for (int i = 0; i < 2; i++) {
		struct ca *ca = i == 0 ? files_load(r) : ca_files_need(&r->place, r->warning, r->why, sizeof(r->why));

		assert_null(ca);
		if (strncmp(r->why, path, strlen(path)) != 0 || strstr(r->why, says) == NULL)
			fail_msg("%s: expected \"%s\", it says \"%s\"", path, says, r->why);
		assert_null(strchr(r->why, '\n'));
	}
}

static void make(struct files_rig *r)
{
	struct ca *ca = files_need(r);

	assert_non_null(ca);
	ca_unref(ca);
}

static void test_open_folder(void **state)
{
	struct files_rig *r = *state;
	char command[128];

	make(r);
	snprintf(command, sizeof(command), "(mode 0750): chmod 700 %s", r->folder);
	assert_int_equal(chmod(r->folder, 0750), 0);
	assert_refused(r, "", command);
	assert_int_equal(chmod(r->folder, 0701), 0);
	assert_refused(r, "", "chmod 700 ");
	assert_int_equal(chmod(r->folder, 0700), 0);
	make(r);
}

static void test_open_key(void **state)
{
	struct files_rig *r = *state;
	char path[FILES_PATH_BYTES];

	make(r);
	files_path(r, "ca.key", path);
	assert_int_equal(chmod(path, 0640), 0);
	assert_refused(r, "ca.key", "(mode 0640): chmod 600 ");
	assert_int_equal(chmod(path, 0604), 0);
	assert_refused(r, "ca.key", "chmod 600 ");
	assert_int_equal(chmod(path, 0400), 0);
	make(r);
}

static void test_links(void **state)
{
	struct files_rig *r = *state;
	char key[FILES_PATH_BYTES], elsewhere[FILES_PATH_BYTES], other[96];

	make(r);
	files_path(r, "ca.key", key);
	files_path(r, "elsewhere", elsewhere);
	assert_int_equal(rename(key, elsewhere), 0);
	assert_int_equal(symlink(elsewhere, key), 0);
	assert_refused(r, "ca.key", "is a symbolic link");
	assert_int_equal(rename(elsewhere, key), 0);
	snprintf(other, sizeof(other), "%s/other", r->data);
	assert_int_equal(rename(r->folder, other), 0);
	assert_int_equal(symlink(other, r->folder), 0);
	assert_refused(r, "", "is a symbolic link");
	folder_remove(other);
}

static void test_not_files(void **state)
{
	struct files_rig *r = *state;
	char path[FILES_PATH_BYTES];

	make(r);
	assert_int_equal(unlink(files_path(r, "ca.key", path)), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(r, "ca.key", "is no regular file");
	folder_remove(r->folder);
	assert_true(file_write(r->folder, "a file", 0600));
	assert_refused(r, "", "Not a directory");
}

static void test_torn(void **state)
{
	struct files_rig *r = *state;
	struct signer_spec spec = RIG_CA("other");
	struct signer other = signer_new(&spec, NULL);
	char text[RIG_TEXT_BYTES] = "", key[RIG_TEXT_BYTES] = "";
	size_t n = 0;
	char *whole;

	make(r);
	whole = files_read(r, "ca.key", &n);
	assert_non_null(whole);
	assert_true(files_write(r, "ca.key", "", 0600));
	assert_refused(r, "ca.key", "the key is empty");
	assert_true(files_write(r, "ca.key", "garbage", 0600));
	assert_refused(r, "ca.key", "there is no private key in PEM form");
	whole[n / 2] = '\0';
	assert_true(files_write(r, "ca.key", whole, 0600));
	assert_refused(r, "ca.key", "malformed");
	text_add_key(text, other.key, NULL);
	assert_true(files_write(r, "ca.key", text, 0600));
	assert_refused(r, "ca.key", "the key is not that of the certificate");
	text_add_key(key, other.key, "secret");
	assert_true(files_write(r, "ca.key", key, 0600));
	assert_refused(r, "ca.key", "the key is encrypted (openssl pkey ");
	mem_free(whole);
	signer_free(&other);
}

/* In a child: as another user where that is possible, since nothing is read-only to root. */
static void as_nobody(const struct files_rig *r)
{
	static const char *const names[] = {"ca.key", "ca.pem", "ca.cer", "ca.p12", ".lock"};
	char path[FILES_PATH_BYTES];

	if (geteuid() != 0)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (chown(files_path(r, names[i], path), NOBODY, NOBODY) != 0 && errno != ENOENT)
			_exit(2);
	}
	if (chmod(r->data, 0755) != 0 || chown(r->folder, NOBODY, NOBODY) != 0 || setuid(NOBODY) != 0)
		_exit(2);
}

/* Runs in a child of its own, which may change what it is; true if it returns true. */
static bool in_child(bool (*f)(struct files_rig *r), struct files_rig *r)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(f(r) ? 0 : 1);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* True if there is no CA for this reason. */
static bool needs_in_vain(struct files_rig *r, const char *says)
{
	struct ca *ca = ca_files_need(&r->place, r->warning, r->why, sizeof(r->why));

	if (ca == NULL && strstr(r->why, says) != NULL)
		return true;
	fprintf(stderr, "expected \"%s\", it says \"%s\"\n", says, r->why);
	ca_unref(ca);
	return false;
}

static bool child_read_only(struct files_rig *r)
{
	as_nobody(r);
	return chmod(r->folder, 0500) == 0 && needs_in_vain(r, "/.lock: cannot be written: Permission denied");
}

static bool child_read_only_with_ca(struct files_rig *r)
{
	struct ca *ca;
	bool ok;

	as_nobody(r);
	if (chmod(r->folder, 0500) != 0)
		return false;
	ca = files_need(r);
	ok = ca != NULL && r->warning[0] == '\0';
	ca_unref(ca);
	return ok;
}

/* One that was derived is missing, and cannot be written. */
static bool child_read_only_underived(struct files_rig *r)
{
	struct ca *ca;
	char path[FILES_PATH_BYTES];
	bool ok;

	as_nobody(r);
	if (unlink(files_path(r, "ca.cer", path)) != 0 || chmod(r->folder, 0500) != 0)
		return false;
	ca = files_load(r);
	ok = ca != NULL && strstr(r->warning, "/ca.cer: cannot be written: Permission denied") != NULL;
	ca_unref(ca);
	return ok;
}

static bool child_no_folder(struct files_rig *r)
{
	char folder[128];

	as_nobody(r);
	snprintf(folder, sizeof(folder), "%s/x/ca", r->folder);
	r->place.folder = folder;
	return chmod(r->folder, 0500) == 0 && needs_in_vain(r, "/x/ca: cannot be made: Permission denied");
}

static void test_read_only(void **state)
{
	struct files_rig *r = *state;

	assert_int_equal(mkdir(r->folder, 0700), 0);
	assert_true(in_child(child_read_only, r));
	assert_true(in_child(child_no_folder, r));
	folder_remove(r->folder);
	make(r);
	assert_true(in_child(child_read_only_with_ca, r));
	assert_int_equal(chmod(r->folder, 0700), 0);
	assert_true(in_child(child_read_only_underived, r));
}

/* Every write fails, as on a disk that is full. */
static bool child_disk_full(struct files_rig *r)
{
	const struct rlimit none = {0, 0};
	bool ok;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &none) != 0)
		return false;
	ok = needs_in_vain(r, "/ca.key: cannot be written: File too large");
	return ok && files_count(r, ".key") == 0 && files_count(r, ".new") == 0;
}

static void test_disk_full(void **state)
{
	struct files_rig *r = *state;

	assert_true(in_child(child_disk_full, r));
	make(r); /* once there is room */
}

/* Nobody's folder or key, seen by root, or root's, seen by nobody. */
static bool child_not_mine(struct files_rig *r)
{
	char path[FILES_PATH_BYTES];

	if (geteuid() != 0)
		return true; /* only root can give a file away */
	if (chown(files_path(r, "ca.key", path), NOBODY, NOBODY) != 0 ||
		!needs_in_vain(r, "/ca.key: belongs to the user 65534, not to the one who runs this (0)"))
		return false;
	return chown(r->folder, NOBODY, NOBODY) == 0 && needs_in_vain(r, "/ca: belongs to the user 65534");
}

static void test_not_mine(void **state)
{
	struct files_rig *r = *state;

	make(r);
	assert_true(in_child(child_not_mine, r));
}

struct given {
	struct signer ca, other;
	char cert[96], key[96], other_key[96];
};

static void given_init(struct given *g, struct files_rig *r)
{
	struct signer_spec spec = RIG_CA("given"), other = RIG_CA("other");
	char cert[RIG_TEXT_BYTES] = "", key[RIG_TEXT_BYTES] = "", other_key[RIG_TEXT_BYTES] = "";

	g->ca = signer_new(&spec, NULL);
	g->other = signer_new(&other, NULL);
	snprintf(g->cert, sizeof(g->cert), "%s/given.pem", r->data);
	snprintf(g->key, sizeof(g->key), "%s/given.key", r->data);
	snprintf(g->other_key, sizeof(g->other_key), "%s/other.key", r->data);
	text_add_certificate(cert, g->ca.certificate);
	text_add_key(key, g->ca.key, NULL);
	text_add_key(other_key, g->other.key, NULL);
	assert_true(file_write(g->cert, cert, 0644));
	assert_true(file_write(g->key, key, 0640));
	assert_true(file_write(g->other_key, other_key, 0600));
	r->place.cert = g->cert;
	r->place.key = g->key;
}

static void given_fini(struct given *g)
{
	signer_free(&g->ca);
	signer_free(&g->other);
}

static void test_given(void **state)
{
	struct files_rig *r = *state;
	struct given g;
	char *path;
	struct ca *ca;

	given_init(&g, r);
	assert_true(ca_files_exist(&r->place));
	path = ca_files_pem_path(&r->place);
	assert_string_equal(path, g.cert);
	mem_free(path);
	ca = files_load(r);
	assert_non_null(ca);
	assert_string_equal(ca_subject(ca), "CN = given");
	assert_string_equal(r->warning, ""); /* its group may read it */
	ca_unref(ca);
	assert_int_equal(chmod(g.key, 0644), 0);
	ca = files_need(r);
	assert_non_null(ca);
	assert_non_null(strstr(r->warning,
		"given.key: every user of this machine has access to the key of the CA (mode 0644): chmod o= "));
	ca_unref(ca);
	assert_null(ca_files_renew(&r->place, r->why, sizeof(r->why)));
	assert_non_null(strstr(r->why, "given.pem: the CA is given by ca.cert and ca.key"));
	assert_int_equal(access(r->folder, F_OK), -1); /* nothing is made */
	given_fini(&g);
}

static void test_given_badly(void **state)
{
	struct files_rig *r = *state;
	struct given g;

	given_init(&g, r);
	r->place.key = g.other_key;
	assert_null(files_load(r));
	assert_non_null(strstr(r->why, "other.key: the key is not that of the certificate"));
	r->place.key = g.cert;
	assert_null(files_load(r));
	assert_non_null(strstr(r->why, "given.pem: there is no private key in PEM form"));
	r->place.key = g.key;
	r->place.cert = g.key;
	assert_null(files_load(r));
	assert_non_null(strstr(r->why, "given.key: there is no certificate in PEM form"));
	r->place.cert = "/nowhere/ca.pem";
	assert_null(files_load(r));
	assert_string_equal(r->why, "/nowhere/ca.pem: cannot be read: No such file or directory");
	assert_false(ca_files_exist(&r->place));
	r->place.cert = g.cert;
	r->place.key = r->data;
	assert_null(files_load(r));
	assert_non_null(strstr(r->why, ": is no regular file"));
	r->place.key = "";
	assert_null(files_load(r));
	assert_non_null(strstr(r->why, "given.pem: ca.cert needs ca.key beside it"));
	given_fini(&g);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open_folder),
		TEST(test_open_key),
		TEST(test_links),
		TEST(test_not_files),
		TEST(test_torn),
		TEST(test_read_only),
		TEST(test_disk_full),
		TEST(test_not_mine),
		TEST(test_given),
		TEST(test_given_badly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
