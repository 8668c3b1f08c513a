/* A flow for tests: a redirect followed to another host, with two hops, fields dropped, a cookie carried, and heads on all
 * sides. Every string is in static memory. */
#ifndef VIADUCT_TESTS_FLOW_FIXTURE_H
#define VIADUCT_TESTS_FLOW_FIXTURE_H

#include "core/observer.h"

#include <string.h>

enum { FIXTURE_FIELDS = 4 };

struct flow_fixture {
	struct field request_fields[FIXTURE_FIELDS], response_fields[FIXTURE_FIELDS], trailer;
	struct message request, sent, redirect, response;
	struct hop_facts hops[2];
	struct drop drops[2], left_out;
	struct cookie_fate fates[2];
	struct tls_leg leg, client_leg;
	struct peer_identity identity;
	struct exchange_facts x;
};

static inline void fixture_fields(struct flow_fixture *f)
{
	f->request_fields[0] = (struct field){STR("Host"), STR("example.com")};
	f->request_fields[1] = (struct field){STR("uSER-aGENT"), STR("test \"quoted\"")};
	f->request_fields[2] = (struct field){STR("X-Twice"), STR("one")};
	f->request_fields[3] = (struct field){STR("X-Twice"), STR("two")};
	f->response_fields[0] = (struct field){STR("Content-Type"), STR("text/plain")};
	f->response_fields[1] = (struct field){STR("Set-Cookie"), STR("secret=1")};
	f->response_fields[2] = (struct field){STR("Empty"), STR("")};
	f->response_fields[3] = (struct field){STR("Set-Cookie"), STR("secret=2")};
	f->trailer = (struct field){STR("X-Sum"), STR("42")};
}

static inline void fixture_messages(struct flow_fixture *f)
{
	f->request = (struct message){.is_request = true,
		.version = VERSION_1_1,
		.method = METHOD_GET,
		.method_name = STR("GET"),
		.target = STR("http://example.com/a?b=c"),
		.fields = {f->request_fields, FIXTURE_FIELDS, FIXTURE_FIELDS}};
	f->sent = f->request;
	f->sent.target = STR("/a?b=c");
	f->response = (struct message){.version = VERSION_1_1,
		.status = 200,
		.reason = STR("OK"),
		.fields = {f->response_fields, FIXTURE_FIELDS, FIXTURE_FIELDS},
		.trailers = {&f->trailer, 1, 1}};
	f->redirect = f->response;
	f->redirect.status = 302;
	f->redirect.reason = STR("Found");
	f->redirect.trailers = (struct fields){NULL, 0, 0};
}

static inline void fixture_evidence(struct flow_fixture *f)
{
	f->drops[0] = (struct drop){STR("Cookie"), "the host changed", &f->drops[1]};
	f->drops[1] = (struct drop){STR("Authorization"), "the origin changed", NULL};
	f->left_out = (struct drop){STR("Alt-Svc"), "it is for another origin", NULL};
	f->fates[0] = (struct cookie_fate){STR("sid"), "kept for the chain", "given to the client", &f->fates[1]};
	f->fates[1] = (struct cookie_fate){STR("wide"), "refused: its Domain does not cover the host", NULL, NULL};
}

/* Of the second hop, and of a client inside a tunnel that was opened. */
static inline void fixture_tls(struct flow_fixture *f)
{
	f->leg = (struct tls_leg){.version = "TLSv1.3",
		.cipher = "TLS_AES_128_GCM_SHA256",
		.alpn = "http/1.1",
		.server_name = "other.example",
		.is_resumed = true};
	f->client_leg = (struct tls_leg){
		.version = "TLSv1.2", .cipher = "ECDHE-ECDSA-AES256-GCM-SHA384", .alpn = "", .server_name = "example.com"};
	f->identity = (struct peer_identity){.host = STR("other.example"),
		.port = 443,
		.subject = "CN=other.example",
		.issuer = "CN=Issuer One",
		.chain = "CN=other.example; CN=Issuer One; CN=Root",
		.certificate_sha256 = "c0ffee0000000000000000000000000000000000000000000000000000000001",
		.spki_sha256 = "a2V5IG9uZSBpcyAzMiBieXRlcyBsb25nLCBub3QgMzE=",
		.not_before_s = 1699900000,
		.not_after_s = 1707700000,
		.staple = "good",
		.pin = "matched",
		.unverified = ""};
}

