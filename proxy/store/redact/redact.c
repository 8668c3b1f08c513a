/* The redactor: its key, its names, and the hash that stands for a secret. Not for where secrets stand: redact_field.c,
 * url_cover.c, redact_body.c. */
#include "base/mem.h"
#include "store/redact/redact_part.h"
#include "store/redact/url_cover.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

enum { SHOWN_BYTES = 6 }; /* of the hash: enough that two of a million secrets hardly meet */

static const char prefix[] = "redacted-";

static void name_set_init(struct name_set *s, const struct text_list *from)
{
	s->v = mem_calloc(from->n > 0 ? from->n : 1, sizeof(*s->v));
	for (; s->n < from->n; s->n++) {
		size_t len = strlen(from->v[s->n]);

		s->v[s->n] = mem_strdup(from->v[s->n]);
		s->lengths |= UINT64_C(1) << (len < 63 ? len : 63);
	}
}

static void name_set_fini(struct name_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		mem_free(s->v[i]);
	mem_free(s->v);
}

bool name_set_has(const struct name_set *s, struct str name)
{
	if (!(s->lengths >> (name.len < 63 ? name.len : 63) & 1))
		return false;
	for (size_t i = 0; i < s->n; i++) {
		if (str_ieq(str_of(s->v[i]), name))
			return true;
	}
	return false;
}

struct redactor *redactor_new(const struct redact_options *o, char *ret_why, size_t size)
{
	struct redactor *r = mem_calloc(1, sizeof(*r));

	if (!redact_key_load(o->folder, r->key, ret_why, size)) {
		mem_free(r);
		return NULL;
	}
	name_set_init(&r->fields, o->fields);
	name_set_init(&r->query, o->query);
	name_set_init(&r->json, o->json);
	r->refs = 1;
	return r;
}

struct redactor *redactor_ref(const struct redactor *r)
{
	struct redactor *mine = (struct redactor *)r; /* counts are not what callers see of it */

	__atomic_add_fetch(&mine->refs, 1, __ATOMIC_RELAXED);
	return mine;
}

void redactor_unref(struct redactor *r)
{
	if (!r || __atomic_sub_fetch(&r->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	name_set_fini(&r->fields);
	name_set_fini(&r->query);
	name_set_fini(&r->json);
	explicit_bzero(r->key, sizeof(r->key));
	mem_free(r);
}

uint64_t redactor_met(const struct redactor *r)
{
	return __atomic_load_n(&r->met, __ATOMIC_RELAXED);
}

void redact_note_met(const struct redactor *r)
{
	__atomic_add_fetch(&((struct redactor *)r)->met, 1, __ATOMIC_RELAXED);
}

static bool is_replaced(struct str s)
{
	if (s.len != sizeof(prefix) - 1 + 2 * SHOWN_BYTES || !str_starts(s, STR(prefix)))
		return false;
	for (size_t i = sizeof(prefix) - 1; i < s.len; i++) {
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	}
	return true;
}

bool redact_secret(const struct redactor *r, struct text *to, struct str secret)
{
	unsigned char hash[EVP_MAX_MD_SIZE] = {0};
	unsigned len = 0;

	if (secret.len == 0)
		return false;
	redact_note_met(r);
	if (is_replaced(secret)) {
		text_put(to, secret);
		return false;
	}
	text_put(to, STR(prefix));
	/* A library that cannot hash leaves zeros: nothing to compare, but nothing to read either. */
	if (!HMAC(EVP_sha256(), r->key, sizeof(r->key), (const unsigned char *)secret.p, secret.len, hash, &len))
		memset(hash, 0, sizeof(hash));
	for (size_t i = 0; i < SHOWN_BYTES; i++)
		text_printf(to, "%02x", hash[i]);
	return true;
}

bool redact_encoded(const struct redactor *r, struct text *to, struct str secret)
{
	struct text plain = {NULL, 0, 0};
	bool is_new;

	url_cover_decode(&plain, secret);
	is_new = redact_secret(r, to, text_str(&plain));
	text_fini(&plain);
	return is_new;
}
