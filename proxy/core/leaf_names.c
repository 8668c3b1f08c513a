/* Which names a leaf is for: the host, or a wildcard in its place (RFC 6125 section 6.4.3), and those of the origin's own
 * certificate. Not for: how names are written into certificates (pki/leaf.h). */
#include "core/leaf_names.h"

#include "http/public_suffix.h"
#include "net/address.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_BYTES = 253 };

/* The host in the one spelling that certificates have: a name or an address. */
static bool host_read(struct str host, char to[LEAF_NAME_BYTES])
{
	char text[ADDRESS_TEXT_BYTES];
	struct address address;

	if (!address_parse(host, 0, &address))
		return server_name_read(host, to);
	snprintf(to, LEAF_NAME_BYTES, "%s", address_format_host(&address, text));
	return true;
}

/* What clients let a wildcard stand for: one whole label of letters, digits and "-". */
static bool is_plain_label(struct str label)
{
	return label.len != 0 && str_find(label, '_') == label.len && str_find(label, '*') == label.len;
}

/* Whether "*.parent" is a name that clients accept and that is ours to give: not all names below a public suffix, nor below a top
 * level that the list does not know. */
static bool is_parent(const struct ca *ca, struct str parent)
{
	char all[LEAF_NAME_BYTES];

	snprintf(all, sizeof(all), "*.%.*s", STR_ARG(parent));
	return str_find(parent, '.') < parent.len && !public_suffix_is(parent) && ca_may_sign(ca, str_of(all));
}

/* Puts "*.parent" into to, if the host has such a parent. Where not, to is untouched. */
static void host_widen(const struct ca *ca, char to[LEAF_NAME_BYTES])
{
	char host[LEAF_NAME_BYTES];
	struct address address;
	struct str label, parent;

	snprintf(host, sizeof(host), "%s", to);
	label = str_first(str_of(host), str_find(str_of(host), '.'));
	if (host[label.len] == '\0' || address_parse(str_of(host), 0, &address))
		return;
	parent = str_of(host + label.len + 1);
	if (is_plain_label(label) && is_parent(ca, parent))
		snprintf(to, LEAF_NAME_BYTES, "*.%.*s", STR_ARG(parent));
}

/* A name of somebody else's certificate: a host, or a wildcard that could be of ours. */
static bool further_read(const struct ca *ca, struct str name, char to[LEAF_NAME_BYTES])
{
	if (!str_starts(name, STR("*.")))
		return host_read(name, to) && ca_may_sign(ca, str_of(to));
	to[0] = '*';
	to[1] = '.';
	return server_name_read(str_from(name, 2), to + 2) && strlen(to) <= NAME_MAX_BYTES && is_parent(ca, str_of(to + 2));
}

static bool has_name(const struct leaf_names *names, struct str name)
{
	for (size_t i = 0; i < names->n; i++) {
		if (str_eq(names->all[i], name))
			return true;
	}
	return false;
}

/* The text that lies in the next free place becomes a name. */
static void add(struct leaf_names *names)
{
	names->all[names->n] = str_of(names->texts[names->n]);
	names->n++;
}

static void add_further(const struct ca *ca, const struct leaf_ask *ask, struct leaf_names *names)
{
	for (size_t i = 0; i < ask->more_n && names->n < LEAF_NAMES_MAX; i++) {
		char *to = names->texts[names->n];

		if (further_read(ca, str_of(ask->more[i]), to) && !has_name(names, str_of(to)))
			add(names);
	}
}

/* FNV-1a. Somebody who makes two lists of names alike in it can only mix up leaves of the one host that is in front. */
static uint64_t digest_of(const struct str *names, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j <= names[i].len; j++)
			h = (h ^ (uint8_t)names[i].p[j]) * UINT64_C(0x100000001b3);
	}
	return h;
}

bool leaf_names_choose(const struct ca *ca, const struct leaf_ask *ask, struct leaf_names *ret, char *ret_why, size_t size)
{
	ret->n = 0;
	if (!host_read(ask->host, ret->texts[0])) {
		snprintf(ret_why, size, "the host is no name that can stand in a certificate");
		return false;
	}
	if (!ca_may_sign(ca, str_of(ret->texts[0]))) {
		snprintf(ret_why, size, "the CA may sign only for %s", ca_constraints(ca));
		return false;
	}
	if (ask->wildcard)
		host_widen(ca, ret->texts[0]);
	add(ret);
	add_further(ca, ask, ret);
	if (ret->n == 1)
		snprintf(ret->key, sizeof(ret->key), "%s", ret->texts[0]);
	else
		snprintf(ret->key, sizeof(ret->key), "%s %016" PRIx64, ret->texts[0], digest_of(ret->all + 1, ret->n - 1));
	return true;
}
