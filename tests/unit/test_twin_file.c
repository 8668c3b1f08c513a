/* store/twin_file: whole at every moment, for those who open it and for those who have it open. */
#include "store/har/twin_file.h"

#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TEXT_BYTES = 256, LARGE_BYTES = 2 * 1024 * 1024 };

/* What the machine is made to refuse. */
static bool exchange_is_refused;
static size_t writes_left = SIZE_MAX; /* then the disk is full */

/* In place of the library's. */
int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
	if (exchange_is_refused && (flags & RENAME_EXCHANGE)) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	if (writes_left == 0) {
		errno = ENOSPC;
		return -1;
	}
	writes_left--;
	return syscall(SYS_pwrite64, fd, bytes, n, at);
}

struct place {
	struct folder folder;
	char path[128], next[160], old[160];
	struct twin_file *f;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p || folder_make(&p->folder) != 0)
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/file", p->folder.path);
	snprintf(p->next, sizeof(p->next), "%s.next", p->path);
	snprintf(p->old, sizeof(p->old), "%s.1", p->path);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	exchange_is_refused = false;
	writes_left = SIZE_MAX;
	twin_file_free(p->f);
	folder_empty(p->folder.path);
	free(p);
	return 0;
}

static void begin(struct place *p)
{
	assert_int_equal(twin_file_new(p->path, STR("<"), STR(">"), &p->f), 0);
}

static void read_fd(int fd, char *ret)
{
	ssize_t n = pread(fd, ret, TEXT_BYTES - 1, 0);

	assert_true(n >= 0);
	ret[n] = '\0';
}

static void assert_file(const char *path, const char *expected)
{
	char got[TEXT_BYTES];
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	read_fd(fd, got);
	close(fd);
	assert_string_equal(got, expected);
}

static void add(struct place *p, const char *text)
{
	assert_int_equal(twin_file_begin(p->f, false), 0);
	assert_int_equal(twin_file_put(p->f, str_of(text)), 0);
	assert_int_equal(twin_file_publish(p->f), 0);
}

static void begins_whole_in_place_of_what_was_there(void **state)
{
	struct place *p = *state;
	struct stat st;
	FILE *old = fopen(p->path, "w");

	assert_non_null(old);
	fputs("of another run, and longer", old);
	fclose(old);
	old = fopen(p->next, "w");
	assert_non_null(old);
	fputs("left by a run that was killed", old);
	fclose(old);
	begin(p);
	assert_file(p->path, "<>");
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_not_equal(access(p->next, F_OK), 0);
}

static void refuses_what_is_no_file(void **state)
{
	struct place *p = *state;

	assert_int_equal(mkdir(p->path, 0700), 0);
	assert_int_equal(twin_file_new(p->path, STR("<"), STR(">"), &p->f), EISDIR);
	assert_int_equal(rmdir(p->path), 0);
	assert_int_equal(mkfifo(p->path, 0600), 0);
	assert_int_equal(twin_file_new(p->path, STR("<"), STR(">"), &p->f), EEXIST);
	assert_null(p->f);
}

