/* Verifying passwords against crypt(3) hashes. */
#include "config/crypt_hash.h"

#include "base/mem.h"

#include <crypt.h>
#include <stddef.h>
#include <string.h>

enum {
	PASSWORD_MAX_BYTES = 511, /* libxcrypt's own limit */
	DES_HASH_BYTES = 13,
};

/* The methods whose hash has a fixed length behind its last dollar sign (crypt(5)). */
static const struct method {
	const char *prefix;
	size_t tail_bytes;
} methods[] = {
	{"$y$", 43},
	{"$gy$", 43},
	{"$7$", 43},
	{"$2a$", 53},
	{"$2b$", 53},
	{"$2x$", 53},
	{"$2y$", 53},
	{"$6$", 86},
	{"$5$", 43},
	{"$1$", 22},
};

/* False if crypt(3) says that it cannot hash like this. Without crypt_checksalt the table above has to do. */
static bool is_known_setting(const char *hash)
{
#if defined(CRYPT_CHECKSALT_AVAILABLE) && CRYPT_CHECKSALT_AVAILABLE
	int verdict = crypt_checksalt(hash);

	return verdict != CRYPT_SALT_INVALID && verdict != CRYPT_SALT_METHOD_DISABLED;
#else
	return hash[0] != '*';
#endif
}

enum crypt_fault crypt_hash_check(const char *hash)
{
	const char *tail = strrchr(hash, '$');

	if (strncmp(hash, "$apr1$", 6) == 0)
		return CRYPT_APR1;
	if (!is_known_setting(hash))
		return CRYPT_UNKNOWN;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strncmp(hash, methods[i].prefix, strlen(methods[i].prefix)) == 0)
			return strlen(tail + 1) == methods[i].tail_bytes ? CRYPT_FINE : CRYPT_CUT;
	}
	/* DES takes any two letters for a salt, so that most plain passwords look like a setting of it. */
	if (hash[0] != '$' && hash[0] != '_')
		return strlen(hash) == DES_HASH_BYTES ? CRYPT_FINE : CRYPT_UNKNOWN;
	return CRYPT_FINE;
}

const char *crypt_fault_sentence(enum crypt_fault fault)
{
	switch (fault) {
	case CRYPT_FINE:
		break;
	case CRYPT_UNKNOWN:
		return "what follows the colon is no hash that crypt(3) knows (htpasswd -B and mkpasswd make such)";
	case CRYPT_CUT:
		return "the hash is not whole";
	case CRYPT_APR1:
		return "crypt(3) does not know htpasswd's own $apr1$ hashes; use htpasswd -B";
	}
	return "fine";
}

/* Equal or not, in a time that depends on the lengths only. */
static bool is_equal(const char *a, const char *b)
{
	size_t len = strlen(a);
	unsigned char differs = 0;

	if (strlen(b) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		differs |= (unsigned char)((unsigned char)a[i] ^ (unsigned char)b[i]);
	return differs == 0;
}

bool crypt_hash_matches(const char *hash, struct str password)
{
	bool is_possible = password.len <= PASSWORD_MAX_BYTES && str_find(password, '\0') == password.len;
	struct crypt_data *room = mem_calloc(1, sizeof(*room)); /* 32 KiB: too much for a stack */
	char phrase[PASSWORD_MAX_BYTES + 1] = "";
	const char *made;
	bool matches;

	if (is_possible && password.len != 0)
		memcpy(phrase, password.p, password.len);
	made = crypt_r(phrase, hash, room);
	matches = made != NULL && made[0] != '*' && is_equal(made, hash);
	explicit_bzero(phrase, sizeof(phrase));
	explicit_bzero(room, sizeof(*room));
	mem_free(room);
	return matches && is_possible;
}
