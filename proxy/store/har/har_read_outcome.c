/* What became of a request, by the words of other programs: Chromium and Playwright name their own errors, Firefox those of
 * NSPR, many nothing at all. */
#include "store/har/har_read_part.h"
#include "store/har/har_value.h"

#include <string.h>

struct meaning {
	const char *part; /* of the name */
	enum error error; /* ERR_cancelled: the client went away */
};

/* The first that is found counts. */
static const struct meaning meanings[] = {
	{"ABORTED", ERR_cancelled},
	{"BINDING", ERR_cancelled},
	{"cancel", ERR_cancelled},
	{"NAME_NOT_RESOLVED", ERR_name_not_found},
	{"UNKNOWN_HOST", ERR_name_not_found},
	{"NAME_RESOLUTION_FAILED", ERR_resolve_failed},
	{"REFUSED", ERR_connect_refused},
	{"UNREACHABLE", ERR_connect_unreachable},
	{"INTERNET_DISCONNECTED", ERR_connect_unreachable},
	{"CONNECTION_TIMED_OUT", ERR_connect_timeout},
	{"NET_TIMEOUT", ERR_connect_timeout},
	{"TIMED_OUT", ERR_response_head_timeout},
	{"BLOCKED", ERR_blocked},
	{"ERR_CERT", ERR_tls_certificate},
	{"PINNED_KEY", ERR_pin_mismatch},
	{"SEC_ERROR", ERR_tls_certificate},
	{"SSL", ERR_tls_protocol},
	{"TOO_MANY_REDIRECTS", ERR_redirect_loop},
	{"REDIRECT_LOOP", ERR_redirect_loop},
	{"INCOMPLETE_CHUNKED", ERR_response_incomplete},
	{"CONTENT_LENGTH_MISMATCH", ERR_response_incomplete},
	{"INVALID_HTTP_RESPONSE", ERR_response_malformed},
	{"HTTP2_PROTOCOL", ERR_response_malformed},
	{"CONNECTION_CLOSED", ERR_origin_closed},
	{"CONNECTION_RESET", ERR_origin_closed},
	{"NET_RESET", ERR_origin_closed},
	{"EMPTY_RESPONSE", ERR_origin_closed},
};

static enum error meaning_of(const char *name, bool has_response)
{
	enum error own = error_of_name(name);

	if (own != ERR_count)
		return own;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strcasestr(name, meanings[i].part) != NULL)
			return meanings[i].error;
	}
	return has_response ? ERR_response_incomplete : ERR_connect_failed;
}

/* What the entry names as the reason; "" if it names none. */
static const char *named_error(const struct har_entry *e)
{
	static const char *const keys[] = {"_error", "_failureText"};
	const json_t *const places[] = {e->json, har_object(e->json, "response")};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
			const char *name = har_words(places[i], keys[k]);

			if (name[0] != '\0')
				return name;
		}
	}
	return "";
}

void har_read_outcome(struct har_entry *e)
{
	const char *name = named_error(e);
	bool has_response = e->hop.response != NULL;
	enum error error = name[0] != '\0' ? meaning_of(name, has_response) : ERR_none;

	e->flow.outcome = OUTCOME_DELIVERED;
	/* Without a word on why: whoever asked did not wait for it. */
	if (error == ERR_cancelled || (error == ERR_none && !has_response))
		e->flow.outcome = OUTCOME_CANCELLED;
	else if (error != ERR_none)
		e->flow.outcome = OUTCOME_FAILED;
	if (error == ERR_none)
		return;
	e->hop.error = error;
	e->hop.detail = name;
	e->flow.error = error;
	e->flow.detail = name;
}
