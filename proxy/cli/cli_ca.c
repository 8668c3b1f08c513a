/* viaduct ca: where the CA is, what it is, and who trusts it. Not for: how it is made (pki/), how programs come to trust it (trust.h). */
#include "cli/cli.h"

#include "base/mem.h"
#include "cli/cli_ca.h"
#include "cli/cli_options.h"
#include "config/settings.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WHY_BYTES = 1024 };

static const char usage[] =
	"usage: viaduct ca path|show|bundle|install|uninstall|renew [options]\n"
	"\n"
	"The CA signs the certificates that clients get inside tunnels which viaduct opens (option intercept).\n"
	"It is made on first need, for this user alone. Whoever is to be looked into has to trust it.\n"
	"\n"
	"  path       print the path of its certificate (PEM); make the CA if there is none\n"
	"  show       what it is: subject, fingerprint, dates, files\n"
	"  bundle     print the path of one file with the system's roots and ours, for programs that are told\n"
	"             their roots by a variable, as most of these take the place of the system's:\n"
	"               SSL_CERT_FILE=$(viaduct ca bundle) COMMAND     (OpenSSL, Ruby, Go, PHP)\n"
	"               REQUESTS_CA_BUNDLE  CURL_CA_BUNDLE  GIT_SSL_CAINFO  PIP_CERT  AWS_CA_BUNDLE\n"
	"             Node takes ours alone: NODE_EXTRA_CA_CERTS=$(viaduct ca path) COMMAND\n"
	"  install    make the system's store and the browsers of this user trust it; what is root's to do is\n"
	"             printed with sudo, for you to run\n"
	"  uninstall  take away all that install has put there, of renewed and lost CAs too; where the system has p11-kit\n"
	"             alone, a given CA (ca.cert) only as long as the option names it\n"
	"  renew      a new key and certificate; the old ones are kept beside, and have to be trusted no longer\n"
	"\n"
	"  -c, --config FILE       read options from there\n"
	"      --data DIR          the data folder; the CA is in its ca/\n"
	"      --set OPTION=VALUE  as serve takes it\n"
	"      --json              show: as one JSON object\n"
	"      --system            install, uninstall: the system's store only\n"
	"      --nss               install, uninstall: the databases of Chromium and Firefox only\n"
	"      --dry-run           install, uninstall, renew: print what would be done, and do nothing\n";

enum { FLAG_JSON = 'j', FLAG_SYSTEM = 'y', FLAG_NSS = 'n', FLAG_DRY = 'd' };

static const struct cli_flag flags[] = {
	{'c', "--config", true},
	{'c', "-c", true},
	{'D', "--data", true},
	{'s', "--set", true},
	{FLAG_JSON, "--json", false},
	{FLAG_SYSTEM, "--system", false},
	{FLAG_NSS, "--nss", false},
	{FLAG_DRY, "--dry-run", false},
	{'h', "--help", false},
	{'h', "-h", false},
};

struct ca_action {
	const char *name;
	int (*run)(const struct ca_order *o);
	const char *flags; /* of those that not every action takes */
};

static void add_set(struct ca_order *o, const char *option, const char *value)
{
	struct text t = {NULL, 0, 0};

	text_printf(&t, "%s%s", option, value);
	text_byte(&t, '\0');
	o->set = mem_realloc(o->set, (o->set_n + 1) * sizeof(*o->set));
	o->set[o->set_n++] = t.p;
}

struct ca *ca_get(const struct ca_order *o, bool makes)
{
	char warning[WHY_BYTES] = "", why[WHY_BYTES] = "";
	struct ca *ca = makes ? ca_files_need(&o->place, warning, why, sizeof(why))
			      : ca_files_load(&o->place, warning, why, sizeof(why));

	if (warning[0] != '\0')
		cli_complain("ca", "%s", warning);
	if (ca == NULL)
		cli_complain("ca", "%s", why);
	return ca;
}

