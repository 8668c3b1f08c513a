/* The spooler: files without names, written and read on its thread, and every way in which the system or the owner may cut that short. */
#include "core/spooler.h"

#include "spool_rig.h"

#include <sys/stat.h>

static struct spool_file *file_new(struct spool_rig *r)
{
	return spool_file_new(r->spooler, r->loop, on_spool_change, r);
}

static void file_write(struct spool_rig *r, struct spool_file *f, uint64_t at, size_t n)
{
	struct bufq q;

	bufq_init(&q, r->pool);
	pattern_put(&q, at, n);
	spool_file_write(f, &q);
	assert_int_equal(q.len, 0);
}

static void file_expect(struct spool_rig *r, struct spool_file *f, uint64_t at, size_t n)
{
	struct bufq q;

	bufq_init(&q, r->pool);
	spool_file_read(f, at, n, &q);
	TURN_UNTIL(r->loop, !spool_file_is_reading(f));
	pattern_expect(&q, at, n);
	bufq_clear(&q);
}

static void test_what_is_written_can_be_read(void **state)
{
	static const size_t sizes[] = {1, 100, BUFQ_SLAB_BYTES - 1, BUFQ_SLAB_BYTES, BUFQ_SLAB_BYTES + 1, 3000000};
	struct spool_rig r;

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct spool_file *f;
		size_t part;

		spool_rig_up(&r);
		f = file_new(&r);
		file_write(&r, f, 0, sizes[i]);
		assert_int_equal(spool_file_unwritten(f), sizes[i]);
		TURN_UNTIL(r.loop, spool_file_unwritten(f) == 0);
		assert_true(r.changes > 0);
		assert_int_equal(bufpool_used(r.pool), 0);
		for (size_t at = 0; at < sizes[i]; at += part) {
			part = sizes[i] - at < SPOOL_READ_MAX_BYTES ? sizes[i] - at : SPOOL_READ_MAX_BYTES;
			file_expect(&r, f, at, part);
		}
		file_expect(&r, f, sizes[i] / 2, sizes[i] - sizes[i] / 2 < 77 ? 1 : 77);
		spool_file_free(f);
		spool_rig_down(&r);
	}
}

static void test_a_read_waits_for_what_is_not_yet_written(void **state)
{
	struct spool_rig r;
	struct spool_file *f;
	struct bufq q;

	(void)state;
	spool_rig_up(&r);
	f = file_new(&r);
	bufq_init(&q, r.pool);
	bufq_append_str(&q, STR("before "));
	file_write(&r, f, 0, 2000000);
	spool_file_read(f, 1900000, 100000, &q);
	assert_true(spool_file_is_reading(f));
	TURN_UNTIL(r.loop, !spool_file_is_reading(f));
	assert_int_equal(spool_file_unwritten(f), 0);
	bufq_drain(&q, 7);
	pattern_expect(&q, 1900000, 100000);
	bufq_clear(&q);
	spool_file_free(f);
	spool_rig_down(&r);
}

/* Bytes that trickle in while the disk is busy do not hold a slab each. */
static void test_small_writes_gather(void **state)
{
	enum { PART = 600, PARTS = 1000 };
	struct spool_rig r;
	struct spool_file *f;

	(void)state;
	spool_rig_up(&r);
	f = file_new(&r);
	for (size_t i = 0; i < PARTS; i++)
		file_write(&r, f, i * PART, PART);
	assert_int_equal(spool_file_unwritten(f), PART * PARTS);
	assert_true(bufpool_used(r.pool) < 2 * PART * PARTS);
	TURN_UNTIL(r.loop, spool_file_unwritten(f) == 0);
	assert_true(r.changes < 20);
	for (uint64_t at = 0; at < PART * PARTS; at += PART * PARTS / 4)
		file_expect(&r, f, at, PART * PARTS / 4);
	spool_file_free(f);
	spool_rig_down(&r);
}

