/* What the client is told of the chain, and what the record is told of the wire: see forward.h and forward_status.h. */
#include "core/forward.h"
#include "core/forward_status.h"

struct str forward_sf_string(struct arena *a, struct str text)
{
	char *to = arena_alloc(a, 2 * text.len + 1);
	size_t used = 0;

	if (to == NULL)
		return STR_NONE;
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.p[i] >= 0xc0)
			to[used++] = '?'; /* the first byte of a character that such a string cannot hold */
		if (text.p[i] < ' ' || text.p[i] > '~')
			continue;
		if (text.p[i] == '"' || text.p[i] == '\\')
			to[used++] = '\\';
		to[used++] = text.p[i];
	}
	return (struct str){to, used};
}

/* RFC 8941 section 3.3.4: a token begins with a letter or "*". */
static bool is_sf_token(struct str s)
{
	return str_is_token(s) && ((s.p[0] >= 'a' && s.p[0] <= 'z') || (s.p[0] >= 'A' && s.p[0] <= 'Z') || s.p[0] == '*');
}

struct str forward_status_item(struct arena *a, struct str name, int received_status, struct str details)
{
	const char *quote = is_sf_token(name) ? "" : "\"";

	name = forward_sf_string(a, name);
	details = forward_sf_string(a, details);
	if (name.p == NULL || details.p == NULL)
		return STR_NONE;
	if (details.len == 0)
		return arena_printf(a, "%s%.*s%s; received-status=%d", quote, STR_ARG(name), quote, received_status);
	return arena_printf(a, "%s%.*s%s; received-status=%d; details=\"%.*s\"", quote, STR_ARG(name), quote, received_status,
		STR_ARG(details));
}

bool forward_tell(struct arena *a, struct message *m, struct str via, unsigned hops, struct str final_url, const char *words)
{
	struct str number = arena_printf(a, "%u", hops), item;

	if (number.p == NULL)
		return false;
	if (final_url.p != NULL &&
		(!fields_add(a, &m->fields, STR("Viaduct-Hops"), number) ||
			!fields_add(a, &m->fields, STR("Viaduct-Final-URL"), final_url)))
		return false;
	item = forward_status_item(a, via, m->status, str_of(words));
	return item.p != NULL && fields_add(a, &m->fields, STR("Proxy-Status"), item);
}

static struct str connection_sent(const struct sent_framing *sent)
{
	if (sent->close)
		return sent->upgrade ? STR("close, upgrade") : STR("close");
	if (sent->upgrade)
		return STR("upgrade");
	return sent->keep_alive ? STR("keep-alive") : STR_NONE;
}

bool forward_add_sent(struct arena *a, struct message *m, const struct sent_framing *sent)
{
	struct str connection = connection_sent(sent), length;

	if (sent->is_chunked && !fields_add(a, &m->fields, STR("Transfer-Encoding"), STR("chunked")))
		return false;
	if (sent->has_length) {
		length = arena_printf(a, "%llu", (unsigned long long)sent->length);
		if (length.p == NULL || !fields_add(a, &m->fields, STR("Content-Length"), length))
			return false;
	}
	return connection.p == NULL || fields_add(a, &m->fields, STR("Connection"), connection);
}

/* Where a word ends: at a space or a tab. */
static size_t word_end(struct str s)
{
	size_t space = str_find(s, ' '), tab = str_find(s, '\t');

	return space < tab ? space : tab;
}

bool forward_has_via(const struct message *m, struct str via)
{
	for (size_t i = 0; i < m->fields.n; i++) {
		struct str list = m->fields.v[i].value, item;

		if (m->fields.v[i].name.len != sizeof("Via") - 1 || !str_ieq(m->fields.v[i].name, STR("Via")))
			continue;
		while (str_list_next(&list, &item)) {
			/* received-protocol RWS received-by [ RWS comment ] */
			item = str_trim(str_from(item, word_end(item)));
			if (str_ieq(str_first(item, word_end(item)), via))
				return true;
		}
	}
	return false;
}
