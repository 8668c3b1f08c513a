/* Basic authentication: passwords are checked on a thread of their own, and every way to ask, to be right, and to go away. */
#include "core/auth.h"

#include "heads.h"

#include <crypt.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { QUEUE_MAX = 256 };

struct rig {
	struct loop *loop;
	struct verifier *verifier;
	struct auth *auth;
	struct settings *settings;
	struct arena *arena;
};

static char path[64];

static void on_change(void *owner)
{
	++*(unsigned *)owner;
}

/* The users "user" (password "secret"), and "odd" with a colon in it, by a hash that takes some milliseconds. */
static void users_write(void)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE], text[512];
	struct crypt_data *room = calloc(1, sizeof(*room));
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	size_t n;

	assert_true(fd >= 0);
	assert_non_null(room);
	assert_non_null(crypt_gensalt_rn("$2b$", 7, NULL, 0, setting, sizeof(setting)));
	n = (size_t)snprintf(text, sizeof(text), "user:%s\n", crypt_r("secret", setting, room));
	n += (size_t)snprintf(text + n, sizeof(text) - n, "odd:%s\n", crypt_r("a:b", setting, room));
	assert_int_equal(write(fd, text, n), n);
	close(fd);
	free(room);
}

static struct settings *settings_make(void)
{
	char option[100], why[300] = "";
	const char *set[] = {"data=/", option};
	struct settings_source source = {.set = set, .set_n = 2};
	struct settings *s;

	snprintf(option, sizeof(option), "access.users_file=%s", path);
	s = settings_load(&source, why, sizeof(why));
	assert_string_equal(why, "");
	assert_non_null(s->users);
	return s;
}

static void rig_up(struct rig *r)
{
	r->loop = loop_new();
	r->verifier = verifier_new();
	r->auth = auth_new(r->loop, r->verifier);
	r->settings = settings_make();
	r->arena = arena_new(1 << 20);
}

/* In the order of a shutdown: what the verifier still had comes back to the loop, whose end frees it. */
static void rig_down(struct rig *r)
{
	verifier_free(r->verifier);
	loop_free(r->loop);
	auth_free(r->auth);
	settings_unref(r->settings);
	arena_free(r->arena);
}

static void check(struct rig *r, struct auth_ask *ask, const char *field, unsigned *changes)
{
	*changes = 0;
	*ask = (struct auth_ask){.on_change = on_change, .owner = changes};
	auth_check(r->auth, ask, r->settings, field == NULL ? STR_NONE : str_of(field), r->arena);
}

static enum auth_verdict verdict_of(struct rig *r, const char *field)
{
	struct auth_ask ask;
	unsigned changes;

	check(r, &ask, field, &changes);
	for (int i = 0; i < 200 && ask.verdict == AUTH_WAIT; i++)
		loop_turn(r->loop, 50);
	assert_null(ask.job);
	if (ask.verdict == AUTH_RIGHT)
		str_expect(ask.user, field[6] == 'b' ? "odd" : "user");
	return ask.verdict;
}

/* printf user:secret | base64, and the like. */
#define RIGHT "Basic dXNlcjpzZWNyZXQ="
#define RIGHT_ODD "Basic b2RkOmE6Yg=="
#define WRONG_PASSWORD "Basic dXNlcjpTZWNyZXQ="
#define WRONG_NAME "Basic bm9ib2R5OnNlY3JldA=="

static void test_right_and_wrong(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r);
	assert_int_equal(verdict_of(&r, RIGHT), AUTH_RIGHT);
	assert_int_equal(verdict_of(&r, RIGHT_ODD), AUTH_RIGHT);
	assert_int_equal(verdict_of(&r, "bAsIc   dXNlcjpzZWNyZXQ="), AUTH_RIGHT);
	assert_int_equal(verdict_of(&r, "Basic dXNlcjpzZWNyZXQ"), AUTH_RIGHT);
	assert_int_equal(verdict_of(&r, WRONG_PASSWORD), AUTH_WRONG);
	assert_int_equal(verdict_of(&r, WRONG_NAME), AUTH_WRONG);
	rig_down(&r);
}

