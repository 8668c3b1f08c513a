/* viaduct check: is the configuration right, what are all its values, does a proxy answer where it says. */
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/cli_options.h"
#include "cli/live.h"
#include "config/settings.h"
#include "pki/ca_files.h"
#include "store/text.h"

#include <stdio.h>
#include <unistd.h>

enum { WHY_BYTES = 1024, LIVE_LIMIT_MS = 3000 };

static const char usage[] =
	"usage: viaduct check [-c FILE] [--print] [--live] [--listen ADDR:PORT] [--set OPTION=VALUE]...\n"
	"\n"
	"Reads the configuration as serve would and says what is wrong with it: exit 0 if nothing is, else 2.\n"
	"\n"
	"  -c, --config FILE       the file\n"
	"      --print             print all options with their values\n"
	"      --live              exit 0 if a proxy answers at the configured address within 3 s, else 1\n"
	"      --listen ADDR:PORT  that address, where it is not the configured one\n"
	"      --set OPTION=VALUE  as serve takes it\n";

static const struct cli_flag flags[] = {
	{'c', "--config", true},
	{'c', "-c", true},
	{'p', "--print", false},
	{'l', "--live", false},
	{'a', "--listen", true},
	{'s', "--set", true},
	{'h', "--help", false},
	{'h', "-h", false},
};

struct check {
	const char *config;
	bool wants_help, wants_print, wants_live;
	char **set;
	size_t set_n;
};

static void add_set(struct check *c, const char *option, const char *value)
{
	struct text t = {NULL, 0, 0};

	text_put(&t, str_of(option));
	text_put(&t, str_of(value));
	text_byte(&t, '\0');
	c->set = mem_realloc(c->set, (c->set_n + 1) * sizeof(*c->set));
	c->set[c->set_n++] = t.p;
}

static void take(struct check *c, int id, const char *value)
{
	c->wants_print |= id == 'p';
	c->wants_live |= id == 'l';
	c->wants_help |= id == 'h';
	if (id == 'c')
		c->config = value;
	if (id == 'a')
		add_set(c, "listen=", value);
	if (id == 's')
		add_set(c, "", value);
}

/* False after saying what is wrong. */
static bool parse(int argc, char **argv, struct check *ret)
{
	struct cli_args args = {"check", argc, argv, flags, sizeof(flags) / sizeof(flags[0])};
	const char *value = NULL;
	int id;

	while ((id = cli_next(&args, &value)) != CLI_END) {
		if (id == CLI_WORD)
			cli_complain("check", "%s: no argument is expected here; a file is named with -c", value);
		if (id == CLI_WORD || id == CLI_BAD)
			return false;
		take(ret, id, value);
	}
	return true;
}

/* Where the proxy listens, as seen from this machine. */
static bool live_address(const struct settings *s, struct address *ret)
{
	struct address a = s->listen_addresses[0];
	uint16_t port = address_port(&a);

	if (port == 0) {
		cli_complain("check", "listen has port 0: name the port that was taken with --listen");
		return false;
	}
	if (address_is_unspecified(&a) && !address_parse(a.ss.ss_family == AF_INET6 ? STR("::1") : STR("127.0.0.1"), port, &a))
		return false;
	*ret = a;
	return true;
}

static int check_live(const struct settings *s)
{
	struct address a;
	char why[WHY_BYTES];

	if (!live_address(s, &a))
		return EXIT_FAILED;
	if (live_check(&a, LIVE_LIMIT_MS, why, sizeof(why)))
		return EXIT_OK;
	cli_complain("check", "%s", why);
	return EXIT_FAILED;
}

/* As serve would find it at its start; one that is yet to be made is no fault. */
static bool ca_is_fine(const struct settings *s, char why[WHY_BYTES])
{
	struct text folder = {NULL, 0, 0};
	char warning[WHY_BYTES] = "";
	struct ca_place place = {.cert = s->ca_cert, .key = s->ca_key};
	struct ca *ca = NULL;
	bool is_fine = true;

	if (s->intercept == INTERCEPT_NONE)
		return true;
	text_printf(&folder, "%s/ca", s->data);
	text_byte(&folder, '\0');
	place.folder = folder.p;
	if (ca_files_exist(&place)) {
		ca = ca_files_load(&place, warning, why, WHY_BYTES);
		is_fine = ca != NULL;
		ca_unref(ca);
	}
	text_fini(&folder);
	return is_fine;
}

static int check(const struct check *c)
{
	struct settings_source source = {
		.file = c->config,
		.environ = (const char *const *)environ,
		.set = (const char *const *)c->set,
		.set_n = c->set_n,
	};
	char why[WHY_BYTES];
	struct settings *s = settings_load(&source, why, sizeof(why));
	int status = EXIT_OK;

	if (!s) {
		cli_complain("check", "%s", why);
		return EXIT_USAGE;
	}
	if (!c->wants_live && !ca_is_fine(s, why)) {
		cli_complain("check", "%s", why);
		settings_unref(s);
		return EXIT_USAGE;
	}
	if (c->wants_print)
		settings_print(s, stdout, false);
	if (c->wants_live)
		status = check_live(s);
	else if (!c->wants_print)
		printf("%s: ok\n", c->config ? c->config : "configuration");
	settings_unref(s);
	return fflush(stdout) == 0 ? status : EXIT_FAILED;
}

int cli_check(int argc, char **argv)
{
	struct check c = {0};
	int status = EXIT_USAGE;

	if (parse(argc, argv, &c)) {
		if (c.wants_help)
			fputs(usage, stdout);
		status = c.wants_help ? EXIT_OK : check(&c);
	}
	for (size_t i = 0; i < c.set_n; i++)
		mem_free(c.set[i]);
	mem_free(c.set);
	return status;
}
