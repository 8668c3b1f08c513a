/* Bodies are written once, grow, are found again, and go back with their transaction. */
#include "body_rig.h"
#include "store/body/body_rows.h"

enum { BIG = 200000, SMALL = 1000 };

static char big[BIG], small[SMALL];

static void test_small(void **state)
{
	struct body_rig *r = *state;
	struct str text = make_text(small, sizeof(small), 1);
	struct body_ref first = rig_put_whole(r, 1, text), again = rig_put_whole(r, 2, text);
	struct body_ref other = rig_put_whole(r, 3, make_text(small, sizeof(small), 2));

	assert_true(first.id > 0);
	assert_int_equal(first.cut, CUT_NONE);
	assert_int_equal(again.id, first.id);
	assert_int_not_equal(other.id, first.id);
	assert_body(r, other.id, text);
	assert_int_equal(rig_number(r, "SELECT used_until FROM bodies WHERE id = 1"), 2 + BODY_BOOK_AHEAD);
	assert_int_equal(rig_number(r, "SELECT used_until FROM bodies WHERE id = 2"), 3);
	assert_int_equal(rig_number(r, "SELECT count(*) FROM bodies WHERE length(sha256) = 32 AND compression IS NULL"), 2);
}

/* Known by the index, so also after a new start. */
static void test_index(void **state)
{
	struct body_rig *r = *state;
	struct str noise = make_noise(big, BODY_DEDUP_BYTES, 1);
	struct body_ref first = rig_put_whole(r, 1, noise);

	rig_restart(r);
	assert_int_equal(rig_put_whole(r, 2, noise).id, first.id);
	assert_int_equal(rig_number(r, "SELECT used_until FROM bodies"), 2 + BODY_BOOK_AHEAD_BYTES / BODY_DEDUP_BYTES);
	assert_body(r, first.id, noise);
}

static void test_parts_of_one_record(void **state)
{
	struct body_rig *r = *state;
	struct str text = make_text(big, BODY_PART_BYTES, 1);
	struct body_ref ref = rig_put(r, 1, parts_of(text, 0, text.len, 10000, 1), true);

	assert_body(r, ref.id, text);
	assert_int_equal(rig_number(r, "SELECT count(*) FROM body_pieces"), 0);
	assert_int_equal(rig_number(r,
				 "SELECT count(*) FROM bodies WHERE compression = 'zstd' AND stored_bytes = length(content)"),
		1);
}

/* More than a row takes: pieces. The second one, which comes in several records, ends as a reference to the first. */
static void test_pieces(void **state)
{
	struct body_rig *r = *state;
	struct str text = make_text(big, sizeof(big), 1);
	struct body_ref first = rig_put_whole(r, 1, text), growing, last;

	assert_body(r, first.id, text);
	assert_int_equal(rig_number(r, "SELECT count(*) FROM body_pieces WHERE compression = 'zstd'"), 4);
	assert_int_equal(rig_number(r, "SELECT stored_bytes = (SELECT sum(length(content)) FROM body_pieces) FROM bodies"), 1);
	growing = rig_put(r, 2, parts_of(text, 0, 70000, BODY_PART_BYTES, 1), false);
	assert_int_not_equal(growing.id, first.id);
	assert_body(r, growing.id, str_first(text, 70000));
	assert_int_equal(rig_number(r, "SELECT bytes FROM bodies WHERE sha256 IS NULL AND used_until = 0x7fffffffffffffff"),
		70000);
	last = rig_put(r, 2, parts_of(text, 70000, text.len, BODY_PART_BYTES, 1), true);
	assert_int_equal(last.id, first.id);
	assert_int_equal(rig_number(r, "SELECT id FROM bodies WHERE used_until = 0 AND sha256 IS NULL"), growing.id);
}

