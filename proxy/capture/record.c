/* Copies an exchange into one block: a first walk measures, a second one copies; both are the same code, so that they cannot
 * disagree. Not for deciding when a copy is made. */
#include "capture/record.h"

#include "base/mem.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

struct copier {
	char *block; /* NULL while measuring */
	size_t used;
	/* Where structures go while measuring. */
	struct message scratch_message;
	struct hop_facts scratch_hop;
};

/* The next size bytes of the block; NULL while measuring. */
static void *take(struct copier *c, size_t size, size_t align)
{
	size_t at = (c->used + align - 1) & ~(align - 1);

	c->used = at + size;
	return c->block ? c->block + at : NULL;
}

/* An absent string (p NULL) stays absent. */
static struct str copy_str(struct copier *c, struct str s)
{
	char *to;

	if (!s.p)
		return STR_NONE;
	to = take(c, s.len, 1);
	if (to && s.len > 0)
		memcpy(to, s.p, s.len);
	return (struct str){to, s.len};
}

static const char *copy_text(struct copier *c, const char *text)
{
	if (!text)
		return NULL;
	return copy_str(c, (struct str){text, strlen(text) + 1}).p;
}

/* The password for this proxy is kept as a hash in access.users_file; here only the scheme of the credentials is kept. */
static struct str recorded_value(const struct field *f)
{
	return str_ieq(f->name, STR("Proxy-Authorization")) ? str_first(f->value, str_find(f->value, ' ')) : f->value;
}

static struct fields copy_fields(struct copier *c, const struct fields *from)
{
	struct fields to = {.n = from->n, .cap = from->n};

	if (from->n == 0)
		return to;
	to.v = take(c, from->n * sizeof(*to.v), alignof(struct field));
	for (size_t i = 0; i < from->n; i++) {
		struct str name = copy_str(c, from->v[i].name);
		struct str value = copy_str(c, recorded_value(&from->v[i]));

		if (to.v)
			to.v[i] = (struct field){name, value};
	}
	return to;
}

static const struct message *copy_message(struct copier *c, const struct message *from)
{
	struct message *to;

	if (!from)
		return NULL;
	to = take(c, sizeof(*to), alignof(struct message));
	if (!to)
		to = &c->scratch_message;
	*to = *from;
	to->method_name = copy_str(c, from->method_name);
	to->target = copy_str(c, from->target);
	to->reason = copy_str(c, from->reason);
	to->fields = copy_fields(c, &from->fields);
	to->trailers = copy_fields(c, &from->trailers);
	return to;
}

static const struct drop *copy_drops(struct copier *c, const struct drop *first)
{
	const struct drop *head = NULL, **end = &head;

	for (const struct drop *d = first; d; d = d->next) {
		struct drop *to = take(c, sizeof(*to), alignof(struct drop));
		struct drop copy = {copy_str(c, d->name), copy_text(c, d->why), NULL};

		if (!to)
			continue;
		*to = copy;
		*end = to;
		end = &to->next;
	}
	return head;
}

static const struct cookie_fate *copy_fates(struct copier *c, const struct cookie_fate *first)
{
	const struct cookie_fate *head = NULL, **end = &head;

	for (const struct cookie_fate *f = first; f; f = f->next) {
		struct cookie_fate *to = take(c, sizeof(*to), alignof(struct cookie_fate));
		struct cookie_fate copy = {copy_str(c, f->name), copy_text(c, f->words), copy_text(c, f->client_words), NULL};

		if (!to)
			continue;
		*to = copy;
		*end = to;
		end = &to->next;
	}
	return head;
}

static const struct tls_leg *copy_leg(struct copier *c, const struct tls_leg *from)
{
	struct tls_leg *to, copy;

	if (!from)
		return NULL;
	to = take(c, sizeof(*to), alignof(struct tls_leg));
	copy = *from;
	copy.version = copy_text(c, from->version);
	copy.cipher = copy_text(c, from->cipher);
	copy.alpn = copy_text(c, from->alpn);
	copy.server_name = copy_text(c, from->server_name);
	if (to)
		*to = copy;
	return to;
}

static const struct peer_identity *copy_identity(struct copier *c, const struct peer_identity *from)
{
	struct peer_identity *to, copy;

	if (!from)
		return NULL;
	to = take(c, sizeof(*to), alignof(struct peer_identity));
	copy = *from;
	copy.host = copy_str(c, from->host);
	copy.subject = copy_text(c, from->subject);
	copy.issuer = copy_text(c, from->issuer);
	copy.chain = copy_text(c, from->chain);
	copy.certificate_sha256 = copy_text(c, from->certificate_sha256);
	copy.spki_sha256 = copy_text(c, from->spki_sha256);
	copy.staple = copy_text(c, from->staple);
	copy.pin = copy_text(c, from->pin);
	copy.unverified = copy_text(c, from->unverified);
	if (to)
		*to = copy;
	return to;
}

