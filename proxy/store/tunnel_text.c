/* Tunnels in few words. Not for all that is known of them: viaduct show. */
#include "store/tunnel_text.h"

#include "core/observer.h"

void tunnel_text(struct text *t, struct str handling, struct str why)
{
	if (why.len == 0 && str_eq(handling, str_of(tunnel_handling_name(TUNNEL_RELAYED))))
		return;
	text_visible(t, handling);
	if (why.len == 0)
		return;
	text_put(t, STR(": "));
	text_visible(t, why);
}

enum colour tunnel_text_colour(struct str handling)
{
	return str_eq(handling, str_of(tunnel_handling_name(TUNNEL_PASSED))) ? COLOUR_YELLOW : COLOUR_DIM;
}

const char *tunnel_text_cause(enum error error)
{
	switch (error) {
	case ERR_client_tls_refused:
		return "the client pins the certificate of the origin, or does not trust the CA";
	case ERR_client_tls_failed:
		return "the client has no TLS version or cipher in common with the proxy, or broke off";
	case ERR_client_tls_timeout:
		return "the client began a TLS handshake and did not go on";
	default:
		return NULL;
	}
}

bool tunnel_text_is_refusal(enum error error)
{
	return tunnel_text_cause(error) != NULL;
}

void tunnel_text_refusal(struct text *t, enum error error, struct str detail)
{
	const char *cause = tunnel_text_cause(error);

	if (!cause)
		return;
	if (detail.len > 0) {
		text_put(t, STR(" ("));
		text_legible(t, detail);
		text_byte(t, ')');
	}
	text_put(t, STR(": "));
	text_put(t, str_of(cause));
}
