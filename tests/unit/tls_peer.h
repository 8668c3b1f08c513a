/* The other side of TLS for tests: certificates made on the spot, and a server on a thread of its own at the end of a socket
 * pair. */
#ifndef VIADUCT_TESTS_TLS_PEER_H
#define VIADUCT_TESTS_TLS_PEER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
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
	int rsa_bits; /* 0: P-256 */
};

static inline void identity_extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX v3;
	X509_EXTENSION *extension;

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
	identity_extend(id.certificate, id.certificate, NID_basic_constraints,
		spec->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (spec->alt_names != NULL)
		identity_extend(id.certificate, id.certificate, NID_subject_alt_name, spec->alt_names);
	if (spec->purpose != NULL)
		identity_extend(id.certificate, id.certificate, NID_ext_key_usage, spec->purpose);
	X509_sign(id.certificate, issuer != NULL ? issuer->key : id.key, EVP_sha256());
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
	file = fdopen(mkstemp(c->ca_file), "w");
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

enum peer_deed {
	PEER_ECHO,      /* echoes until the client ends, then ends in order */
	PEER_END,       /* says "bye" and ends in order */
	PEER_CUT,       /* says "bye" and closes without close_notify */
	PEER_CUT_EARLY, /* closes in the middle of the handshake */
	PEER_TALK       /* sends a lot */
};

enum { PEER_TALK_BYTES = 1 << 20, PEER_ROOM = 16384 };

struct tls_peer {
	SSL_CTX *ctx;
	enum peer_deed deed;
	int fd;
	pthread_t thread;
	/* To be read after tls_peer_join. */
	bool is_shaken, is_resumed, got_close_notify;
	char server_name[256], alpn[16];
	size_t got;
};

static inline int peer_choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
	unsigned in_len, void *arg)
{
	(void)ssl;
	(void)arg;
	return SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, (const unsigned char *)"\x08http/1.1", 9, in,
		       in_len) == OPENSSL_NPN_NEGOTIATED
		? SSL_TLSEXT_ERR_OK
		: SSL_TLSEXT_ERR_NOACK;
}

static inline SSL_CTX *peer_ctx_new(const struct identity *id)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_use_certificate(ctx, id->certificate);
	SSL_CTX_use_PrivateKey(ctx, id->key);
	SSL_CTX_set_alpn_select_cb(ctx, peer_choose_alpn, NULL);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"t", 1);
	return ctx;
}

static inline void peer_echo(struct tls_peer *p, SSL *ssl)
{
	char bytes[PEER_ROOM];
	int n;

	while ((n = SSL_read(ssl, bytes, sizeof(bytes))) > 0) {
		p->got += (size_t)n;
		if (SSL_write(ssl, bytes, n) != n)
			return;
	}
	p->got_close_notify = SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN;
	SSL_shutdown(ssl);
}

static inline void peer_talk(SSL *ssl)
{
	char bytes[PEER_ROOM];

	memset(bytes, 'x', sizeof(bytes));
	for (size_t sent = 0; sent < PEER_TALK_BYTES; sent += sizeof(bytes)) {
		if (SSL_write(ssl, bytes, sizeof(bytes)) <= 0)
			return;
	}
	SSL_shutdown(ssl);
}

static inline void peer_serve(struct tls_peer *p, SSL *ssl)
{
	const unsigned char *alpn = NULL;
	unsigned alpn_len = 0;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	p->is_shaken = true;
	p->is_resumed = SSL_session_reused(ssl) == 1;
	snprintf(p->server_name, sizeof(p->server_name), "%s", name != NULL ? name : "");
	SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
	snprintf(p->alpn, sizeof(p->alpn), "%.*s", (int)alpn_len, alpn != NULL ? (const char *)alpn : "");
	if (p->deed == PEER_ECHO)
		peer_echo(p, ssl);
	else if (p->deed == PEER_TALK)
		peer_talk(ssl);
	else
		SSL_write(ssl, "bye", 3);
	if (p->deed == PEER_END)
		SSL_shutdown(ssl);
}

static inline void *peer_run(void *arg)
{
	struct tls_peer *p = arg;
	SSL *ssl = SSL_new(p->ctx);
	char byte;

	SSL_set_fd(ssl, p->fd);
	if (p->deed == PEER_CUT_EARLY) {
		if (recv(p->fd, &byte, 1, MSG_PEEK) < 0)
			perror("recv");
		shutdown(p->fd, SHUT_WR);
	} else if (SSL_accept(ssl) == 1) {
		peer_serve(p, ssl);
	}
	SSL_free(ssl);
	shutdown(p->fd, SHUT_WR);
	while (read(p->fd, &byte, 1) > 0)
		;
	close(p->fd);
	return NULL;
}

/* Starts a server; returns the client's end of the pair, non-blocking. */
static inline int tls_peer_start(struct tls_peer *p, SSL_CTX *ctx, enum peer_deed deed)
{
	int fds[2];

	*p = (struct tls_peer){.ctx = ctx, .deed = deed};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return -1;
	p->fd = fds[1];
	if (pthread_create(&p->thread, NULL, peer_run, p) != 0)
		return -1;
	return fds[0];
}

static inline void tls_peer_join(struct tls_peer *p)
{
	pthread_join(p->thread, NULL);
}

#endif
