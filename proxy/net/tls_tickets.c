/* The keys of session tickets: AES-256-CBC and HMAC-SHA256, as RFC 5077 section 4 recommends. A key seals for an hour and
 * opens for one more, and is forgotten then, so that who steals it from memory learns of two hours only. Not for what is in a
 * ticket: the library's. */
#include "base/clock.h"
#include "base/mem.h"
#include "net/tls_internal.h"

#include <pthread.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

enum { NAME_BYTES = 16, IV_BYTES = 16, KEY_BYTES = 32 };

static const int64_t LIFE_US = (int64_t)TLS_SESSION_LIFE_S / 2 * 1000000;

struct ticket_key {
	unsigned char name[NAME_BYTES];
	unsigned char cipher[KEY_BYTES], mac[KEY_BYTES];
	int64_t born_us;
};

struct tls_tickets {
	pthread_mutex_t lock; /* of the keys; held for a copy, and once an hour for new random bits */
	struct ticket_key now, before;
	bool has_before;
	int64_t (*clock_us)(void);
	EVP_CIPHER *cipher; /* fetched once: the library would search for it at every ticket */
};

static bool key_init(struct ticket_key *k, int64_t now_us)
{
	k->born_us = now_us;
	return RAND_bytes(k->name, sizeof(k->name)) == 1 && RAND_priv_bytes(k->cipher, sizeof(k->cipher)) == 1 &&
		RAND_priv_bytes(k->mac, sizeof(k->mac)) == 1;
}

struct tls_tickets *tls_tickets_new_at(int64_t (*clock_us)(void))
{
	struct tls_tickets *t = mem_calloc(1, sizeof(*t));

	pthread_mutex_init(&t->lock, NULL); /* fails for attributes only */
	t->clock_us = clock_us;
	t->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	if (t->cipher != NULL && key_init(&t->now, clock_us()))
		return t;
	tls_tickets_free(t);
	return NULL;
}

struct tls_tickets *tls_tickets_new(void)
{
	return tls_tickets_new_at(clock_mono_us);
}

void tls_tickets_free(struct tls_tickets *t)
{
	if (t == NULL)
		return;
	EVP_CIPHER_free(t->cipher);
	pthread_mutex_destroy(&t->lock);
	OPENSSL_cleanse(&t->now, sizeof(t->now));
	OPENSSL_cleanse(&t->before, sizeof(t->before));
	mem_free(t);
}

/* Puts a new key in the place of one that has sealed for long enough. Without random bits the old one stays, and nothing is
 * lost but its age. */
static void rotate(struct tls_tickets *t)
{
	int64_t now_us = t->clock_us();
	struct ticket_key fresh;

	if (t->has_before && now_us - t->before.born_us >= 2 * LIFE_US) {
		OPENSSL_cleanse(&t->before, sizeof(t->before));
		t->has_before = false;
	}
	if (now_us - t->now.born_us < LIFE_US || !key_init(&fresh, now_us))
		return;
	/* After a pause of two hours even the last key is too old. */
	t->has_before = now_us - t->now.born_us < 2 * LIFE_US;
	t->before = t->now;
	if (!t->has_before)
		OPENSSL_cleanse(&t->before, sizeof(t->before));
	t->now = fresh;
	OPENSSL_cleanse(&fresh, sizeof(fresh));
}

/* The key to seal with. */
static void key_to_seal(struct tls_tickets *t, struct ticket_key *ret_key)
{
	pthread_mutex_lock(&t->lock);
	rotate(t);
	*ret_key = t->now;
	pthread_mutex_unlock(&t->lock);
}

/* The key of that name. True if it is known. */
static bool key_to_open(struct tls_tickets *t, const unsigned char *name, struct ticket_key *ret_key, bool *ret_is_old)
{
	bool is_now, is_before;

	pthread_mutex_lock(&t->lock);
	rotate(t);
	is_now = memcmp(name, t->now.name, NAME_BYTES) == 0;
	is_before = !is_now && t->has_before && memcmp(name, t->before.name, NAME_BYTES) == 0;
	if (is_now || is_before)
		*ret_key = is_now ? t->now : t->before;
	pthread_mutex_unlock(&t->lock);
	*ret_is_old = is_before;
	return is_now || is_before;
}

static bool set_mac(EVP_MAC_CTX *mac, struct ticket_key *key)
{
	static char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static bool seal(const struct tls_tickets *t, struct ticket_key *key, unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac)
{
	return RAND_bytes(iv, IV_BYTES) == 1 && EVP_EncryptInit_ex2(cipher, t->cipher, key->cipher, iv, NULL) == 1 &&
		set_mac(mac, key);
}

static bool open_sealed(const struct tls_tickets *t, struct ticket_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac)
{
	return set_mac(mac, key) && EVP_DecryptInit_ex2(cipher, t->cipher, key->cipher, iv, NULL) == 1;
}

/* What the library wants to hear of a ticket. */
enum { TICKET_BROKEN = -1, TICKET_UNKNOWN = 0, TICKET_GOOD = 1, TICKET_GOOD_AND_RENEWED = 2 };

static int answer_seal(struct tls_tickets *t, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	struct ticket_key key;
	bool is_good;

	key_to_seal(t, &key);
	memcpy(name, key.name, NAME_BYTES);
	is_good = seal(t, &key, iv, cipher, mac);
	OPENSSL_cleanse(&key, sizeof(key));
	return is_good ? TICKET_GOOD : TICKET_BROKEN;
}

static int answer_open(struct tls_tickets *t, const unsigned char *name, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, bool is_single_use)
{
	struct ticket_key key;
	bool is_old, is_good;

	if (!key_to_open(t, name, &key, &is_old))
		return TICKET_UNKNOWN;
	is_good = open_sealed(t, &key, iv, cipher, mac);
	OPENSSL_cleanse(&key, sizeof(key));
	if (!is_good)
		return TICKET_BROKEN;
	return is_old || is_single_use ? TICKET_GOOD_AND_RENEWED : TICKET_GOOD;
}

int tls_on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
	int is_sealing)
{
	struct tls_tickets *t = tls_of_ssl(ssl)->server->tickets;

	if (is_sealing)
		return answer_seal(t, name, iv, cipher, mac);
	/* A client of TLS 1.3 uses a ticket once (RFC 8446 appendix C.4), and would come without one the next time. */
	return answer_open(t, name, iv, cipher, mac, SSL_version(ssl) >= TLS1_3_VERSION);
}
