/* Uploads: whatever the client, the hops and the exchange do, and in whatever order, a hop that was told the end has got exactly what the
 * client sent, and any other a beginning of it. */
#include "core/upload.h"

#include "upload_rig.h"

enum { STEPS = 400, SEEDS = 60 };

struct life {
	struct upload_rig r;
	uint32_t seed;
	unsigned hop;
};

/* Deterministic (xorshift), so that a failure can be run again. */
static uint32_t next_random(struct life *l)
{
	l->seed ^= l->seed << 13;
	l->seed ^= l->seed >> 17;
	l->seed ^= l->seed << 5;
	return l->seed;
}

static size_t random_size(struct life *l)
{
	static const size_t limits[] = {2, 600, 5000, BUFQ_SLAB_BYTES + 1, 100000};

	return next_random(l) % limits[next_random(l) % COUNT(limits)];
}

static struct sink *sink_now(struct life *l)
{
	return &l->r.sinks[l->hop % HOPS];
}

/* The next hop, which takes the place of an old one. */
static void change_hop(struct life *l)
{
	struct sink *k;

	upload_stop(&l->r.u);
	if (!upload_can_replay(&l->r.u))
		return;
	l->hop++;
	k = sink_now(l);
	bufq_clear(&k->got);
	k->ends = 0;
	k->room = random_size(l);
	l->r.shown = 0;
	upload_start(&l->r.u, &k->s);
}

static void check(struct life *l)
{
	struct sink *k = sink_now(l);

	if (l->r.u.to == NULL)
		return;
	assert_int_equal(l->r.u.moved_bytes, k->got.len);
	pattern_expect(&k->got, 0, k->got.len);
	assert_true(k->ends == (l->r.u.is_ended ? 1 : 0));
	if (l->r.u.is_ended)
		expect_whole(&l->r, k);
}

static void random_step(struct life *l)
{
	struct upload_rig *r = &l->r;
	uint32_t dice = next_random(l) % 100;

	if (dice < 25 && !r->d.in_end)
		feed(r, random_size(l));
	else if (dice < 50)
		sink_now(l)->room += random_size(l);
	else if (dice < 70)
		loop_turn(r->spool.loop, 0);
	else if (dice < 90)
		upload_run(&r->u);
	else if (dice < 96)
		change_hop(l);
	else if (dice < 97 && next_random(l) % 20 == 0)
		r->d.in_end = true;
	else if (dice < 98 && next_random(l) % 50 == 0)
		upload_forget(&r->u);
}

/* All that is left to do is done: the present hop gets the rest, and then, if it may be, one more the whole. */
static void finish(struct life *l)
{
	struct upload_rig *r = &l->r;

	r->d.in_end = true;
	for (int i = 0; i < 2 && r->u.to != NULL; i++) {
		sink_now(l)->room = SIZE_MAX;
		RUN_UNTIL(r, r->u.is_ended);
		check(l);
		if (i == 0)
			change_hop(l);
	}
}

static void run(uint32_t seed)
{
	struct life *l = calloc(1, sizeof(*l));
	struct upload_needs needs;

	assert_non_null(l);
	l->seed = seed * 2654435761U;
	upload_rig_up(&l->r);
	needs = upload_rig_needs(&l->r);
	needs.memory_limit = next_random(l) % 3 * 30000;
	needs.limit = 100000 + next_random(l) % 4000000;
	upload_init(&l->r.u, &needs);
	change_hop(l);
	for (int step = 0; step < STEPS; step++) {
		random_step(l);
		if (step % 8 == 0)
			check(l);
	}
	/* Some lives end in the midst of things. */
	if (seed % 4 != 0)
		finish(l);
	upload_rig_down(&l->r);
	free(l);
}

static void test_random_lives(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= SEEDS; seed++)
		run(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
