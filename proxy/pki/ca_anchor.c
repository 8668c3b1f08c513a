/* The certificate at the top of what is held of a CA: clients trust by it. Not for: the CA's own (ca.c). */
#include "pki/ca_part.h"

bool ca_anchor_fill(struct ca *ca)
{
	const struct ca_certificate *last = &ca->chain[ca->chain_n - 1];

	ca->anchor_pem = ca_pem_of(ca->anchor_x509);
	ca->anchor_subject = ca_name_words(X509_get_subject_name(ca->anchor_x509));
	ca->anchor_issuer = ca_name_words(X509_get_issuer_name(ca->anchor_x509));
	if (ca->anchor_pem == NULL || ca->anchor_subject == NULL || ca->anchor_issuer == NULL ||
		!ca_fingerprint_of(ca->anchor_x509, ca->anchor_fingerprint))
		return false;
	ca->anchor = (struct ca_anchor){
		.der = {(const char *)last->der, last->n},
		.pem = str_of(ca->anchor_pem),
		.subject = ca->anchor_subject,
		.issuer = ca->anchor_issuer,
		.fingerprint = ca->anchor_fingerprint,
		.is_root = last->is_root,
		.is_own = ca->chain_n == 1,
	};
	return true;
}

const struct ca_anchor *ca_anchor(const struct ca *ca)
{
	return &ca->anchor;
}
