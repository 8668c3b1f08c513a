/* Makes the text of a JA4 fingerprint, for TLS over TCP. Not for reading the hello (clienthello.c). */
#include "net/ja4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

enum {
	EXTENSION_SERVER_NAME = 0x0000,
	EXTENSION_ALPN = 0x0010,
	PART_BYTES = 12, /* hex digits of a digest that are kept */
	COUNT_MAX = 99
};

bool ja4_is_grease(uint16_t value)
{
	return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

static int compare_u16(const void *x, const void *y)
{
	const uint16_t a = *(const uint16_t *)x, b = *(const uint16_t *)y;

	return (a > b) - (a < b);
}

static const char *version_text(uint16_t version)
{
	switch (version) {
	case 0x0304:
		return "13";
	case 0x0303:
		return "12";
	case 0x0302:
		return "11";
	case 0x0301:
		return "10";
	case 0x0300:
		return "s3";
	default:
		return "00";
	}
}

static bool is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The first and the last character of the first protocol; of its bytes in hex if one of them is no letter or digit. */
static void alpn_text(struct str alpn, char to[3])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char first, last;

	memcpy(to, "00", 3);
	if (alpn.len == 0)
		return;
	first = (unsigned char)alpn.p[0];
	last = (unsigned char)alpn.p[alpn.len - 1];
	if (is_alnum(first) && is_alnum(last)) {
		to[0] = (char)first;
		to[1] = (char)last;
	} else {
		to[0] = hex[first >> 4];
		to[1] = hex[last & 15];
	}
}

/* Feeds values as "002f,0035"; values for which skip says so are passed over. Returns how many were fed. */
static size_t feed(EVP_MD_CTX *digest, const uint16_t *values, size_t n, bool (*skip)(uint16_t value))
{
	size_t fed = 0;

	for (size_t i = 0; i < n; i++) {
		char text[8];

		if (skip != NULL && skip(values[i]))
			continue;
		snprintf(text, sizeof(text), "%s%04x", fed != 0 ? "," : "", values[i]);
		EVP_DigestUpdate(digest, text, strlen(text));
		fed++;
	}
	return fed;
}

/* The first digits of the digest, or of zeros if nothing was fed. */
static void digest_text(EVP_MD_CTX *digest, size_t fed, char to[PART_BYTES + 1])
{
	unsigned char bytes[EVP_MAX_MD_SIZE] = {0};
	unsigned n = 0;

	EVP_DigestFinal_ex(digest, bytes, &n);
	if (fed == 0)
		memset(bytes, 0, sizeof(bytes));
	for (size_t i = 0; i < PART_BYTES / 2; i++)
		snprintf(to + 2 * i, 3, "%02x", bytes[i]);
}

/* Server name and protocols differ from one origin to the next, so they count in the first part only. */
static bool is_told_elsewhere(uint16_t extension)
{
	return extension == EXTENSION_SERVER_NAME || extension == EXTENSION_ALPN;
}

/* The digests of the ciphers, and of the extensions with the signature algorithms. */
static bool make_parts(const struct ja4_input *in, char ciphers[PART_BYTES + 1], char extensions[PART_BYTES + 1])
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool is_good = digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1;

	if (is_good) {
		digest_text(digest, feed(digest, in->ciphers, in->ciphers_n, NULL), ciphers);
		is_good = EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1;
	}
	if (is_good) {
		feed(digest, in->extensions, in->extensions_n, is_told_elsewhere);
		if (in->algorithms_n != 0)
			EVP_DigestUpdate(digest, "_", 1);
		feed(digest, in->algorithms, in->algorithms_n, NULL);
		digest_text(digest, in->extensions_n, extensions);
	}
	EVP_MD_CTX_free(digest);
	return is_good;
}

static unsigned capped(size_t n)
{
	return n < COUNT_MAX ? (unsigned)n : COUNT_MAX;
}

void ja4_format(struct ja4_input *in, char ret_ja4[JA4_BYTES])
{
	char ciphers[PART_BYTES + 1], extensions[PART_BYTES + 1], alpn[3];

	qsort(in->ciphers, in->ciphers_n, sizeof(in->ciphers[0]), compare_u16);
	qsort(in->extensions, in->extensions_n, sizeof(in->extensions[0]), compare_u16);
	ret_ja4[0] = '\0';
	alpn_text(in->alpn, alpn);
	if (make_parts(in, ciphers, extensions))
		snprintf(ret_ja4, JA4_BYTES, "t%s%c%02u%02u%s_%s_%s", version_text(in->version),
			in->has_server_name ? 'd' : 'i', capped(in->ciphers_n), capped(in->extensions_n), alpn, ciphers,
			extensions);
}
