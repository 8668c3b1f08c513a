/* The cache of sessions towards origins: its bounds. That sessions are resumed: test_tls.c. */
#include "net/tls_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A session so large, about. */
static SSL_SESSION *session_new(int version, size_t ticket_bytes)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	SSL_SESSION *session = SSL_SESSION_new();
	unsigned char *name = calloc(1, ticket_bytes + 1);

	assert_int_equal(SSL_SESSION_set_protocol_version(session, version), 1);
	assert_int_equal(SSL_SESSION_set_cipher(session, sk_SSL_CIPHER_value(SSL_get_ciphers(ssl), 0)), 1);
	assert_int_equal(SSL_SESSION_set1_master_key(session, (const unsigned char *)"secret", 6), 1);
	memset(name, 'x', ticket_bytes);
	assert_int_equal(SSL_SESSION_set1_ticket_appdata(session, name, ticket_bytes), 1);
	free(name);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return session;
}

static void put(struct tls_sessions *s, const char *key, size_t ticket_bytes)
{
	SSL_SESSION *session = session_new(TLS1_3_VERSION, ticket_bytes);

	tls_sessions_put(s, key, session, NULL);
	SSL_SESSION_free(session);
}

/* What hostile origins can fill of memory is bounded in bytes too. */
static void test_sessions_bytes(void **state)
{
	struct tls_sessions sessions;
	struct tls_peer *peer = NULL;
	SSL_SESSION *found;
	char key[32];

	(void)state;
	tls_sessions_init(&sessions);
	put(&sessions, "large.test:443", 16 * 1024);
	assert_int_equal(sessions.n, 0);
	assert_int_equal(sessions.bytes, 0);
	for (int i = 0; i < 400; i++) {
		snprintf(key, sizeof(key), "%d.test:443", i);
		put(&sessions, key, 16000);
	}
	assert_true(sessions.n > 200 && sessions.n < 262);
	assert_true(sessions.bytes > (4 << 20) - 20000 && sessions.bytes <= 4 << 20);
	assert_null(tls_sessions_take(&sessions, "100.test:443", &peer));
	while (sessions.n > 0) {
		snprintf(key, sizeof(key), "%d.test:443", 400 - (int)sessions.n);
		found = tls_sessions_take(&sessions, key, &peer);
		assert_non_null(found);
		SSL_SESSION_free(found);
	}
	assert_int_equal(sessions.bytes, 0);
	tls_sessions_fini(&sessions);
}

/* The cache of sessions is bounded, and the oldest go first. */
static void test_sessions_bound(void **state)
{
	struct tls_sessions sessions;
	struct tls_peer *peer = NULL;
	SSL_SESSION *found;
	char key[32];

	(void)state;
	tls_sessions_init(&sessions);
	for (int i = 0; i < 1100; i++) {
		snprintf(key, sizeof(key), "%d.test:443", i);
		put(&sessions, key, 0);
	}
	assert_int_equal(sessions.n, 1000);
	assert_null(tls_sessions_take(&sessions, "99.test:443", &peer));
	found = tls_sessions_take(&sessions, "100.test:443", &peer);
	assert_non_null(found);
	SSL_SESSION_free(found);
	for (int i = 0; i < 10; i++)
		put(&sessions, "1099.test:443", 0);
	assert_int_equal(sessions.n, 1000);
	tls_sessions_fini(&sessions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sessions_bytes),
		cmocka_unit_test(test_sessions_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
