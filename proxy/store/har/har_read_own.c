/* Entries that we wrote (HAR.md): what our own members tell beyond the format. Whom an origin proved to be is not taken from a
 * file, since it would be held against those who answer now; it stays in the entry's extra. */
#include "store/har/har_read_part.h"
#include "store/har/har_value.h"

#include <string.h>

/* The place of a name in a list of names; 0 if it is not there. */
static int index_of(const char *name, const char *const *names, int n)
{
	for (int i = 0; i < n; i++) {
		if (strcmp(name, names[i]) == 0)
			return i;
	}
	return 0;
}

static void read_chain(struct har_entry *e)
{
	static const char *const reasons[] = {"first", "redirect", "retry", "auth"};
	const json_t *chain = har_object(e->json, "_redirectChain");

	e->flow_id = (uint64_t)har_count(e->json, "_flowId", 1, 0);
	e->index = (unsigned)har_count(chain, "index", 0, 0);
	if (e->index > UINT16_MAX)
		e->index = UINT16_MAX;
	e->hop.number = e->index + 1;
	e->hop.reason = (enum hop_reason)index_of(har_words(chain, "reason"), reasons, 4);
	e->hop.decision = har_words(chain, "decision");
}

/* [{name, why}] */
static bool read_drops(struct arena *a, const json_t *list, const struct drop **ret)
{
	const struct drop **end = ret;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		struct drop *d = arena_zalloc(a, sizeof(*d));

		if (d == NULL)
			return false;
		d->name = har_str(a, o, "name");
		d->why = har_words(o, "why");
		*end = d;
		end = &d->next;
	}
	return true;
}

/* [{name, fate, client}] */
static bool read_fates(struct arena *a, const json_t *list, const struct cookie_fate **ret)
{
	const struct cookie_fate **end = ret;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		struct cookie_fate *f = arena_zalloc(a, sizeof(*f));

		if (f == NULL)
			return false;
		f->name = har_str(a, o, "name");
		f->words = har_words(o, "fate");
		f->client_words = har_words(o, "client");
		*end = f;
		end = &f->next;
	}
	return true;
}

static void read_leg(const json_t *o, struct tls_leg *to)
{
	*to = (struct tls_leg){
		.version = har_words(o, "version"),
		.cipher = har_words(o, "cipher"),
		.alpn = har_words(o, "alpn"),
		.server_name = har_words(o, "serverName"),
		.is_resumed = har_is_true(o, "isResumed"),
	};
}

static bool read_tls(struct har_entry *e)
{
	const json_t *tls = har_object(e->json, "_tls");
	struct tls_leg *leg;

	if (har_words(tls, "version")[0] == '\0')
		return true;
	leg = arena_zalloc(e->arena, sizeof(*leg));
	if (leg == NULL)
		return false;
	read_leg(tls, leg);
	e->hop.tls = leg;
	return true;
}

/* ["a", "b"] as "a, b" */
static struct str join_names(struct arena *a, const json_t *list)
{
	struct str all = STR_NONE;

	if (json_is_string(list))
		return (struct str){json_string_value(list), json_string_length(list)};
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));

		if (name != NULL)
			all = arena_printf(a, "%.*s%s%s", STR_ARG(all), all.len > 0 ? ", " : "", name);
	}
	return all;
}

static bool read_hop(struct har_entry *e)
{
	const json_t *o = har_object(e->json, "_hop");
	struct hop_facts *h = &e->hop;
	int64_t delay_us = har_us(o, "delay");
	enum error error = error_of_name(har_words(o, "error"));

	/* What was answered without any hop still has to be one, to be kept whole. */
	h->is_reply = o == NULL || har_is_true(o, "isReply");
	h->is_reused = har_is_true(o, "isReused");
	if (har_is_true(o, "isUnsent"))
		h->request = NULL;
	h->delay_us = delay_us > 0 ? delay_us : 0;
	if (address_parse_listen(har_str(e->arena, o, "peer"), &h->peer) && har_words(o, "peerClass")[0] != '\0')
		h->peer_class = har_words(o, "peerClass");
	h->cookies = join_names(e->arena, json_object_get(o, "cookiesAdded"));
	h->error = error != ERR_count ? error : ERR_none;
	h->detail = har_words(o, "detail");
	return read_fates(e->arena, har_array(o, "cookiesSet"), &h->fates) &&
		read_drops(e->arena, har_array(e->json, "_dropped"), &h->drops) && read_tls(e);
}

/* "interrupted" is what a flow is that was in flight when viaduct ended; nobody waits for it any more. */
static void read_outcome(const json_t *o, struct exchange_facts *x)
{
	static const char *const outcomes[] = {"interrupted", "delivered", "failed", "cancelled"};
	static const enum outcome meant[] = {OUTCOME_CANCELLED, OUTCOME_DELIVERED, OUTCOME_FAILED, OUTCOME_CANCELLED};
	enum error error = error_of_name(har_words(o, "error"));

	x->outcome = meant[index_of(har_words(o, "outcome"), outcomes, 4)];
	x->error = error != ERR_count ? error : ERR_none;
	x->detail = har_words(o, "detail");
	if (strcmp(har_words(o, "outcome"), "interrupted") == 0 && x->detail[0] == '\0')
		x->detail = "viaduct ended while it was in flight";
}

