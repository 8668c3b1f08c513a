/* Public suffixes, by libpsl. Not for: whether a name covers another (cookie.h). */
#include "http/public_suffix.h"

#include <libpsl.h>
#include <string.h>

enum { HOST_BYTES = 253 };

/* The one mutable global of this layer: some hundred KiB that all workers read, loaded before they run. NULL: the built-in
 * list. */
static psl_ctx_t *list;

void public_suffix_init(void)
{
	public_suffix_fini();
	list = psl_latest(NULL);
}

void public_suffix_fini(void)
{
	psl_free(list);
	list = NULL;
}

bool public_suffix_is(struct str host)
{
	char text[HOST_BYTES + 1];

	/* What is no name gets no cookies of its neighbours. */
	if (host.len == 0 || host.len > HOST_BYTES)
		return true;
	memcpy(text, host.p, host.len);
	text[host.len] = '\0';
	/* A library built without a list says yes to all: cookies stay with their host then. */
	return psl_is_public_suffix(list ? list : psl_builtin(), text) != 0;
}