static void test_all_bodies_of_a_flow(void **state)
{
	struct body_rig *r = *state;
	struct body_part *parts = part(NULL, 2, BODY_DOWN, 0, STR("deux"), CUT_NONE);

	parts = part(parts, 0, BODY_DOWN, 0, STR("made here"), CUT_NONE);
	parts = part(parts, 1, BODY_DOWN, 0, STR("one"), CUT_LIMIT);
	parts = part(parts, 1, BODY_UP, 0, STR("up"), CUT_NONE);
	rig_begin(r);
	rig_take(r, 1, parts, false);
	rig_take(r, 1, part(NULL, 2, BODY_DOWN, 4, STR(" mots"), CUT_NONE), true);
	assert_body(r, body_book_ref(r->book, 1, 2, BODY_DOWN).id, STR("deux mots"));
	assert_body(r, body_book_ref(r->book, 1, 0, BODY_DOWN).id, STR("made here"));
	assert_body(r, body_book_ref(r->book, 1, 1, BODY_UP).id, STR("up"));
	assert_body(r, body_book_ref(r->book, 1, 1, BODY_DOWN).id, STR("one"));
	assert_int_equal(body_book_ref(r->book, 1, 1, BODY_DOWN).cut, CUT_LIMIT);
	assert_int_equal(body_book_ref(r->book, 1, 2, BODY_UP).id, 0);
	assert_int_equal(body_book_ref(r->book, 2, 1, BODY_UP).id, 0);
	body_book_done(r->book, 1, true);
	rig_commit(r);
	assert_int_equal(body_book_ref(r->book, 1, 2, BODY_DOWN).id, 0);
	assert_int_equal(rig_number(r, "SELECT count(*) FROM bodies WHERE sha256 IS NULL"), 0);
}

/* What comes behind a cut, or a gap, is left out. */
static void test_cuts(void **state)
{
	struct body_rig *r = *state;
	struct body_ref ref;

	ref = rig_put(r, 1, part(NULL, 1, BODY_DOWN, 0, STR_NONE, CUT_LIMIT), true);
	assert_int_equal(ref.id, 0);
	assert_int_equal(ref.cut, CUT_LIMIT);
	(void)rig_put(r, 2, part(NULL, 1, BODY_DOWN, 0, STR("begin"), CUT_NONE), false);
	ref = rig_put(r, 2, part(part(NULL, 1, BODY_DOWN, 8, STR("er"), CUT_NONE), 1, BODY_DOWN, 7, STR("x"), CUT_OVERLOAD),
		true);
	assert_int_equal(ref.cut, CUT_STORE);
	assert_body(r, ref.id, STR("begin"));
	ref = rig_put(r, 3, part(part(NULL, 1, BODY_DOWN, 3, STR("more"), CUT_NONE), 1, BODY_DOWN, 0, STR("all"), CUT_OVERLOAD),
		true);
	assert_int_equal(ref.cut, CUT_OVERLOAD);
	assert_body(r, ref.id, STR("all"));
	ref = rig_put(r, 4, part(NULL, 1, BODY_DOWN, 65536, STR("the begin was lost"), CUT_NONE), true);
	assert_int_equal(ref.cut, CUT_STORE);
	assert_int_equal(ref.id, 0);
}

/* Everything that a transaction did is undone, and done again the same way. */
static void test_undo(void **state)
{
	struct body_rig *r = *state;
	struct str text = make_text(big, sizeof(big), 1);
	struct body_ref growing = rig_put(r, 1, parts_of(text, 0, 100000, 50000, 1), false), last;

	for (int i = 0; i < 3; i++) {
		rig_begin(r);
		rig_take(r, 1, parts_of(text, 100000, 150000, 30000, 1), false);
		rig_take(r, 1, parts_of(text, 150000, text.len, 30000, 1), true);
		last = body_book_ref(r->book, 1, 1, BODY_DOWN);
		assert_int_equal(last.id, growing.id);
		assert_int_equal(last.cut, CUT_NONE);
		rig_take(r, 2, parts_of(STR("small"), 0, 5, 5, 1), true);
		assert_int_equal(body_book_ref(r->book, 2, 1, BODY_DOWN).id, growing.id + 1);
		rig_flow(r, 1, true);
		rig_flow(r, 2, true);
		if (i < 2)
			rig_undo(r);
		else
			rig_commit(r);
	}
	assert_body(r, growing.id, text);
	assert_int_equal(rig_put_whole(r, 3, text).id, growing.id);
	assert_int_equal(rig_put_whole(r, 4, STR("small")).id, growing.id + 1);
}

/* What was to be written at once may be written bit by bit when it is tried again. */
static void test_undo_end(void **state)
{
	struct body_rig *r = *state;
	struct body_ref ref;

	(void)rig_put(r, 1, part(NULL, 1, BODY_DOWN, 0, STR("one"), CUT_NONE), false);
	rig_begin(r);
	rig_take(r, 1, part(NULL, 1, BODY_DOWN, 3, STR(" two"), CUT_NONE), true);
	body_book_done(r->book, 1, true);
	rig_undo(r);
	(void)rig_put(r, 1, part(NULL, 1, BODY_DOWN, 3, STR(" two"), CUT_NONE), false);
	ref = rig_put(r, 1, part(NULL, 1, BODY_DOWN, 7, STR(" three"), CUT_NONE), true);
	assert_int_equal(ref.cut, CUT_NONE);
	assert_body(r, ref.id, STR("one two three"));
}

