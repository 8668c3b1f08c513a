/* Resumption of clients by tickets: at any worker, under the same name and issuer only, for a bounded time, without early
 * data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "tls_visitor.h"

enum { MINUTE_S = 60, VISITS = 20 };

/* The clock of the tickets. */
static int64_t now_us;

static int64_t test_clock_us(void)
{
	return now_us;
}

/* A visit in which something is said, so that the ticket arrives. True if it was resumed. */
static bool visit_is_resumed(struct visit *w, int server, struct tls_identity *identity, const char *name)
{
	bool is_resumed;

	assert_int_equal(visit_shake(w, server, identity, name), ERR_none);
	visitor_say(&w->v, "ping");
	VISIT_UNTIL(w, w->in.len == 4);
	visitor_turn(&w->v);
	is_resumed = w->t->tls->is_resumed;
	assert_int_equal(SSL_session_reused(w->v.ssl), is_resumed);
	visit_end(w);
	return is_resumed;
}

static void test_resumption(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		visit_as(&w, visitor_ctx_new(version));
		assert_false(visit_is_resumed(&w, 0, w.identity, "a.test"));
		assert_true(visit_is_resumed(&w, 0, w.identity, "a.test"));
		assert_true(visit_is_resumed(&w, 1, w.identity, "a.test")); /* another worker */
		assert_true(visit_is_resumed(&w, 0, w.identity, "a.test"));
		visit_forget(&w);
	}
	visit_fini(&w);
}

static void test_scopes(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		visit_as(&w, visitor_ctx_new(version));
		assert_false(visit_is_resumed(&w, 0, w.identity, "a.test"));
		assert_false(visit_is_resumed(&w, 0, w.identity, "b.test"));
		visit_forget(&w);
		assert_false(visit_is_resumed(&w, 0, w.identity, "a.test"));
		assert_false(visit_is_resumed(&w, 0, w.other_identity, "a.test"));
		visit_forget(&w);
	}
	visit_fini(&w);
}

/* A leaf that was made anew by the same CA is the same server. */
static void test_renewed_leaf(void **state)
{
	const struct certificates *c = *state;
	struct identity fresh = identity_new(&(struct identity_spec){.name = "x", .alt_names = "DNS:a.test"}, &c->ca);
	struct tls_key *key = visit_key(fresh.key);
	struct tls_identity *renewed = visit_identity(&fresh, key);
	struct visit w;

	visit_init(&w, c, NULL);
	assert_false(visit_is_resumed(&w, 0, w.identity, "a.test"));
	assert_true(visit_is_resumed(&w, 0, renewed, "a.test"));
	tls_identity_unref(renewed);
	tls_key_unref(key);
	identity_free(&fresh);
	visit_fini(&w);
}

static void pass_minutes(int64_t minutes)
{
	now_us += minutes * MINUTE_S * 1000000;
}

/* A key seals for an hour, and opens for two. */
static void test_rotation(void **state)
{
	SSL_SESSION *first, *second;
	struct visit w;

	now_us = 1;
	visit_init(&w, *state, test_clock_us);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		visit_as(&w, visitor_ctx_new(version));
		pass_minutes(600);
		assert_false(visit_is_resumed(&w, 0, w.identity, "a.test"));
		first = SSL_SESSION_dup(w.v.session);
		pass_minutes(59);
		assert_true(visit_is_resumed(&w, 0, w.identity, "a.test"));
		pass_minutes(60); /* the key is 119 minutes old */
		visit_forget(&w);
		w.v.session = SSL_SESSION_dup(first);
		assert_true(visit_is_resumed(&w, 0, w.identity, "a.test"));
		second = SSL_SESSION_dup(w.v.session); /* sealed with the new one */
		pass_minutes(1);
		visit_forget(&w);
		w.v.session = first;
		assert_false(visit_is_resumed(&w, 0, w.identity, "a.test"));
		visit_forget(&w);
		w.v.session = second;
		assert_true(visit_is_resumed(&w, 0, w.identity, "a.test"));
		pass_minutes(121); /* nobody came, so nothing was rotated; yet it is too old */
		assert_false(visit_is_resumed(&w, 0, w.identity, "a.test"));
		visit_forget(&w);
	}
	visit_fini(&w);
}

