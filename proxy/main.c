/* viaduct: which sub-command is meant. Each is a function of its own: the server in main_serve.c, the others in cli/. */
#include "cli/cli.h"
#include "http/h1.h"
#include "main_options.h"
#include "main_serve.h"
#include "net/tls.h"
#include "version.h"

#include <stdio.h>
#include <string.h>

static const char help_text[] =
	"viaduct " VIADUCT_VERSION ", an HTTP proxy that shows what programs send and follows redirects for them\n"
	"\n"
	"  viaduct [serve] [options]            run the proxy\n"
	"  viaduct flows [FILTER] [--follow]    list the flows that went through it, or watch them\n"
	"  viaduct show ID [--json]             one flow: its hops, heads, bodies and times\n"
	"  viaduct export har|jsonl|curl [FILTER] [-o FILE]\n"
	"                                       flows for browsers, programs and the shell, secrets replaced\n"
	"  viaduct import FILE.har              flows of a HAR file into the database\n"
	"  viaduct sql QUERY                    ask the database\n"
	"  viaduct session list|start NAME|end  tell runs apart\n"
	"  viaduct identities [--changes]       whose certificates the origins showed, and what changed\n"
	"  viaduct ca path|show|bundle|install|uninstall|renew\n"
	"                                       the CA of opened tunnels: where it is, and who trusts it\n"
	"  viaduct passthrough [retry NAME]     tunnels passed through since their clients refused the certificate\n"
	"  viaduct check [-c FILE] [--print]    check a configuration; print all options with their values\n"
	"  viaduct --version | --help\n"
	"\n"
	"Options of serve:\n"
	"  -c, --config FILE        read options from a YAML file (conf/viaduct.yaml has them all)\n"
	"      --listen ADDR:PORT   listen there instead of 127.0.0.1:8080; may be repeated; port 0 takes a free one\n"
	"      --inspector ADDR:PORT|off\n"
	"      --data DIR           where the flow database and the CA are kept\n"
	"      --redirects auto|follow|pass\n"
	"      --workers N          threads that carry traffic; 0: one per core\n"
	"      --ready-file FILE    write a JSON object there when all listeners are up\n"
	"      --set OPTION=VALUE   set any option of the configuration\n"
	"\n"
	"Every sub-command has a --help of its own. Try it: viaduct, then curl -x http://127.0.0.1:8080 http://example.com/\n";

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{"serve", main_serve},
	{"flows", cli_flows},
	{"show", cli_show},
	{"export", cli_export},
	{"import", cli_import},
	{"sql", cli_sql},
	{"session", cli_session},
	{"identities", cli_identities},
	{"ca", cli_ca},
	{"check", cli_check},
	{"passthrough", cli_passthrough},
};

static int print_version(void)
{
	printf("viaduct %s\n%s\n%s\n", VIADUCT_VERSION, tls_library_version(), h1_parser_version());
	return EXIT_OK;
}

static int unknown_command(const char *name)
{
	fprintf(stderr,
		"viaduct: %s is not a command; there are serve, flows, show, export, import, sql, session, identities, ca, passthrough and check (see viaduct --help)\n",
		name);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const char *first = argc > 1 ? argv[1] : "serve";

	if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0)
		return print_version();
	if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0) {
		fputs(help_text, stdout);
		return EXIT_OK;
	}
	if (argc < 2 || first[0] == '-')
		return main_serve(argc - 1, argv + 1);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(first, commands[i].name) == 0)
			return commands[i].run(argc - 2, argv + 2);
	}
	return unknown_command(first);
}