/* Prints a path as a line. */
static int print_path(const char *path)
{
	struct text t = {NULL, 0, 0};
	bool is_ok;

	text_printf(&t, "%s\n", path);
	is_ok = cli_print(&t);
	text_fini(&t);
	return is_ok ? EXIT_OK : EXIT_FAILED;
}

static int path_run(const struct ca_order *o)
{
	struct ca *ca = ca_get(o, true);
	char *path;
	int status;

	if (ca == NULL)
		return EXIT_FAILED;
	ca_unref(ca);
	path = ca_files_pem_path(&o->place);
	status = print_path(path);
	mem_free(path);
	return status;
}

static int show_run(const struct ca_order *o)
{
	struct ca_shown s = {.place = &o->place};
	char remark[WHY_BYTES] = "", *path;
	struct text t = {NULL, 0, 0};
	struct ca *ca;
	bool is_ok;

	if (!ca_files_exist(&o->place)) {
		cli_complain("ca", "there is no CA in %s yet; viaduct ca path makes it, or the first tunnel that is opened",
			o->place.folder);
		return EXIT_FAILED;
	}
	ca = ca_get(o, false);
	if (ca == NULL)
		return EXIT_FAILED;
	path = ca_files_pem_path(&o->place);
	ca_files_remark(ca, time(NULL), remark, sizeof(remark));
	s.ca = ca;
	s.pem_path = path;
	s.remark = remark;
	(o->is_json ? ca_show_json : ca_show_text)(&t, &s);
	is_ok = cli_print(&t);
	text_fini(&t);
	mem_free(path);
	ca_unref(ca);
	return is_ok ? EXIT_OK : EXIT_FAILED;
}

static int bundle_run(const struct ca_order *o)
{
	struct ca *ca = ca_get(o, true);
	char why[WHY_BYTES] = "", *path;
	int status;

	if (ca == NULL)
		return EXIT_FAILED;
	path = ca_files_bundle(&o->place, ca, why, sizeof(why));
	ca_unref(ca);
	if (path == NULL) {
		cli_complain("ca", "%s", why);
		return EXIT_FAILED;
	}
	status = print_path(path);
	mem_free(path);
	if (isatty(STDOUT_FILENO))
		fputs("The system's roots and ours, as in: SSL_CERT_FILE=$(viaduct ca bundle) COMMAND (see viaduct ca --help)\n",
			stderr);
	return status;
}

/* What is to be done after a renewal. */
static void say_next(const struct ca_order *o)
{
	struct text t = {NULL, 0, 0};

	text_printf(&t, "%s/bundle.pem", o->place.folder);
	text_byte(&t, '\0');
	fputs("Next: viaduct ca uninstall; viaduct ca install; and kill -HUP PID for a proxy that runs, to take the new CA.\n",
		stderr);
	if (access(t.p, F_OK) == 0)
		fprintf(stderr, "%s has the new CA already; programs that run have read the old one.\n", t.p);
	text_fini(&t);
}

static int renew_run(const struct ca_order *o)
{
	char why[WHY_BYTES] = "";
	struct ca *ca;

	if (o->is_dry) {
		if (o->place.cert[0] != '\0')
			cli_complain("ca", "the CA is given by ca.cert and ca.key: who made it renews it");
		else
			printf("# a new key and certificate would be made in %s, and the old ones kept beside\n",
				o->place.folder);
		return o->place.cert[0] != '\0' ? EXIT_FAILED : EXIT_OK;
	}
	ca = ca_files_renew(&o->place, why, sizeof(why));
	if (ca == NULL) {
		cli_complain("ca", "%s", why);
		return EXIT_FAILED;
	}
	printf("%s\n%s\n", ca_subject(ca), ca_fingerprint(ca));
	say_next(o);
	ca_unref(ca);
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}

static const struct ca_action actions[] = {
	{"path", path_run, ""},
	{"show", show_run, "j"},
	{"bundle", bundle_run, ""},
	{"install", ca_install_run, "ynd"},
	{"uninstall", ca_uninstall_run, "ynd"},
	{"renew", renew_run, "d"},
};