static struct hop_facts *copy_hop(struct copier *c, const struct hop_facts *from)
{
	struct hop_facts *to = take(c, sizeof(*to), alignof(struct hop_facts));

	if (!to)
		to = &c->scratch_hop;
	*to = *from;
	to->url = copy_str(c, from->url);
	to->request = copy_message(c, from->request);
	to->response = copy_message(c, from->response);
	to->peer_class = copy_text(c, from->peer_class);
	to->tls = copy_leg(c, from->tls);
	to->identity = copy_identity(c, from->identity);
	to->detail = copy_text(c, from->detail);
	to->decision = copy_text(c, from->decision);
	to->drops = copy_drops(c, from->drops);
	to->cookies = copy_str(c, from->cookies);
	to->fates = copy_fates(c, from->fates);
	to->next = NULL;
	return to;
}

static const struct hop_facts *copy_hops(struct copier *c, const struct hop_facts *first)
{
	struct hop_facts *head = NULL, *last = NULL;

	for (const struct hop_facts *h = first; h; h = h->next) {
		struct hop_facts *to = copy_hop(c, h);

		if (!head)
			head = to;
		else if (c->block)
			last->next = to;
		last = to;
	}
	return head;
}

static struct url copy_url(struct copier *c, const struct url *from)
{
	struct url to = *from;

	to.authority.host = copy_str(c, from->authority.host);
	to.path = copy_str(c, from->path);
	to.fragment = copy_str(c, from->fragment);
	return to;
}

static const struct hop_extra *copy_extras(struct copier *c, const struct hop_extra *first)
{
	const struct hop_extra *head = NULL, **end = &head;

	for (const struct hop_extra *e = first; e; e = e->next) {
		struct hop_extra *to = take(c, sizeof(*to), alignof(struct hop_extra));
		struct hop_extra copy = {e->hop, copy_str(c, e->json), NULL};

		if (!to)
			continue;
		*to = copy;
		*end = to;
		end = &to->next;
	}
	return head;
}

/* What an import brings beside the facts. */
struct imported {
	int64_t session_id;
	struct str comment;
	const struct hop_extra *extras;
};

/* One walk over everything that an exchange points to. */
static struct record *copy_exchange(struct copier *c, const struct exchange_facts *x, const struct imported *i,
	struct record *to)
{
	struct record *block = take(c, sizeof(*to), alignof(struct record));

	if (block)
		to = block;
	*to = (struct record){.kind = RECORD_FLOW, .session_id = i->session_id};
	to->comment = copy_str(c, i->comment);
	to->extras = copy_extras(c, i->extras);
	to->facts = *x;
	to->facts.client_tls = copy_leg(c, x->client_tls);
	to->facts.user = copy_str(c, x->user);
	to->facts.request = copy_message(c, x->request);
	to->facts.url = copy_str(c, x->url);
	if (x->has_target)
		to->facts.target = copy_url(c, &x->target);
	else
		memset(&to->facts.target, 0, sizeof(to->facts.target));
	to->facts.response = copy_message(c, x->response);
	to->facts.tunnel.why = x->is_tunnel ? copy_text(c, x->tunnel.why) : NULL;
	to->facts.detail = copy_text(c, x->detail);
	to->facts.final_url = copy_str(c, x->final_url);
	to->facts.drops = copy_drops(c, x->drops);
	to->facts.hops = copy_hops(c, x->hops);
	return to;
}

static struct record *copy(const struct exchange_facts *x, const struct imported *i)
{
	struct copier c = {.block = NULL, .used = 0};
	struct record scratch, *r;
	size_t size;

	copy_exchange(&c, x, i, &scratch);
	size = c.used;
	c.block = mem_alloc(size);
	c.used = 0;
	r = copy_exchange(&c, x, i, NULL);
	assert(c.used == size);
	r->weight = size;
	return r;
}

struct record *record_new(const struct exchange_facts *x)
{
	const struct imported none = {0};

	return copy(x, &none);
}

struct record *record_new_imported(const struct exchange_facts *x, int64_t session_id, struct str comment,
	const struct hop_extra *extras)
{
	const struct imported i = {session_id, comment, extras};

	return copy(x, &i);
}
