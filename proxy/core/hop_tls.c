/* See hop_tls.h. */
#include "core/hop_tls.h"

static const char *keep(struct arena *a, const char *text)
{
	return arena_str(a, str_of(text)).p;
}

const struct tls_leg *hop_tls_leg(struct arena *a, const struct tls_facts *f)
{
	struct tls_leg *leg = arena_zalloc(a, sizeof(*leg));

	if (leg == NULL)
		return NULL;
	leg->version = keep(a, f->version);
	leg->cipher = keep(a, f->cipher);
	leg->alpn = keep(a, f->alpn);
	leg->server_name = keep(a, f->server_name);
	leg->is_resumed = f->is_resumed;
	if (leg->version == NULL || leg->cipher == NULL || leg->alpn == NULL || leg->server_name == NULL)
		return NULL;
	return leg;
}

const struct peer_identity *hop_tls_identity(struct arena *a, const struct tls_peer *p, struct authority place)
{
	struct peer_identity *i = p == NULL ? NULL : arena_zalloc(a, sizeof(*i));

	if (i == NULL)
		return NULL;
	i->host = arena_str(a, place.host);
	i->port = place.port;
	i->subject = keep(a, p->subject);
	i->issuer = keep(a, p->issuer);
	i->chain = keep(a, p->chain);
	i->certificate_sha256 = keep(a, p->certificate_sha256);
	i->spki_sha256 = keep(a, p->spki_sha256);
	i->not_before_s = p->not_before_s;
	i->not_after_s = p->not_after_s;
	i->staple = keep(a, p->staple);
	i->pin = tls_pin_result_name(p->pin);
	i->unverified = keep(a, p->unverified);
	if (i->host.p == NULL || i->subject == NULL || i->issuer == NULL || i->chain == NULL || i->certificate_sha256 == NULL ||
		i->spki_sha256 == NULL || i->staple == NULL || i->unverified == NULL)
		return NULL;
	return i;
}
