/* viaduct show: one flow with its chain of hops. Not for how it looks: show_text.c, store/view_json.c. */
#include "cli/cli_show.h"

#include "base/arena.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/cli_options.h"
#include "store/json.h"
#include "store/view_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WHY_BYTES = 512, ARENA_BYTES = 64 * 1024 * 1024 };

static const char usage[] =
	"usage: viaduct show ID|last [--json] [--request-body|--response-body [--hop N] [--raw]] [--data DIR] [-c FILE]\n"
	"\n"
	"Shows one flow: what was asked, each hop with its times and what was decided after it, all heads, and how the bodies begin.\n"
	"In the heads that a hop sent, and that the client got, + marks what is new or changed, - what was left out.\n"
	"ID is the number that viaduct flows shows; last: the newest flow.\n"
	"\n"
	"      --json       as one JSON object; its members are described in proxy/store/SCHEMA.md\n"
	"      --request-body, --response-body\n"
	"                   writes nothing but that body, content codings undone\n"
	"      --raw        the body as it was sent\n"
	"      --hop N      that hop's body, instead of the first request's and the last response's\n"
	"      --data DIR   folder of the flow database\n"
	"  -c, --config FILE  the configuration that names the folder, without --data\n";

static const struct cli_flag flags[] = {
	{'j', "--json", false},
	{'q', "--request-body", false},
	{'s', "--response-body", false},
	{'r', "--raw", false},
	{'n', "--hop", true},
	{'d', "--data", true},
	{'c', "--config", true},
	{'c', "-c", true},
	{'h', "--help", false},
	{'h', "-h", false},
};

struct showing {
	const char *data, *config, *id_text;
	bool wants_help, wants_last, is_json, is_found;
	bool wants_request_body, wants_response_body, is_raw;
	uint64_t id, hop; /* hop 0: the one that fits */
	struct show_style style;
	int64_t started_us;
	struct reader *reader;
	struct text out;
	uint64_t *children;
	size_t children_n, children_cap;
	bool has_failed; /* a part could not be read */
	/* While it is shown: heads that others are compared with. */
	struct arena *kept;
	struct head_view *asked, *answered;
	uint64_t delivered_bytes;
	struct kept_body made_here;
	/* The body that is wanted, and of which hop it is. */
	struct kept_body body;
	int64_t body_hop, hops;
};

/* What is asked for of a body; false after saying what is wrong. */
static bool check_body(const struct showing *s)
{
	bool is_body = s->wants_request_body || s->wants_response_body;

	if (s->wants_request_body && s->wants_response_body)
		cli_complain("show", "one body at a time");
	else if (!is_body && (s->is_raw || s->hop != 0))
		cli_complain("show", "%s is for a body: --request-body or --response-body", s->is_raw ? "--raw" : "--hop");
	else
		return true;
	return false;
}

/* False after saying what is wrong. */
static bool parse(int argc, char **argv, struct showing *ret)
{
	struct cli_args args = {"show", argc, argv, flags, sizeof(flags) / sizeof(flags[0])};
	const char *value = NULL;
	int id;

	while ((id = cli_next(&args, &value)) != CLI_END) {
		if (id == CLI_WORD && ret->id_text)
			cli_complain("show", "%s: one flow at a time", value);
		if (id == CLI_BAD || (id == CLI_WORD && ret->id_text))
			return false;
		if (id == 'n' && (!str_to_u64(str_of(value), INT32_MAX, &ret->hop) || ret->hop == 0)) {
			cli_complain("show", "--hop %s: not the number of a hop", value);
			return false;
		}
		if (id == CLI_WORD)
			ret->id_text = value;
		ret->is_json |= id == 'j';
		ret->wants_request_body |= id == 'q';
		ret->wants_response_body |= id == 's';
		ret->is_raw |= id == 'r';
		ret->wants_help |= id == 'h';
		if (id == 'd')
			ret->data = value;
		if (id == 'c')
			ret->config = value;
	}
	if (!check_body(ret))
		return false;
	ret->wants_last = ret->id_text && strcmp(ret->id_text, "last") == 0;
	if (ret->wants_help || ret->wants_last)
		return true;
	if (ret->id_text && str_to_u64(str_of(ret->id_text), INT64_MAX, &ret->id))
		return true;
	cli_complain("show", "%s (see viaduct show --help)",
		ret->id_text ? "the ID is a number, as viaduct flows shows it, or last"
			     : "which flow? Give its ID, as viaduct flows shows it");
	return false;
}

static struct head_view *read_head(struct showing *s, int64_t hop, bool is_request)
{
	struct head_view *head = NULL;

