/* Making leaf certificates (RFC 5280 sections 4.1 and 4.2, RFC 9525). A few dozen microseconds beside the signature, since this
 * runs in workers: what is the same in all leaves is kept encoded. */
#include "pki/leaf.h"

#include "base/mem.h"
#include "pki/ca_part.h"
#include "pki/extension.h"
#include "pki/fault.h"
#include "pki/leaf_key.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/x509v3.h>

enum { COMMON_NAME_BYTES_MAX = 64, SERIAL_BYTES = 16, DAY_S = 24 * 3600 };

/* One leaf in the making. */
struct making {
	const struct ca *ca;
	const struct leaf_key *key;
	struct host_name *names; /* without doubles */
	size_t names_n;
	int64_t not_before_s, not_after_s;
	X509 *certificate;
};

/* Extensions that are the same in all leaves, encoded. */
static const struct {
	int nid;
	bool is_critical;
	unsigned char n;
	unsigned char der[12];
} FIXED[] = {
	{NID_basic_constraints, true, 2, {0x30, 0x00}},                                      /* no CA */
	{NID_key_usage, true, 4, {0x03, 0x02, 0x07, 0x80}},                                  /* digitalSignature */
	{NID_ext_key_usage, false, 12, {0x30, 0x0a, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3, 1}}, /* serverAuth */
};

bool leaf_name_is_right(struct str name)
{
	struct host_name read;

	return host_name_read(name, &read);
}

static bool is_same(const struct host_name *a, const struct host_name *b)
{
	if (a->octets_n != b->octets_n)
		return false;
	return a->octets_n != 0 ? memcmp(a->octets, b->octets, a->octets_n) == 0 : str_eq(a->text, b->text);
}

static bool has_name(const struct making *m, const struct host_name *name)
{
	for (size_t i = 0; i < m->names_n; i++) {
		if (is_same(&m->names[i], name))
			return true;
	}
	return false;
}

static bool refuse_name(struct str name, const char *because, char *ret_why, size_t size)
{
	char shown[128];

	str_escape(name, shown, sizeof(shown));
	return fault(ret_why, size, "\"%s\": %s", shown, because);
}

/* Fills m->names, which has room for all. */
static bool names_read(struct making *m, const struct leaf_request *r, char *ret_why, size_t size)
{
	for (size_t i = 0; i < r->names_n; i++) {
		struct host_name name;

		if (!host_name_read(r->names[i], &name))
			return refuse_name(r->names[i], "no name or address that can stand in a certificate", ret_why, size);
		if (!ca_allows(m->ca, &name))
			return refuse_name(r->names[i], "ruled out by the name constraints of the CA", ret_why, size);
		if (!has_name(m, &name))
			m->names[m->names_n++] = name;
	}
	return true;
}

/* From a day ago, but not from before the CA, nor beyond its end. */
static bool dates_choose(struct making *m, int64_t now_s, char *ret_why, size_t size)
{
	int64_t from_s = now_s - CA_MADE_BEFORE_S, until_s = from_s + (int64_t)LEAF_DAYS * DAY_S;

	if (m->ca->not_after_s <= now_s)
		return fault(ret_why, size, "the CA has expired");
	if (from_s < m->ca->not_before_s)
		from_s = m->ca->not_before_s < now_s ? m->ca->not_before_s : now_s;
	m->not_before_s = from_s;
	m->not_after_s = until_s < m->ca->not_after_s ? until_s : m->ca->not_after_s;
	return true;
}

static bool digest_int64(EVP_MD_CTX *md, int64_t value)
{
	unsigned char bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)((uint64_t)value >> (56 - 8 * i));
	return EVP_DigestUpdate(md, bytes, sizeof(bytes)) == 1;
}

/* Each with its length before it, so that no two lists give the same bytes. */
static bool digest_names(EVP_MD_CTX *md, const struct making *m)
{
	for (size_t i = 0; i < m->names_n; i++) {
		struct str text = m->names[i].text;

		if (!digest_int64(md, (int64_t)text.len) || EVP_DigestUpdate(md, text.p, text.len) != 1)
			return false;
	}
	return true;
}

