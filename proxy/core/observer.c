/* The names of what observers see. */
#include "core/observer.h"

const char *outcome_name(enum outcome o)
{
	static const char *const names[] = {
		[OUTCOME_PENDING] = "pending",
		[OUTCOME_DELIVERED] = "delivered",
		[OUTCOME_FAILED] = "failed",
		[OUTCOME_CANCELLED] = "cancelled",
	};
	return names[o];
}

const char *hop_reason_name(enum hop_reason r)
{
	static const char *const names[] = {
		[HOP_FIRST] = "first",
		[HOP_REDIRECT] = "redirect",
		[HOP_RETRY] = "retry",
		[HOP_AUTH] = "auth",
	};
	return names[r];
}

const char *tunnel_handling_name(enum tunnel_handling h)
{
	static const char *const names[] = {
		[TUNNEL_RELAYED] = "relayed",
		[TUNNEL_PASSED] = "passed",
		[TUNNEL_TLS] = "opened",
		[TUNNEL_HTTP] = "opened (clear)",
	};
	return names[h];
}