/* Two files at once, each with writes and reads in turn. */
static void test_files_do_not_mix(void **state)
{
	struct spool_rig r;
	struct spool_file *f[2];

	(void)state;
	spool_rig_up(&r);
	for (int i = 0; i < 2; i++)
		f[i] = file_new(&r);
	for (uint64_t n = 0; n < 20; n++) {
		file_write(&r, f[0], n * 10000, 10000);
		file_write(&r, f[1], n * 5000, 5000);
		file_expect(&r, f[0], n * 5000, 10000);
		file_expect(&r, f[1], n * 2500, 2500);
	}
	spool_file_free(f[0]);
	file_expect(&r, f[1], 0, 100000);
	spool_file_free(f[1]);
	spool_rig_down(&r);
}

static void test_a_wish_that_is_cancelled_brings_nothing(void **state)
{
	struct spool_rig r;
	struct spool_file *f;
	struct bufq gone, q;

	(void)state;
	spool_rig_up(&r);
	f = file_new(&r);
	bufq_init(&gone, r.pool);
	bufq_init(&q, r.pool);
	/* Waiting for the write. */
	file_write(&r, f, 0, 100000);
	spool_file_read(f, 0, 50000, &gone);
	spool_file_cancel_read(f);
	assert_false(spool_file_is_reading(f));
	TURN_UNTIL(r.loop, spool_file_unwritten(f) == 0);
	/* Under way, and replaced by another at once; twice. */
	spool_file_read(f, 0, 50000, &gone);
	spool_file_cancel_read(f);
	spool_file_cancel_read(f);
	spool_file_read(f, 10, 50000, &gone);
	spool_file_cancel_read(f);
	spool_file_read(f, 60000, 40000, &q);
	TURN_UNTIL(r.loop, !spool_file_is_reading(f));
	assert_int_equal(gone.len, 0);
	pattern_expect(&q, 60000, 40000);
	bufq_clear(&q);
	spool_file_free(f);
	spool_rig_down(&r);
}

/* The open file that is as long as this. */
static int descriptor_of(off_t size)
{
	int found = -1;

	for (int fd = 0; fd < 100; fd++) {
		struct stat st;

		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == size)
			found = fd;
	}
	assert_true(found >= 0);
	return found;
}

