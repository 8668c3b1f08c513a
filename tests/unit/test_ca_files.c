/* The CA's files as they should be: made, read again, mended, renewed; several programs at once, and such as are killed. */
#include "pki/ca_files.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "ca_files_rig.h"
#include "pki_rig.h"

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

/* All derived files are those of the CA. */
static void assert_derived(const struct files_rig *r, const struct ca *ca)
{
	size_t n = 0;
	char *bytes = files_read(r, "ca.pem", &n);

	assert_non_null(bytes);
	assert_true(str_eq((struct str){bytes, n}, ca_pem(ca)));
	mem_free(bytes);
	bytes = files_read(r, "ca.cer", &n);
	assert_non_null(bytes);
	assert_true(str_eq((struct str){bytes, n}, ca_der(ca)));
	mem_free(bytes);
	bytes = files_read(r, "ca.p12", &n);
	assert_non_null(bytes);
	assert_non_null(memmem(bytes, n, ca_der(ca).p, ca_der(ca).len));
	mem_free(bytes);
}

static void test_made(void **state)
{
	struct files_rig *r = *state;
	char *path = ca_files_pem_path(&r->place), expected[FILES_PATH_BYTES];
	struct ca *ca;
	size_t n;
	char *key;

	assert_string_equal(path, files_path(r, "ca.pem", expected));
	mem_free(path);
	assert_false(ca_files_exist(&r->place));
	ca = files_need(r);
	assert_non_null(ca);
	assert_string_equal(r->warning, "");
	assert_true(ca_files_exist(&r->place));
	assert_int_equal(files_mode(r, ""), 0700);
	assert_int_equal(files_mode(r, "ca.key"), 0600);
	assert_int_equal(files_mode(r, "ca.pem"), 0644);
	assert_int_equal(files_count(r, ".new"), 0);
	assert_derived(r, ca);
	key = files_read(r, "ca.key", &n);
	assert_non_null(strstr(key, "BEGIN PRIVATE KEY"));
	mem_free(key);
	ca_unref(ca);
}

static void test_name(void **state)
{
	struct files_rig *r = *state;
	char host[256], expected[512], date[16];
	time_t now = time(NULL);
	struct tm tm;
	struct ca *ca = files_need(r);

	assert_int_equal(gethostname(host, sizeof(host)), 0);
	strftime(date, sizeof(date), "%Y-%m-%d", gmtime_r(&now, &tm));
	snprintf(expected, sizeof(expected), "O = viaduct, CN = viaduct CA (%.39s, %s)", host, date);
	assert_string_equal(ca_subject(ca), expected);
	assert_in_range(ca_not_before_s(ca), (uint64_t)now - RIG_DAY_S - 60, (uint64_t)now - RIG_DAY_S);
	ca_unref(ca);
}

static void test_read_again(void **state)
{
	struct files_rig *r = *state;
	struct ca *made = files_need(r), *loaded = files_load(r), *again = files_need(r);

	assert_non_null(loaded);
	assert_string_equal(ca_fingerprint(loaded), ca_fingerprint(made));
	assert_string_equal(ca_fingerprint(again), ca_fingerprint(made));
	ca_unref(again);
	ca_unref(loaded);
	ca_unref(made);
}

static void test_constraints(void **state)
{
	static const char *const items[] = {"example.com", "10.0.0.0/8"};
	struct files_rig *r = *state;
	struct ca *ca;

	r->place.name_constraints = items;
	r->place.name_constraints_n = 2;
	ca = files_need(r);
	assert_string_equal(ca_constraints(ca), "example.com, 10.0.0.0/8");
	ca_unref(ca);
}

