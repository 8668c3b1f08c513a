/* What is wrong with a chain of certificates (RFC 5280), in words that name what, whose, and since when. Not for finding
 * out. */
#include "base/utf8.h"
#include "net/tls_checks.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/objects.h>
#include <openssl/x509v3.h>

enum { ALT_NAMES_BYTES = 72, NAME_BYTES = 256 };

const char *tls_date_words(const ASN1_TIME *date, char to[DATE_WORDS_BYTES])
{
	struct tm tm;

	if (date == NULL || ASN1_TIME_to_tm(date, &tm) != 1 || strftime(to, DATE_WORDS_BYTES, "%Y-%m-%d", &tm) == 0)
		snprintf(to, DATE_WORDS_BYTES, "?");
	return to;
}

/* The names that a certificate is for: "a.test, *.b.test, 127.0.0.1"; empty: none. Ends with "..." if they do not fit. */
static void list_alt_names(const X509 *certificate, char *to, size_t size)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	const int n = names != NULL ? sk_GENERAL_NAME_num(names) : 0;
	size_t at = 0;

	to[0] = '\0';
	for (int i = 0; i < n; i++) {
		char name[NAME_BYTES];

		if (!tls_alt_name_text(sk_GENERAL_NAME_value(names, i), name, sizeof(name)))
			continue;
		if (at + strlen(name) + 7 > size) { /* two separators, the dots and the end */
			snprintf(to + at, size - at, "%s...", at != 0 ? ", " : "");
			break;
		}
		at += (size_t)snprintf(to + at, size - at, "%s%s", at != 0 ? ", " : "", name);
	}
	GENERAL_NAMES_free(names);
}

void tls_name_short(const X509_NAME *name, char *to, size_t size)
{
	const int at = X509_NAME_get_index_by_NID((X509_NAME *)(uintptr_t)name, NID_commonName, -1);
	const X509_NAME_ENTRY *entry = at >= 0 ? X509_NAME_get_entry(name, at) : NULL;
	X509_NAME *only = entry != NULL ? X509_NAME_new() : NULL;

	if (only != NULL && X509_NAME_add_entry(only, entry, -1, 0) == 1)
		tls_name_words(only, to, size);
	else
		tls_name_words(name, to, size);
	X509_NAME_free(only);
}

const char *tls_whose(const X509 *certificate, char to[WHOSE_BYTES])
{
	char names[WHOSE_BYTES - 8];

	tls_name_short(X509_get_subject_name(certificate), to, WHOSE_BYTES);
	if (to[0] == '\0') {
		list_alt_names(certificate, names, sizeof(names));
		if (names[0] != '\0')
			snprintf(to, WHOSE_BYTES, "for %s", names);
		else
			snprintf(to, WHOSE_BYTES, "without a name");
	}
	return to;
}

/* What a failure is told of. */
struct failure {
	X509_STORE_CTX *ctx;
	X509 *certificate; /* that it is about */
	int error, depth;
	char whose[2 * WHOSE_BYTES]; /* "the certificate (CN=a)", "the issuing certificate (CN=b)" */
	const char *name;            /* what the origin was asked for as */
	char *to;
	size_t size;
};

/* The certificate does not name the host. */
static void mismatch_words(const struct failure *f)
{
	char names[ALT_NAMES_BYTES];

	list_alt_names(f->certificate, names, sizeof(names));
	if (names[0] != '\0')
		snprintf(f->to, f->size, "the certificate is not for %.60s, but for %s", f->name, names);
	else
		snprintf(f->to, f->size, "%s has no subject alternative names; its common name does not count", f->whose);
}

static void key_words(const struct failure *f)
{
	const EVP_PKEY *key = X509_get0_pubkey(f->certificate);

	if (key == NULL)
		snprintf(f->to, f->size, "the key of %s cannot be read", f->whose);
	else
		snprintf(f->to, f->size, "the key of %s is too weak (%s, %d bits)", f->whose,
			OBJ_nid2sn(EVP_PKEY_get_base_id(key)), EVP_PKEY_get_bits(key));
}

static void digest_words(const struct failure *f)
{
	int digest = NID_undef;

	X509_get_signature_info(f->certificate, &digest, NULL, NULL, NULL);
	if (digest == NID_undef)
		snprintf(f->to, f->size, "the signature of %s is too weak", f->whose);
	else
		snprintf(f->to, f->size, "%s is signed with %s, which is too weak", f->whose,
			digest == NID_sha1 ? "SHA-1" : OBJ_nid2sn(digest));
}

/* Why a certificate that was sent and has the issuer's name is not taken for the issuer; X509_V_OK: there is none. */
static int judge_issuer(const struct failure *f)
{
	STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(f->ctx);
	const int n = sent != NULL ? sk_X509_num(sent) : 0;

	for (int i = 0; i < n; i++) {
		X509 *candidate = sk_X509_value(sent, i);

		if (candidate != f->certificate &&
			X509_NAME_cmp(X509_get_subject_name(candidate), X509_get_issuer_name(f->certificate)) == 0)
			return X509_check_issued(candidate, f->certificate);
	}
	return X509_V_OK;
}