/* Only the user may open it, it has no name, and it is closed in the end. */
static void test_the_file_is_private(void **state)
{
	struct spool_rig r;
	struct spool_file *f;
	struct stat st;
	unsigned before;

	(void)state;
	spool_rig_up(&r);
	before = open_files();
	f = file_new(&r);
	file_write(&r, f, 0, 100000);
	TURN_UNTIL(r.loop, spool_file_unwritten(f) == 0);
	assert_int_equal(open_files(), before + 1);
	assert_int_equal(fstat(descriptor_of(100000), &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	spool_file_free(f);
	TURN_UNTIL(r.loop, open_files() == before);
	spool_rig_down(&r);
}

/* What is expected of a file of which a write fails. */
static void expect_failure(struct spool_rig *r, struct spool_file *f, const char *words)
{
	const char *why = NULL;

	TURN_UNTIL(r->loop, spool_file_has_failed(f, NULL));
	assert_true(spool_file_has_failed(f, &why));
	assert_string_equal(why, words);
	assert_true(r->changes > 0);
	assert_int_equal(spool_file_unwritten(f), 0);
	/* More is neither kept nor asked for. */
	file_write(r, f, 0, 100);
	assert_int_equal(spool_file_unwritten(f), 0);
	assert_false(spool_file_is_reading(f));
	TURN_UNTIL(r->loop, bufpool_used(r->pool) == 0);
	spool_file_free(f);
}

/* All files together; what is freed makes room. */
static void test_the_limit_of_all(void **state)
{
	struct spool_rig r;
	struct spool_file *f[3];

	(void)state;
	spool_rig_up(&r);
	spooler_set_limit(r.spooler, 150000);
	for (int i = 0; i < 2; i++) {
		f[i] = spool_file_new(r.spooler, r.loop, on_spool_change, &r);
		file_write(&r, f[i], 0, 100000);
	}
	assert_true(spool_file_has_failed(f[1], NULL));
	assert_false(spool_file_has_failed(f[0], NULL));
	spool_file_free(f[1]);
	spool_file_free(f[0]);
	f[2] = spool_file_new(r.spooler, r.loop, on_spool_change, &r);
	file_write(&r, f[2], 0, 150000);
	assert_false(spool_file_has_failed(f[2], NULL));
	spool_file_free(f[2]);
	spool_rig_down(&r);
}

static void test_no_folder(void **state)
{
	struct spool_rig r;
	struct spooler *s;
	struct spool_file *f;
	struct bufq q;

	(void)state;
	spool_rig_up(&r);
	s = spooler_new("/nonexistent/folder");
	bufq_init(&q, r.pool);
	for (int i = 0; i < 2; i++) {
		f = spool_file_new(s, r.loop, on_spool_change, &r);
		file_write(&r, f, 0, 100000);
		spool_file_read(f, 0, 10, &q);
		file_write(&r, f, 100000, 1000000);
		expect_failure(&r, f, "No such file or directory");
	}
	assert_int_equal(q.len, 0);
	spooler_free(s);
	spool_rig_down(&r);
}

static void test_a_folder_that_nobody_can_write_to(void **state)
{
	struct spool_rig r;
	struct spooler *s;
	char path[5000];

	(void)state;
	spool_rig_up(&r);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	for (int i = 0; i < 2; i++) {
		struct spool_file *f;

		s = spooler_new(i == 0 ? "/dev/null" : path);
		f = spool_file_new(s, r.loop, on_spool_change, &r);
		file_write(&r, f, 0, 1);
		expect_failure(&r, f, i == 0 ? "Not a directory" : "File name too long");
		spooler_free(s);
	}
	spool_rig_down(&r);
}

static void test_no_descriptor_left(void **state)
{
	struct spool_rig r;
	struct spool_file *f;
	rlim_t before;

	(void)state;
	spool_rig_up(&r);
	f = file_new(&r);
	before = limit_to(RLIMIT_NOFILE, 1);
	file_write(&r, f, 0, 100000);
	expect_failure(&r, f, "Too many open files");
	limit_to(RLIMIT_NOFILE, before);
	spool_rig_down(&r);
}

/* As when the disk is full, in the middle of a write; the process is not ended by the signal for it. What was written can no longer be
 * read, for it is not worth the trouble. */
static void test_no_room_left(void **state)
{
	struct spool_rig r;
	struct spool_file *f;
	rlim_t before;

	(void)state;
	spool_rig_up(&r);
	f = file_new(&r);
	file_write(&r, f, 0, 100000);
	TURN_UNTIL(r.loop, spool_file_unwritten(f) == 0);
	before = limit_to(RLIMIT_FSIZE, 200000);
	file_write(&r, f, 100000, 200000);
	expect_failure(&r, f, "File too large");
	limit_to(RLIMIT_FSIZE, before);
	/* The next file is a new chance. */
	f = file_new(&r);
	file_write(&r, f, 0, 1000000);
	file_expect(&r, f, 900000, 100000);
	spool_file_free(f);
	spool_rig_down(&r);
}

/* A read is under way when a write fails: its bytes do not come. */
static void test_a_read_beside_a_write_that_fails(void **state)
{
	struct spool_rig r;
	struct spool_file *f;
	struct bufq q;
	rlim_t before;

	(void)state;
	spool_rig_up(&r);
	f = file_new(&r);
	bufq_init(&q, r.pool);
	file_write(&r, f, 0, 300000);
	TURN_UNTIL(r.loop, spool_file_unwritten(f) == 0);
	before = limit_to(RLIMIT_FSIZE, 0);
	file_write(&r, f, 300000, 1000);
	spool_file_read(f, 0, 250000, &q);
	expect_failure(&r, f, "File too large");
	assert_int_equal(q.len, 0);
	limit_to(RLIMIT_FSIZE, before);
	spool_rig_down(&r);
}

/* A disk that does not give back what it was given; a write is under way behind the read. */
static void test_a_read_that_fails(void **state)
{
	struct spool_rig r;
	struct spool_file *f;
	struct bufq q;

	(void)state;
	spool_rig_up(&r);
	f = file_new(&r);
	bufq_init(&q, r.pool);
	file_write(&r, f, 0, 300000);
	TURN_UNTIL(r.loop, spool_file_unwritten(f) == 0);
	assert_int_equal(ftruncate(descriptor_of(300000), 1000), 0);
	spool_file_read(f, 500, 100000, &q);
	file_write(&r, f, 300000, 1000000);
	expect_failure(&r, f, "Input/output error");
	assert_int_equal(q.len, 0);
	spool_rig_down(&r);
}

/* Nothing is touched after it, whatever was under way, and whether the loop turns before the shutdown or not. */
static void test_free_in_every_state(void **state)
{
	enum { UNUSED, WRITING, WRITTEN, READ_WAITS, READING, CANCELLED, STATES };
	struct spool_rig r;

	(void)state;
	for (int i = 0; i < STATES * 2; i++) {
		struct spool_file *f;
		struct bufq q;
		int stage = i / 2;

		spool_rig_up(&r);
		f = file_new(&r);
		bufq_init(&q, r.pool);
		if (stage >= WRITING)
			file_write(&r, f, 0, 1000000);
		if (stage == READ_WAITS)
			spool_file_read(f, 0, 200000, &q);
		if (stage >= WRITTEN && stage != READ_WAITS)
			TURN_UNTIL(r.loop, spool_file_unwritten(f) == 0);
		if (stage >= READING)
			spool_file_read(f, 0, 200000, &q);
		if (stage == CANCELLED)
			spool_file_cancel_read(f);
		r.changes = 0;
		spool_file_free(f);
		if (i % 2 == 0)
			TURN_UNTIL(r.loop, bufpool_used(r.pool) == 0);
		spool_rig_down(&r);
		assert_int_equal(r.changes, 0);
		assert_int_equal(q.len, 0);
	}
	spool_file_free(NULL);
	spooler_free(NULL);
}

/* Many files are dropped while most of their jobs still wait for the thread. */
static void test_free_with_a_long_queue(void **state)
{
	struct spool_file *files[100];
	struct spool_rig r;
	unsigned before;

	(void)state;
	spool_rig_up(&r);
	before = open_files();
	for (size_t i = 0; i < COUNT(files); i++) {
		files[i] = file_new(&r);
		file_write(&r, files[i], 0, 200000);
	}
	for (size_t i = 0; i < COUNT(files); i++)
		spool_file_free(files[i]);
	spooler_free(r.spooler);
	r.spooler = NULL;
	assert_int_equal(open_files(), before);
	spool_rig_down(&r);
	assert_int_equal(r.changes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_can_be_read),
		cmocka_unit_test(test_a_read_waits_for_what_is_not_yet_written),
		cmocka_unit_test(test_small_writes_gather),
		cmocka_unit_test(test_files_do_not_mix),
		cmocka_unit_test(test_a_wish_that_is_cancelled_brings_nothing),
		cmocka_unit_test(test_the_file_is_private),
		cmocka_unit_test(test_the_limit_of_all),
		cmocka_unit_test(test_no_folder),
		cmocka_unit_test(test_a_folder_that_nobody_can_write_to),
		cmocka_unit_test(test_no_descriptor_left),
		cmocka_unit_test(test_no_room_left),
		cmocka_unit_test(test_a_read_beside_a_write_that_fails),
		cmocka_unit_test(test_a_read_that_fails),
		cmocka_unit_test(test_free_in_every_state),
		cmocka_unit_test(test_free_with_a_long_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
