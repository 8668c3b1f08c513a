/* The body of a curl command: in its words where it is text, else written to it by printf. */
#include "store/body/body_read.h"
#include "store/export/curl_part.h"
#include "store/export/shell_quote.h"
#include "store/har/har_undone.h"

#include <inttypes.h>

enum {
	LONGEST_WORD = 96 * 1024,        /* Linux takes 128 KiB */
	LONGEST_BODY = 64 * 1024 * 1024, /* of which the command is four times as long */
	PRINTF_BYTES = 8 * 1024
};

static bool is_chunked(const struct curl_command *c)
{
	return fields_list_has(&c->head->fields, STR("Transfer-Encoding"), STR("chunked"));
}

/* True if its secrets were replaced before it was stored, and its content codings undone for that. */
static bool is_stored_redacted(const struct curl_command *c)
{
	return str_eq(c->body.cut, STR("redacted"));
}

/* All values of Content-Encoding in one list. */
static struct str codings_of(struct curl_command *c)
{
	struct str all = STR_NONE;
	const struct fields *f = &c->head->fields;

	for (size_t i = 0; i < f->n; i++) {
		if (str_ieq(f->v[i].name, STR("Content-Encoding")))
			all = arena_printf(c->arena, "%.*s,%.*s", STR_ARG(all), STR_ARG(f->v[i].value));
	}
	return all;
}

static void redact(struct curl_command *c)
{
	struct text redacted = {NULL, 0, 0};
	const struct redact_types types = {&c->head->fields, STR_NONE};
	struct str codings = c->is_uncoded ? STR_NONE : codings_of(c);
	enum redact_end end = redact_typed_body(c->redactor, &redacted, &types, codings, text_str(&c->bytes));

	if (end == REDACT_NOTHING) {
		text_fini(&redacted);
		return;
	}
	c->is_own_length = true;
	text_fini(&c->bytes);
	c->bytes = redacted;
	if (end == REDACT_BLIND)
		curl_note(c, "the body is left out: it may hold secrets, and cannot be looked through");
	else
		c->is_uncoded |= !coding_is_identity(codings);
}

/* True if an import gave fields of the body other names, since they do not hold for what is kept of it. */
static bool is_undone(const struct curl_command *c)
{
	for (size_t i = 0; i < c->head->fields.n; i++) {
		if (har_is_undone(c->head->fields.v[i].name))
			return true;
	}
	return false;
}

/* True if the head tells another length than curl would send. */
static bool is_other_length(const struct curl_command *c)
{
	struct str told = fields_value(&c->head->fields, STR("Content-Length"));
	uint64_t n;

	return told.len > 0 && !(str_to_u64(told, UINT64_MAX, &n) && n == c->bytes.len);
}

/* What is kept is not what was sent. */
static void note_kept(struct curl_command *c)
{
	uint64_t missing = c->body_bytes - c->bytes.len;

	c->is_own_length = true;
	if (is_stored_redacted(c) && c->bytes.len > 0) {
		curl_note(c, "secrets in the body were replaced before it was stored");
		c->is_uncoded = !coding_is_identity(codings_of(c));
		return;
	}
	if (c->bytes.len == 0)
		curl_note(c, "the body (%" PRIu64 " bytes) is left out: it was not kept", c->body_bytes);
	else
		curl_note(c, "the last %" PRIu64 " bytes of the body are missing: they were not kept", missing);
}

bool curl_read_body(struct curl_command *c)
{
	if (c->body.id >= 0 && !reader_body_text(c->reader, c->body.id, 0, LONGEST_BODY, &c->bytes))
		return false;
	if (c->bytes.len > 0 && is_undone(c))
		curl_note(c, "the body is as the imported file has it: without its content coding, texts in UTF-8");
	else if (c->bytes.len < c->body_bytes || is_stored_redacted(c))
		note_kept(c);
	if (c->redactor && c->bytes.len > 0)
		redact(c);
	if (c->is_uncoded)
		curl_note(c, "the body is without its content coding, since secrets in it were replaced");
	c->is_own_length |= is_other_length(c);
	c->has_body = c->bytes.len > 0 || is_chunked(c);
	if (is_chunked(c))
		curl_note(c, "the body was sent in chunks; curl makes its own of them");
	return true;
}

static bool is_word(const struct curl_command *c)
{
	return c->bytes.len <= LONGEST_WORD && shell_is_legible(text_str(&c->bytes));
}

void curl_put_body(struct curl_command *c)
{
	if (!c->has_body)
		return;
	if (!is_word(c)) {
		curl_option(c, "--data-binary @-");
		return;
	}
	curl_option(c, "--data-raw ");
	shell_word(&c->words, text_str(&c->bytes));
}

void curl_put_source(struct curl_command *c, struct text *t)
{
	struct str rest = text_str(&c->bytes);

	if (!c->has_body || is_word(c))
		return;
	text_put(t, STR("{\n"));
	while (rest.len > 0) {
		size_t n = rest.len < PRINTF_BYTES ? rest.len : PRINTF_BYTES;

		text_put(t, STR("  "));
		shell_printf(t, str_first(rest, n));
		text_byte(t, '\n');
		rest = str_from(rest, n);
	}
	text_put(t, STR("} | "));
}
