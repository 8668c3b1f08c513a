/* Whether a request that changes something was meant: a browser sends its cookies along with what any page makes it send. Pure. */
#ifndef VIADUCT_ADMIN_CHANGE_CHECK_H
#define VIADUCT_ADMIN_CHANGE_CHECK_H

#include "http/message.h"

enum change_verdict {
	CHANGE_MEANT,
	CHANGE_NO_TOKEN,
	CHANGE_FOREIGN,   /* Origin (RFC 6454) or Sec-Fetch-Site name another page */
	CHANGE_BY_COOKIE, /* the cookie is right, but it alone proves nothing: Viaduct-Request: 1 has to be beside it */
};

/* After host_check. */
enum change_verdict change_check(const char *token, const struct fields *f);

#endif
