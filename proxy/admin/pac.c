/* See pac.h. PAC files are read by browsers, and systems, of all ages: no newer JavaScript than ECMAScript 3 in here. */
#include "admin/pac.h"

void pac_write(struct text *t, const struct address *proxy)
{
	char address[ADDRESS_TEXT_BYTES];

	text_printf(t,
		"function FindProxyForURL(url, host) {\n"
		"  if (!/^(https?|wss?):/i.test(url)) return \"DIRECT\";\n"
		"  if (isPlainHostName(host) || /(^|\\.)localhost\\.?$/i.test(host)) return \"DIRECT\";\n"
		"  if (/^127\\.\\d+\\.\\d+\\.\\d+$/.test(host) || /^\\[?::1\\]?$/.test(host)) return \"DIRECT\";\n"
		"  return \"PROXY %s; DIRECT\";\n"
		"}\n",
		address_format(proxy, address));
}
