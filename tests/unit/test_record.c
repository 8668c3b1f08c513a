/* Records: a deep copy that shares nothing with the original. */
#include "base/mem.h"
#include "capture/record.h"
#include "flow_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_str(struct str got, const char *expected)
{
	assert_int_equal(got.len, strlen(expected));
	assert_memory_equal(got.p, expected, got.len);
}

/* The original is overwritten before the copy is looked at. */
static void test_is_deep(void **state)
{
	struct flow_fixture *f = mem_alloc(sizeof(*f));
	char url[] = "http://example.com/a", detail[] = "in words";
	struct record *r;

	(void)state;
	fixture_init(f, 42);
	f->x.url = (struct str){url, sizeof(url) - 1};
	f->x.detail = detail;
	r = record_new(&f->x);
	memset(url, 'x', sizeof(url));
	memset(detail, 'x', sizeof(detail) - 1);
	memset(f, 0xa5, sizeof(*f));
	mem_free(f);

	assert_int_equal(r->facts.id, 42);
	assert_null(r->next);
	assert_str(r->facts.url, "http://example.com/a");
	assert_string_equal(r->facts.detail, "in words");
	assert_str(r->facts.user, "alice");
	assert_str(r->facts.target.authority.host, "example.com");
	assert_str(r->facts.request->fields.v[1].name, "uSER-aGENT");
	assert_str(r->facts.request->fields.v[3].value, "two");
	assert_int_equal(r->facts.response->trailers.n, 1);
	assert_str(r->facts.response->trailers.v[0].value, "42");
	record_free(r);
}

static void test_hops(void **state)
{
	struct flow_fixture f;
	struct record *r;
	const struct hop_facts *h;

	(void)state;
	fixture_init(&f, 1);
	r = record_new(&f.x);
	memset(f.hops, 0xa5, sizeof(f.hops));
	h = r->facts.hops;
	assert_int_equal(h->number, 1);
	assert_int_equal(h->response->status, 302);
	assert_string_equal(h->decision, "followed: 302");
	h = h->next;
	assert_int_equal(h->number, 2);
	assert_string_equal(h->tls->cipher, "TLS_AES_128_GCM_SHA256");
	assert_int_equal(h->times.wait_us, 900);
	assert_null(h->next);
	record_free(r);
}

/* Legs and identities are copied with their texts; a hop without them has none. */
static void test_tls(void **state)
{
	struct flow_fixture *f = mem_alloc(sizeof(*f));
	char issuer[] = "CN=Issuer", why[] = "as the rule says", name[] = "example.com";
	const struct hop_facts *h;
	struct record *r;

	(void)state;
	fixture_init(f, 1);
	fixture_opened(f);
	f->x.hops = f->hops;
	f->x.parent_id = 17;
	f->x.tunnel.why = why;
	f->identity.issuer = issuer;
	f->client_leg.server_name = name;
	r = record_new(&f->x);
	memset(issuer, 'x', sizeof(issuer) - 1);
	memset(why, 'x', sizeof(why) - 1);
	memset(name, 'x', sizeof(name) - 1);
	memset(f, 0xa5, sizeof(*f));
	mem_free(f);

	assert_int_equal(r->facts.parent_id, 17);
	assert_int_equal(r->facts.tunnel.handling, TUNNEL_TLS);
	assert_string_equal(r->facts.tunnel.why, "as the rule says");
	assert_string_equal(r->facts.client_tls->version, "TLSv1.2");
	assert_string_equal(r->facts.client_tls->server_name, "example.com");
	assert_false(r->facts.client_tls->is_resumed);
	assert_null(r->facts.hops->tls);
	assert_null(r->facts.hops->identity);
	h = r->facts.hops->next;
	assert_string_equal(h->tls->version, "TLSv1.3");
	assert_string_equal(h->tls->alpn, "http/1.1");
	assert_true(h->tls->is_resumed);
	assert_string_equal(h->identity->issuer, "CN=Issuer");
	assert_string_equal(h->identity->subject, "CN=other.example");
	assert_string_equal(h->identity->pin, "matched");
	assert_string_equal(h->identity->staple, "good");
	assert_string_equal(h->identity->unverified, "");
	assert_int_equal(h->identity->not_after_s, 1707700000);
	record_free(r);
}

/* Drops and fates are lists of their own; what is absent stays so. */
static void test_evidence(void **state)
{
	struct flow_fixture *f = mem_alloc(sizeof(*f));
	const struct hop_facts *first, *second;
	struct record *r;

	(void)state;
	fixture_init(f, 1);
	r = record_new(&f->x);
	memset(f, 0xa5, sizeof(*f));
	mem_free(f);
	assert_str(r->facts.final_url, "https://other.example/x#there");
	assert_int_equal(r->facts.redirects, 1);
	assert_str(r->facts.drops->name, "Alt-Svc");
	assert_null(r->facts.drops->next);
	first = r->facts.hops;
	assert_null(first->drops);
	assert_null(first->cookies.p);
	assert_string_equal(first->peer_class, "public");
	assert_str(first->fates->name, "sid");
	assert_string_equal(first->fates->words, "kept for the chain");
	assert_string_equal(first->fates->client_words, "given to the client");
	assert_str(first->fates->next->name, "wide");
	assert_null(first->fates->next->client_words);
	assert_null(first->fates->next->next);
	second = first->next;
	assert_null(second->fates);
	assert_int_equal(second->delay_us, 500000);
	assert_str(second->cookies, "sid, lang");
	assert_str(second->drops->name, "Cookie");
	assert_string_equal(second->drops->why, "the host changed");
	assert_str(second->drops->next->name, "Authorization");
	assert_null(second->drops->next->next);
	record_free(r);
}

/* What an exchange has at its very begin: next to nothing. */
static void test_empty(void **state)
{
	struct exchange_facts x;
	struct record *r;

	(void)state;
	memset(&x, 0xff, sizeof(x)); /* a target or tunnel that is not valid may hold anything */
	x.user = x.url = x.final_url = STR_NONE;
	x.request = x.response = NULL;
	x.detail = NULL;
	x.hops = NULL;
	x.drops = NULL;
	x.client_tls = NULL;
	x.has_target = x.is_tunnel = false;
	x.outcome = OUTCOME_PENDING;
	r = record_new(&x);
	assert_null(r->facts.request);
	assert_null(r->facts.hops);
	assert_null(r->facts.drops);
	assert_null(r->facts.url.p);
	assert_null(r->facts.target.path.p);
	assert_null(r->facts.client_tls);
	assert_null(r->facts.tunnel.why);
	record_free(r);
	record_free(NULL);
}

/* NUL and other bytes are bytes. */
static void test_bytes(void **state)
{
	struct flow_fixture f;
	struct record *r;

	(void)state;
	fixture_init(&f, 1);
	f.x.url = (struct str){"a\0b\xff", 4};
	r = record_new(&f.x);
	assert_int_equal(r->facts.url.len, 4);
	assert_memory_equal(r->facts.url.p, "a\0b\xff", 4);
	record_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_deep),
		cmocka_unit_test(test_hops),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
