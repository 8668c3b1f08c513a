/* A stored request as a curl command: what is sent, and the command put together. Not for its parts: curl_target.c,
 * curl_fields.c, curl_body.c. */
#include "store/export/curl_command.h"

#include "store/export/curl_part.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { ARENA_BYTES = 64 * 1024 * 1024, NOTE_BYTES = 512 };

void curl_note(struct curl_command *c, const char *format, ...)
{
	char line[NOTE_BYTES];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n < 0)
		return;
	text_put(&c->notes, STR("# "));
	text_legible(&c->notes, str_of(line));
	text_byte(&c->notes, '\n');
}

void curl_option(struct curl_command *c, const char *option)
{
	text_put(&c->words, STR(" \\\n  "));
	text_put(&c->words, str_of(option));
}

/* The strings of a hop live in its visit only. */
static bool on_hop(void *owner, const struct hop_view *v)
{
	struct curl_command *c = owner;

	/* The client's body is what was sent first. */
	if (v->number != (c->hop > 0 ? c->hop : 1))
		return true;
	if (c->hop > 0)
		c->url = arena_str(c->arena, v->url);
	c->body = v->request_body;
	c->body.cut = arena_str(c->arena, v->request_body.cut);
	c->body_bytes = v->request_body_bytes;
	return false;
}

/* What is to be sent, from the database. False on an error. */
static bool read_request(struct curl_command *c, const struct flow_view *v)
{
	struct head_view *head = NULL;

	c->url = c->hop == 0 ? v->url : STR_NONE;
	c->body = (struct kept_body){-1, STR_NONE};
	if (!reader_hops(c->reader, v->id, c->arena, on_hop, c) ||
		!reader_head(c->reader, v->id, c->hop, true, c->arena, &head))
		return false;
	if (c->hop == 0)
		c->body_bytes = v->request_body_bytes;
	c->head = head;
	return true;
}

/* The command, behind its notes. False on an error. */
static bool put_command(struct curl_command *c, struct text *t)
{
	uint64_t met = c->redactor ? redactor_met(c->redactor) : 0;

	if (!c->head)
		curl_note(c, c->hop > 0 ? "no request was sent in this hop" : "no request was kept");
	if (!c->head || !curl_read_target(c)) {
		text_put(t, text_str(&c->notes));
		return true;
	}
	if (!curl_read_body(c))
		return false;
	curl_put_target(c);
	curl_put_fields(c);
	curl_put_body(c);
	if (c->redactor && redactor_met(c->redactor) != met)
		curl_note(c, "secrets are replaced by redacted-…: it does not do as it is (viaduct export --with-secrets)");
	text_put(t, text_str(&c->notes));
	curl_put_source(c, t);
	text_put(t, text_str(&c->words));
	text_byte(t, '\n');
	return true;
}

static void put_title(struct curl_command *c, const struct flow_view *v, struct text *t)
{
	struct text url = {NULL, 0, 0};

	if (c->redactor)
		redact_url(c->redactor, &url, v->url);
	else
		text_put(&url, v->url);
	text_printf(t, "# flow %" PRIu64, v->id);
	if (c->hop > 0)
		text_printf(t, ", hop %" PRId64, c->hop);
	text_put(t, STR(": "));
	text_legible(t, v->method);
	text_byte(t, ' ');
	text_legible(t, text_str(&url));
	text_byte(t, '\n');
	text_fini(&url);
}

static void put_absence(struct text *t, const struct flow_view *v, int64_t hop)
{
	text_printf(t, "# flow %" PRIu64 " has no hop %" PRId64 ", but %" PRId64 "\n", v->id, hop, v->hops);
}

bool curl_put_command(struct text *t, struct reader *r, const struct flow_view *v, int64_t hop, const struct redactor *redactor)
{
	struct curl_command c = {.reader = r, .redactor = redactor, .hop = hop, .arena = arena_new(ARENA_BYTES)};
	bool ok = read_request(&c, v);

	if (ok && !c.head && hop > v->hops) {
		put_absence(t, v, hop);
	} else if (ok) {
		put_title(&c, v, t);
		ok = put_command(&c, t);
	}
	arena_free(c.arena);
	text_fini(&c.bytes);
	text_fini(&c.notes);
	text_fini(&c.words);
	return ok;
}
