/* The grammar of the filter language: and, or, not and parentheses, by recursive descent that FILTER_MAX_DEPTH bounds. Pure but
 * for memory. Comparisons are filter_compare.c's. */
#include "config/filter_build.h"

#include "base/mem.h"
#include "config/filter_regex.h"

#include <stdarg.h>
#include <string.h>

enum {
	ARENA_BYTES = 1 << 20, /* more than FILTER_MAX_NODES and FILTER_MAX_BYTES can need */
	SHOWN_BYTES = 48,
};

/* The piece for a message: what is not printable ASCII as ?, cut to fit. */
static void show(struct str piece, char to[SHOWN_BYTES])
{
	size_t len = piece.len < SHOWN_BYTES ? piece.len : SHOWN_BYTES - 4;

	for (size_t i = 0; i < len; i++)
		to[i] = (char)(piece.p[i] >= 0x20 && piece.p[i] < 0x7f ? piece.p[i] : '?');
	snprintf(to + len, SHOWN_BYTES - len, "%s", len < piece.len ? "..." : "");
}

static bool fail(struct filter_parser *p, const char *what, struct str piece, const char *format, va_list args)
	__attribute__((format(printf, 4, 0)));
static bool fail(struct filter_parser *p, const char *what, struct str piece, const char *format, va_list args)
{
	struct filter_error *e = p->error;
	char shown[SHOWN_BYTES] = "the end";
	int len;

	if (piece.len != 0)
		show(piece, shown);
	e->position = (size_t)(piece.p - p->whole.p);
	len = snprintf(e->text, sizeof(e->text), "%s%s at %zu: ", what, shown, e->position);
	if (len > 0 && (size_t)len < sizeof(e->text))
		vsnprintf(e->text + len, sizeof(e->text) - (size_t)len, format, args);
	return false;
}

bool filter_fail(struct filter_parser *p, struct str piece, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail(p, "", piece, format, args);
	va_end(args);
	return false;
}

bool filter_fail_field(struct filter_parser *p, struct str piece, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail(p, "unknown field ", piece, format, args);
	va_end(args);
	return false;
}

void filter_advance(struct filter_parser *p)
{
	p->token = filter_token_first(str_from(p->whole, (size_t)(p->token.text.p - p->whole.p) + p->token.text.len));
}

bool filter_count(struct filter_parser *p)
{
	return ++p->nodes <= FILTER_MAX_NODES || filter_fail(p, p->token.text, "more than %d parts", FILTER_MAX_NODES);
}

struct filter_node *filter_node_new(struct filter_parser *p, enum filter_node_kind kind)
{
	struct filter_node *node = filter_count(p) ? arena_zalloc(p->f->arena, sizeof(*node)) : NULL;

	if (node != NULL)
		node->kind = kind;
	return node;
}

static struct filter_node *or_read(struct filter_parser *p);

/* One level down; false with the message if that is too deep. */
static bool descend(struct filter_parser *p)
{
	return ++p->depth <= FILTER_MAX_DEPTH ||
		filter_fail(p, p->token.text, "nested deeper than %d levels", FILTER_MAX_DEPTH);
}

/* "(" expr ")" */
static struct filter_node *group_read(struct filter_parser *p)
{
	struct str open = p->token.text;
	struct filter_node *node;

	if (!descend(p))
		return NULL;
	filter_advance(p);
	node = or_read(p);
	p->depth--;
	if (node == NULL)
		return NULL;
	if (p->token.kind != FILTER_TOKEN_CLOSE) {
		filter_fail(p, p->token.text, "&&, || or the ) to the ( at %zu was expected", (size_t)(open.p - p->whole.p));
		return NULL;
	}
	filter_advance(p);
	return node;
}

/* not := "!" not | "(" expr ")" | comparison */
static struct filter_node *not_read(struct filter_parser *p)
{
	struct filter_node *node, *child;

