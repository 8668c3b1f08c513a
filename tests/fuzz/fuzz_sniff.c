/* What begins a tunnel: any bytes, one by one. A verdict, once it is not "more", is the verdict of every longer input too; what was
 * read of a ClientHello stays the same, and the name in it is fit for a certificate or refused. */
#include "core/sniff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CUTS_MAX = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* In memory of exactly that size, so that a sanitizer sees what looks further. */
static enum sniff_verdict sniff_first(const uint8_t *bytes, size_t n, struct clienthello *ret_hello)
{
	uint8_t *copy = malloc(n + (n == 0));
	enum sniff_verdict v;

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, n);
	v = sniff(copy, n, ret_hello);
	free(copy);
	return v;
}

/* Reading the name that was read changes nothing. */
static void check_name(const struct clienthello *h)
{
	char name[SERVER_NAME_BYTES], again[SERVER_NAME_BYTES];

	if (!sniff_server_name(h, name))
		return;
	if (name[0] == '\0' || strlen(name) > 253 || !server_name_read(str_of(name), again) || strcmp(name, again) != 0)
		abort();
	for (const char *c = name; *c != '\0'; c++) {
		if ((*c < 'a' || *c > 'z') && (*c < '0' || *c > '9') && strchr("-_.", *c) == NULL)
			abort();
	}
}

/* Every byte near the front, where decisions are made; further on some. */
static size_t next_cut(size_t cut, size_t n)
{
	return cut < CUTS_MAX ? cut + 1 : cut + n / CUTS_MAX + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct clienthello whole, part;
	enum sniff_verdict verdict = sniff_first(bytes, n, &whole);

	if (verdict == SNIFF_MORE && n >= SNIFF_LINE_MAX_BYTES)
		abort();
	if (verdict == SNIFF_TLS) {
		check_name(&whole);
		(void)sniff_alpn_is_http1(whole.alpn);
	}
	for (size_t cut = 0; cut < n; cut = next_cut(cut, n)) {
		enum sniff_verdict early = sniff_first(bytes, cut, &part);

		if (early != SNIFF_MORE && early != verdict)
			abort();
		if (early == SNIFF_TLS && memcmp(&part, &whole, sizeof(part)) != 0)
			abort();
	}
	return 0;
}
