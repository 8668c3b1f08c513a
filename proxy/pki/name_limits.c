/* Reading name constraints and deciding by them. The matching is our own, because the library's wants a finished
 * certificate. */
#include "pki/name_limits.h"

#include "base/mem.h"
#include "pki/fault.h"

#include <arpa/inet.h>
#include <string.h>

#include <openssl/x509v3.h>

struct name_limit {
	char *domain;             /* its own; NULL of a network */
	size_t octets_n;          /* of a network: 4 or 16 */
	unsigned char octets[32]; /* the address, then the mask */
};

static void list_fini(struct limit_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		mem_free(list->v[i].domain);
	mem_free(list->v);
}

void name_limits_fini(struct name_limits *l)
{
	list_fini(&l->permitted);
	list_fini(&l->excluded);
}

/* A network is 8 or 32 octets. */
static bool network_take(const ASN1_OCTET_STRING *value, struct name_limit *ret)
{
	int n = ASN1_STRING_length(value);

	if (n != 8 && n != 32)
		return false;
	memcpy(ret->octets, ASN1_STRING_get0_data(value), (size_t)n);
	ret->octets_n = (size_t)n / 2;
	return true;
}

static bool domain_take(const ASN1_IA5STRING *value, struct name_limit *ret)
{
	const char *p = (const char *)ASN1_STRING_get0_data(value);
	size_t n = (size_t)ASN1_STRING_length(value);

	if (n != 0 && memchr(p, '\0', n) != NULL)
		return false; /* other programs would see another domain than we do */
	ret->domain = mem_strndup(n != 0 ? p : "", n);
	return true;
}

/* The RFC has no use for them. */
static bool has_distances(const GENERAL_SUBTREE *tree)
{
	return tree->maximum != NULL || (tree->minimum != NULL && ASN1_INTEGER_get(tree->minimum) != 0);
}

static bool list_read(const STACK_OF(GENERAL_SUBTREE) * trees, struct name_limits *limits, struct limit_list *ret)
{
	int n = trees != NULL ? sk_GENERAL_SUBTREE_num(trees) : 0;

	ret->v = mem_calloc((size_t)n, sizeof(*ret->v));
	for (int i = 0; i < n; i++) {
		const GENERAL_SUBTREE *tree = sk_GENERAL_SUBTREE_value(trees, i);
		int type = tree->base->type;

		if (has_distances(tree))
			return false;
		limits->has_domains = limits->has_domains || type == GEN_DNS;
		limits->limits_subjects = limits->limits_subjects || type == GEN_DIRNAME;
		if (type != GEN_DNS && type != GEN_IPADD)
			continue; /* a leaf holds no names of other kinds */
		if (type == GEN_DNS ? !domain_take(tree->base->d.dNSName, &ret->v[ret->n])
				    : !network_take(tree->base->d.iPAddress, &ret->v[ret->n]))
			return false;
		ret->n++;
	}
	return true;
}

bool name_limits_read(const X509 *certificate, struct name_limits *ret, char *ret_why, size_t size)
{
	struct name_limits limits = {.has_domains = false};
	int found = -1;
	NAME_CONSTRAINTS *c = X509_get_ext_d2i(certificate, NID_name_constraints, &found, NULL);
	bool ok = c != NULL || found == -1; /* -1: there are none */

	if (c != NULL)
		ok = list_read(c->permittedSubtrees, &limits, &limits.permitted) &&
			list_read(c->excludedSubtrees, &limits, &limits.excluded);
	NAME_CONSTRAINTS_free(c);
	if (!ok) {
		name_limits_fini(&limits);
		return fault(ret_why, size, "the name constraints of the certificate cannot be understood");
	}
	*ret = limits;
	return true;
}

/* True if the name is the domain or lies below it. A leading dot stands for what is below only; an empty domain for all. */
static bool is_within(struct str name, struct str domain)
{
	if (domain.len == 0)
		return true;
	if (!str_iends(name, domain))
		return false;
	return name.len == domain.len ? true : domain.p[0] == '.' || name.p[name.len - domain.len - 1] == '.';
}

