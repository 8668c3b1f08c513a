/* viaduct export: flows for other programs. Not for what a flow looks like in them: store/har/har_write.h, export_jsonl.h,
 * curl_command.h. */
#include "cli/cli_export.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/cli_options.h"
#include "cli/filter_word.h"
#include "config/paths.h"
#include "config/settings.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WHY_BYTES = 1024 };

static const char usage[] =
	"usage: viaduct export har|jsonl|curl [FILTER] [-o FILE] [-n COUNT] [--session NAME] [--hop N] [--with-secrets]\n"
	"                      [--data DIR] [-c FILE]\n"
	"\n"
	"Writes the flows that match FILTER, oldest first, all without one: 'status >= 500 && host == \"api.example.com\"'.\n"
	"\n"
	"  har      HAR 1.2, for browsers and other tools: one entry for each hop\n"
	"  jsonl    one flow a line, with heads, hops and bodies; proxy/store/SCHEMA.md describes the members\n"
	"  curl     curl commands that send the requests again\n"
	"\n"
	"  -o, --output FILE    write there, not to stdout; the file appears when it is whole, and only you can read it\n"
	"  -n COUNT             only the newest so many\n"
	"      --session NAME   only flows of that session\n"
	"      --hop N          curl: the request as it was sent in that hop, not as the client sent it\n"
	"      --with-secrets   as captured; else passwords, tokens and cookies are replaced as capture.redact says\n"
	"      --data DIR       folder of the flow database\n"
	"  -c, --config FILE    the configuration that names the folder and what is secret; without it, what the proxy of that\n"
	"                       folder takes for secret is\n";

static const struct cli_flag flags[] = {
	{'o', "--output", true},
	{'o', "-o", true},
	{'n', "-n", true},
	{'s', "--session", true},
	{'p', "--hop", true},
	{'w', "--with-secrets", false},
	{'d', "--data", true},
	{'c', "--config", true},
	{'c', "-c", true},
	{'h', "--help", false},
	{'h', "-h", false},
};

static const char *const formats[] = {[EXPORT_HAR] = "har", [EXPORT_JSONL] = "jsonl", [EXPORT_CURL] = "curl"};

/* What stands on the command line. */
struct request {
	const char *format, *filter, *session, *path, *data, *config;
	uint64_t count, hop;
	bool has_count, has_hop, with_secrets, wants_help;
};

static bool read_word(struct request *q, const char *word)
{
	if (!q->format)
		q->format = word;
	else if (!q->filter)
		q->filter = word;
	else
		cli_complain("export", "%s: one filter at a time; put it in quotes", word);
	return q->format == word || q->filter == word;
}

static bool read_number(const char *flag, const char *value, bool *ret_has, uint64_t *ret)
{
	*ret_has = str_to_u64(str_of(value), INT32_MAX, ret);
	if (!*ret_has)
		cli_complain("export", "%s %s: not a number", flag, value);
	return *ret_has;
}

static bool read_flag(struct request *q, int id, const char *value)
{
	switch (id) {
	case 'n':
		return read_number("-n", value, &q->has_count, &q->count);
	case 'p':
		return read_number("--hop", value, &q->has_hop, &q->hop);
	case 'o':
		q->path = value;
		return true;
	case 's':
		q->session = value;
		return true;
	case 'd':
		q->data = value;
		return true;
	case 'c':
		q->config = value;
		return true;
	case 'w':
		q->with_secrets = true;
		return true;
	case 'h':
		q->wants_help = true;
		return true;
	default:
		return id == CLI_WORD && read_word(q, value);
	}
}