static bool serial_hash(const struct making *m, unsigned char ret[EVP_MAX_MD_SIZE])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
		EVP_DigestUpdate(md, m->ca->spki_sha256, sizeof(m->ca->spki_sha256)) == 1 &&
		EVP_DigestUpdate(md, m->key->sha256, sizeof(m->key->sha256)) == 1 && digest_int64(md, m->not_before_s) &&
		digest_int64(md, m->not_after_s) && digest_names(md, m) && EVP_DigestFinal_ex(md, ret, NULL) == 1;

	EVP_MD_CTX_free(md);
	return ok;
}

/* Of 127 bits, the highest of them set: positive, not zero, and 16 bytes (RFC 5280 section 4.1.2.2). */
static bool serial_set(const struct making *m)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	BIGNUM *n;
	bool ok;

	if (!serial_hash(m, hash))
		return false;
	hash[0] = (unsigned char)((hash[0] & 0x7f) | 0x40);
	n = BN_bin2bn(hash, SERIAL_BYTES, NULL);
	ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(m->certificate)) != NULL;
	BN_free(n);
	return ok;
}

static bool dates_set(const struct making *m)
{
	return ASN1_TIME_set(X509_getm_notBefore(m->certificate), (time_t)m->not_before_s) != NULL &&
		ASN1_TIME_set(X509_getm_notAfter(m->certificate), (time_t)m->not_after_s) != NULL;
}

/* ret_is_empty: whether the subject stays without a name. */
static bool subject_set(const struct making *m, bool *ret_is_empty)
{
	struct str name = m->names[0].text;

	*ret_is_empty = name.len > COMMON_NAME_BYTES_MAX || !ca_allows_common_name(m->ca, &m->names[0]);
	return *ret_is_empty ||
		X509_NAME_add_entry_by_NID(X509_get_subject_name(m->certificate), NID_commonName, MBSTRING_UTF8,
			(const unsigned char *)name.p, (int)name.len, -1, 0) == 1;
}

/* Straight into its place: the way round through a key object would cost more than the signature. */
static bool public_key_set(const struct making *m)
{
	unsigned char *point = OPENSSL_memdup(m->key->point, sizeof(m->key->point));

	if (point != NULL &&
		X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(m->certificate), OBJ_nid2obj(NID_X9_62_id_ecPublicKey),
			V_ASN1_OBJECT, OBJ_nid2obj(NID_X9_62_prime256v1), point, sizeof(m->key->point)) == 1)
		return true;
	OPENSSL_free(point);
	return false;
}

static bool name_push(GENERAL_NAMES *to, const struct host_name *name)
{
	bool is_address = name->octets_n != 0;
	const void *bytes = is_address ? (const void *)name->octets : name->text.p;
	size_t n = is_address ? name->octets_n : name->text.len;
	GENERAL_NAME *entry = GENERAL_NAME_new();
	ASN1_STRING *value = ASN1_STRING_type_new(is_address ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);

	if (entry == NULL || value == NULL || ASN1_STRING_set(value, bytes, (int)n) != 1) {
		ASN1_STRING_free(value);
		GENERAL_NAME_free(entry);
		return false;
	}
	GENERAL_NAME_set0_value(entry, is_address ? GEN_IPADD : GEN_DNS, value);
	if (sk_GENERAL_NAME_push(to, entry) > 0)
		return true;
	GENERAL_NAME_free(entry);
	return false;
}

static bool names_add(const struct making *m, bool is_critical)
{
	GENERAL_NAMES *list = sk_GENERAL_NAME_new_reserve(NULL, (int)m->names_n);
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < m->names_n; i++)
		ok = name_push(list, &m->names[i]);
	ok = ok && X509_add1_ext_i2d(m->certificate, NID_subject_alt_name, list, is_critical, X509V3_ADD_APPEND) == 1;
	GENERAL_NAMES_free(list);
	return ok;
}

