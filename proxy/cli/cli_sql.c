/* viaduct sql: a question in SQL to the flow database, beside a proxy that runs or without one. It can read, and nothing
 * else. */
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/cli_options.h"
#include "cli/sql_table.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

enum { WHY_BYTES = 512, FLUSH_BYTES = 16384 };

static const char usage[] =
	"usage: viaduct sql QUERY [--json] [--data DIR] [-c FILE]\n"
	"\n"
	"Asks the flow database, whose tables proxy/store/SCHEMA.md describes. It can only be read.\n"
	"On a terminal the answer is a table; else a row is a line, divided by tabs, without a heading.\n"
	"\n"
	"  viaduct sql 'SELECT host, count(*) FROM exchanges GROUP BY host ORDER BY 2 DESC LIMIT 10'\n"
	"  viaduct sql \"SELECT id, header(response_fields, 'server') FROM exchanges WHERE url REGEXP '[.]js$'\"\n"
	"\n"
	"Functions beside SQLite's: body(id), body_text(id, coding, type, cut), header(fields, name), text REGEXP pattern.\n"
	"\n"
	"      --json         one object a line; bytes that are no text are {\"hex\":...}\n"
	"      --data DIR     folder of the flow database\n"
	"  -c, --config FILE  the configuration that names the folder, without --data\n";

static const struct cli_flag flags[] = {
	{'j', "--json", false},
	{'d', "--data", true},
	{'c', "--config", true},
	{'c', "-c", true},
	{'h', "--help", false},
	{'h', "-h", false},
};

struct question {
	const char *data, *config, *query;
	bool wants_help, is_json;
	struct sql_table *table;
	struct text out;
	sigset_t stop;              /* what ends it; blocked, so that it is seen between two rows and not within one */
	bool is_stopped, is_broken; /* by the user; stdout takes no more */
};

/* False after saying what is wrong. */
static bool parse(int argc, char **argv, struct question *q)
{
	struct cli_args args = {"sql", argc, argv, flags, sizeof(flags) / sizeof(flags[0])};
	const char *value = NULL;
	int id;

	while ((id = cli_next(&args, &value)) != CLI_END) {
		if (id == CLI_WORD && q->query)
			cli_complain("sql", "%s: the query is one argument; put it in quotes", value);
		if (id == CLI_BAD || (id == CLI_WORD && q->query))
			return false;
		if (id == CLI_WORD)
			q->query = value;
		q->is_json |= id == 'j';
		q->wants_help |= id == 'h';
		if (id == 'd')
			q->data = value;
		if (id == 'c')
			q->config = value;
	}
	if (!q->wants_help && !q->query)
		cli_complain("sql", "which query? (see viaduct sql --help)");
	return q->wants_help || q->query;
}

/* Writes what there is if it is much, or all of it. */
static bool flush(struct question *q, size_t least)
{
	if (q->out.len >= least && q->out.len > 0)
		q->is_broken |= !cli_print(&q->out);
	return !q->is_broken && !q->is_stopped;
}

static bool on_columns(void *owner, const char *const *names, size_t n)
{
	struct question *q = owner;

	sql_table_begin(q->table, names, n, &q->out);
	return flush(q, FLUSH_BYTES);
}

static bool on_row(void *owner, const struct sql_value *values, size_t n)
{
	struct question *q = owner;

	(void)n;
	sql_table_row(q->table, values, &q->out);
	return flush(q, FLUSH_BYTES);
}

static bool is_enough(void *owner)
{
	const struct timespec now = {.tv_sec = 0};
	struct question *q = owner;

	q->is_stopped = q->is_stopped || sigtimedwait(&q->stop, NULL, &now) > 0;
	return q->is_stopped;
}

static void block_stop(struct question *q)
{
	sigemptyset(&q->stop);
	sigaddset(&q->stop, SIGINT);
	sigaddset(&q->stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &q->stop, NULL);
}

static bool ask(struct reader *r, struct question *q)
{
	const struct sql_query query = {
		.text = str_of(q->query), .columns = on_columns, .row = on_row, .is_enough = is_enough, .owner = q};
	bool was_ended = false, ok;

	block_stop(q);
	q->table = sql_table_new(q->is_json ? SQL_JSON : cli_width() > 0 ? SQL_TABLE : SQL_TABS, cli_has_colour());
	ok = reader_sql(r, &query, &was_ended);
	sql_table_end(q->table, &q->out);
	if (!q->is_broken)
		(void)flush(q, 0);
	sql_table_free(q->table);
	if (!ok)
		cli_complain("sql", "%s", reader_error(r));
	else if (q->is_stopped)
		cli_complain("sql", "interrupted");
	return ok && !was_ended && !q->is_broken;
}

static int run(struct question *q)
{
	char *folder = cli_folder("sql", q->data, q->config);
	char why[WHY_BYTES];
	bool is_absent, ok;
	struct reader *r;

	if (!folder)
		return EXIT_USAGE;
	/* A script that polls does not need it. */
	if (cli_width() > 0)
		cli_settle(folder);
	r = reader_open(folder, &is_absent, why, sizeof(why));
	mem_free(folder);
	if (!r) {
		cli_complain("sql", "%s", why);
		return EXIT_FAILED;
	}
	ok = ask(r, q);
	reader_close(r);
	return ok ? EXIT_OK : EXIT_FAILED;
}

int cli_sql(int argc, char **argv)
{
	struct question q = {.query = NULL};
	int status;

	if (!parse(argc, argv, &q))
		return EXIT_USAGE;
	if (q.wants_help) {
		fputs(usage, stdout);
		return EXIT_OK;
	}
	status = run(&q);
	text_fini(&q.out);
	return status;
}
