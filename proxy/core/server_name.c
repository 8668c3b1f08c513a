/* Reads names of hosts for certificates, as strictly as targets are read. Not for: addresses, or names beyond ASCII. */
#include "core/server_name.h"

#include "http/authority.h"

bool server_name_read(struct str text, char ret[SERVER_NAME_BYTES])
{
	struct authority_parts parts;

	/* "host:443" and "[::1]" are authorities, but no names. */
	if (str_find(text, ':') < text.len || authority_split(text, &parts) != AUTHORITY_OK || parts.kind != HOST_NAME)
		return false;
	for (size_t i = 0; i < parts.host.len; i++) {
		char c = parts.host.p[i];

		ret[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
	}
	ret[parts.host.len] = '\0';
	return true;
}
