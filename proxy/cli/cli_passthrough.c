/* viaduct passthrough: the tunnels that the running proxy passes through unopened, since their clients refused its certificate;
 * and having them opened again. */
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/cli_options.h"
#include "cli/running.h"
#include "store/format.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { WHY_BYTES = 1024 };

static const char path[] = "/api/v1/passthrough";

static const char usage[] =
	"usage: viaduct passthrough [list] [--json] [--data DIR] [-c FILE]\n"
	"       viaduct passthrough retry NAME | --all [--json] [--data DIR] [-c FILE]\n"
	"\n"
	"Where interception is on, a client that refuses viaduct's certificate twice for a name (it pins the origin's, or\n"
	"does not trust the CA) has its tunnels to that name passed through unopened for intercept.learned_ttl.\n"
	"\n"
	"  list             shows what has been learnt so (the default)\n"
	"  retry NAME       forgets it for that name: the next tunnel is opened again\n"
	"  retry --all      forgets all of it\n"
	"      --json       what the API answers, as it is\n"
	"      --data DIR   data folder of the proxy that runs\n"
	"  -c, --config FILE  the configuration that names the folder, without --data\n";

static const struct cli_flag flags[] = {
	{'a', "--all", false},
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
	bool wants_help, wants_all, is_json;
};

static bool is_retry(const struct request *r)
{
	return r->verb != NULL && strcmp(r->verb, "retry") == 0;
}

/* The first word is what to do, the second the name. */
static bool take_word(struct request *r, const char *word)
{
	if (r->verb == NULL)
		r->verb = word;
	else if (r->name == NULL)
		r->name = word;
	else
		return false;
	return true;
}

/* False after saying what is wrong. */
static bool check(const struct request *r)
{
	const char *wrong = NULL;

	if (r->verb != NULL && !is_retry(r) && strcmp(r->verb, "list") != 0)
		wrong = r->verb;
	else if (!is_retry(r) && r->name != NULL)
		wrong = r->name;
	if (wrong != NULL)
		cli_complain("passthrough", "%s: not expected here (see viaduct passthrough --help)", wrong);
	else if (!is_retry(r) && r->wants_all)
		cli_complain("passthrough", "--all goes with retry");
	else if (is_retry(r) && r->wants_all == (r->name != NULL && r->name[0] != '\0'))
		cli_complain("passthrough", "retry takes a name or --all");
	else
		return true;
	return false;
}

/* False after saying what is wrong. */
static bool parse(int argc, char **argv, struct request *ret)
{
	struct cli_args args = {"passthrough", argc, argv, flags, sizeof(flags) / sizeof(flags[0])};
	const char *value = NULL;
	int id;

	while ((id = cli_next(&args, &value)) != CLI_END) {
		if (id == CLI_BAD)
			return false;
		if (id == CLI_WORD && !take_word(ret, value)) {
			cli_complain("passthrough", "%s: not expected here (see viaduct passthrough --help)", value);
			return false;
		}
		ret->wants_all |= id == 'a';
		ret->is_json |= id == 'j';
		ret->wants_help |= id == 'h';
		if (id == 'd')
			ret->data = value;
		if (id == 'c')
			ret->config = value;
	}
	return ret->wants_help || check(ret);
}

/* A string of the answer, with what a terminal would obey escaped. */
static void put_string(struct text *t, const json_t *entry, const char *key)
{
	const char *value = json_string_value(json_object_get(entry, key));

	text_visible(t, str_of(value == NULL ? "-" : value));
}

static void pad(struct text *t, size_t from, size_t width)
{
	while (t->len - from < width)
		text_byte(t, ' ');
	text_put(t, STR("  "));
}

static void put_entry(struct text *t, const json_t *entry)
{
	size_t from = t->len;

	put_string(t, entry, "name");
	pad(t, from, 30);
	from = t->len;
	put_string(t, entry, "client");
	pad(t, from, 15);
	from = t->len;
	text_i64(t, json_integer_value(json_object_get(entry, "passed")));
	pad(t, from, 6);
	from = t->len;
	format_duration(t, (int64_t)json_integer_value(json_object_get(entry, "left_s")) * 1000000);
	pad(t, from, 10);
	put_string(t, entry, "why");
	text_printf(t, " (%" JSON_INTEGER_FORMAT " times, ", json_integer_value(json_object_get(entry, "refusals")));
	put_string(t, entry, "ja4");
	text_put(t, STR(")\n"));
}

static void put_list(struct text *t, const json_t *list)
{
	if (json_array_size(list) == 0)
		text_put(t, STR("nothing is passed through: no client has refused the certificate\n"));
	else
		text_put(t, STR("name                            client           passed  open in     why\n"));
	for (size_t i = 0; i < json_array_size(list); i++)
		put_entry(t, json_array_get(list, i));
}

static void put_forgotten(struct text *t, const json_t *answer, const struct request *r)
{
	json_int_t n = json_integer_value(json_object_get(answer, "forgotten"));

	if (n == 0 && r->name != NULL) {
		text_put(t, STR("nothing had been learnt of "));
		text_visible(t, str_of(r->name));
		text_byte(t, '\n');
		return;
	}
	text_printf(t, "forgotten: %" JSON_INTEGER_FORMAT "; the next tunnel is opened again\n", n);
}

/* The answer for people; false if it is not what the API says. */
static bool put_answer(struct text *t, const char *body, const void *owner)
{
	const struct request *r = owner;
	json_t *answer = json_loads(body, 0, NULL);
	bool ok = is_retry(r) ? json_is_object(answer) : json_is_array(answer);

	if (ok && is_retry(r))
		put_forgotten(t, answer, r);
	else if (ok)
		put_list(t, answer);
	json_decref(answer);
	return ok;
}

static int ask(const char *folder, const struct request *r)
{
	struct text target = {NULL, 0, 0};
	struct running_request question = {"passthrough", is_retry(r) ? "DELETE" : "GET", NULL, r->is_json, put_answer, r};
	int status;

	text_put(&target, str_of(path));
	if (r->name != NULL) {
		text_put(&target, STR("?name="));
		running_put_value(&target, r->name);
	}
	text_byte(&target, '\0');
	question.target = target.p;
	status = running_command(folder, &question);
	text_fini(&target);
	return status;
}

int cli_passthrough(int argc, char **argv)
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
	folder = cli_folder("passthrough", r.data, r.config);
	if (folder == NULL)
		return EXIT_USAGE;
	status = ask(folder, &r);
	mem_free(folder);
	return status;
}
