/* The turns of a loop: tasks, reaper, posts from threads, watches, signals. */
#include "base/clock.h"
#include "base/mem.h"
#include "net/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

enum { THREADS = 4, POSTS = 2000, CHAIN = 25000 };

struct trace {
	struct loop *loop;
	struct task first, second;
	char text[16];
	int left;
};

static void note(struct trace *t, char c)
{
	size_t n = strlen(t->text);

	t->text[n] = c;
	t->text[n + 1] = '\0';
}

static void on_reap(void *p)
{
	note(p, 'r');
}

static void run_second(void *owner)
{
	note(owner, '2');
}

static void run_first(void *owner)
{
	struct trace *t = owner;

	loop_reap(t->loop, t, on_reap);
	loop_defer(t->loop, &t->second); /* in this turn still, and before the reaper */
	note(t, '1');
}

static void test_tasks_and_reaper(void **state)
{
	struct trace t = {.loop = loop_new()};

	(void)state;
	task_init(&t.first, run_first, &t);
	task_init(&t.second, run_second, &t);
	loop_defer(t.loop, &t.first);
	loop_defer(t.loop, &t.first); /* once */
	loop_turn(t.loop, 1000);
	assert_string_equal(t.text, "12r");
	loop_defer(t.loop, &t.second);
	task_cancel(&t.second);
	loop_turn(t.loop, 0);
	assert_string_equal(t.text, "12r");
	loop_free(t.loop);
}

static void run_chain(void *owner)
{
	struct trace *t = owner;

	if (--t->left > 0)
		loop_defer(t->loop, &t->first);
}

static void on_readable(void *owner)
{
	note(owner, 'w');
}

/* Tasks that queue tasks do not keep a descriptor waiting for ever. */
static void test_tasks_do_not_starve(void **state)
{
	struct trace t = {.loop = loop_new(), .left = CHAIN};
	int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	struct watch *w = watch_new(t.loop, fd, on_readable, &t);

	(void)state;
	task_init(&t.first, run_chain, &t);
	loop_defer(t.loop, &t.first);
	loop_turn(t.loop, 1000);
	assert_true(t.left > 0);
	assert_string_equal(t.text, "w");
	while (t.left > 0)
		loop_turn(t.loop, 1000);
	assert_true(strlen(t.text) >= 2 && strlen(t.text) <= 4);
	watch_free(w);
	loop_free(t.loop);
	close(fd);
}

struct counter {
	struct loop *loop;
	int posted; /* on the loop's thread only */
};

struct numbered {
	struct post post;
	struct counter *counter;
};

static void run_post(struct post *p)
{
	struct numbered *n = (struct numbered *)(void *)p;

	if (++n->counter->posted == THREADS * POSTS)
		loop_stop(n->counter->loop);
	mem_free(n);
}

static void post_one(struct counter *c)
{
	struct numbered *n = mem_calloc(1, sizeof(*n));

	n->post.run = run_post;
	n->counter = c;
	loop_post(c->loop, &n->post);
}

static void *post_many(void *arg)
{
	for (int i = 0; i < POSTS; i++)
		post_one(arg);
	return NULL;
}

static void test_posts(void **state)
{
	struct counter c = {.loop = loop_new()};
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, post_many, &c), 0);
	loop_run(c.loop);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(c.posted, THREADS * POSTS);
	loop_free(c.loop);
}

/* What is left when a loop ends is run, because it owns memory. */
static void test_posts_at_the_end(void **state)
{
	struct counter c = {.loop = loop_new()};

	(void)state;
	post_one(&c);
	post_one(&c);
	loop_free(c.loop);
	assert_int_equal(c.posted, 2);
}

static void on_signal(void *owner, int signum)
{
	struct counter *c = owner;

	c->posted = signum;
	loop_stop(c->loop);
}

static void test_signal(void **state)
{
	struct counter c = {.loop = loop_new()};

	(void)state;
	loop_on_signal(c.loop, SIGUSR1, on_signal, &c);
	raise(SIGUSR1);
	loop_run(c.loop);
	assert_int_equal(c.posted, SIGUSR1);
	loop_free(c.loop);
}

/* A watch that frees itself. */
struct once {
	struct watch *watch;
	int calls;
};

static void on_once(void *owner)
{
	struct once *o = owner;

	o->calls++;
	watch_free(o->watch);
}

static void test_watch_frees_itself(void **state)
{
	struct loop *l = loop_new();
	int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	struct once o = {.calls = 0};

	(void)state;
	o.watch = watch_new(l, fd, on_once, &o);
	loop_turn(l, 1000);
	loop_turn(l, 0);
	assert_int_equal(o.calls, 1);
	assert_null(watch_new(l, -1, on_once, &o));
	loop_free(l);
	close(fd);
}

static void test_turn_ends_in_time(void **state)
{
	struct loop *l = loop_new();
	int64_t start_us = clock_mono_us();

	(void)state;
	loop_turn(l, 20);
	assert_true(clock_mono_us() - start_us < 2000000);
	assert_true(loop_now_us(l) >= start_us);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tasks_and_reaper),
		cmocka_unit_test(test_tasks_do_not_starve),
		cmocka_unit_test(test_posts),
		cmocka_unit_test(test_posts_at_the_end),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_watch_frees_itself),
		cmocka_unit_test(test_turn_ends_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