/* What is no credentials at all is wrong at once, without any hashing. */
static void test_what_is_not_basic(void **state)
{
	static const char *const fields[] = {
		NULL,
		"",
		"Basic",
		"Basic ",
		"Bearer dXNlcjpzZWNyZXQ=",
		"Basic dXNlcg==",
		"Basic !!!!",
		"Basic dXNlcjpzZWNyZXQ=x",
		"Basic dXNl cjpzZWNyZXQ=",
		"BasicdXNlcjpzZWNyZXQ=",
		"Basic dXNlcgA6c2VjcmV0",
		"Basic A",
	};
	char *long_one = malloc(4000);
	struct auth_ask ask;
	unsigned changes;
	struct rig r;

	(void)state;
	rig_up(&r);
	for (size_t i = 0; i < COUNT(fields); i++) {
		check(&r, &ask, fields[i], &changes);
		assert_int_equal(ask.verdict, AUTH_WRONG);
		assert_null(ask.job);
		assert_int_equal(changes, 0);
	}
	assert_non_null(long_one);
	memset(long_one, 'A', 3999);
	memcpy(long_one, "Basic ", 6);
	long_one[3999] = '\0';
	check(&r, &ask, long_one, &changes);
	assert_int_equal(ask.verdict, AUTH_WRONG);
	free(long_one);
	rig_down(&r);
}

static void test_the_answer_comes_later_and_is_remembered(void **state)
{
	struct auth_ask ask;
	unsigned changes;
	struct rig r;

	(void)state;
	rig_up(&r);
	check(&r, &ask, RIGHT, &changes);
	assert_int_equal(ask.verdict, AUTH_WAIT);
	assert_int_equal(changes, 0);
	for (int i = 0; i < 200 && changes == 0; i++)
		loop_turn(r.loop, 50);
	assert_int_equal(changes, 1);
	assert_int_equal(ask.verdict, AUTH_RIGHT);
	check(&r, &ask, RIGHT, &changes);
	assert_int_equal(ask.verdict, AUTH_RIGHT);
	str_expect(ask.user, "user");
	assert_int_equal(changes, 0);
	/* Wrong ones are not remembered, in either sense. */
	assert_int_equal(verdict_of(&r, WRONG_PASSWORD), AUTH_WRONG);
	check(&r, &ask, WRONG_PASSWORD, &changes);
	assert_int_equal(ask.verdict, AUTH_WAIT);
	auth_cancel(&ask);
	rig_down(&r);
}

static void test_new_settings_forget(void **state)
{
	struct auth_ask ask;
	unsigned changes;
	struct rig r;

	(void)state;
	rig_up(&r);
	assert_int_equal(verdict_of(&r, RIGHT), AUTH_RIGHT);
	settings_unref(r.settings);
	r.settings = settings_make();
	check(&r, &ask, RIGHT, &changes);
	assert_int_equal(ask.verdict, AUTH_WAIT);
	auth_cancel(&ask);
	rig_down(&r);
}

static void test_an_asker_may_go(void **state)
{
	struct auth_ask ask;
	unsigned changes;
	struct rig r;

	(void)state;
	rig_up(&r);
	check(&r, &ask, RIGHT, &changes);
	auth_cancel(&ask);
	auth_cancel(&ask);
	assert_null(ask.job);
	/* Who comes after is answered, and the one who went is not called. */
	assert_int_equal(verdict_of(&r, RIGHT), AUTH_RIGHT);
	assert_int_equal(changes, 0);
	rig_down(&r);
}