/* The chain goes no further. */
static void no_issuer_words(const struct failure *f)
{
	char issuer[WHOSE_BYTES], whose[WHOSE_BYTES];
	const int verdict = judge_issuer(f);

	tls_name_short(X509_get_issuer_name(f->certificate), issuer, sizeof(issuer));
	if (verdict == X509_V_ERR_KEYUSAGE_NO_CERTSIGN)
		snprintf(f->to, f->size, "the issuing certificate (%s) may not issue certificates (key usage)", issuer);
	else if (verdict != X509_V_OK)
		snprintf(f->to, f->size, "%s was not issued by the %s that was sent: %s", f->whose, issuer,
			X509_verify_cert_error_string(verdict));
	else if (f->depth == 0)
		snprintf(f->to, f->size, "incomplete chain: the issuer (%s) is neither sent nor trusted", issuer);
	else
		snprintf(f->to, f->size, "the chain ends at %s, whose issuer (%s) is not trusted",
			tls_whose(f->certificate, whose), issuer);
}

/* A sentence of the form "WHOSE what". */
static void plain_words(const struct failure *f, const char *what)
{
	snprintf(f->to, f->size, "%s %s", f->whose, what);
}

static void expiry_words(const struct failure *f)
{
	char date[DATE_WORDS_BYTES];

	if (f->error == X509_V_ERR_CERT_HAS_EXPIRED)
		snprintf(f->to, f->size, "%s expired on %s", f->whose,
			tls_date_words(X509_get0_notAfter(f->certificate), date));
	else
		snprintf(f->to, f->size, "%s is not valid before %s", f->whose,
			tls_date_words(X509_get0_notBefore(f->certificate), date));
}

/* The failures that have something to tell beside the certificate's name; false for the others. */
static bool special_words(const struct failure *f)
{
	switch (f->error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		expiry_words(f);
		return true;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		mismatch_words(f);
		return true;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
		key_words(f);
		return true;
	case X509_V_ERR_CA_MD_TOO_WEAK:
		digest_words(f);
		return true;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		no_issuer_words(f);
		return true;
	default:
		return false;
	}
}

/* What is said behind the certificate's name; NULL: the library's own words. */
static const char *sentence_of(const struct failure *f)
{
	switch (f->error) {
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return "is self-signed";
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return "is a root that is not trusted";
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		return "has a signature that is not its issuer's";
	case X509_V_ERR_INVALID_CA:
		return (X509_get_extension_flags(f->certificate) & EXFLAG_CA) != 0 ? "may not issue certificates (key usage)"
										   : "is not that of a CA";
	case X509_V_ERR_PATH_LENGTH_EXCEEDED:
		return "allows fewer CAs below it (path length)";
	case X509_V_ERR_INVALID_PURPOSE:
		return f->depth == 0 ? "is not for servers (extended key usage)" : "may not vouch for servers (key usage)";
	case X509_V_ERR_PERMITTED_VIOLATION:
	case X509_V_ERR_EXCLUDED_VIOLATION:
		return "has names that its issuer may not vouch for (name constraints)";
	case X509_V_ERR_CERT_REJECTED:
		return "is distrusted by the system";
	default:
		return NULL;
	}
}

/* "the certificate (CN=a)", and so on up the chain. */
static void fill_whose(struct failure *f)
{
	char whose[WHOSE_BYTES];

	if (f->certificate == NULL)
		snprintf(f->whose, sizeof(f->whose), "the certificate");
	else
		snprintf(f->whose, sizeof(f->whose), "%s (%s)", f->depth == 0 ? "the certificate" : "the issuing certificate",
			tls_whose(f->certificate, whose));
}

void tls_failure_words(X509_STORE_CTX *ctx, const char *name, char *to, size_t size)
{
	struct failure f = {.ctx = ctx,
		.certificate = X509_STORE_CTX_get_current_cert(ctx),
		.error = X509_STORE_CTX_get_error(ctx),
		.depth = X509_STORE_CTX_get_error_depth(ctx),
		.name = name,
		.to = to,
		.size = size};
	const char *sentence;
	char own[96];

	fill_whose(&f);
	if (f.certificate != NULL && special_words(&f)) {
		utf8_mend_cut(to);
		return;
	}
	sentence = f.certificate != NULL ? sentence_of(&f) : NULL;
	if (sentence == NULL) {
		snprintf(own, sizeof(own), "does not verify: %s", X509_verify_cert_error_string(f.error));
		sentence = own;
	}
	plain_words(&f, sentence);
	utf8_mend_cut(to);
}
