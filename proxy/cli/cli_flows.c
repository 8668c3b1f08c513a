/* viaduct flows: the newest flows as a table or as JSON lines, and those that end from now on. Read-only: what it needs of a
 * running proxy is its database. */
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/cli_options.h"
#include "cli/table.h"
#include "store/format.h"
#include "store/terminal.h"
#include "store/tunnel_text.h"
#include "store/view_json.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

enum { DEFAULT_COUNT = 50, POLL_MS = 200, NARROWEST_URL = 20, WHY_BYTES = 512 };

static const char usage[] = "usage: viaduct flows [--follow] [--json] [-n COUNT] [--data DIR] [-c FILE]\n"
			    "\n"
			    "Lists the newest flows, oldest first; those in flight have ... for a status.\n"
			    "Where another origin answered in the end, the line says which: -> ORIGIN.\n"
			    "A CONNECT whose tunnel was opened says so; what went through it has lines of its own.\n"
			    "\n"
			    "  -n COUNT         how many (50)\n"
			    "  -f, --follow     go on with flows as they end, until interrupted; waits for the database\n"
			    "      --json       one object a line; its members are described in proxy/store/SCHEMA.md\n"
			    "      --data DIR   folder of the flow database\n"
			    "  -c, --config FILE  the configuration that names the folder, without --data\n";

static const struct cli_flag flags[] = {
	{'n', "-n", true},
	{'f', "--follow", false},
	{'f', "-f", false},
	{'j', "--json", false},
	{'d', "--data", true},
	{'c', "--config", true},
	{'c', "-c", true},
	{'h', "--help", false},
	{'h', "-h", false},
};

struct listing {
	const char *data, *config;
	bool wants_help, is_follow, is_json;
	uint64_t count;
	bool has_colour;
	size_t width;   /* of the terminal; 0: none */
	int64_t change; /* the last one that was seen */
	struct text out;
	bool is_broken; /* stdout takes no more */
};

/* False after saying what is wrong. */
static bool parse(int argc, char **argv, struct listing *ret)
{
	struct cli_args args = {"flows", argc, argv, flags, sizeof(flags) / sizeof(flags[0])};
	const char *value = NULL;
	int id;

	while ((id = cli_next(&args, &value)) != CLI_END) {
		if (id == 'n' && !str_to_u64(str_of(value), INT32_MAX, &ret->count)) {
			cli_complain("flows", "-n %s: not a number", value);
			return false;
		}
		if (id == CLI_WORD)
			cli_complain("flows", "%s: no argument is expected here (see viaduct flows --help)", value);
		if (id == CLI_WORD || id == CLI_BAD)
			return false;
		ret->is_follow |= id == 'f';
		ret->is_json |= id == 'j';
		ret->wants_help |= id == 'h';
		if (id == 'd')
			ret->data = value;
		if (id == 'c')
			ret->config = value;
	}
	return true;
}

static void put_number(struct text *t, int64_t n, size_t width)
{
	size_t from = t->len;

	text_i64(t, n);
	table_align_right(t, from, width);
	text_put(t, STR("  "));
}

static void put_status(struct text *t, const struct flow_view *v, bool has_colour)
{
	enum colour c = has_colour && v->status > 0 ? colour_of_status((int)v->status) : COLOUR_NONE;

	format_colour(t, c);
	if (v->status >= 0)
		text_printf(t, "%3" PRId64, v->status);
	else
		text_put(t, flow_view_is_pending(v) ? STR("...") : STR("---"));
	format_colour_end(t, c);
	text_put(t, STR("  "));
}

static void put_size_and_duration(struct text *t, const struct flow_view *v)
{
	size_t from = t->len;

	format_bytes(t, flow_view_bytes(v));
	table_align_right(t, from, 7);
	text_put(t, STR("  "));
	from = t->len;
	if (flow_view_is_pending(v))
		text_put(t, STR("..."));
	else
		format_duration(t, v->duration_us);
	table_align_right(t, from, 7);
	text_put(t, STR("  "));
}

/* What went wrong: the error's name of a failed flow; of a delivered one why a redirect in it was not followed, or a failure
 * not tried again. */
static struct str fault(const struct flow_view *v)
{
	if (v->error.len > 0 && !str_eq(v->error, STR("none")) && !str_eq(v->outcome, STR("cancelled")))
		return v->error;
	return str_eq(v->outcome, STR("delivered")) ? v->detail : v->outcome;
}

static enum error error_of(const struct flow_view *v)
{
	char name[64];

	snprintf(name, sizeof(name), "%.*s", STR_ARG(v->error));
	return error_of_name(name);
}

static void put_remark(struct text *t, const struct text *words, enum colour c)
{
	if (words->len == 0)
		return;
	text_put(t, STR("  "));
	format_colour(t, c);
	text_put(t, text_str(words));
	format_colour_end(t, c);
}

/* What is worth saying behind the URL, each part behind two blanks: where a chain ended, how a tunnel was handled, what went
 * wrong. */