static void read_flow_sizes(const json_t *o, struct exchange_facts *x)
{
	x->request_head_bytes = (uint64_t)har_count(o, "requestHeadBytes", 0, 0);
	x->request_body_bytes = (uint64_t)har_count(o, "requestBodyBytes", 0, 0);
	x->response_head_bytes = (uint64_t)har_count(o, "responseHeadBytes", 0, 0);
	x->response_body_bytes = (uint64_t)har_count(o, "responseBodyBytes", 0, 0);
}

/* What stands in the first entry of a flow. */
static bool read_flow(struct har_entry *e)
{
	const json_t *o = har_object(e->json, "_flow");
	struct exchange_facts *x = &e->flow;
	int64_t duration_us = har_us(o, "duration");

	e->has_flow = true;
	e->parent_id = (uint64_t)har_count(o, "parentId", 1, 0);
	e->hops = (unsigned)har_count(o, "hops", 0, 0);
	x->started_us = har_time(o, "startedDateTime", x->started_us);
	x->duration_us = duration_us >= 0 ? duration_us : x->duration_us;
	x->ended_us = har_time(o, "endedDateTime", x->started_us + x->duration_us);
	x->worker = (unsigned)har_count(o, "worker", 0, 0);
	x->client_id = (uint64_t)har_count(o, "clientId", 0, 0);
	x->client_request = (unsigned)har_count(o, "clientRequest", 0, 0);
	x->user = har_str(e->arena, o, "user");
	x->final_url = har_str(e->arena, o, "finalUrl");
	x->redirects = (unsigned)har_count(o, "redirects", 0, 0);
	x->retries = (unsigned)har_count(o, "retries", 0, 0);
	(void)address_parse_listen(har_str(e->arena, o, "listener"), &x->listener);
	read_outcome(o, x);
	read_flow_sizes(o, x);
	read_leg(har_object(o, "clientTls"), &e->client_tls);
	x->client_tls = e->client_tls.version[0] != '\0' ? &e->client_tls : NULL;
	return read_drops(e->arena, har_array(o, "dropped"), &x->drops);
}

static void read_hello(const json_t *o, struct tunnel_facts *t)
{
	static const char *const versions[] = {"", "SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"};
	int version = index_of(har_words(o, "tlsVersion"), versions, 6);

	t->has_hello = json_object_get(o, "hasEch") != NULL || json_object_get(o, "ja4") != NULL;
	snprintf(t->hello.server_name, sizeof(t->hello.server_name), "%s", har_words(o, "sni"));
	snprintf(t->hello.alpn, sizeof(t->hello.alpn), "%s", har_words(o, "alpn"));
	snprintf(t->hello.ja4, sizeof(t->hello.ja4), "%s", har_words(o, "ja4"));
	t->hello.version = version > 0 ? (uint16_t)(0x02ff + version) : 0;
	t->hello.has_ech = har_is_true(o, "hasEch");
}

/* What stands in the last entry of a flow. */
static void read_tunnel(struct har_entry *e)
{
	static const char *const handlings[] = {"relayed", "passed", "opened", "opened (clear)"};
	const json_t *o = har_object(e->json, "_tunnel");
	struct exchange_facts *x = &e->flow;

	if (o == NULL)
		return;
	x->is_tunnel = true;
	x->tunnel.up_bytes = (uint64_t)har_count(o, "upBytes", 0, 0);
	x->tunnel.down_bytes = (uint64_t)har_count(o, "downBytes", 0, 0);
	x->tunnel.handling = (enum tunnel_handling)index_of(har_words(o, "handling"), handlings, 4);
	x->tunnel.why = har_words(o, "why");
	read_hello(o, &x->tunnel);
}

/* A CONNECT has no URL; the format wants one all the same. */
static void read_connect(struct har_entry *e)
{
	struct str target = har_str(e->arena, har_object(e->json, "_tunnel"), "target");

	if (e->request.method != METHOD_CONNECT)
		return;
	if (target.len > 0)
		e->flow.url = e->hop.url = e->request.target = target;
	e->flow.has_target = false;
}

static bool read_variants(struct har_entry *e)
{
	const json_t *received = har_object(e->json, "_asReceived"), *delivered = json_object_get(e->json, "_asDelivered");
	struct exchange_facts *x = &e->flow;

	if (received != NULL) {
		if (!har_read_variant(e, received, &e->request, &e->received))
			return false;
		x->request = &e->received;
		if (har_words(received, "url")[0] != '\0')
			x->url = har_str(e->arena, received, "url");
	}
	if (json_is_null(delivered))
		x->response = NULL;
	if (!json_is_object(delivered))
		return true;
	if (!har_read_variant(e, delivered, &e->response, &e->delivered))
		return false;
	if (e->delivered.status >= 100)
		x->response = &e->delivered;
	return har_read_made(e, har_object(delivered, "content"));
}

bool har_read_own(struct har_entry *e)
{
	if (!e->is_ours)
		return true;
	read_chain(e);
	read_connect(e);
	(void)address_parse_listen(har_str(e->arena, e->json, "_client"), &e->flow.client);
	read_tunnel(e);
	return read_hop(e) && (har_object(e->json, "_flow") == NULL || read_flow(e)) && read_variants(e);
}