/* Beyond the queue the answer is "wrong" at once; everybody in it gets theirs. */
static void test_a_full_queue(void **state)
{
	enum { ASKS = QUEUE_MAX + 8 };
	struct auth_ask *asks = calloc(ASKS, sizeof(*asks));
	unsigned *changes = calloc(ASKS, sizeof(*changes));
	unsigned waiting = 0;
	struct rig r;

	(void)state;
	rig_up(&r);
	assert_non_null(asks);
	assert_non_null(changes);
	for (size_t i = 0; i < ASKS; i++) {
		check(&r, &asks[i], WRONG_PASSWORD, &changes[i]);
		waiting += asks[i].verdict == AUTH_WAIT;
	}
	assert_true(waiting >= QUEUE_MAX && waiting < ASKS);
	assert_int_equal(asks[ASKS - 1].verdict, AUTH_WRONG);
	for (size_t i = 16; i < ASKS; i++)
		auth_cancel(&asks[i]);
	for (int i = 0; i < 400 && asks[15].verdict == AUTH_WAIT; i++)
		loop_turn(r.loop, 50);
	for (size_t i = 0; i < 16; i++) {
		assert_int_equal(asks[i].verdict, AUTH_WRONG);
		assert_int_equal(changes[i], 1);
	}
	free(changes);
	rig_down(&r);
	free(asks);
}

/* A shutdown does not wait for a queue of hashes: who still asks is told "wrong". */
static void test_the_end_does_not_wait_for_the_queue(void **state)
{
	struct auth_ask *asks = calloc(QUEUE_MAX, sizeof(*asks));
	unsigned changes[QUEUE_MAX], wrong = 0;
	struct rig r;

	(void)state;
	rig_up(&r);
	assert_non_null(asks);
	for (size_t i = 0; i < QUEUE_MAX; i++)
		check(&r, &asks[i], RIGHT, &changes[i]);
	verifier_free(r.verifier);
	r.verifier = NULL;
	loop_turn(r.loop, 1000);
	for (size_t i = 0; i < QUEUE_MAX; i++) {
		assert_int_not_equal(asks[i].verdict, AUTH_WAIT);
		assert_int_equal(changes[i], 1);
		wrong += asks[i].verdict == AUTH_WRONG;
	}
	assert_true(wrong > QUEUE_MAX / 2);
	rig_down(&r);
	free(asks);
}

/* Two workers, one verifier: each gets its own answers. */
static void test_two_workers(void **state)
{
	struct auth_ask a, b;
	struct loop *loop = loop_new();
	unsigned a_changes, b_changes = 0;
	struct auth *other;
	struct rig r;

	(void)state;
	rig_up(&r);
	other = auth_new(loop, r.verifier);
	check(&r, &a, RIGHT, &a_changes);
	b = (struct auth_ask){.on_change = on_change, .owner = &b_changes};
	auth_check(other, &b, r.settings, STR(WRONG_NAME), r.arena);
	for (int i = 0; i < 200 && (a_changes == 0 || b_changes == 0); i++) {
		loop_turn(r.loop, 25);
		loop_turn(loop, 25);
	}
	assert_int_equal(a.verdict, AUTH_RIGHT);
	assert_int_equal(b.verdict, AUTH_WRONG);
	loop_free(loop);
	auth_free(other);
	rig_down(&r);
}

static void test_nothing_to_free(void **state)
{
	(void)state;
	verifier_free(NULL);
	auth_free(NULL);
}

static int group_up(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/test_auth.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	users_write();
	return 0;
}

static int group_down(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right_and_wrong),
		cmocka_unit_test(test_what_is_not_basic),
		cmocka_unit_test(test_the_answer_comes_later_and_is_remembered),
		cmocka_unit_test(test_new_settings_forget),
		cmocka_unit_test(test_an_asker_may_go),
		cmocka_unit_test(test_a_full_queue),
		cmocka_unit_test(test_the_end_does_not_wait_for_the_queue),
		cmocka_unit_test(test_two_workers),
		cmocka_unit_test(test_nothing_to_free),
	};

	return cmocka_run_group_tests(tests, group_up, group_down);
}