/* False after saying what is wrong. */
static bool parse(int argc, char **argv, struct request *ret, enum export_format *ret_format)
{
	struct cli_args args = {"export", argc, argv, flags, sizeof(flags) / sizeof(flags[0])};
	const char *value = NULL;
	size_t f = 0;
	int id;

	while ((id = cli_next(&args, &value)) != CLI_END) {
		if (!read_flag(ret, id, value))
			return false;
	}
	if (ret->wants_help)
		return true;
	while (f <= EXPORT_CURL && !(ret->format && strcmp(ret->format, formats[f]) == 0))
		f++;
	if (f > EXPORT_CURL) {
		cli_complain("export", "%s%sto what? har, jsonl or curl (see viaduct export --help)",
			ret->format ? ret->format : "", ret->format ? ": " : "");
		return false;
	}
	if (ret->has_hop && f != EXPORT_CURL) {
		cli_complain("export", "--hop is for curl; %s has all hops", ret->format);
		return false;
	}
	*ret_format = (enum export_format)f;
	return true;
}

/* NULL if none is asked for; *ret_ok false after saying why there is none. */
static struct redactor *make_redactor(const struct request *q, const struct settings *s, const char *folder, bool *ret_ok)
{
	const struct redact_options o = {folder, &s->capture_redact_fields, &s->capture_redact_query, &s->capture_redact_json};
	char why[WHY_BYTES] = "";
	struct redactor *r = NULL;
	bool is_wanted = !q->with_secrets && s->capture_redact != REDACT_OFF;

	if (is_wanted)
		r = redactor_new(&o, why, sizeof(why));
	*ret_ok = r || !is_wanted;
	if (!*ret_ok)
		cli_complain("export", "%s (--with-secrets needs no key)", why);
	return r;
}

static int run_on(const char *folder, const struct request *q, const struct settings *s, struct export *x)
{
	char why[WHY_BYTES];
	bool is_absent, ok;
	int status = EXIT_FAILED;

	cli_settle(folder);
	x->reader = reader_open(folder, &is_absent, why, sizeof(why));
	if (!x->reader) {
		cli_complain("export", "%s", why);
		return EXIT_FAILED;
	}
	x->redactor = make_redactor(q, s, folder, &ok);
	ok = ok && cli_has_session("export", x->reader, q->session);
	if (ok && export_file_open(&x->file, q->path)) {
		ok = export_flows(x);
		ok = export_file_close(&x->file, ok) && ok;
		status = ok ? EXIT_OK : EXIT_FAILED;
		if (ok)
			export_summary(x);
	}
	redactor_unref(x->redactor);
	reader_close(x->reader);
	return status;
}

/* Without a configuration of its own, an export hides what the proxy of that folder hides, which it has noted. Takes the settings over. */
static struct settings *load_note(struct settings *s, const struct request *q, char *ret_why, size_t size)
{
	char *path = paths_redact_note(q->data ? q->data : s->data);
	struct settings_source source = {.file = path, .environ = (const char *const *)environ};

	if (access(path, F_OK) == 0) {
		settings_unref(s);
		s = settings_load(&source, ret_why, size);
	}
	mem_free(path);
	return s;
}

static int run(const struct request *q, enum export_format format)
{
	struct settings_source source = {.file = q->config, .environ = (const char *const *)environ};
	struct export x = {.format = format, .count = q->count, .has_count = q->has_count, .hop = (int64_t)q->hop};
	struct settings *s;
	char why[WHY_BYTES];
	int status = EXIT_USAGE;

	if (!cli_filter("export", q->filter, q->session, &x.filter))
		return EXIT_USAGE;
	s = settings_load(&source, why, sizeof(why));
	if (s && !q->config)
		s = load_note(s, q, why, sizeof(why));
	if (s)
		status = run_on(q->data ? q->data : s->data, q, s, &x);
	else
		cli_complain("export", "%s", why);
	settings_unref(s);
	filter_free(x.filter);
	text_fini(&x.out);
	har_sessions_fini(&x.sessions);
	mem_free(x.ids);
	return status;
}

int cli_export(int argc, char **argv)
{
	struct request q = {.format = NULL};
	enum export_format format = EXPORT_HAR;

	if (!parse(argc, argv, &q, &format))
		return EXIT_USAGE;
	if (q.wants_help) {
		fputs(usage, stdout);
		return EXIT_OK;
	}
	return run(&q, format);
}