/* What a client holds says how long at most, too. */
static void test_lifetime(void **state)
{
	struct visit w;

	visit_init(&w, *state, NULL);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		visit_as(&w, visitor_ctx_new(version));
		assert_false(visit_is_resumed(&w, 0, w.identity, "a.test"));
		assert_int_equal(SSL_SESSION_get_ticket_lifetime_hint(w.v.session), TLS_SESSION_LIFE_S);
		assert_int_equal(SSL_SESSION_get_max_early_data(w.v.session), 0);
		visit_forget(&w);
	}
	visit_fini(&w);
}

/* A client that sends early data unasked: it is passed over, and the leg is good. */
static void test_early_data(void **state)
{
	struct visit w;
	size_t n = 0;

	visit_init(&w, *state, NULL);
	visit_as(&w, visitor_ctx_new(TLS1_3_VERSION));
	assert_false(visit_is_resumed(&w, 0, w.identity, "a.test"));
	SSL_SESSION_set_max_early_data(w.v.session, 4096);
	visit_begin(&w, w.servers[0], w.identity, "a.test");
	assert_int_equal(SSL_write_early_data(w.v.ssl, "replay me", 9, &n), 1);
	VISIT_UNTIL(&w, w.done != 0 && w.v.is_shaken);
	assert_int_equal(w.error, ERR_none);
	assert_int_equal(SSL_get_early_data_status(w.v.ssl), SSL_EARLY_DATA_REJECTED);
	visitor_say(&w.v, "hello");
	VISIT_UNTIL(&w, w.in.len != 0);
	assert_int_equal(w.in.len, 5);
	assert_memory_equal(bufq_front(&w.in).p, "hello", 5);
	visit_end(&w);
	visit_fini(&w);
}

/* One worker of two that share what may be shared. */
struct guest {
	struct visit w;
	pthread_t thread;
	int resumed;
};

static _Atomic int64_t shared_us;

/* A minute passes with every look. */
static int64_t shared_clock_us(void)
{
	return atomic_fetch_add(&shared_us, (int64_t)MINUTE_S * 1000000);
}

static void *guest_run(void *arg)
{
	struct guest *g = arg;

	for (int i = 0; i < VISITS; i++) {
		visit_as(&g->w, visitor_ctx_new(i % 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION));
		visit_forget(&g->w);
		visit_is_resumed(&g->w, 0, g->w.identity, "a.test");
		g->resumed += visit_is_resumed(&g->w, 1, g->w.identity, "a.test");
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct guest *guests = calloc(2, sizeof(*guests));
	struct tls_tickets *tickets = tls_tickets_new_at(shared_clock_us);
	char why[120];

	assert_non_null(guests);
	for (int i = 0; i < 2; i++) {
		struct visit *w = &guests[i].w;

		visit_init(w, *state, NULL);
		for (int j = 0; j < 2; j++) {
			tls_server_free(w->servers[j]);
			w->servers[j] = tls_server_new(tickets, why, sizeof(why));
		}
		if (i == 1) {
			tls_identity_unref(w->identity);
			w->identity = tls_identity_ref(guests[0].w.identity);
		}
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&guests[i].thread, NULL, guest_run, &guests[i]), 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(guests[i].thread, NULL);
		assert_int_equal(guests[i].resumed, VISITS);
		visit_fini(&guests[i].w);
	}
	tls_tickets_free(tickets);
	free(guests);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resumption),
		cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_renewed_leaf),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_early_data),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, visit_certificates_make, visit_certificates_free);
}
