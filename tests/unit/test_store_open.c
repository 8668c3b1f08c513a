/* Opening the flow database: who may read it, who else may write it, and what is refused. */
#include "store_run.h"

#include <sys/wait.h>

/* Starting fails, with this in the line that says why. */
static void assert_refused(const char *part)
{
	struct store_options o = options(1000);
	char why[WHY_BYTES] = "";

	assert_null(store_start(&o, why, sizeof(why)));
	if (!strstr(why, part))
		fail_msg("\"%s\" does not say \"%s\"", why, part);
	assert_null(strchr(why, '\n'));
}

static void test_modes(void **state)
{
	struct store *s;
	struct ring *ring;
	struct stat st;
	char path[256];
	const char *suffixes[] = {"flows.db", "flows.db-wal", "flows.db-shm", "flows.lock"};
	mode_t before = umask(0);

	(void)state;
	s = start(1000);
	ring = store_add_ring(s);
	push(ring, 1, OUTCOME_DELIVERED);
	wait_written(s, 1);
	assert_int_equal(stat(folder.data, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder.data, suffixes[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	umask(before);
	store_stop(s);
}

static void test_lock(void **state)
{
	struct store *s = start(1000);
	char pid[64];

	(void)state;
	snprintf(pid, sizeof(pid), "in use by another viaduct (pid %ld)", (long)getpid());
	assert_refused(pid);
	store_stop(s);
	store_stop(start(1000));
}

static void test_newer_schema(void **state)
{
	(void)state;
	store_stop(start(1000));
	assert_answer(&folder, "PRAGMA user_version = 99", "");
	assert_refused("flows.db: written by a newer viaduct (schema 99; this one knows up to");
	assert_answer(&folder, "PRAGMA user_version", "99");
}

/* The database of another program is not ours to write, nor to move. */
static void test_foreign_file(void **state)
{
	char deep[128];
	FILE *f;

	(void)state;
	snprintf(deep, sizeof(deep), "%s/deep", folder.path);
	assert_int_equal(mkdir(deep, 0700), 0);
	assert_int_equal(mkdir(folder.data, 0700), 0);
	f = fopen(folder.db, "w");
	assert_non_null(f);
	fclose(f);
	assert_answer(&folder, "CREATE TABLE theirs (x)", "");
	assert_refused("flows.db: not a flow database of viaduct");
	assert_answer(&folder, "SELECT count(*) FROM theirs", "0");
}

/* The folder's place is taken by a file: nobody, root included, can make it. */
static void test_no_folder(void **state)
{
	char deep[128];
	FILE *f;

	(void)state;
	snprintf(deep, sizeof(deep), "%s/deep", folder.path);
	f = fopen(deep, "w");
	assert_non_null(f);
	fclose(f);
	assert_refused("the folder cannot be made");
	assert_int_equal(unlink(deep), 0);
}

/* Starts as a user to whom modes mean something; 0 if starting is refused with the folder's name. */
static int start_as_nobody(void)
{
	struct store_options o = options(1000);
	char why[WHY_BYTES] = "";

	if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
		return 2;
	if (store_start(&o, why, sizeof(why)))
		return 3;
	return strstr(why, "Permission denied") && strstr(why, folder.data) ? 0 : 4;
}

static void test_read_only_folder(void **state)
{
	char deep[128];
	int status;
	pid_t pid;

	(void)state;
	store_stop(start(1000));
	snprintf(deep, sizeof(deep), "%s/deep", folder.path);
	assert_int_equal(chmod(folder.path, 0755) + chmod(deep, 0755), 0);
	assert_int_equal(chmod(folder.data, 0555), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(start_as_nobody());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(chmod(folder.data, 0700), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_modes),
		STORE_TEST(test_lock),
		STORE_TEST(test_newer_schema),
		STORE_TEST(test_foreign_file),
		STORE_TEST(test_no_folder),
		STORE_TEST(test_read_only_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