/* The data folder need not be there. */
static void test_folders_above(void **state)
{
	struct files_rig *r = *state;
	char above[96], folder[128];
	struct stat st;
	struct ca *ca;

	snprintf(above, sizeof(above), "%s/x", r->data);
	snprintf(folder, sizeof(folder), "%s/ca", above);
	r->place.folder = folder;
	ca = files_need(r);
	assert_non_null(ca);
	assert_int_equal(stat(above, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	ca_unref(ca);
	folder_remove(folder);
	folder_remove(above);
}

/* What is missing, old or torn is made anew from ca.key. */
static void test_derived(void **state)
{
	static const char *const names[] = {"ca.pem", "ca.cer", "ca.p12"};
	struct files_rig *r = *state;
	struct ca *made = files_need(r), *loaded;
	char path[FILES_PATH_BYTES];

	for (size_t i = 0; i < 6; i++) {
		if (i < 3)
			assert_int_equal(unlink(files_path(r, names[i], path)), 0);
		else
			assert_true(files_write(r, names[i - 3], "torn", 0600));
		loaded = files_load(r);
		assert_non_null(loaded);
		assert_string_equal(r->warning, "");
		assert_derived(r, loaded);
		assert_string_equal(ca_fingerprint(loaded), ca_fingerprint(made));
		ca_unref(loaded);
	}
	ca_unref(made);
}

/* What a program that was killed can leave behind. */
static void test_half_written(void **state)
{
	struct files_rig *r = *state;
	struct ca *ca;

	assert_int_equal(mkdir(r->folder, 0700), 0);
	assert_true(files_write(r, ".lock", "", 0600));
	assert_true(files_write(r, ".ca.key.new", "-----BEGIN PRIV", 0600));
	assert_true(files_write(r, ".ca.pem.new", "", 0600));
	ca = files_need(r);
	assert_non_null(ca);
	assert_derived(r, ca);
	assert_int_equal(files_count(r, ".new"), 0);
	ca_unref(ca);
}

/* A key that was taken away is not made anew in silence: clients trust the old one. */
static void test_key_gone(void **state)
{
	struct files_rig *r = *state;
	struct ca *made = files_need(r), *other;
	char path[FILES_PATH_BYTES];

	assert_int_equal(unlink(files_path(r, "ca.key", path)), 0);
	assert_null(files_load(r));
	assert_non_null(strstr(r->why, "/ca.key: cannot be read: No such file"));
	other = files_need(r);
	assert_non_null(other);
	assert_non_null(strstr(r->warning, "/ca.key was gone: a new CA was made"));
	assert_string_not_equal(ca_fingerprint(other), ca_fingerprint(made));
	assert_derived(r, other);
	ca_unref(other);
	ca_unref(made);
}

/* A key alone, whose certificate is in ca.pem with its chain: both stay as they are. */
static void test_key_apart(void **state)
{
	struct signer_spec root_spec = RIG_CA("root"), spec = RIG_CA("between");
	struct files_rig *r = *state;
	struct signer root = signer_new(&root_spec, NULL), between = signer_new(&spec, &root);
	char key[RIG_TEXT_BYTES] = "", cert[RIG_TEXT_BYTES] = "", *after;
	struct ca *ca;
	size_t n;

	text_add_key(key, between.key, NULL);
	text_add_certificate(cert, between.certificate);
	text_add_certificate(cert, root.certificate);
	assert_int_equal(mkdir(r->folder, 0700), 0);
	assert_true(files_write(r, "ca.key", key, 0600));
	assert_null(files_load(r));
	assert_non_null(strstr(r->why, "/ca.key: there is no certificate in it, nor a ca.pem beside it"));
	assert_true(files_write(r, "ca.pem", cert, 0644));
	ca = files_load(r);
	assert_non_null(ca);
	assert_string_equal(ca_subject(ca), "CN = between");
	assert_int_equal(ca_chain_count(ca), 1);
	ca_unref(ca);
	after = files_read(r, "ca.pem", &n);
	assert_string_equal(after, cert);
	mem_free(after);
	signer_free(&between);
	signer_free(&root);
}

static void test_renew(void **state)
{
	struct files_rig *r = *state;
	struct ca *old = files_need(r), *renewed, *loaded;
	size_t n = 0;
	char *before = files_read(r, "ca.key", &n), *kept, name[64], date[16];
	time_t until = (time_t)ca_not_after_s(old);
	struct tm tm;

	renewed = ca_files_renew(&r->place, r->why, sizeof(r->why));
	assert_non_null(renewed);
	assert_string_not_equal(ca_fingerprint(renewed), ca_fingerprint(old));
	assert_derived(r, renewed);
	strftime(date, sizeof(date), "%Y-%m-%d", gmtime_r(&until, &tm));
	snprintf(name, sizeof(name), "ca-%s.key", date);
	kept = files_read(r, name, &n);
	assert_non_null(kept);
	assert_string_equal(kept, before);
	assert_int_equal(files_mode(r, name), 0600);
	mem_free(kept);
	snprintf(name, sizeof(name), "ca-%s.pem", date);
	kept = files_read(r, name, &n);
	assert_non_null(kept);
	assert_true(str_eq((struct str){kept, n}, ca_pem(old)));
	loaded = files_load(r);
	assert_string_equal(ca_fingerprint(loaded), ca_fingerprint(renewed));
	mem_free(kept);
	mem_free(before);
	ca_unref(loaded);
	ca_unref(renewed);
	ca_unref(old);
}

static bool has_spki(const struct ca_spkis *s, const struct ca *ca)
{
	for (size_t i = 0; i < s->n; i++) {
		if (str_eq(s->v[i], ca_spki_sha256(ca)))
			return true;
	}
	return false;
}

/* All that clients may still trust, whatever options give and whoever can read the folder. */
static void test_own_spkis(void **state)
{
	struct files_rig *r = *state;
	struct ca *all[3];
	struct ca_spkis s;

	ca_files_own_spkis(&r->place, NULL, &s, r->warning, sizeof(r->warning)); /* there is no folder */
	assert_int_equal(s.n, 0);
	assert_string_equal(r->warning, "");
	ca_spkis_fini(&s);
	for (size_t i = 0; i < 3; i++) {
		all[i] = ca_files_renew(&r->place, r->why, sizeof(r->why));
		assert_non_null(all[i]);
	}
	assert_true(files_write(r, "ca-other.txt", "no certificate", 0644));
	assert_int_equal(chmod(r->folder, 0755), 0);
	r->place.cert = "/elsewhere.pem";
	for (size_t with = 0; with < 2; with++) {
		ca_files_own_spkis(&r->place, with != 0 ? all[2] : NULL, &s, r->warning, sizeof(r->warning));
		assert_int_equal(s.n, 3);
		for (size_t i = 0; i < 3; i++)
			assert_true(has_spki(&s, all[i]));
		assert_string_equal(r->warning, "");
		ca_spkis_fini(&s);
	}
	assert_true(files_write(r, "ca-2026-01-01.pem", "no certificate", 0644));
	ca_files_own_spkis(&r->place, all[2], &s, r->warning, sizeof(r->warning));
	assert_int_equal(s.n, 3);
	assert_non_null(strstr(r->warning, "/ca-2026-01-01.pem: holds no certificate"));
	ca_spkis_fini(&s);
	for (size_t i = 0; i < 3; i++)
		ca_unref(all[i]);
}

/* Twice on one day: nothing that was kept is lost. In an empty folder: as if for the first time. */
static void test_renew_twice(void **state)
{
	struct files_rig *r = *state;

	for (size_t i = 0; i < 4; i++) {
		struct ca *ca = ca_files_renew(&r->place, r->why, sizeof(r->why));

		assert_non_null(ca);
		ca_unref(ca);
		assert_int_equal(files_count(r, ".key"), i + 1);
		assert_int_equal(files_count(r, ".pem"), i + 1);
	}
}

/* Runs in a child: makes or reads the CA, and tells its fingerprint. */
static void child_tell(struct files_rig *r, int start, int tell)
{
	char byte;
	struct ca *ca;

	if (read(start, &byte, 1) != 0) /* all begin when the parent closes its end */
		_exit(1);
	ca = ca_files_need(&r->place, r->warning, r->why, sizeof(r->why));
	if (ca == NULL || write(tell, ca_fingerprint(ca), CA_FINGERPRINT_BYTES) != CA_FINGERPRINT_BYTES)
		_exit(1);
	_exit(0);
}

enum { RACERS = 8, ROUNDS = 5 };

static void race(struct files_rig *r)
{
	char first[CA_FINGERPRINT_BYTES], next[CA_FINGERPRINT_BYTES];
	int start[2], tell[2], status;

	assert_int_equal(pipe(start), 0);
	assert_int_equal(pipe(tell), 0);
	for (int i = 0; i < RACERS; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			close(start[1]);
			child_tell(r, start[0], tell[1]);
		}
	}
	close(start[0]);
	close(start[1]);
	close(tell[1]);
	for (int i = 0; i < RACERS; i++) {
		assert_int_equal(read(tell[0], i == 0 ? first : next, CA_FINGERPRINT_BYTES), CA_FINGERPRINT_BYTES);
		if (i != 0)
			assert_string_equal(next, first);
	}
	close(tell[0]);
	for (int i = 0; i < RACERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
}

static void test_race(void **state)
{
	struct files_rig *r = *state;

	for (int i = 0; i < ROUNDS; i++) {
		race(r);
		folder_remove(r->folder);
	}
}

/* Runs in a child until it is killed: a byte for every renewal. */
static void child_renew(struct files_rig *r, int tell)
{
	for (;;) {
		struct ca *ca = ca_files_renew(&r->place, r->why, sizeof(r->why));

		if (ca == NULL || write(tell, "x", 1) != 1)
			_exit(1);
		ca_unref(ca);
	}
}

/* Kills it somewhere in a renewal. */
static void renew_and_kill(struct files_rig *r, int renewals)
{
	int tell[2], status = 0;
	pid_t pid;
	char byte;

	assert_int_equal(pipe(tell), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(tell[0]);
		child_renew(r, tell[1]);
	}
	close(tell[1]);
	for (int i = 0; i < renewals; i++)
		assert_int_equal(read(tell[0], &byte, 1), 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	close(tell[0]);
}

/* Killed at any moment, it leaves a CA that is whole, and the next one puts the rest right. */
static void test_killed(void **state)
{
	struct files_rig *r = *state;

	for (int i = 0; i < 20; i++) {
		struct ca *ca;

		renew_and_kill(r, i % 3);
		ca = files_need(r);
		assert_non_null(ca);
		assert_derived(r, ca);
		ca_unref(ca);
	}
}

static void test_remark(void **state)
{
	struct files_rig *r = *state;
	struct ca *ca = files_need(r);
	const int64_t end_s = ca_not_after_s(ca), day_s = RIG_DAY_S;
	const struct {
		int64_t now_s;
		const char *words;
	} cases[] = {
		{end_s - 31 * day_s, ""},
		{end_s - 30 * day_s - 1, ""},
		{end_s - 30 * day_s, "the CA ends in 30 days: viaduct ca renew"},
		{end_s - 2 * day_s + 1, "the CA ends in 1 day: viaduct ca renew"},
		{end_s - day_s + 1, "the CA ends within a day: viaduct ca renew"},
		{end_s - 1, "the CA ends within a day: viaduct ca renew"},
		{end_s, "the CA has expired on "},
		{end_s + day_s, "the CA has expired on "},
		{ca_not_before_s(ca), ""},
		{ca_not_before_s(ca) - 1, "the CA is valid from "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char words[128] = "?";

		ca_files_remark(ca, cases[i].now_s, words, sizeof(words));
		if (cases[i].words[0] == '\0')
			assert_string_equal(words, "");
		assert_memory_equal(words, cases[i].words, strlen(cases[i].words));
	}
	ca_unref(ca);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_made),
		TEST(test_name),
		TEST(test_read_again),
		TEST(test_constraints),
		TEST(test_folders_above),
		TEST(test_derived),
		TEST(test_half_written),
		TEST(test_key_gone),
		TEST(test_key_apart),
		TEST(test_renew),
		TEST(test_renew_twice),
		TEST(test_own_spkis),
		TEST(test_race),
		TEST(test_killed),
		TEST(test_remark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