/* A small body that is known from a transaction that was rolled back must not be referred to. */
static void test_undo_known(void **state)
{
	struct body_rig *r = *state;

	rig_begin(r);
	rig_take(r, 1, parts_of(STR("small"), 0, 5, 5, 1), true);
	rig_undo(r);
	assert_int_equal(rig_number(r, "SELECT count(*) FROM bodies"), 0);
	assert_body(r, rig_put_whole(r, 1, STR("small")).id, STR("small"));
}

/* What a kill -9 leaves: a flow in flight keeps what came of its body; what no flow refers to is left to pruning. */
static void test_take_over(void **state)
{
	struct body_rig *r = *state;
	struct str text = make_text(big, sizeof(big), 1);
	struct body_ref kept = rig_put(r, 7, parts_of(text, 0, 100000, 50000, 1), false);

	rig_begin(r);
	rig_take(r, 8, part(NULL, 1, BODY_UP, 0, STR("nobody's"), CUT_NONE), false);
	rig_commit(r);
	rig_restart(r);
	assert_body(r, kept.id, str_first(text, 100000));
	assert_int_equal(rig_number(r, "SELECT used_until FROM bodies WHERE length(sha256) = 32 AND bytes = 100000"), 7);
	assert_int_equal(rig_number(r, "SELECT used_until FROM bodies WHERE sha256 IS NULL"), 0);
	assert_int_equal(rig_put_whole(r, 9, str_first(text, 100000)).id, kept.id);
	rig_restart(r);
	assert_int_equal(rig_number(r, "SELECT count(*) FROM bodies WHERE used_until <> 0"), 1);
}

/* The database is opened anew while bodies grow: what it still has goes on, what it has not is cut, of others no id is used. */
static void test_renewed(void **state)
{
	struct body_rig *r = *state;
	struct str text = make_text(big, sizeof(big), 1);
	struct body_ref kept = rig_put(r, 7, parts_of(text, 0, 100000, 50000, 1), false), lost, last;

	lost = rig_put(r, 8, parts_of(text, 0, 50000, 50000, 1), false);
	rig_exec(r, "UPDATE bodies SET bytes = bytes - 1 WHERE id = 2"); /* as in a copy of before */
	rig_renew(r);
	assert_int_equal(body_book_lost(r->book), 1);
	last = rig_put(r, 7, parts_of(text, 100000, text.len, 50000, 1), true);
	assert_int_equal(last.id, kept.id);
	assert_int_equal(last.cut, CUT_NONE);
	assert_body(r, last.id, text);
	assert_int_equal(rig_put_whole(r, 9, text).id, kept.id); /* its hash is right */
	last = rig_put(r, 8, parts_of(text, 50000, 100000, 50000, 1), true);
	assert_int_equal(last.id, 0);
	assert_int_equal(last.cut, CUT_STORE);
	assert_true(rig_number(r, "SELECT used_until FROM bodies WHERE id = 2") <= 8);

	rig_put(r, 10, parts_of(text, 0, 50000, 50000, 2), false);
	rig_exec(r, "DELETE FROM bodies; DELETE FROM body_pieces");
	rig_renew(r);
	assert_int_equal(body_book_lost(r->book), 2);
	assert_true(rig_put_whole(r, 11, STR("new")).id > lost.id + 1);
}

/* A flow in flight costs memory only so long. */
static void test_forgotten(void **state)
{
	struct body_rig *r = *state;
	struct body_ref ref;

	rig_begin(r);
	for (uint64_t id = 1; id <= BODY_BOOK_EXCHANGES + 1; id++)
		rig_take(r, id, part(NULL, 1, BODY_DOWN, 0, STR("x"), CUT_NONE), false);
	rig_commit(r);
	ref = rig_put(r, 1, part(NULL, 1, BODY_DOWN, 1, STR("y"), CUT_NONE), true);
	assert_int_equal(ref.cut, CUT_STORE);
	ref = rig_put(r, 2, part(NULL, 1, BODY_DOWN, 1, STR("y"), CUT_NONE), true);
	assert_int_equal(ref.cut, CUT_NONE);
	assert_body(r, ref.id, STR("xy"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {BODY_TEST(test_small), BODY_TEST(test_index), BODY_TEST(test_parts_of_one_record),
		BODY_TEST(test_pieces), BODY_TEST(test_all_bodies_of_a_flow), BODY_TEST(test_cuts), BODY_TEST(test_undo),
		BODY_TEST(test_undo_end), BODY_TEST(test_undo_known), BODY_TEST(test_take_over), BODY_TEST(test_renewed),
		BODY_TEST(test_forgotten)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
