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
	"usage: viaduct show ID|last [--json] [--data DIR] [-c FILE]\n"
	"\n"
	"Shows one flow: what was asked, each hop with its times and what was decided after it, and all heads.\n"
	"ID is the number that viaduct flows shows; last: the newest flow.\n"
	"\n"
	"      --json       as one JSON object; its members are described in proxy/store/SCHEMA.md\n"
	"      --data DIR   folder of the flow database\n"
	"  -c, --config FILE  the configuration that names the folder, without --data\n";

static const struct cli_flag flags[] = {
	{'j', "--json", false},
	{'d', "--data", true},
	{'c', "--config", true},
	{'c', "-c", true},
	{'h', "--help", false},
	{'h', "-h", false},
};

struct showing {
	const char *data, *config, *id_text;
	bool wants_help, wants_last, is_json, is_found;
	uint64_t id;
	struct show_style style;
	int64_t started_us;
	struct reader *reader;
	struct text out;
	uint64_t *children;
	size_t children_n, children_cap;
	bool has_failed; /* a part could not be read */
};

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
		if (id == CLI_WORD)
			ret->id_text = value;
		ret->is_json |= id == 'j';
		ret->wants_help |= id == 'h';
		if (id == 'd')
			ret->data = value;
		if (id == 'c')
			ret->config = value;
	}
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

/* One head, from the database to the output. */
static void put_head(struct showing *s, int64_t hop, bool is_request, const char *title)
{
	struct arena *a = arena_new(ARENA_BYTES);
	struct head_view *head = NULL;

	if (!reader_head(s->reader, s->id, hop, is_request, a, &head))
		s->has_failed = true;
	if (s->is_json) {
		json_key(&s->out, is_request ? "request" : "response");
		view_json_head(&s->out, head);
	} else {
		show_head(&s->out, title, head, s->style);
	}
	arena_free(a);
}

static bool on_hop(void *owner, const struct hop_view *v)
{
	struct showing *s = owner;

	if (s->is_json) {
		json_next(&s->out);
		view_json_hop(&s->out, v);
	} else {
		show_hop(&s->out, v, s->started_us, s->style);
	}
	put_head(s, v->number, true, "request as sent");
	put_head(s, v->number, false, "response as received");
	if (s->is_json)
		text_byte(&s->out, '}');
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
	put_head(s, 0, true, "request from the client");
	return true;
}

/* Reads and writes the whole flow, of one state of the database; false on an error. */
static bool collect(struct showing *s)
{
	if (s->wants_last && !reader_newest_id(s->reader, &s->id))
		return false;
	if (!reader_flow(s->reader, s->id, on_flow, s))
		return false;
	if (!s->is_found)
		return true;
	if (!s->is_json) {
		if (!visit_hops(s, on_hop))
			return false;
		put_head(s, 0, false, "response to the client");
		return !s->has_failed;
	}
	put_head(s, 0, false, NULL);
	json_key(&s->out, "chain");
	text_byte(&s->out, '[');
	if (!visit_hops(s, on_hop))
		return false;
	text_put(&s->out, STR("]}\n"));
	return !s->has_failed;
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
	bool is_absent, ok;

	if (s->wants_last)
		cli_settle(folder);
	s->reader = reader_open(folder, &is_absent, why, sizeof(why));
	if (!s->reader) {
		cli_complain("show", "%s", why);
		return EXIT_FAILED;
	}
	ok = reader_begin(s->reader) && collect(s);
	reader_end(s->reader);
	if (!ok)
		cli_complain("show", "%s", reader_error(s->reader));
	else if (!s->is_found)
		complain_absent(s, folder);
	else
		ok = cli_print(&s->out);
	reader_close(s->reader);
	return ok && s->is_found ? EXIT_OK : EXIT_FAILED;
}

int cli_show(int argc, char **argv)
{
	struct showing s = {.style = {cli_has_colour()}};
	char *folder;
	int status;

	if (!parse(argc, argv, &s))
		return EXIT_USAGE;
	if (s.wants_help) {
		fputs(usage, stdout);
		return EXIT_OK;
	}
	folder = cli_folder("show", s.data, s.config);
	if (!folder)
		return EXIT_USAGE;
	status = show(folder, &s);
	mem_free(folder);
	mem_free(s.children);
	text_fini(&s.out);
	return status;
}
