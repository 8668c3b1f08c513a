/* ClientHellos: any bytes, whole and cut. A verdict, once it is not "more", is the verdict of every longer input too, and what
 * was read stays the same. */
#include "net/clienthello.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CUTS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* The output holds what it promises. */
static void check_output(const struct clienthello *h)
{
	if (memchr(h->server_name, '\0', sizeof(h->server_name)) == NULL || memchr(h->alpn, '\0', sizeof(h->alpn)) == NULL)
		abort();
	if (strlen(h->ja4) != 36 || h->ja4[0] != 't')
		abort();
	for (const char *c = h->server_name; *c != '\0'; c++) {
		if (*c < 0x21 || *c > 0x7e)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct clienthello whole, part;
	enum hello_verdict verdict = clienthello_parse(bytes, n, &whole);
	size_t step = n / CUTS_MAX + 1;

	if (verdict == HELLO_DONE)
		check_output(&whole);
	for (size_t cut = 0; cut < n; cut += step) {
		enum hello_verdict early = clienthello_parse(bytes, cut, &part);

		if (early != HELLO_MORE && early != verdict)
			abort();
		if (early == HELLO_DONE && memcmp(&part, &whole, sizeof(part)) != 0)
			abort();
	}
	return 0;
}
