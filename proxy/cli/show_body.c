/* Kept bodies for people: how much was kept and why not more, the beginning where it is text, and the whole on stdout. */
#include "cli/cli_show.h"

#include "base/arena.h"
#include "cli/cli.h"
#include "cli/cli_options.h"
#include "cli/show_parts.h"
#include "http/charset.h"
#include "http/coding.h"
#include "http/media_type.h"
#include "store/body/body_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PREVIEW_BYTES = 2000, PREVIEW_LINES = 24, TYPE_BYTES = 4096 };

static struct str value_of(const struct head_view *head, const char *name)
{
	return head ? fields_value(&head->fields, str_of(name)) : STR_NONE;
}

static bool is_text(struct str content_type, struct str first_bytes)
{
	struct arena *a = arena_new(TYPE_BYTES);
	struct media_type type = media_type_parse(a, content_type);
	bool is = media_type_is_text(media_type_for_view(&type, first_bytes));

	arena_free(a);
	/* Not everything that is called a text is one. */
	return is && strcmp(media_type_sniff(first_bytes), "application/octet-stream") != 0;
}

static bool take_text(void *owner, struct str piece)
{
	text_put(owner, piece);
	return true;
}

/* A line as a person can read it; text in UTF-8 stays as it is. */
static void put_line(struct text *t, struct str line)
{
	text_put(t, STR("    "));
	while (line.len > 0) {
		size_t n = str_find(line, '\t');

		text_legible(t, str_first(line, n));
		if (n < line.len)
			text_put(t, STR("    "));
		line = str_from(line, n < line.len ? n + 1 : n);
	}
	text_byte(t, '\n');
}

/* The lines, each behind a margin; returns how many bytes of the text were shown. */
static size_t put_lines(struct text *t, struct str text)
{
	size_t shown = 0;

	for (unsigned i = 0; i < PREVIEW_LINES && shown < text.len; i++) {
		struct str rest = str_from(text, shown);
		struct str line = str_first(rest, str_find(rest, '\n'));

		shown += line.len < rest.len ? line.len + 1 : line.len;
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		put_line(t, line);
	}
	return shown;
}

static void put_preview(struct text *t, const struct show_body *b, struct str body, bool is_all)
{
	struct text utf8 = {NULL, 0, 0};
	struct str content_type = value_of(b->head, "content-type");
	struct arena *a = arena_new(TYPE_BYTES);
	struct media_type type = media_type_parse(a, content_type);

	if (body.len > 0 && is_text(content_type, body) &&
		charset_to_utf8(charset_find(type.charset, body), body, take_text, &utf8)) {
		text_put(t, STR("\n"));
		if (put_lines(t, text_str(&utf8)) < utf8.len || !is_all)
			text_printf(t, "    ... all of it: viaduct show %" PRIu64 " %s\n", b->flow_id, b->option);
	}
	arena_free(a);
	text_fini(&utf8);
}

/* "1.2 kB kept of 3.4 MB (limit)" */
static void put_size(struct text *t, const struct show_body *b, const struct body_view *v)
{
	show_label(t, b->label);
	format_bytes(t, v->bytes);
	if (v->bytes < b->passed_bytes || b->body->cut.len > 0) {
		text_put(t, STR(" kept of "));
		format_bytes(t, b->passed_bytes);
	}
	if (b->body->cut.len > 0) {
		text_put(t, STR(", cut ("));
		text_visible(t, b->body->cut);
		text_byte(t, ')');
	}
	if (value_of(b->head, "content-type").len > 0) {
		text_put(t, STR(", "));
		text_visible(t, value_of(b->head, "content-type"));
	}
	if (!coding_is_identity(value_of(b->head, "content-encoding"))) {
		text_put(t, STR(", "));
		text_visible(t, value_of(b->head, "content-encoding"));
	}
	text_byte(t, '\n');
}

bool show_body(struct text *t, const struct show_body *b)
{
	const struct coding_limits limits = {.max_bytes = PREVIEW_BYTES};
	struct text decoded = {NULL, 0, 0};
	enum coding_end end = CODING_WHOLE;
	struct body_view v;
	bool ok = true;

	if (b->body->id < 0 && b->body->cut.len == 0)
		return true;
	if (b->body->id < 0 || !reader_body(b->reader, b->body->id, &v)) {
		show_label(t, b->label);
		text_put(t, STR("not kept"));
		if (b->body->cut.len > 0) {
			text_put(t, STR(" ("));
			text_visible(t, b->body->cut);
			text_byte(t, ')');
		}
		text_byte(t, '\n');
		return reader_error(b->reader)[0] == '\0';
	}
	put_size(t, b, &v);
	ok = reader_body_decoded(b->reader, b->body->id, kept_body_codings(b->body, value_of(b->head, "content-encoding")),
		&limits, &decoded, &end);
	if (ok)
		put_preview(t, b, text_str(&decoded), end == CODING_WHOLE);
	text_fini(&decoded);
	return ok;
}

struct printing {
	bool has_begun, is_refused;
};

static bool print_piece(void *owner, struct str piece)
{
	struct printing *p = owner;

	if (!p->has_begun && isatty(STDOUT_FILENO) && !is_text(STR(""), piece)) {
		cli_complain("show", "the body is binary; send it to a file");
		p->is_refused = true;
		return false;
	}
	p->has_begun = true;
	return fwrite(piece.p, 1, piece.len, stdout) == piece.len;
}

static bool decode_piece(void *owner, struct str piece)
{
	return coding_put(owner, piece);
}

int show_body_whole(struct reader *r, const struct kept_body *body, const struct head_view *head, bool is_raw)
{
	const struct coding_limits limits = {.max_bytes = SIZE_MAX};
	struct str codings = is_raw ? STR("") : kept_body_codings(body, value_of(head, "content-encoding"));
	struct printing printing = {false, false};
	enum coding_end end;
	struct coding *c;

	if (body->id < 0) {
		cli_complain("show", "no such body was kept");
		return EXIT_FAILED;
	}
	c = coding_new(codings, &limits, print_piece, &printing, &end);
	if (!c) {
		cli_complain("show", "its content coding is not known: %.*s (--raw shows it as it was sent)", STR_ARG(codings));
		return EXIT_FAILED;
	}
	if (!reader_body_bytes(r, body->id, 0, UINT64_MAX, decode_piece, c)) {
		coding_end(c);
		cli_complain("show", "%s", reader_error(r));
		return EXIT_FAILED;
	}
	end = coding_end(c);
	if (printing.is_refused || fflush(stdout) != 0)
		return EXIT_FAILED;
	if (end != CODING_WHOLE)
		cli_complain("show", "%s%s", coding_end_words(end),
			end == CODING_DAMAGED ? " (--raw shows it as it was sent)" : "");
	else if (body->cut.len > 0)
		cli_complain("show", "the body was cut: %.*s", STR_ARG(body->cut));
	return end == CODING_WHOLE || (end == CODING_TRUNCATED && body->cut.len > 0) ? EXIT_OK : EXIT_FAILED;
}
