/* viaduct flows: the newest flows that match a filter, as a table or as JSON lines, and those that end from now on.
 * Read-only: what it needs of a running proxy is its database. */
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/cli_options.h"
#include "cli/filter_word.h"
#include "cli/flow_line.h"
#include "store/find/flow_query.h"
#include "store/view_json.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

enum { DEFAULT_COUNT = 50, POLL_MS = 200, WHY_BYTES = 512, FIELDS_WIDTH = 90 };

/* What is looked through of bodies before it is said that there is more: some seconds. */
static const uint64_t search_bytes = UINT64_C(1) << 30;

static const char usage[] =
	"usage: viaduct flows [FILTER] [-n COUNT] [--follow] [--json] [--session NAME] [--data DIR] [-c FILE]\n"
	"\n"
	"Lists the newest flows that match FILTER, oldest first; those in flight have ... for a status.\n"
	"Where another origin answered in the end, the line says which: -> ORIGIN.\n"
	"A CONNECT whose tunnel was opened says so; what went through it has lines of its own.\n"
	"\n"
	"FILTER is one argument, like 'host == \"api.example.com\" && status >= 500', 'res.header[\"Server\"] ~ \"nginx\"'\n"
	"or 'res.body contains \"error\"'. Operators: == != ~ !~ < <= > >= in contains && || ! ( ); in takes a list, like\n"
	"'status in [502, 504]'. Sizes may have k, M, G behind them, durations ms, s, m, h. time is like '\"2026-01-05\"',\n"
	"'\"2026-01-05T10:00:00Z\"' (without Z or +01:00: local time), or -1h: an hour ago. Fields:\n";

static const char usage_options[] =
	"\n"
	"  -n COUNT           how many (50)\n"
	"  -f, --follow       go on with flows as they end, until interrupted; waits for the database\n"
	"      --json         one object a line; its members are described in proxy/store/SCHEMA.md\n"
	"      --session NAME only flows of that session\n"
	"      --data DIR     folder of the flow database\n"
	"  -c, --config FILE  the configuration that names the folder, without --data\n";

static const struct cli_flag flags[] = {
	{'n', "-n", true},
	{'f', "--follow", false},
	{'f', "-f", false},
	{'j', "--json", false},
	{'s', "--session", true},
	{'d', "--data", true},
	{'c', "--config", true},
	{'c', "-c", true},
	{'h', "--help", false},
	{'h', "-h", false},
};

struct id_list {
	uint64_t *v;
	size_t n, cap;
};

struct listing {
	const char *data, *config, *expression, *session;
	bool wants_help, is_follow, is_json;
	uint64_t count;
	struct filter *filter; /* NULL: all */
	struct reader *reader;
	struct id_list found; /* the newest first */
	bool has_colour;
	size_t width;   /* of the terminal; 0: none */
	int64_t change; /* the last one that was seen */
	struct text out;
	bool is_broken; /* stdout takes no more */
};

static bool read_flag(struct listing *l, int id, const char *value)
{
	switch (id) {
	case 'n':
		if (str_to_u64(str_of(value), INT32_MAX, &l->count))
			return true;
		cli_complain("flows", "-n %s: not a number", value);
		return false;
	case 's':
		l->session = value;
		return true;
	case 'd':
		l->data = value;
		return true;
	case 'c':
		l->config = value;
		return true;
	case CLI_WORD:
		if (l->expression)
			cli_complain("flows", "%s: one filter at a time; put it in quotes (see viaduct flows --help)", value);
		else
			l->expression = value;
		return l->expression == value;
	default:
		l->is_follow |= id == 'f';
		l->is_json |= id == 'j';
		l->wants_help |= id == 'h';
		return id != CLI_BAD;
	}
}

/* False after saying what is wrong. */
static bool parse(int argc, char **argv, struct listing *l)
{
	struct cli_args args = {"flows", argc, argv, flags, sizeof(flags) / sizeof(flags[0])};
	const char *value = NULL;
	int id;

	while ((id = cli_next(&args, &value)) != CLI_END) {
		if (!read_flag(l, id, value))
			return false;
	}
	return l->wants_help || cli_filter("flows", l->expression, l->session, &l->filter);
}

/* The names of all fields, in lines of some length. */
static void put_fields(struct text *t)
{
	size_t from = t->len;

	for (int f = 0; f < FILTER_FIELD_COUNT; f++) {
		if (f == FILTER_hop) /* rules only */
			continue;
		text_put(t, t->len == from ? STR("  ") : STR(" "));
		text_put(t, str_of(filter_field_name((enum filter_field)f)));
		if (t->len - from < FIELDS_WIDTH)
			continue;
		text_byte(t, '\n');
		from = t->len;
	}
	text_byte(t, '\n');
}