static inline void fixture_hops(struct flow_fixture *f)
{
	f->hops[0] = (struct hop_facts){.number = 1,
		.reason = HOP_FIRST,
		.url = STR("http://example.com/a?b=c"),
		.request = &f->sent,
		.response = &f->redirect,
		.peer_class = "public",
		.started_us = 1700000000000100,
		.times = {-1, 200, 300, -1, 50, 4000, 10},
		.decision = "followed: 302",
		.fates = &f->fates[0],
		.next = &f->hops[1]};
	f->hops[1] = (struct hop_facts){.number = 2,
		.reason = HOP_REDIRECT,
		.url = STR("https://other.example/x"),
		.request = &f->sent,
		.response = &f->response,
		.peer_class = "private",
		.is_reused = true,
		.delay_us = 500000,
		.tls = &f->leg,
		.identity = &f->identity,
		.started_us = 1700000000005000,
		.times = {0, -1, -1, -1, 20, 900, 80},
		.request_head_bytes = 120,
		.response_head_bytes = 130,
		.response_body_bytes = 1234,
		.decision = "delivered",
		.drops = &f->drops[0],
		.cookies = STR("sid, lang")};
}

/* Pointers go into f: it must not be moved. */
static inline void fixture_init(struct flow_fixture *f, uint64_t id)
{
	memset(f, 0, sizeof(*f));
	fixture_fields(f);
	fixture_messages(f);
	fixture_evidence(f);
	fixture_tls(f);
	fixture_hops(f);
	f->x = (struct exchange_facts){.id = id,
		.worker = 1,
		.client_id = 7,
		.client_request = 2,
		.user = STR("alice"),
		.started_us = 1700000000000000,
		.ended_us = 1700000000006000,
		.duration_us = 6000,
		.request = &f->request,
		.url = STR("http://example.com/a?b=c"),
		.target = {SCHEME_HTTP, {STR("example.com"), HOST_NAME, 80}, STR("/a?b=c"), STR_NONE, false, false},
		.has_target = true,
		.response = &f->response,
		.request_head_bytes = 100,
		.response_head_bytes = 140,
		.response_body_bytes = 1234,
		.outcome = OUTCOME_DELIVERED,
		.final_url = STR("https://other.example/x#there"),
		.redirects = 1,
		.drops = &f->left_out,
		.hops = f->hops,
		.hops_n = 2};
	(void)address_parse(STR("192.0.2.7"), 5555, &f->x.client);
	(void)address_parse(STR("127.0.0.1"), 8080, &f->x.listener);
	(void)address_parse(STR("192.0.2.80"), 80, &f->hops[0].peer);
	f->hops[1].peer = f->hops[0].peer;
}

/* Makes it a tunnel. */
static inline void fixture_tunnel(struct flow_fixture *f)
{
	f->request.method = METHOD_CONNECT;
	f->request.method_name = STR("CONNECT");
	f->request.target = STR("example.com:443");
	f->x.url = STR("example.com:443");
	f->x.has_target = false;
	f->x.is_tunnel = true;
	f->x.tunnel = (struct tunnel_facts){.up_bytes = 517, .down_bytes = 100000, .has_hello = true};
	f->x.tunnel.hello = (struct clienthello){.server_name = "example.com",
		.alpn = "h2,http/1.1",
		.version = 0x0304,
		.ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1"};
	f->x.hops = NULL;
	f->x.hops_n = f->x.redirects = 0;
	f->x.final_url = STR_NONE;
	f->x.drops = NULL;
	f->x.response_body_bytes = 0;
}

/* Makes it a tunnel that was opened. */
static inline void fixture_opened(struct flow_fixture *f)
{
	fixture_tunnel(f);
	f->x.tunnel.handling = TUNNEL_TLS;
	f->x.client_tls = &f->client_leg;
}

#endif