	if (p->token.kind == FILTER_TOKEN_OPEN)
		return group_read(p);
	if (p->token.kind != FILTER_TOKEN_NOT)
		return filter_compare_read(p);
	node = descend(p) ? filter_node_new(p, FILTER_NODE_NOT) : NULL;
	if (node == NULL)
		return NULL;
	filter_advance(p);
	child = not_read(p);
	p->depth--;
	node->child = child;
	node->is_dear = child != NULL && child->is_dear;
	return child != NULL ? node : NULL;
}

/* One or more of what read takes, with the token between them; a node of that kind if there is more than one. */
static struct filter_node *chain_read(struct filter_parser *p, enum filter_token_kind between, enum filter_node_kind kind,
	struct filter_node *(*read)(struct filter_parser *p))
{
	struct filter_node *first = read(p), *last = first, *node;

	if (first == NULL || p->token.kind != between)
		return first;
	node = filter_node_new(p, kind);
	if (node == NULL)
		return NULL;
	node->child = first;
	node->is_dear = first->is_dear;
	while (p->token.kind == between) {
		struct filter_node *next;

		filter_advance(p);
		next = read(p);
		if (next == NULL)
			return NULL;
		node->is_dear |= next->is_dear;
		last->next = next;
		last = next;
	}
	return node;
}

static struct filter_node *and_read(struct filter_parser *p)
{
	return chain_read(p, FILTER_TOKEN_AND, FILTER_NODE_AND, not_read);
}

static struct filter_node *or_read(struct filter_parser *p)
{
	return chain_read(p, FILTER_TOKEN_OR, FILTER_NODE_OR, and_read);
}

/* What stands behind a whole expression. */
static bool rest_fail(struct filter_parser *p)
{
	const struct filter_token *t = &p->token;

	if (t->kind == FILTER_TOKEN_BAD)
		return filter_fail(p, t->text, "%s", t->why);
	if (t->kind == FILTER_TOKEN_CLOSE)
		return filter_fail(p, t->text, "there is no ( to it");
	if (str_ieq(t->text, STR("and")))
		return filter_fail(p, t->text, "is && meant?");
	if (str_ieq(t->text, STR("or")))
		return filter_fail(p, t->text, "is || meant?");
	return filter_fail(p, t->text, "&&, || or the end was expected");
}

/* The whole expression; false with the message. */
static bool whole_read(struct filter_parser *p, struct str text)
{
	if (text.len > FILTER_MAX_BYTES) {
		p->error->position = FILTER_MAX_BYTES;
		snprintf(p->error->text, sizeof(p->error->text), "longer than %d bytes", FILTER_MAX_BYTES);
		return false;
	}
	p->whole = arena_str(p->f->arena, text);
	p->f->text = p->whole.p;
	if (memchr(p->whole.p, '\0', p->whole.len) != NULL)
		return filter_fail(p, str_first(str_from(p->whole, strlen(p->whole.p)), 1), "a NUL byte cannot stand here");
	p->token = filter_token_first(p->whole);
	p->f->root = or_read(p);
	return p->f->root != NULL && (p->token.kind == FILTER_TOKEN_END || rest_fail(p));
}

struct filter *filter_parse(struct str text, bool early, struct filter_error *ret_error)
{
	struct filter_error error = {0, "out of memory"};
	struct filter_parser p = {.early = early, .error = &error};

	p.f = mem_calloc(1, sizeof(*p.f));
	p.f->arena = arena_new(ARENA_BYTES);
	if (whole_read(&p, text))
		return p.f;
	*ret_error = error;
	filter_free(p.f);
	return NULL;
}

void filter_free(struct filter *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->regexes_n; i++)
		filter_regex_free(f->regexes[i]);
	arena_free(f->arena);
	mem_free(f);
}

const char *filter_text(const struct filter *f)
{
	return f->text;
}

const struct filter_node *filter_tree(const struct filter *f)
{
	return f->root;
}