static void goes_where_a_link_leads(void **state)
{
	struct place *p = *state;
	char target[160];
	struct stat st;

	snprintf(target, sizeof(target), "%s.target", p->path);
	close(open(target, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(symlink(target, p->path), 0);
	begin(p);
	assert_file(target, "<>");
	assert_int_equal(lstat(p->path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void shows_a_step_all_at_once(void **state)
{
	struct place *p = *state;

	begin(p);
	assert_int_equal(twin_file_begin(p->f, false), 0);
	assert_int_equal(twin_file_put(p->f, STR("one")), 0);
	assert_int_equal(twin_file_put(p->f, STR(" two")), 0);
	assert_file(p->path, "<>");
	assert_int_equal(twin_file_publish(p->f), 0);
	assert_file(p->path, "<one two>");
	assert_int_equal(twin_file_bytes(p->f), 9);
	add(p, " three");
	add(p, " four");
	assert_file(p->path, "<one two three four>");
}

static void forgets_a_step_that_was_undone(void **state)
{
	struct place *p = *state;
	struct stat st;

	begin(p);
	add(p, "one");
	add(p, " two");
	assert_int_equal(twin_file_begin(p->f, false), 0);
	assert_int_equal(twin_file_put(p->f, STR(" much that is never shown")), 0);
	twin_file_undo(p->f);
	assert_file(p->path, "<one two>");
	assert_int_equal(stat(p->next, &st), 0);
	assert_true(st.st_size <= 9);
	assert_int_not_equal(twin_file_publish(p->f), 0);
	assert_file(p->path, "<one two>");
	add(p, " 3");
	assert_file(p->path, "<one two 3>");
	add(p, " 4");
	assert_file(p->path, "<one two 3 4>");
}

static void a_step_that_is_begun_again_forgets_the_first(void **state)
{
	struct place *p = *state;

	begin(p);
	assert_int_equal(twin_file_begin(p->f, false), 0);
	assert_int_equal(twin_file_put(p->f, STR("a long one that is left")), 0);
	add(p, "one");
	assert_file(p->path, "<one>");
}

/* A reader in another process, as far as the kernel can tell: a descriptor of its own. */
static void leaves_a_reader_what_he_has_open(void **state)
{
	struct place *p = *state;
	char got[TEXT_BYTES];
	int fd;

	begin(p);
	add(p, "one");
	fd = open(p->path, O_RDONLY);
	assert_true(fd >= 0);
	for (int i = 0; i < 5; i++) {
		add(p, "+");
		read_fd(fd, got);
		assert_string_equal(got, "<one>");
	}
	close(fd);
	assert_file(p->path, "<one+++++>");
}

static void waits_for_a_reader_of_a_large_file(void **state)
{
	static char large[LARGE_BYTES];
	struct place *p = *state;
	int fd;

	memset(large, 'x', sizeof(large));
	begin(p);
	assert_int_equal(twin_file_begin(p->f, false), 0);
	assert_int_equal(twin_file_put(p->f, (struct str){large, sizeof(large)}), 0);
	assert_int_equal(twin_file_publish(p->f), 0);
	fd = open(p->path, O_RDONLY);
	add(p, "+");
	assert_int_equal(twin_file_begin(p->f, false), EAGAIN);
	close(fd);
	add(p, "+");
	fd = open(p->path, O_RDONLY);
	add(p, "+");
	assert_int_equal(twin_file_begin(p->f, false), EAGAIN);
	assert_int_equal(twin_file_begin(p->f, true), 0);
	assert_int_equal(twin_file_put(p->f, STR("!")), 0);
	assert_int_equal(twin_file_publish(p->f), 0);
	assert_int_equal(twin_file_bytes(p->f), LARGE_BYTES + 6);
	close(fd);
}

static void comes_back_when_it_was_deleted(void **state)
{
	struct place *p = *state;

	begin(p);
	add(p, "one");
	add(p, " two");
	assert_int_equal(unlink(p->path), 0);
	assert_true(twin_file_is_lost(p->f));
	add(p, " three");
	assert_file(p->path, "<one two three>");
	assert_false(twin_file_is_lost(p->f));
	add(p, " four");
	assert_file(p->path, "<one two three four>");
}

static void does_not_touch_what_was_moved_away(void **state)
{
	struct place *p = *state;
	char kept[160];

	snprintf(kept, sizeof(kept), "%s.kept", p->path);
	begin(p);
	add(p, "one");
	assert_int_equal(rename(p->path, kept), 0);
	add(p, " two");
	add(p, " three");
	add(p, " four");
	assert_file(kept, "<one>");
	assert_file(p->path, "<one two three four>");
}

static void does_not_touch_what_has_another_name(void **state)
{
	struct place *p = *state;
	char kept[160];

	snprintf(kept, sizeof(kept), "%s.kept", p->path);
	begin(p);
	add(p, "one");
	assert_int_equal(link(p->path, kept), 0);
	for (int i = 0; i < 3; i++)
		add(p, "+");
	assert_file(kept, "<one>");
	assert_file(p->path, "<one+++>");
}

static void the_second_name_is_deleted_or_taken(void **state)
{
	struct place *p = *state;
	FILE *other;

	begin(p);
	add(p, "one");
	add(p, " two");
	assert_int_equal(unlink(p->next), 0);
	add(p, " three");
	assert_int_equal(unlink(p->next), 0);
	other = fopen(p->next, "w");
	assert_non_null(other);
	fclose(other);
	add(p, " four");
	assert_file(p->path, "<one two three four>");
}

static void turns_to_another_file(void **state)
{
	struct place *p = *state;

	begin(p);
	add(p, "one");
	add(p, " two");
	assert_int_equal(twin_file_turn(p->f, STR("(")), 0);
	assert_file(p->path, "(>");
	assert_file(p->old, "<one two>");
	add(p, "three");
	assert_int_equal(twin_file_turn(p->f, STR("(")), 0);
	assert_file(p->path, "(>");
	assert_file(p->old, "(three>");
	add(p, "four");
	add(p, " five");
	assert_file(p->path, "(four five>");
	assert_file(p->old, "(three>");
}

static void a_turn_that_fails_changes_nothing(void **state)
{
	struct place *p = *state;

	begin(p);
	add(p, "one");
	add(p, " two");
	assert_int_equal(mkdir(p->old, 0700), 0);
	assert_int_not_equal(twin_file_turn(p->f, STR("(")), 0);
	assert_file(p->path, "<one two>");
	assert_int_equal(rmdir(p->old), 0);
	add(p, " three");
	assert_file(p->path, "<one two three>");
	assert_int_equal(twin_file_turn(p->f, STR("(")), 0);
	assert_file(p->old, "<one two three>");
}

static void copies_where_names_cannot_be_exchanged(void **state)
{
	struct place *p = *state;
	int fd;

	exchange_is_refused = true;
	begin(p);
	add(p, "one");
	fd = open(p->path, O_RDONLY);
	add(p, " two");
	assert_int_equal(twin_file_lag(p->f), strlen("<one two"));
	add(p, " three");
	assert_file(p->path, "<one two three>");
	close(fd);
	assert_int_equal(twin_file_turn(p->f, STR("(")), 0);
	assert_file(p->path, "(>");
	assert_file(p->old, "<one two three>");
	add(p, "four");
	assert_file(p->path, "(four>");
}

/* The disk fills up at the n-th write of a step, for each n there is. */
static void stays_whole_when_the_disk_is_full(void **state)
{
	struct place *p = *state;

	begin(p);
	add(p, "one");
	add(p, " two");
	for (size_t n = 0; n < 3; n++) {
		int rc;

		writes_left = n;
		rc = twin_file_begin(p->f, false);
		if (rc == 0)
			rc = twin_file_put(p->f, STR(" not"));
		if (rc == 0)
			rc = twin_file_put(p->f, STR(" yet"));
		if (rc == 0)
			rc = twin_file_publish(p->f);
		assert_int_equal(rc, ENOSPC);
		twin_file_undo(p->f);
		writes_left = SIZE_MAX;
		assert_file(p->path, "<one two>");
	}
	writes_left = 0;
	assert_int_equal(twin_file_turn(p->f, STR("(")), ENOSPC);
	writes_left = SIZE_MAX;
	assert_file(p->path, "<one two>");
	add(p, " three");
	add(p, " four");
	assert_file(p->path, "<one two three four>");
}

static void leaves_nothing_behind(void **state)
{
	struct place *p = *state;

	begin(p);
	add(p, "one");
	add(p, " two");
	assert_int_equal(access(p->next, F_OK), 0);
	twin_file_free(p->f);
	p->f = NULL;
	assert_int_not_equal(access(p->next, F_OK), 0);
	assert_file(p->path, "<one two>");
}

#define PLACE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(begins_whole_in_place_of_what_was_there),
		PLACE_TEST(refuses_what_is_no_file),
		PLACE_TEST(goes_where_a_link_leads),
		PLACE_TEST(shows_a_step_all_at_once),
		PLACE_TEST(forgets_a_step_that_was_undone),
		PLACE_TEST(a_step_that_is_begun_again_forgets_the_first),
		PLACE_TEST(leaves_a_reader_what_he_has_open),
		PLACE_TEST(waits_for_a_reader_of_a_large_file),
		PLACE_TEST(comes_back_when_it_was_deleted),
		PLACE_TEST(does_not_touch_what_was_moved_away),
		PLACE_TEST(does_not_touch_what_has_another_name),
		PLACE_TEST(the_second_name_is_deleted_or_taken),
		PLACE_TEST(turns_to_another_file),
		PLACE_TEST(a_turn_that_fails_changes_nothing),
		PLACE_TEST(copies_where_names_cannot_be_exchanged),
		PLACE_TEST(stays_whole_when_the_disk_is_full),
		PLACE_TEST(leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
