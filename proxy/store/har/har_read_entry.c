/* See har_read_entry.h. Here: the life of an entry, and the facts that entries of all programs have. */
#include "store/har/har_read_entry.h"

#include "base/mem.h"
#include "net/address_class.h"
#include "store/har/har_mend.h"
#include "store/har/har_read.h"
#include "store/har/har_read_part.h"
#include "store/har/har_value.h"

#include <stdio.h>

void har_entry_free(struct har_entry *e)
{
	if (e == NULL)
		return;
	json_decref(e->json);
	arena_free(e->arena);
	text_fini(&e->extra);
	text_fini(&e->bodies[BODY_UP].bytes);
	text_fini(&e->bodies[BODY_DOWN].bytes);
	text_fini(&e->made.bytes);
	mem_free(e);
}

static json_t *load(struct str json, int *ret_at)
{
	json_error_t error;
	json_t *loaded = json_loadb(json.p, json.len, JSON_ALLOW_NUL | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);

	*ret_at = loaded == NULL ? error.position : 0;
	return loaded;
}

/* Whatever can be read of it. What the JSON reader complains of is not passed on: it cites what it read. */
static bool parse(struct har_entry *e, const struct har_cut *cut, char *ret_why, size_t size)
{
	int at;

	text_put(&e->extra, text_str(&cut->json));
	e->json = load(text_str(&e->extra), &at);
	if (e->json == NULL) {
		text_clear(&e->extra);
		har_mend(&e->extra, text_str(&cut->json));
		e->json = load(text_str(&e->extra), &at);
	}
	if (e->json == NULL)
		snprintf(ret_why, size, "its JSON is damaged at its byte %d", at);
	else if (!json_is_object(e->json))
		snprintf(ret_why, size, "it is not an object");
	return json_is_object(e->json);
}

/* HAR counts the TLS handshake as part of the connect. */
static void read_times(struct har_entry *e)
{
	const json_t *timings = har_object(e->json, "timings");
	struct hop_times *t = &e->hop.times;

	*t = (struct hop_times){
		.queue_us = har_us(timings, "blocked"),
		.resolve_us = har_us(timings, "dns"),
		.connect_us = har_us(timings, "connect"),
		.tls_us = har_us(timings, "ssl"),
		.send_us = har_us(timings, "send"),
		.wait_us = har_us(timings, "wait"),
		.receive_us = har_us(timings, "receive"),
	};
	if (t->tls_us > 0 && t->connect_us >= t->tls_us)
		t->connect_us -= t->tls_us;
	e->hop.is_reused = timings != NULL && t->connect_us < 0 && t->send_us >= 0;
}

static int64_t sum_times(const struct hop_times *t)
{
	const int64_t all[] = {t->queue_us, t->resolve_us, t->connect_us, t->tls_us, t->send_us, t->wait_us, t->receive_us};
	int64_t sum = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sum += all[i] > 0 ? all[i] : 0;
	return sum;
}

/* The server's port. `connection` is that with Chromium, which has a number of its own beside it, and anything with others. */
static uint16_t peer_port(const struct har_entry *e)
{
	int64_t port = har_count(e->json, "_serverPort", 1, 0);

	if (port == 0 && json_object_get(e->json, "_connectionId") != NULL)
		port = har_count(e->json, "connection", 1, 0);
	if (port > 0 && port <= UINT16_MAX)
		return (uint16_t)port;
	return e->flow.has_target ? e->flow.target.authority.port : 0;
}

static void read_peer(struct har_entry *e)
{
	struct str ip = str_trim(har_str(e->arena, e->json, "serverIPAddress"));

	if (ip.len > 2 && ip.p[0] == '[' && ip.p[ip.len - 1] == ']')
		ip = str_first(str_from(ip, 1), ip.len - 2);
	if (!address_parse(ip, peer_port(e), &e->hop.peer)) {
		e->hop.is_reused = false;
		return;
	}
	e->hop.peer_class = address_class_name(address_class_of(&e->hop.peer));
}

static void read_sizes(struct har_entry *e)
{
	const json_t *request = har_object(e->json, "request"), *response = har_object(e->json, "response");
	struct hop_facts *h = &e->hop;

	h->request_head_bytes = (uint64_t)har_count(request, "headersSize", 0, 0);
	h->response_head_bytes = (uint64_t)har_count(response, "headersSize", 0, 0);
	h->request_body_bytes = (uint64_t)har_count(request, "bodySize", 0, (int64_t)e->bodies[BODY_UP].bytes.len);
	h->response_body_bytes = (uint64_t)har_count(response, "bodySize", 0, (int64_t)e->bodies[BODY_DOWN].bytes.len);
}

/* The flow as far as one hop can say. */
static void derive_flow(struct har_entry *e, int64_t default_us)
{
	struct exchange_facts *x = &e->flow;
	int64_t duration_us = har_us(e->json, "time");

	x->started_us = har_time(e->json, "startedDateTime", default_us);
	x->duration_us = duration_us >= 0 ? duration_us : sum_times(&e->hop.times);
	x->ended_us = x->started_us + x->duration_us;
	x->request = &e->request;
	x->response = e->hop.response;
	x->request_body_bytes = e->hop.request_body_bytes;
	x->response_body_bytes = e->hop.response_body_bytes;
	x->request_head_bytes = e->hop.request_head_bytes;
	x->response_head_bytes = e->hop.response_head_bytes;
	e->hop.started_us = x->started_us;
	e->hop.url = x->url;
	e->hop.number = 1;
	e->comment = har_str(e->arena, e->json, "comment");
}

/* Whose request nobody can tell is of no use. */
static bool read_url(struct har_entry *e, char *ret_why, size_t size)
{
	const json_t *request = har_object(e->json, "request");

	e->flow.url = har_str(e->arena, request, "_url");
	if (e->flow.url.len == 0)
		e->flow.url = har_str(e->arena, request, "url");
	if (request == NULL)
		snprintf(ret_why, size, "it has no request");
	else if (e->flow.url.len == 0)
		snprintf(ret_why, size, "its request has no url");
	else
		e->flow.has_target = har_read_target(e->arena, e->flow.url, &e->flow.target);
	return e->flow.url.len > 0;
}

static bool read_facts(struct har_entry *e, struct har_cut *cut, int64_t default_us, char *ret_why, size_t size)
{
	e->is_ours = har_count(e->json, "_flowId", 1, 0) > 0;
	if (!read_url(e, ret_why, size))
		return false;
	if (!har_read_heads(e) || !har_read_bodies(e, cut)) {
		snprintf(ret_why, size, "its heads are too long");
		return false;
	}
	read_times(e);
	read_peer(e);
	read_sizes(e);
	derive_flow(e, default_us);
	har_read_outcome(e);
	if (har_read_own(e))
		return true;
	snprintf(ret_why, size, "its heads are too long");
	return false;
}

struct har_entry *har_entry_read(struct har_cut *cut, int64_t default_us, char *ret_why, size_t size)
{
	struct har_entry *e;

	if (cut->is_too_long) {
		snprintf(ret_why, size, "it is longer than %d MiB", HAR_MAX_ENTRY_BYTES >> 20);
		return NULL;
	}
	e = mem_calloc(1, sizeof(*e));
	e->arena = arena_new(HAR_MAX_ENTRY_BYTES);
	if (!parse(e, cut, ret_why, size) || !read_facts(e, cut, default_us, ret_why, size)) {
		har_entry_free(e);
		return NULL;
	}
	e->bytes = sizeof(*e) + 3 * e->extra.len + e->bodies[BODY_UP].bytes.len + e->bodies[BODY_DOWN].bytes.len;
	return e;
}