static void put_remarks(struct text *t, const struct flow_view *v, bool has_colour)
{
	enum colour chain = has_colour ? COLOUR_CYAN : COLOUR_NONE;
	bool is_fault = !flow_view_is_pending(v) && v->error.len > 0 && !str_eq(v->error, STR("none"));
	enum error error = is_fault ? error_of(v) : ERR_none;
	enum colour tunnel = has_colour ? tunnel_text_colour(v->tunnel.handling) : COLOUR_NONE;
	enum colour wrong = has_colour && is_fault ? COLOUR_RED : COLOUR_NONE;
	struct text words = {NULL, 0, 0};

	terminal_chain(&words, v->url, v->final_url, v->retries);
	put_remark(t, &words, chain);
	text_clear(&words);
	if (v->is_tunnel && !tunnel_text_is_refusal(error))
		tunnel_text(&words, v->tunnel.handling, v->tunnel.why);
	put_remark(t, &words, tunnel);
	text_clear(&words);
	text_visible(&words, fault(v));
	tunnel_text_refusal(&words, error, v->detail);
	put_remark(t, &words, wrong);
	text_fini(&words);
}

static void put_url(struct text *t, const struct flow_view *v, const struct listing *l, size_t used)
{
	struct text plain = {NULL, 0, 0};
	size_t width;

	put_remarks(&plain, v, false);
	used += plain.len;
	text_fini(&plain);
	width = l->width > used + NARROWEST_URL ? l->width - used : NARROWEST_URL;
	if (v->url.len == 0)
		text_byte(t, '-');
	else if (l->width == 0)
		text_visible(t, v->url);
	else
		terminal_url(t, v->url, width);
}

static void put_row(struct text *t, const struct flow_view *v, const struct listing *l)
{
	size_t start = t->len, from;

	put_number(t, (int64_t)v->id, 7);
	from = t->len;
	format_time_local(t, v->started_us, TIME_SHORT);
	table_pad(t, from, 14);
	from = t->len;
	terminal_url(t, v->method.len > 0 ? v->method : STR("-"), 9);
	table_pad(t, from, 7);
	put_status(t, v, l->has_colour);
	put_size_and_duration(t, v);
	put_number(t, v->hops, 4);
	put_url(t, v, l, t->len - start);
	put_remarks(t, v, l->has_colour);
	text_byte(t, '\n');
}

static bool on_flow(void *owner, const struct flow_view *v)
{
	struct listing *l = owner;

	if (l->is_json) {
		view_json_flow(&l->out, v);
		text_put(&l->out, STR("}\n"));
	} else {
		put_row(&l->out, v, l);
	}
	if (v->change > l->change)
		l->change = v->change;
	l->is_broken = !cli_print(&l->out);
	return !l->is_broken;
}

/* The newest flows, and from which change on to follow: of one state of the database. */
static bool list_newest(struct reader *r, struct listing *l)
{
	bool ok = reader_begin(r);

	if (!l->is_json) {
		text_put(&l->out, STR("     id  time            method   st.     size     time  hops  url\n"));
		l->is_broken = !cli_print(&l->out);
	}
	if (ok && !l->is_broken)
		ok = reader_newest(r, l->count, on_flow, l) && reader_last_change(r, &l->change);
	reader_end(r);
	return ok;
}

/* Waits; false when the user has had enough. */
static bool wait_on(const sigset_t *stop)
{
	const struct timespec t = {.tv_nsec = POLL_MS * 1000000L};

	return sigtimedwait(stop, NULL, &t) < 0;
}

/* What ends the following; blocked, so that it is seen between two rows and not within one. */
static void block_stop(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGTERM);
	sigprocmask(SIG_BLOCK, ret, NULL);
}

/* Opens the database; while following, waits for one that is not there yet. NULL after saying why, or when interrupted. */
static struct reader *open_reader(const char *folder, const struct listing *l, const sigset_t *stop, int *ret_status)
{
	char why[WHY_BYTES];
	bool is_absent;
	struct reader *r;

	while (!(r = reader_open(folder, &is_absent, why, sizeof(why)))) {
		if (!l->is_follow || !is_absent) {
			cli_complain("flows", "%s", why);
			*ret_status = EXIT_FAILED;
			return NULL;
		}
		if (!wait_on(stop)) {
			*ret_status = EXIT_OK;
			return NULL;
		}
	}
	return r;
}

static int list(const char *folder, struct listing *l)
{
	struct reader *r;
	sigset_t stop;
	int status = EXIT_OK;
	bool ok;

	if (l->is_follow)
		block_stop(&stop);
	r = open_reader(folder, l, &stop, &status);
	if (!r)
		return status;
	ok = list_newest(r, l);
	while (ok && l->is_follow && !l->is_broken && wait_on(&stop))
		ok = !reader_has_news(r) || reader_ended_after(r, l->change, on_flow, l);
	if (!ok)
		cli_complain("flows", "%s", reader_error(r));
	reader_close(r);
	return ok && !l->is_broken ? EXIT_OK : EXIT_FAILED;
}

int cli_flows(int argc, char **argv)
{
	struct listing l = {.count = DEFAULT_COUNT, .has_colour = cli_has_colour(), .width = cli_width()};
	char *folder;
	int status;

	if (!parse(argc, argv, &l))
		return EXIT_USAGE;
	if (l.wants_help) {
		fputs(usage, stdout);
		return EXIT_OK;
	}
	folder = cli_folder("flows", l.data, l.config);
	if (!folder)
		return EXIT_USAGE;
	/* A script that polls does not need it. */
	if (l.width > 0)
		cli_settle(folder);
	status = list(folder, &l);
	mem_free(folder);
	text_fini(&l.out);
	return status;
}
