/* HTTP/1.1 as bytes (RFC 9112 sections 3, 4, 5 and 7.1). Not for: deciding how a body is delimited. */
#include "http/h1_write.h"

#include "http/trailer.h"

#include <stdio.h>
#include <string.h>

/* Gathers small pieces, so that the queue is touched once or twice a head. */
struct gather {
	struct bufq *out;
	size_t n;
	char bytes[2048];
};

static void gather_flush(struct gather *g)
{
	if (g->n == 0)
		return;
	bufq_append(g->out, g->bytes, g->n);
	g->n = 0;
}

static void put(struct gather *g, struct str s)
{
	if (s.len > sizeof(g->bytes) - g->n)
		gather_flush(g);
	if (s.len > sizeof(g->bytes)) {
		bufq_append_str(g->out, s);
		return;
	}
	if (s.len > 0)
		memcpy(g->bytes + g->n, s.p, s.len);
	g->n += s.len;
}

static void put_number(struct gather *g, uint64_t n)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	put(g, (struct str){text + at, sizeof(text) - at});
}

/* Nothing that would end the line early. Heads that were received are clean; this is for those that were made. */
static bool is_writable(struct str s)
{
	return s.len == 0 || (!memchr(s.p, '\r', s.len) && !memchr(s.p, '\n', s.len) && !memchr(s.p, '\0', s.len));
}

static void put_field(struct gather *g, const struct field *f)
{
	if (f->name.len == 0 || !is_writable(f->name) || !is_writable(f->value))
		return;
	put(g, f->name);
	put(g, STR(": "));
	put(g, f->value);
	put(g, STR("\r\n"));
}

/* Framing and the transport are this hop's: these fields of the other side never pass. Trailer passes where trailers can. */
static bool is_own_field(struct str name, bool is_chunked)
{
	switch (name.len) {
	case 7:
		return !is_chunked && str_ieq(name, STR("Trailer"));
	case 10:
		return str_ieq(name, STR("Connection")) || str_ieq(name, STR("Keep-Alive"));
	case 14:
		return str_ieq(name, STR("Content-Length"));
	case 16:
		return str_ieq(name, STR("Proxy-Connection"));
	case 17:
		return str_ieq(name, STR("Transfer-Encoding"));
	default:
		return false;
	}
}

static void put_start_line(struct gather *g, const struct message *m)
{
	if (m->is_request) {
		put(g, m->method_name);
		put(g, STR(" "));
		put(g, m->target);
		put(g, STR(" HTTP/1.1\r\n"));
		return;
	}
	put(g, STR("HTTP/1.1 "));
	put_number(g, (uint64_t)m->status);
	put(g, STR(" "));
	put(g, str_of(status_reason(m->status)));
	put(g, STR("\r\n"));
}

void h1_write_head(struct bufq *out, const struct message *m, const struct sent_framing *framing)
{
	struct gather g;

	g.out = out;
	g.n = 0;
	put_start_line(&g, m);
	for (size_t i = 0; i < m->fields.n; i++) {
		if (!is_own_field(m->fields.v[i].name, framing->is_chunked))
			put_field(&g, &m->fields.v[i]);
	}
	if (framing->is_chunked) {
		put(&g, STR("Transfer-Encoding: chunked\r\n"));
	} else if (framing->has_length) {
		put(&g, STR("Content-Length: "));
		put_number(&g, framing->length);
		put(&g, STR("\r\n"));
	}
	if (framing->close)
		put(&g, framing->upgrade ? STR("Connection: close, upgrade\r\n") : STR("Connection: close\r\n"));
	else if (framing->upgrade)
		put(&g, STR("Connection: upgrade\r\n"));
	else if (framing->keep_alive)
		put(&g, STR("Connection: keep-alive\r\n"));
	put(&g, STR("\r\n"));
	gather_flush(&g);
}

void h1_write_chunk_line(struct bufq *out, size_t size)
{
	char line[24];
	int n = snprintf(line, sizeof(line), "%zx\r\n", size);

	bufq_append(out, line, (size_t)n);
}

void h1_write_last_chunk(struct bufq *out, const struct fields *trailers)
{
	struct gather g;

	g.out = out;
	g.n = 0;
	put(&g, STR("0\r\n"));
	for (size_t i = 0; trailers && i < trailers->n; i++) {
		if (trailer_may_hold(trailers->v[i].name))
			put_field(&g, &trailers->v[i]);
	}
	put(&g, STR("\r\n"));
	gather_flush(&g);
}
