/* Certificates and keys of a CA: any bytes. The input is both texts, the key behind the first NUL, if there is one. What is
 * read describes itself and decides about names; what is refused says why in one line. */
#include "pki/ca.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* One line, and nothing in it that a terminal would take for more than text. */
static void require_line(const char *line)
{
	for (; *line != '\0'; line++) {
		if ((unsigned char)*line < 0x20 || (unsigned char)*line > 0x7e)
			abort();
	}
}

static void look(const struct ca *ca)
{
	size_t n = ca_chain_count(ca);

	require_line(ca_subject(ca));
	require_line(ca_constraints(ca));
	if (ca_der(ca).len == 0 || ca_pem(ca).len == 0 || ca_spki_sha256(ca).len != 32 ||
		strlen(ca_fingerprint(ca)) != CA_FINGERPRINT_BYTES - 1)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (ca_chain_der(ca, i).len == 0)
			abort();
	}
	(void)ca_may_sign(ca, STR("a.example.com"));
	(void)ca_may_sign(ca, STR("*.example.com"));
	(void)ca_may_sign(ca, STR("10.1.2.3"));
	(void)ca_may_sign(ca, STR("fd00::1"));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct str all = {(const char *)bytes, size}, cert = str_first(all, str_find(all, '\0')), key = cert;
	char why[256] = "";
	struct ca *ca;

	if (cert.len < all.len)
		key = str_from(all, cert.len + 1);
	ca = ca_read(cert, key, why, sizeof(why));
	if (ca != NULL)
		look(ca);
	else if (why[0] == '\0')
		abort();
	else
		require_line(why);
	ca_unref(ca);
	return 0;
}
