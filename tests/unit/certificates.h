/* Certificates for tests, made on the spot. */
#ifndef VIADUCT_TESTS_CERTIFICATES_H
#define VIADUCT_TESTS_CERTIFICATES_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* A certificate and its key. */
struct identity {
	X509 *certificate;
	EVP_PKEY *key;
};

struct identity_spec {
	const char *name;
	const char *alt_names; /* "DNS:a.test,IP:127.0.0.1"; NULL: none */
	const char *purpose;   /* extended key usage; NULL: any */
	long from_s, to_s;     /* validity, from now; both 0: a day */
	bool is_ca;
	int rsa_bits;             /* 0: P-256 */
	const char *constraints;  /* basic constraints; NULL: by is_ca */
	const char *key_usage;    /* NULL: none stated */
	const char *name_limits;  /* name constraints; NULL: none */
	const char *tls_features; /* RFC 7633: "status_request"; NULL: none */
	bool is_sha1;             /* signed with it */
};

static inline void identity_extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX v3;
	X509_EXTENSION *extension;

	if (value == NULL)
		return;
	X509V3_set_ctx(&v3, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &v3, nid, value);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

/* Issued by issuer; NULL: by itself. */
static inline struct identity identity_new(const struct identity_spec *spec, const struct identity *issuer)
{
	struct identity id = {X509_new(), spec->rsa_bits != 0 ? EVP_RSA_gen((unsigned)spec->rsa_bits) : EVP_EC_gen("P-256")};
	X509_NAME *name = X509_get_subject_name(id.certificate);
	static long serial;

	X509_set_version(id.certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(id.certificate), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(id.certificate), spec->from_s == 0 && spec->to_s == 0 ? -3600 : spec->from_s);
	X509_gmtime_adj(X509_getm_notAfter(id.certificate), spec->from_s == 0 && spec->to_s == 0 ? 86400 : spec->to_s);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)spec->name, -1, -1, 0);
	X509_set_issuer_name(id.certificate, issuer != NULL ? X509_get_subject_name(issuer->certificate) : name);
	X509_set_pubkey(id.certificate, id.key);
	if (spec->constraints != NULL)
		identity_extend(id.certificate, id.certificate, NID_basic_constraints, spec->constraints);
	else
		identity_extend(id.certificate, id.certificate, NID_basic_constraints,
			spec->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	identity_extend(id.certificate, id.certificate, NID_subject_alt_name, spec->alt_names);
	identity_extend(id.certificate, id.certificate, NID_ext_key_usage, spec->purpose);
	identity_extend(id.certificate, id.certificate, NID_key_usage, spec->key_usage);
	identity_extend(id.certificate, id.certificate, NID_name_constraints, spec->name_limits);
	identity_extend(id.certificate, id.certificate, NID_tlsfeature, spec->tls_features);
	X509_sign(id.certificate, issuer != NULL ? issuer->key : id.key, spec->is_sha1 ? EVP_sha1() : EVP_sha256());
	return id;
}

static inline void identity_free(struct identity *id)
{
	X509_free(id->certificate);
	EVP_PKEY_free(id->key);
}

/* Made once: keys cost time. */
struct certificates {
	struct identity ca, other_ca, good, expired, future, self_signed, untrusted, client_only, weak, common_name;
	char ca_file[64];
};

/* One of each kind, and a file with the CA. */
static inline bool certificates_init(struct certificates *c)
{
	FILE *file;
	int fd;

	c->ca = identity_new(&(struct identity_spec){.name = "test CA", .is_ca = true}, NULL);
	c->other_ca = identity_new(&(struct identity_spec){.name = "other CA", .is_ca = true}, NULL);
	c->good = identity_new(&(struct identity_spec){.name = "x",
				       .alt_names = "DNS:a.test,DNS:*.b.test,IP:127.0.0.1,IP:::1",
				       .purpose = "serverAuth"},
		&c->ca);
	c->expired =
		identity_new(&(struct identity_spec){.name = "old", .alt_names = "DNS:a.test", .from_s = -9000, .to_s = -60},
			&c->ca);
	c->future =
		identity_new(&(struct identity_spec){.name = "new", .alt_names = "DNS:a.test", .from_s = 3600, .to_s = 9000},
			&c->ca);
	c->self_signed = identity_new(&(struct identity_spec){.name = "self", .alt_names = "DNS:a.test"}, NULL);
	c->untrusted = identity_new(&(struct identity_spec){.name = "a\nb", .alt_names = "DNS:a.test"}, &c->other_ca);
	c->client_only =
		identity_new(&(struct identity_spec){.name = "c", .alt_names = "DNS:a.test", .purpose = "clientAuth"}, &c->ca);
	c->weak = identity_new(&(struct identity_spec){.name = "w", .alt_names = "DNS:a.test", .rsa_bits = 1024}, &c->ca);
	c->common_name = identity_new(&(struct identity_spec){.name = "a.test"}, &c->ca);
	snprintf(c->ca_file, sizeof(c->ca_file), "/tmp/test_tls.XXXXXX");
	fd = mkstemp(c->ca_file);
	file = fd >= 0 ? fdopen(fd, "w") : NULL;
	return file != NULL && PEM_write_X509(file, c->ca.certificate) == 1 && fclose(file) == 0;
}

static inline void certificates_fini(struct certificates *c)
{
	struct identity *all[] = {&c->ca, &c->other_ca, &c->good, &c->expired, &c->future, &c->self_signed, &c->untrusted,
		&c->client_only, &c->weak, &c->common_name};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		identity_free(all[i]);
	unlink(c->ca_file);
}

#endif
