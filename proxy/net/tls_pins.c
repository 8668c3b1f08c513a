/* Pins: digests of which one must be in an origin's chain (RFC 7469 section 2.4 for their form and 2.6 for the comparison). */
#include "base/mem.h"
#include "net/tls_checks.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

enum { BASE64_CHARS = 44 /* of 32 bytes */ };

struct pin {
	bool is_certificate; /* of the whole certificate, not of its key */
	unsigned char digest[DIGEST_BYTES];
};

struct tls_pins {
	bool only_warns;
	size_t n;
	uint64_t id;
	struct pin items[];
};

/* Strict: exactly 44 characters, the one spelling of 32 bytes. */
static bool parse_base64(struct str text, unsigned char to[DIGEST_BYTES])
{
	unsigned char bytes[36], again[BASE64_CHARS + 1];

	if (text.len != BASE64_CHARS || text.p[BASE64_CHARS - 1] != '=')
		return false;
	if (EVP_DecodeBlock(bytes, (const unsigned char *)text.p, BASE64_CHARS) != DIGEST_BYTES + 1)
		return false;
	EVP_EncodeBlock(again, bytes, DIGEST_BYTES);
	if (memcmp(again, text.p, BASE64_CHARS) != 0)
		return false;
	memcpy(to, bytes, DIGEST_BYTES);
	return true;
}

/* 32 bytes, "ab12…" or "AB:12:…". */
static bool parse_hex(struct str text, unsigned char to[DIGEST_BYTES])
{
	const size_t step = text.len == (3 * DIGEST_BYTES) - 1 ? 3 : 2;

	if (step == 2 && text.len != 2 * DIGEST_BYTES)
		return false;
	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		const char *p = text.p + (i * step);
		const int high = str_hex_digit(p[0]), low = str_hex_digit(p[1]);

		if (high < 0 || low < 0 || (step == 3 && i + 1 < DIGEST_BYTES && p[2] != ':'))
			return false;
		to[i] = (unsigned char)(high * 16 + low);
	}
	return true;
}

static bool parse_pin(struct str item, struct pin *ret)
{
	const struct str key = STR("sha256/"), certificate = STR("cert-sha256/");

	ret->is_certificate = str_starts(item, certificate);
	if (ret->is_certificate)
		return parse_hex(str_from(item, certificate.len), ret->digest);
	if (!str_starts(item, key))
		return false;
	item = str_from(item, key.len);
	if (item.len == BASE64_CHARS + 1 && item.p[0] == '/')
		item = str_from(item, 1); /* the length tells curl's second slash from one that belongs to the digest */
	return parse_base64(item, ret->digest);
}

struct tls_pins *tls_pins_new(const char *const *items, size_t n, bool only_warns, char *ret_why, size_t size)
{
	struct tls_pins *p;
	char text[64];

	if (n == 0) {
		snprintf(ret_why, size, "no pin is given");
		return NULL;
	}
	p = mem_calloc(1, sizeof(*p) + (n * sizeof(p->items[0])));
	p->only_warns = only_warns;
	for (; p->n < n; p->n++) {
		if (parse_pin(str_of(items[p->n]), &p->items[p->n]))
			continue;
		str_escape(str_of(items[p->n]), text, sizeof(text));
		snprintf(ret_why, size,
			"\"%s\" is no pin: neither sha256/ and 44 characters of base64, nor cert-sha256/ and 64 of hex", text);
		mem_free(p);
		return NULL;
	}
	p->id = tls_content_id(p->items, n * sizeof(p->items[0])) ^ (only_warns ? 1 : 0);
	return p;
}

void tls_pins_free(struct tls_pins *p)
{
	mem_free(p);
}

bool tls_pins_only_warn(const struct tls_pins *p)
{
	return p->only_warns;
}

uint64_t tls_pins_id(const struct tls_pins *p)
{
	return p->id;
}

bool tls_pins_has(const struct tls_pins *p, const X509 *certificate)
{
	unsigned char key[DIGEST_BYTES], whole[DIGEST_BYTES];

	if (!tls_spki_sha256(certificate, key) || !tls_certificate_sha256(certificate, whole))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		if (memcmp(p->items[i].digest, p->items[i].is_certificate ? whole : key, DIGEST_BYTES) == 0)
			return true;
	}
	return false;
}

bool tls_pins_match(const struct tls_pins *p, const STACK_OF(X509) * chain)
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		if (tls_pins_has(p, sk_X509_value(chain, i)))
			return true;
	}
	return false;
}
