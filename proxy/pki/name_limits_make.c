/* Putting name constraints into a certificate that is being made, and the words that they come from. */
#include "base/mem.h"
#include "pki/ca.h"
#include "pki/fault.h"
#include "pki/name_limits.h"

#include <string.h>

#include <openssl/x509v3.h>

enum { OCTETS_MAX = 32 };

static void fill_mask(unsigned char *mask, size_t n, unsigned bits)
{
	for (size_t i = 0; i < n; i++) {
		unsigned here = bits >= 8 ? 8 : bits;

		mask[i] = (unsigned char)(0xff00U >> here);
		bits -= here;
	}
}

/* "10.0.0.0/8" or an address alone as address and mask; bits beyond the prefix must be 0. The octets of both: 8 or 32; 0:
 * malformed. */
static size_t network_read(struct str text, unsigned char ret[OCTETS_MAX])
{
	size_t slash = str_find(text, '/');
	unsigned char address[16];
	size_t n = host_name_octets(str_first(text, slash), address);
	uint64_t bits = n * 8;

	if (n == 0 || (slash != text.len && !str_to_u64(str_from(text, slash + 1), n * 8, &bits)))
		return 0;
	memcpy(ret, address, n);
	fill_mask(ret + n, n, (unsigned)bits);
	for (size_t i = 0; i < n; i++) {
		if ((ret[i] & ~ret[n + i]) != 0)
			return 0;
	}
	return 2 * n;
}

bool ca_constraint_is_right(struct str item)
{
	unsigned char octets[OCTETS_MAX];

	return network_read(item, octets) != 0 || host_name_is_domain(item);
}

/* Adds one to a list, which is made if need be. False if the library fails. */
static bool limit_add(STACK_OF(GENERAL_SUBTREE) * *list, int type, const void *bytes, size_t n)
{
	GENERAL_SUBTREE *tree = GENERAL_SUBTREE_new();
	ASN1_STRING *value = ASN1_STRING_type_new(type == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);

	if (*list == NULL)
		*list = sk_GENERAL_SUBTREE_new_null();
	if (tree == NULL || value == NULL || *list == NULL || ASN1_STRING_set(value, bytes, (int)n) != 1) {
		ASN1_STRING_free(value);
		GENERAL_SUBTREE_free(tree);
		return false;
	}
	GENERAL_NAME_set0_value(tree->base, type, value);
	if (sk_GENERAL_SUBTREE_push(*list, tree) > 0)
		return true;
	GENERAL_SUBTREE_free(tree);
	return false;
}

/* Adds an item to those permitted. ret_has: set for its kind, domain or network. */
static bool permit(NAME_CONSTRAINTS *c, struct str item, bool ret_has[2], char *ret_why, size_t size)
{
	unsigned char octets[OCTETS_MAX];
	size_t n = network_read(item, octets);
	char domain[256];

	if (n == 0 && !host_name_is_domain(item)) {
		str_escape(item, domain, sizeof(domain));
		return fault(ret_why, size, "name constraint \"%s\": neither a domain nor a network", domain);
	}
	ret_has[n != 0] = true;
	if (n != 0 ? !limit_add(&c->permittedSubtrees, GEN_IPADD, octets, n)
		   : !limit_add(&c->permittedSubtrees, GEN_DNS, item.p, item.len))
		return fault_library(ret_why, size, "the name constraints cannot be made");
	return true;
}

/* The RFC limits only the kinds of names that are mentioned; so the other kind is excluded as a whole. */
static bool exclude_rest(NAME_CONSTRAINTS *c, const bool has[2])
{
	static const unsigned char zeros[OCTETS_MAX];

	if (!has[0] && !limit_add(&c->excludedSubtrees, GEN_DNS, "", 0))
		return false;
	return has[1] ||
		(limit_add(&c->excludedSubtrees, GEN_IPADD, zeros, 8) &&
			limit_add(&c->excludedSubtrees, GEN_IPADD, zeros, OCTETS_MAX));
}

static bool limits_fill(NAME_CONSTRAINTS *c, const char *const *items, size_t n, char *ret_why, size_t size)
{
	bool has[2] = {false, false};

	for (size_t i = 0; i < n; i++) {
		if (!permit(c, str_of(items[i]), has, ret_why, size))
			return false;
	}
	return exclude_rest(c, has) || fault_library(ret_why, size, "the name constraints cannot be made");
}

bool name_limits_add(X509 *certificate, const char *const *items, size_t n, char *ret_why, size_t size)
{
	NAME_CONSTRAINTS *c;
	bool ok;

	if (n == 0)
		return true;
	c = NAME_CONSTRAINTS_new();
	if (c == NULL)
		return fault_library(ret_why, size, "the name constraints cannot be made");
	ok = limits_fill(c, items, n, ret_why, size);
	if (ok && X509_add1_ext_i2d(certificate, NID_name_constraints, c, 1, X509V3_ADD_DEFAULT) != 1)
		ok = fault_library(ret_why, size, "the name constraints cannot be added");
	NAME_CONSTRAINTS_free(c);
	return ok;
}