/* True if the domain is one of those that a wildcard stands for: "a.example.com" of "*.example.com". */
static bool is_sibling(struct str wildcard, struct str domain)
{
	size_t label = str_find(domain, '.');

	return label != 0 && label != domain.len && str_ieq(str_from(domain, label), str_from(wildcard, 1));
}

static bool is_in_network(const struct host_name *name, const struct name_limit *limit)
{
	const unsigned char *mask = limit->octets + limit->octets_n;

	if (name->octets_n != limit->octets_n)
		return false;
	for (size_t i = 0; i < name->octets_n; i++) {
		if (((name->octets[i] ^ limit->octets[i]) & mask[i]) != 0)
			return false;
	}
	return true;
}

static bool is_permitted(const struct limit_list *permitted, const struct host_name *name)
{
	for (size_t i = 0; i < permitted->n; i++) {
		const struct name_limit *limit = &permitted->v[i];

		if (limit->octets_n != 0 ? is_in_network(name, limit)
					 : name->octets_n == 0 && is_within(name->text, str_of(limit->domain)))
			return true;
	}
	return permitted->n == 0;
}

/* A wildcard is excluded with any of those that it stands for. */
static bool is_excluded(const struct limit_list *excluded, const struct host_name *name)
{
	for (size_t i = 0; i < excluded->n; i++) {
		const struct name_limit *limit = &excluded->v[i];

		if (limit->octets_n != 0 && is_in_network(name, limit))
			return true;
		if (limit->octets_n == 0 && name->octets_n == 0 &&
			(is_within(name->text, str_of(limit->domain)) ||
				(name->is_wildcard && is_sibling(name->text, str_of(limit->domain)))))
			return true;
	}
	return false;
}

bool name_limits_allow(const struct name_limits *l, const struct host_name *name)
{
	return is_permitted(&l->permitted, name) && !is_excluded(&l->excluded, name);
}

/* The length of a mask's prefix in bits; -1 if it is none. */
static int prefix_bits(const unsigned char *mask, size_t n)
{
	int bits = 0;
	size_t total = n * 8;

	while ((size_t)bits < total && (mask[bits / 8] & (0x80U >> (bits % 8))) != 0)
		bits++;
	for (size_t i = (size_t)bits; i < total; i++) {
		if ((mask[i / 8] & (0x80U >> (i % 8))) != 0)
			return -1;
	}
	return bits;
}

static bool network_print(const struct name_limit *limit, BIO *to)
{
	const unsigned char *mask = limit->octets + limit->octets_n;
	int family = limit->octets_n == 4 ? AF_INET : AF_INET6, bits = prefix_bits(mask, limit->octets_n);
	char address[INET6_ADDRSTRLEN], shown_mask[INET6_ADDRSTRLEN];

	if (inet_ntop(family, limit->octets, address, sizeof(address)) == NULL ||
		inet_ntop(family, mask, shown_mask, sizeof(shown_mask)) == NULL)
		return false;
	if (bits < 0)
		return BIO_printf(to, "%s/%s", address, shown_mask) > 0;
	return BIO_printf(to, "%s/%d", address, bits) > 0;
}

/* True if it covers all names of its kind. */
static bool is_whole_kind(const struct name_limit *limit)
{
	return limit->octets_n != 0 ? prefix_bits(limit->octets + limit->octets_n, limit->octets_n) == 0
				    : limit->domain[0] == '\0';
}

static bool limit_print(const struct name_limit *limit, const char *before, BIO *to)
{
	char domain[256];

	if (BIO_printf(to, "%s%s", BIO_pending(to) > 0 ? ", " : "", before) < 0)
		return false;
	if (limit->octets_n != 0)
		return network_print(limit, to);
	str_escape(str_of(limit->domain), domain, sizeof(domain));
	return BIO_printf(to, "%s", domain) >= 0;
}

bool name_limits_print(const struct name_limits *l, BIO *to)
{
	for (size_t i = 0; i < l->permitted.n; i++) {
		if (!limit_print(&l->permitted.v[i], "", to))
			return false;
	}
	for (size_t i = 0; i < l->excluded.n; i++) {
		if (!is_whole_kind(&l->excluded.v[i]) && !limit_print(&l->excluded.v[i], "not ", to))
			return false;
	}
	return true;
}