/* NULL after saying that there is none of that name. */
static const struct ca_action *action_of(const char *name)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(name, actions[i].name) == 0)
			return &actions[i];
	}
	cli_complain("ca", "%s: there are path, show, bundle, install, uninstall and renew (see viaduct ca --help)", name);
	return NULL;
}

static void take(struct ca_order *o, int id, const char *value)
{
	if (id == 'c')
		o->config = value;
	else if (id == 'D')
		add_set(o, "data=", value);
	else if (id == 's')
		add_set(o, "", value);
	o->wants_help |= id == 'h';
	o->is_json |= id == FLAG_JSON;
	o->wants_system |= id == FLAG_SYSTEM;
	o->wants_nss |= id == FLAG_NSS;
	o->is_dry |= id == FLAG_DRY;
}

/* Whether the flags that were given mean something to the action. */
static bool flags_check(const struct ca_order *o)
{
	const struct {
		bool is_given;
		char id;
		const char *name;
	} some[] = {
		{o->is_json, FLAG_JSON, "--json"},
		{o->wants_system, FLAG_SYSTEM, "--system"},
		{o->wants_nss, FLAG_NSS, "--nss"},
		{o->is_dry, FLAG_DRY, "--dry-run"},
	};

	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		if (some[i].is_given && strchr(o->action->flags, some[i].id) == NULL) {
			cli_complain("ca", "%s means nothing to %s (see viaduct ca --help)", some[i].name, o->action->name);
			return false;
		}
	}
	return true;
}

/* False after saying what is wrong. */
static bool parse(int argc, char **argv, struct ca_order *o)
{
	struct cli_args args = {"ca", argc, argv, flags, sizeof(flags) / sizeof(flags[0])};
	const char *value = NULL;
	int id;

	while ((id = cli_next(&args, &value)) != CLI_END) {
		if (id == CLI_BAD)
			return false;
		if (id == CLI_WORD && o->action != NULL) {
			cli_complain("ca", "%s: no further argument is expected here", value);
			return false;
		}
		if (id == CLI_WORD) {
			o->action = action_of(value);
			if (o->action == NULL)
				return false;
		} else {
			take(o, id, value);
		}
	}
	if (o->action == NULL && !o->wants_help)
		cli_complain("ca", "say what: path, show, bundle, install, uninstall or renew (see viaduct ca --help)");
	return o->wants_help || (o->action != NULL && flags_check(o));
}

/* Reads the configuration; false after saying what is wrong with it. */
static bool configure(struct ca_order *o)
{
	struct settings_source source = {
		.file = o->config,
		.environ = (const char *const *)environ,
		.set = (const char *const *)o->set,
		.set_n = o->set_n,
	};
	struct text folder = {NULL, 0, 0};
	char why[WHY_BYTES];
	const struct settings *s = o->settings = settings_load(&source, why, sizeof(why));

	if (s == NULL) {
		cli_complain("ca", "%s", why);
		return false;
	}
	text_printf(&folder, "%s/ca", s->data);
	text_byte(&folder, '\0');
	o->folder = folder.p;
	o->place = (struct ca_place){
		.folder = o->folder,
		.cert = s->ca_cert,
		.key = s->ca_key,
		.name_constraints = (const char *const *)s->ca_name_constraints.v,
		.name_constraints_n = s->ca_name_constraints.n,
	};
	return true;
}

int cli_ca(int argc, char **argv)
{
	struct ca_order o = {0};
	int status = EXIT_USAGE;

	if (parse(argc, argv, &o)) {
		if (o.wants_help) {
			fputs(usage, stdout);
			status = EXIT_OK;
		} else if (configure(&o)) {
			status = o.action->run(&o);
		}
	}
	for (size_t i = 0; i < o.set_n; i++)
		mem_free(o.set[i]);
	mem_free(o.set);
	mem_free(o.folder);
	settings_unref(o.settings);
	return status;
}