	if (!reader_head(s->reader, s->id, hop, is_request, s->kept, &head))
		s->has_failed = true;
	return head;
}

static void put_head_json(struct showing *s, int64_t hop, bool is_request)
{
	struct arena *a = arena_new(ARENA_BYTES);
	struct head_view *head = NULL;

	if (!reader_head(s->reader, s->id, hop, is_request, a, &head))
		s->has_failed = true;
	json_key(&s->out, is_request ? "request" : "response");
	view_json_head(&s->out, head);
	arena_free(a);
}

/* What is told of a body is valid during the visit only. */
static struct kept_body remember(struct showing *s, const struct kept_body *b)
{
	return (struct kept_body){b->id, b->cut.len == 0 ? STR("") : arena_str(s->kept, b->cut)};
}

static void put_body(struct showing *s, const struct kept_body *body, const struct head_view *head, uint64_t passed_bytes,
	bool is_request)
{
	const struct show_body b = {
		.reader = s->reader,
		.body = body,
		.head = head,
		.passed_bytes = passed_bytes,
		.flow_id = s->id,
		.label = "body",
		.option = is_request ? "--request-body" : "--response-body",
	};

	if (!show_body(&s->out, &b))
		s->has_failed = true;
}

static bool on_hop_json(void *owner, const struct hop_view *v)
{
	struct showing *s = owner;

	json_next(&s->out);
	view_json_hop(&s->out, v);
	put_head_json(s, v->number, true);
	put_head_json(s, v->number, false);
	text_byte(&s->out, '}');
	return true;
}

static bool on_hop(void *owner, const struct hop_view *v)
{
	struct showing *s = owner;
	struct head_view *sent = read_head(s, v->number, true);

	s->answered = read_head(s, v->number, false);
	show_hop(&s->out, v, s->started_us, s->style);
	show_head(&s->out, "request as sent", sent, s->asked, s->style);
	put_body(s, &v->request_body, sent, v->request_body_bytes, true);
	show_head(&s->out, "response as received", s->answered, NULL, s->style);
	put_body(s, &v->response_body, s->answered, v->response_body_bytes, false);
	return true;
}

/* The line of a hop in the time line. */
static bool on_link(void *owner, const struct hop_view *v)
{
	struct showing *s = owner;

	show_link(&s->out, v, s->started_us, s->style);
	return true;
}

static bool visit_hops(struct showing *s, hop_visit *visit)
{
	struct arena *a = arena_new(ARENA_BYTES);
	bool ok = reader_hops(s->reader, s->id, a, visit, s);

	arena_free(a);
	return ok;
}

static bool on_child(void *owner, uint64_t id)
{
	struct showing *s = owner;

	if (s->children_n == s->children_cap) {
		s->children_cap = s->children_cap ? 2 * s->children_cap : 16;
		s->children = mem_realloc(s->children, s->children_cap * sizeof(*s->children));
	}
	s->children[s->children_n++] = id;
	return true;
}

/* For machines, all of it. */
static void put_json(struct showing *s, const struct flow_view *v, const struct show_around *around)
{
	view_json_flow(&s->out, v);
	view_json_drops(&s->out, "response_dropped", &around->left_out);
	json_key(&s->out, "children");
	text_byte(&s->out, '[');
	for (size_t i = 0; i < around->children_n; i++) {
		json_next(&s->out);
		text_i64(&s->out, (int64_t)around->children[i]);
	}
	text_byte(&s->out, ']');
}

static void put_flow(struct showing *s, const struct flow_view *v, const struct show_around *around)
{
	if (s->is_json) {
		put_json(s, v, around);
		return;
	}
	show_flow(&s->out, v, around, s->style);
	if (v->hops > 1) {
		show_chain_title(&s->out, s->style);
		s->has_failed |= !visit_hops(s, on_link);
	}
}

static bool on_flow(void *owner, const struct flow_view *v)
{
	struct showing *s = owner;
	struct show_around around = {.children = NULL};
	struct arena *a = arena_new(ARENA_BYTES);

	s->is_found = true;
	s->started_us = v->started_us;
	s->has_failed |= !reader_drops(s->reader, s->id, 0, a, &around.left_out);
	s->has_failed |= v->is_tunnel && !reader_children(s->reader, s->id, on_child, s);
	around.children = s->children;
	around.children_n = s->children_n;
	put_flow(s, v, &around);
	arena_free(a);
	s->delivered_bytes = v->response_body_bytes;
	s->made_here = remember(s, &v->response_body);
	return true;
}