static bool extensions_add(const struct making *m, bool has_no_subject)
{
	for (size_t i = 0; i < sizeof(FIXED) / sizeof(FIXED[0]); i++) {
		if (!extension_add_der(m->certificate, FIXED[i].nid, FIXED[i].is_critical, FIXED[i].der, FIXED[i].n))
			return false;
	}
	return extension_add_der(m->certificate, NID_subject_key_identifier, false, m->key->subject_key_id,
		       LEAF_KEY_ID_BYTES) &&
		extension_add_der(m->certificate, NID_authority_key_identifier, false, m->ca->authority_key_id,
			m->ca->authority_key_id_n) &&
		names_add(m, has_no_subject);
}

/* All but the signature. */
static bool certificate_fill(const struct making *m)
{
	bool has_no_subject = false;

	return X509_set_version(m->certificate, X509_VERSION_3) == 1 && serial_set(m) && dates_set(m) &&
		X509_set_issuer_name(m->certificate, X509_get_subject_name(m->ca->certificate)) == 1 &&
		subject_set(m, &has_no_subject) && public_key_set(m) && extensions_add(m, has_no_subject);
}

/* Where the library can, an EC signature follows from key and text alone (RFC 6979): then the same request gives the same
 * certificate to the last bit. Elsewhere two that were made in one second differ in their signatures only. */
static bool sign_the_same(EVP_PKEY_CTX *signing)
{
#ifdef OSSL_SIGNATURE_PARAM_NONCE_TYPE
	unsigned is_deterministic = 1;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_uint(OSSL_SIGNATURE_PARAM_NONCE_TYPE, &is_deterministic), OSSL_PARAM_construct_end()};
	return EVP_PKEY_CTX_set_params(signing, params) == 1;
#else
	return signing != NULL;
#endif
}

static bool certificate_sign(const struct making *m)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *signing = NULL;
	bool ok = md != NULL && EVP_DigestSignInit(md, &signing, EVP_sha256(), NULL, m->ca->key) == 1 &&
		(EVP_PKEY_is_a(m->ca->key, "EC") != 1 || sign_the_same(signing)) && X509_sign_ctx(m->certificate, md) > 0;

	EVP_MD_CTX_free(md);
	return ok;
}

/* False if the library fails. */
static bool certificate_encode(const struct making *m, struct leaf *ret)
{
	int n = i2d_X509(m->certificate, NULL);
	unsigned char *der, *p;

	if (n <= 0)
		return false;
	der = p = mem_alloc((size_t)n);
	if (i2d_X509(m->certificate, &p) != n) {
		mem_free(der);
		return false;
	}
	*ret = (struct leaf){.der = der, .n = (size_t)n, .not_after_s = m->not_after_s};
	return true;
}

/* With the names and dates known. */
static bool make(struct making *m, struct leaf *ret, char *ret_why, size_t size)
{
	bool ok;

	m->certificate = X509_new();
	ok = m->certificate != NULL && certificate_fill(m) && certificate_sign(m) && certificate_encode(m, ret);
	X509_free(m->certificate);
	return ok || fault_library(ret_why, size, "the certificate cannot be made");
}

bool leaf_make(const struct ca *ca, const struct leaf_key *k, const struct leaf_request *r, struct leaf *ret, char *ret_why,
	size_t size)
{
	struct making m = {.ca = ca, .key = k};
	bool ok;

	if (r->names_n == 0 || r->names_n > LEAF_NAMES_MAX)
		return fault(ret_why, size, "%zu names, where 1 to %d can be", r->names_n, LEAF_NAMES_MAX);
	m.names = mem_calloc(r->names_n, sizeof(*m.names));
	ok = names_read(&m, r, ret_why, size) && dates_choose(&m, r->now_s, ret_why, size) && make(&m, ret, ret_why, size);
	mem_free(m.names);
	return ok;
}
