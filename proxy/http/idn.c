/* Host names beyond ASCII to A-labels by libidn2 (UTS 46 and RFC 5891). Stricter than the URL standard: what IDNA 2008 disallows
 * (emoji, most symbols) is no name here, and ASCII keeps to letters, digits and hyphens (STD3). Not for: names that are ASCII
 * already; those need no mapping. */
#include "http/idn.h"

#include <idn2.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* 253 bytes of A-labels stand for at most 253 characters of 4 bytes; what is longer never becomes a name. */
enum { NAME_UTF8_BYTES = 1024 };

/* The STD3 rules, on the result: letters, digits, hyphens, dots. A mapping may yield other ASCII ("%" or "/" of another width), and an
 * A-label shows it as it is. The library's own flag for these rules leaves such characters out instead of refusing the name. */
static bool is_plain(const char *name)
{
	const char *c = name;

	while ((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-' || *c == '.')
		c++;
	return *c == '\0' && c > name;
}

/* The capital sharp s (U+1E9E): "ss" to Unicode 15.0 and before, a letter of its own since 15.1; so it names two hosts. */
static bool is_in_doubt(const char *name)
{
	return strstr(name, "\341\272\236") != NULL;
}

struct str idn_to_ascii(struct arena *a, struct str host)
{
	const int flags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;
	struct str ascii = STR_NONE;
	char text[NAME_UTF8_BYTES + 1];
	uint8_t *name = NULL;

	if (host.len == 0 || host.len > NAME_UTF8_BYTES || memchr(host.p, '\0', host.len))
		return STR_NONE;
	memcpy(text, host.p, host.len);
	text[host.len] = '\0';
	if (is_in_doubt(text) || idn2_lookup_u8((const uint8_t *)text, &name, flags) != IDN2_OK)
		return STR_NONE;
	if (is_plain((const char *)name))
		ascii = arena_str(a, str_of((const char *)name));
	idn2_free(name);
	return ascii;
}
