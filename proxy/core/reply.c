/* See reply.h. */
#include "core/reply.h"

#include "base/clock.h"
#include "core/forward_status.h"
#include "core/page.h"

#include <time.h>

static void reply_send_head(struct stream *s, const struct message *m, const struct body_plan *plan)
{
	(void)s;
	(void)m;
	(void)plan;
}

static void reply_send_interim(struct stream *s, const struct message *m)
{
	(void)s;
	(void)m;
}

static size_t reply_room(const struct stream *s)
{
	(void)s;
	return SIZE_MAX;
}

/* Whatever a request still carries is of no interest to a reply. */
static size_t reply_send(struct stream *s, struct bufq *from, size_t max)
{
	size_t n = from->len < max ? from->len : max;

	(void)s;
	bufq_drain(from, n);
	return n;
}

static void reply_end(struct stream *s, const struct fields *trailers)
{
	(void)trailers;
	s->out_end = true;
	s->is_sent = true;
}

static void reply_took(struct stream *s)
{
	(void)s;
}

static void reply_make_raw(struct stream *s)
{
	s->is_raw = true;
}

static void reply_close(struct stream *s, bool abort)
{
	(void)abort;
	bufq_clear(&s->in);
}

static const struct stream_ops reply_ops = {
	.send_head = reply_send_head,
	.send_interim = reply_send_interim,
	.room = reply_room,
	.send = reply_send,
	.end = reply_end,
	.took = reply_took,
	.make_raw = reply_make_raw,
	.close = reply_close,
};

/* RFC 9110 section 6.6.1; the format is of section 5.6.7. */
static struct str reply_date(struct arena *a)
{
	char text[sizeof("Sun, 06 Nov 1994 08:49:37 GMT")];
	time_t now = (time_t)(clock_wall_us() / 1000000);
	struct tm tm;

	/* The program never leaves the C locale, so the names are English. */
	if (gmtime_r(&now, &tm) == NULL || strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
		return STR("Thu, 01 Jan 1970 00:00:00 GMT");
	return arena_str(a, str_of(text));
}

struct stream *reply_of(struct arena *a, const struct message *head, struct bufq *q)
{
	struct stream *s = arena_zalloc(a, sizeof(*s));
	struct message *m = message_clone(a, head);

	if (s == NULL || m == NULL)
		return NULL;
	s->ops = &reply_ops;
	s->arena = a;
	s->head = m;
	s->framing = (struct framing){.kind = BODY_LENGTH, .length = q->len, .keep_alive = true};
	s->in_end = true;
	s->in_bytes = q->len;
	bufq_init(&s->in, q->pool);
	bufq_move(&s->in, q, q->len);
	return s;
}

struct stream *reply_new(struct arena *a, struct bufpool *pool, int status, struct str content_type, struct str body)
{
	struct stream *s = arena_zalloc(a, sizeof(*s));
	struct message *m = arena_zalloc(a, sizeof(*m));
	struct str date;

	if (s == NULL || m == NULL)
		return NULL;
	m->version = VERSION_1_1;
	m->status = status;
	m->reason = str_of(status_reason(status));
	date = reply_date(a);
	if (date.p == NULL || !fields_add(a, &m->fields, STR("Date"), date))
		return NULL;
	if (content_type.len > 0 && !fields_add(a, &m->fields, STR("Content-Type"), content_type))
		return NULL;
	s->ops = &reply_ops;
	s->arena = a;
	s->head = m;
	s->framing = (struct framing){.kind = BODY_LENGTH, .length = body.len, .keep_alive = true};
	s->in_end = true;
	s->in_bytes = body.len;
	bufq_init(&s->in, pool);
	bufq_append_str(&s->in, body);
	return s;
}

bool reply_field(struct stream *s, struct str name, struct str value)
{
	if (fields_add(s->arena, &s->head->fields, name, value))
		return true;
	/* Whoever gives up now gives up the body too. */
	bufq_clear(&s->in);
	return false;
}

enum reply_form reply_form_of(const struct message *request)
{
	struct str accept = request == NULL ? STR_NONE : fields_value(&request->fields, STR("Accept"));
	struct str item;

	/* The first media range that names a form decides; clients list what they like best first. */
	while (str_list_next(&accept, &item)) {
		item = str_trim(str_first(item, str_find(item, ';')));
		if (str_ieq(item, STR("text/html")) || str_ieq(item, STR("application/xhtml+xml")))
			return REPLY_HTML;
		if (str_ieq(item, STR("application/json")) || str_iends(item, STR("+json")))
			return REPLY_JSON;
		if (str_ieq(item, STR("text/plain")))
			return REPLY_TEXT;
	}
	return REPLY_TEXT;
}

struct stream *reply_error(struct arena *a, struct bufpool *pool, enum error error, const char *detail, struct str host,
	enum reply_form form)
{
	const struct error_row *row = error_row(error);
	bool has_detail = detail != NULL && detail[0] != '\0';
	struct page page;
	struct stream *s;
	struct str status;

	if (!page_of_error(a, error, has_detail ? str_of(detail) : STR_NONE, host, form, &page))
		return NULL;
	status = arena_printf(a, "viaduct; error=%s; details=\"%.*s\"", row->proxy_status,
		STR_ARG(forward_sf_string(a, str_of(has_detail ? detail : row->sentence))));
	if (status.p == NULL)
		return NULL;
	s = reply_new(a, pool, row->status, page.content_type, page.body);
	if (s == NULL || !reply_field(s, STR("Proxy-Status"), status) ||
		!reply_field(s, STR("Cache-Control"), STR("no-store")) ||
		!reply_field(s, STR("X-Content-Type-Options"), STR("nosniff")))
		return NULL;
	if (form == REPLY_HTML &&
		!reply_field(s, STR("Content-Security-Policy"), STR("default-src 'none'; style-src 'unsafe-inline'")))
		return NULL;
	return s;
}