static void print_usage(void)
{
	struct text t = {NULL, 0, 0};

	text_put(&t, str_of(usage));
	put_fields(&t);
	text_put(&t, str_of(usage_options));
	cli_print(&t);
	text_fini(&t);
}

static bool on_flow(void *owner, const struct flow_view *v)
{
	struct listing *l = owner;

	if (l->is_json) {
		view_json_flow(&l->out, v);
		text_put(&l->out, STR("}\n"));
	} else {
		flow_line(&l->out, v, l->width, l->has_colour);
	}
	l->is_broken = !cli_print(&l->out);
	return !l->is_broken;
}

static bool on_id(void *owner, uint64_t id)
{
	struct id_list *l = owner;

	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->v = mem_realloc(l->v, l->cap * sizeof(*l->v));
	}
	l->v[l->n++] = id;
	return true;
}

/* Flows that may or may not match are not silently left out. */
static void tell_end(const struct flow_query_end *end)
{
	if (end->undecided > 0)
		cli_complain("flows",
			"%" PRIu64 " flows are left out: a pattern takes too many steps on them, or a body is too large",
			end->undecided);
	if (end->is_cut)
		cli_complain("flows", "stopped after %" PRIu64 " MB of bodies; go on with 'id < %" PRIu64 " && ...'",
			search_bytes / 1000000, end->ended_id);
}

/* The flows that were found, the oldest first. */
static bool show_found(struct listing *l)
{
	struct id_list *f = &l->found;

	for (size_t i = 0; i < f->n / 2; i++) {
		uint64_t id = f->v[i];

		f->v[i] = f->v[f->n - 1 - i];
		f->v[f->n - 1 - i] = id;
	}
	return reader_flows(l->reader, f->v, f->n, true, on_flow, l);
}

/* The newest flows that match, and from which change on to follow: of one state of the database. */
static bool list_newest(struct listing *l)
{
	struct flow_query q = {.filter = l->filter, .limit = l->count, .max_body_bytes = search_bytes};
	struct flow_query_end end = {.is_cut = false};
	bool ok = reader_begin(l->reader);

	if (!l->is_json) {
		flow_line_heading(&l->out);
		l->is_broken = !cli_print(&l->out);
	}
	if (ok && l->count > 0 && !l->is_broken)
		ok = reader_select_ids(l->reader, &q, on_id, &l->found, &end) && show_found(l);
	ok = ok && reader_last_change(l->reader, &l->change);
	reader_end(l->reader);
	tell_end(&end);
	return ok;
}

/* The flows that have ended since. */
static bool list_ended(struct listing *l)
{
	struct flow_query q = {.filter = l->filter, .after_change = l->change, .is_oldest_first = true, .is_ended_only = true};
	int64_t change = l->change;
	bool ok;

	if (!reader_has_news(l->reader))
		return true;
	ok = reader_begin(l->reader) && reader_last_change(l->reader, &change) &&
		reader_select(l->reader, &q, on_flow, l, NULL);
	reader_end(l->reader);
	l->change = change;
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
	sigset_t stop;
	int status = EXIT_OK;
	bool ok;

	if (l->is_follow)
		block_stop(&stop);
	l->reader = open_reader(folder, l, &stop, &status);
	if (!l->reader)
		return status;
	/* Following, it may begin later. */
	if (!l->is_follow && !cli_has_session("flows", l->reader, l->session)) {
		reader_close(l->reader);
		return EXIT_FAILED;
	}
	ok = list_newest(l);
	while (ok && l->is_follow && !l->is_broken && wait_on(&stop))
		ok = list_ended(l);
	if (!ok)
		cli_complain("flows", "%s", reader_error(l->reader));
	reader_close(l->reader);
	return ok && !l->is_broken ? EXIT_OK : EXIT_FAILED;
}

/* What was asked for, with the filter read. */
static int run(struct listing *l)
{
	char *folder;
	int status;

	if (l->wants_help) {
		print_usage();
		return EXIT_OK;
	}
	folder = cli_folder("flows", l->data, l->config);
	if (!folder)
		return EXIT_USAGE;
	/* A script that polls does not need it. */
	if (l->width > 0)
		cli_settle(folder);
	status = list(folder, l);
	mem_free(folder);
	return status;
}

int cli_flows(int argc, char **argv)
{
	struct listing l = {.count = DEFAULT_COUNT, .has_colour = cli_has_colour(), .width = cli_width()};
	int status = parse(argc, argv, &l) ? run(&l) : EXIT_USAGE;

	filter_free(l.filter);
	mem_free(l.found.v);
	text_fini(&l.out);
	return status;
}
