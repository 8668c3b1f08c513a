/* viaduct session: named stretches of capturing. Listing reads the database, so it works without a proxy; beginning one is
 * asked of the proxy that runs. */
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/cli_options.h"
#include "cli/running.h"
#include "cli/table.h"
#include "store/format.h"
#include "store/view_json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { WHY_BYTES = 1024, TIME_WIDTH = 19, ID_WIDTH = 5, FLOWS_WIDTH = 8 };

static const char usage[] =
	"usage: viaduct session [list] [--json] [--data DIR] [-c FILE]\n"
	"       viaduct session start NAME | end [--json] [--data DIR] [-c FILE]\n"
	"\n"
	"Every flow belongs to a session: a named stretch of capturing, so that runs can be told apart. One begins with\n"
	"each start of the proxy, with date and time for a name, or capture.session; an import is one of its own.\n"
	"\n"
	"  list             shows all, oldest first (the default)\n"
	"  start NAME       ends the present one and begins another of that name\n"
	"  end              ends the present one; the next has date and time for a name\n"
	"      --json       list: one object a line; start, end: what the API answers, as it is\n"
	"      --data DIR   data folder\n"
	"  -c, --config FILE  the configuration that names the folder, without --data\n";

static const struct cli_flag flags[] = {
	{'j', "--json", false},
	{'d', "--data", true},
	{'c', "--config", true},
	{'c', "-c", true},
	{'h', "--help", false},
	{'h', "-h", false},
};

struct request {
	const char *data, *config;
	const char *verb, *name;
	bool wants_help, is_json;
};

static bool is_verb(const struct request *r, const char *verb)
{
	return strcmp(r->verb != NULL ? r->verb : "list", verb) == 0;
}

/* The first word is what to do, the second the name. */
static bool take_word(struct request *r, const char *word)
{
	if (r->verb == NULL)
		r->verb = word;
	else if (r->name == NULL)
		r->name = word;
	else
		cli_complain("session", "%s: not expected here; a name with blanks needs quotes", word);
	return r->name == NULL || r->name == word;
}

/* False after saying what is wrong. */
static bool check(const struct request *r)
{
	bool is_start = is_verb(r, "start");

	if (!is_start && !is_verb(r, "list") && !is_verb(r, "end"))
		cli_complain("session", "%s: not expected here; there are list, start and end", r->verb);
	else if (!is_start && r->name != NULL)
		cli_complain("session", "%s: not expected here (see viaduct session --help)", r->name);
	else if (is_start && (r->name == NULL || r->name[0] == '\0'))
		cli_complain("session", "start takes a name");
	else
		return true;
	return false;
}

/* False after saying what is wrong. */
static bool parse(int argc, char **argv, struct request *ret)
{
	struct cli_args args = {"session", argc, argv, flags, sizeof(flags) / sizeof(flags[0])};
	const char *value = NULL;
	int id;

	while ((id = cli_next(&args, &value)) != CLI_END) {
		if (id == CLI_BAD || (id == CLI_WORD && !take_word(ret, value)))
			return false;
		ret->is_json |= id == 'j';
		ret->wants_help |= id == 'h';
		if (id == 'd')
			ret->data = value;
		if (id == 'c')
			ret->config = value;
	}
	return ret->wants_help || check(ret);
}

struct listing {
	struct text out;
	bool is_json, is_live, is_broken;
};

static void put_end(struct text *t, const struct session_view *v, bool is_live)
{
	size_t from = t->len;

	if (v->ended_us >= 0)
		format_time_local(t, v->ended_us, TIME_LONG);
	else
		text_put(t, is_live ? STR("goes on") : STR("was killed"));
	table_pad(t, from, TIME_WIDTH);
}

static void put_session(struct text *t, const struct session_view *v, bool is_live)
{
	size_t from = t->len;

	text_i64(t, v->id);
	table_align_right(t, from, ID_WIDTH);
	text_put(t, STR("  "));
	from = t->len;
	format_time_local(t, v->started_us, TIME_LONG);
	table_pad(t, from, TIME_WIDTH);
	put_end(t, v, is_live);
	from = t->len;
	text_i64(t, v->flows);
	table_align_right(t, from, FLOWS_WIDTH);
	text_put(t, STR("  "));
	text_legible(t, v->name);
	text_put(t, v->is_import ? STR(" (imported)\n") : STR("\n"));
}

static bool on_session(void *owner, const struct session_view *v)
{
	struct listing *l = owner;

	if (l->is_json) {
		view_json_session(&l->out, v);
		text_byte(&l->out, '\n');
	} else {
		put_session(&l->out, v, l->is_live);
	}
	l->is_broken = !cli_print(&l->out);
	return !l->is_broken;
}

static int list(const char *folder, const struct request *request)
{
	struct listing l = {.is_json = request->is_json, .is_live = reader_is_live(folder)};
	char why[WHY_BYTES] = "";
	bool is_absent, ok;
	struct reader *r = reader_open(folder, &is_absent, why, sizeof(why));

	if (r == NULL) {
		cli_complain("session", "%s", why);
		return EXIT_FAILED;
	}
	if (!l.is_json)
		text_put(&l.out, STR("   id  began                ended                   flows  name\n"));
	ok = reader_sessions(r, on_session, &l);
	if (!ok)
		cli_complain("session", "%s", reader_error(r));
	ok = ok && !l.is_broken && cli_print(&l.out);
	reader_close(r);
	text_fini(&l.out);
	return ok ? EXIT_OK : EXIT_FAILED;
}

/* The answer for people; false if it is not what the API says. */
static bool put_answer(struct text *t, const char *body, const void *owner)
{
	json_t *answer = json_loads(body, 0, NULL);
	json_t *id = json_object_get(answer, "id");
	const char *name = json_string_value(json_object_get(answer, "name"));
	bool ok = json_is_integer(id) && name != NULL;

	(void)owner;
	if (ok) {
		text_printf(t, "session %" JSON_INTEGER_FORMAT " has begun: ", json_integer_value(id));
		text_legible(t, str_of(name));
		text_byte(t, '\n');
	}
	json_decref(answer);
	return ok;
}

static int ask(const char *folder, const struct request *r)
{
	struct text target = {NULL, 0, 0};
	struct running_request question = {"session", "POST", NULL, r->is_json, put_answer, NULL};
	int status;

	text_put(&target, STR("/api/v1/sessions"));
	text_put(&target, is_verb(r, "end") ? STR("/end") : STR("?name="));
	if (r->name != NULL)
		running_put_value(&target, r->name);
	text_byte(&target, '\0');
	question.target = target.p;
	status = running_command(folder, &question);
	text_fini(&target);
	return status;
}

int cli_session(int argc, char **argv)
{
	struct request r = {0};
	char *folder;
	int status;

	if (!parse(argc, argv, &r))
		return EXIT_USAGE;
	if (r.wants_help) {
		fputs(usage, stdout);
		return EXIT_OK;
	}
	folder = cli_folder("session", r.data, r.config);
	if (folder == NULL)
		return EXIT_USAGE;
	if (is_verb(&r, "list") && cli_width() > 0)
		cli_settle(folder);
	status = is_verb(&r, "list") ? list(folder, &r) : ask(folder, &r);
	mem_free(folder);
	return status;
}
