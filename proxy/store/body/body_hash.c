/* SHA-256 (FIPS 180-4) by libcrypto. The algorithm is looked up once; copies and new beginnings go on with what was found. */
#include "store/body/body_hash.h"

#include "base/mem.h"

#include <openssl/evp.h>

struct body_hash {
	EVP_MD_CTX *state;
};

static struct body_hash *hash_of(EVP_MD_CTX *state)
{
	struct body_hash *h = mem_alloc(sizeof(*h));

	h->state = state;
	return h;
}

struct body_hash *body_hash_new(void)
{
	EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	struct body_hash *h = hash_of(EVP_MD_CTX_new());
	bool ok = sha256 && h->state && EVP_DigestInit_ex2(h->state, sha256, NULL) == 1;

	EVP_MD_free(sha256);
	if (ok)
		return h;
	body_hash_free(h);
	return NULL;
}

struct body_hash *body_hash_copy(const struct body_hash *h)
{
	struct body_hash *copy = hash_of(EVP_MD_CTX_new());

	if (copy->state && EVP_MD_CTX_copy_ex(copy->state, h->state) == 1)
		return copy;
	body_hash_free(copy);
	return NULL;
}

void body_hash_free(struct body_hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->state);
	mem_free(h);
}

bool body_hash_begin(struct body_hash *h)
{
	return EVP_DigestInit_ex2(h->state, NULL, NULL) == 1;
}

bool body_hash_add(struct body_hash *h, struct str piece)
{
	return EVP_DigestUpdate(h->state, piece.p, piece.len) == 1;
}

bool body_hash_end(struct body_hash *h, uint8_t ret[BODY_HASH_BYTES])
{
	return EVP_DigestFinal_ex(h->state, ret, NULL) == 1;
}