static bool collect_json(struct showing *s)
{
	put_head_json(s, 0, true);
	put_head_json(s, 0, false);
	json_key(&s->out, "chain");
	text_byte(&s->out, '[');
	if (!visit_hops(s, on_hop_json))
		return false;
	text_put(&s->out, STR("]}\n"));
	return !s->has_failed;
}

static bool collect_text(struct showing *s)
{
	struct head_view *delivered;

	s->asked = read_head(s, 0, true);
	show_head(&s->out, "request from the client", s->asked, NULL, s->style);
	if (!visit_hops(s, on_hop))
		return false;
	delivered = read_head(s, 0, false);
	show_head(&s->out, "response to the client", delivered, s->made_here.id < 0 ? s->answered : NULL, s->style);
	put_body(s, &s->made_here, delivered, s->delivered_bytes, false);
	return !s->has_failed;
}

/* Reads and writes the whole flow, of one state of the database; false on an error. */
static bool collect(struct showing *s)
{
	if (!reader_flow(s->reader, s->id, on_flow, s))
		return false;
	if (!s->is_found)
		return true;
	return s->is_json ? collect_json(s) : collect_text(s);
}

static bool on_body_flow(void *owner, const struct flow_view *v)
{
	struct showing *s = owner;

	s->is_found = true;
	s->body = (struct kept_body){.id = -1};
	s->hops = v->hops;
	if (s->wants_response_body && s->hop == 0)
		s->body = remember(s, &v->response_body);
	return true;
}

/* The first request's, the last response's; a response that was made here comes before all. */
static bool on_body_hop(void *owner, const struct hop_view *v)
{
	struct showing *s = owner;
	const struct kept_body *b = s->wants_request_body ? &v->request_body : &v->response_body;
	bool is_it = s->hop != 0 ? (uint64_t)v->number == s->hop : b->id >= 0 && (s->wants_response_body || s->body.id < 0);

	if (!is_it)
		return true;
	s->body = remember(s, b);
	s->body_hop = v->number;
	return true;
}

/* One body to stdout. Returns an exit status. */
static int show_one_body(struct showing *s)
{
	if (!reader_flow(s->reader, s->id, on_body_flow, s) || (s->body.id < 0 && !visit_hops(s, on_body_hop))) {
		cli_complain("show", "%s", reader_error(s->reader));
		return EXIT_FAILED;
	}
	if (!s->is_found)
		return EXIT_OK;
	if (s->hop != 0 && s->body_hop == 0) {
		cli_complain("show", "the flow has %" PRId64 " %s", s->hops, s->hops == 1 ? "hop" : "hops");
		return EXIT_FAILED;
	}
	return show_body_whole(s->reader, &s->body, read_head(s, s->body_hop, s->wants_request_body), s->is_raw);
}

/* There is no such flow. */
static void complain_absent(const struct showing *s, const char *folder)
{
	if (s->wants_last)
		cli_complain("show", "there is no flow in %s yet", folder);
	else
		cli_complain("show", "there is no flow %" PRIu64 " in %s", s->id, folder);
}

static int show(const char *folder, struct showing *s)
{
	char why[WHY_BYTES];
	int status = EXIT_OK;
	bool is_absent, ok;

	if (s->wants_last)
		cli_settle(folder);
	s->reader = reader_open(folder, &is_absent, why, sizeof(why));
	if (!s->reader) {
		cli_complain("show", "%s", why);
		return EXIT_FAILED;
	}
	ok = reader_begin(s->reader) && (!s->wants_last || reader_newest_id(s->reader, &s->id));
	if (ok && (s->wants_request_body || s->wants_response_body))
		status = show_one_body(s);
	else if (ok)
		ok = collect(s);
	reader_end(s->reader);
	if (!ok)
		cli_complain("show", "%s", reader_error(s->reader));
	else if (!s->is_found)
		complain_absent(s, folder);
	else
		ok = cli_print(&s->out);
	reader_close(s->reader);
	return ok && s->is_found ? status : EXIT_FAILED;
}

int cli_show(int argc, char **argv)
{
	struct showing s = {.style = {cli_has_colour()}, .kept = arena_new(ARENA_BYTES)};
	char *folder;
	int status;

	if (!parse(argc, argv, &s)) {
		status = EXIT_USAGE;
	} else if (s.wants_help) {
		fputs(usage, stdout);
		status = EXIT_OK;
	} else {
		folder = cli_folder("show", s.data, s.config);
		status = folder ? show(folder, &s) : EXIT_USAGE;
		mem_free(folder);
	}
	mem_free(s.children);
	text_fini(&s.out);
	arena_free(s.kept);
	return status;
}
