/* Rules printed as YAML that reads back to the same rules. */
#include "config/option_table.h"
#include "config/rule.h"
#include "config/values.h"
#include "net/address_class.h"

#include <stdio.h>

static const char docs[] =
	"# Rules: what holds only for requests that match. They can only be given in this file. Each has an\n"
	"# expression behind when: and at least one action; it may have a name, which the record shows.\n"
	"#\n"
	"# when: host == \"a.example\" && (path ~ \"^/v[12]/\" || req.header[\"Accept\"] contains \"json\")\n"
	"#   fields     id method url scheme host port path query client user hop req.header[\"Name\"]\n"
	"#   operators  == != < <= > >= contains ~ !~ (regular expressions) in [a, b] && || ! ( )\n"
	"# A field alone means that it is there. A client is compared with addresses and networks, like\n"
	"# client in [\"10.0.0.0/8\", \"::1\"]. Hosts, schemes and methods compare without case; contains is\n"
	"# without case always. In a text, \\\" is a quote and \\\\ a backslash; any other backslash stands for\n"
	"# itself. Where an expression begins with ! or holds \": \" or \" #\", YAML wants it in single quotes;\n"
	"# over several lines it may go behind \"when: >\".\n"
	"#\n"
	"# Regular expressions are those that RE2 knows: no look-around, no back-references. All that are\n"
	"# asked for one hop share a budget of some milliseconds. A rule that cannot be decided within it\n"
	"# counts as matching for block: true and intercept: false, as not matching for all else; the log\n"
	"# says so once.\n"
	"#\n"
	"# Rules are asked for each hop: the client's own request, and each redirect and retry, with the URL\n"
	"# that it has then. For each action the first rule that states it and matches counts:\n"
	"#   redirects         auto, follow or pass: for redirects that come from what matches\n"
	"#   redirect_targets  address classes in which a redirect may find what matches, however it began\n"
	"#   block             true: 403 (blocked), and a redirect to it is passed; false: no later rule does\n"
	"#   rate              10/s, 100/m or 1000/h over all workers; beyond it 429 (rate_limited), and a\n"
	"#                     redirect to it is passed\n"
	"#   retry             true or false: retry.enabled for what matches\n"
	"#   intercept         true or false: whether a CONNECT tunnel to what matches is opened, where the\n"
	"#                     option intercept is all or list. Nothing but the CONNECT is known then (no path,\n"
	"#                     no scheme); asked again where the TLS handshake names another host\n"
	"#   verify            false: any certificate of the origin will do; what is wrong with it is recorded\n"
	"#   pins              sha256/BASE64 of a public key or cert-sha256/HEX of a certificate, one of\n"
	"#                     which must be in the origin's chain; the others are backups\n"
	"#   pin_mode          beside pins: enforce (502, pin_mismatch) or warn (it is recorded)\n"
	"#   client_cert       PEM file of the certificate that the origin gets when it asks for one\n"
	"#   client_key        beside client_cert: PEM file of its key, if that is not in the same file\n"
	"#\n"
	"# rules:\n"
	"#   - name: the login page shows its own redirects\n"
	"#     when: host == \"login.example.com\"\n"
	"#     redirects: pass\n"
	"#   - when: host ~ \"\\.internal\\.example$\"\n"
	"#     redirect_targets: [private, loopback]\n"
	"#   - when: host in [\"ads.example.com\", \"track.example.com\"]\n"
	"#     block: true\n"
	"#   - when: host == \"api.example.com\" && method != \"GET\"\n"
	"#     rate: 10/s\n"
	"#   - when: host == \"flaky.example.com\"\n"
	"#     retry: true\n"
	"#   - name: what is between me and my bank stays there\n"
	"#     when: host ~ \"(^|\\.)(bank|broker|tax-office)\\.example$\"\n"
	"#     intercept: false\n"
	"#   - name: updates of systems and programs trust certificates of their own\n"
	"#     when: >\n"
	"#       host ~ \"(^|\\.)(windowsupdate|update\\.microsoft|apple|icloud|mzstatic)\\.com$\"\n"
	"#       || host ~ \"(^|\\.)(mozilla\\.(org|net|com)|gvt1\\.com|play\\.googleapis\\.com|snapcraft\\.io)$\"\n"
	"#     intercept: false\n"
	"#   - name: one client only, where the option intercept is list\n"
	"#     when: client == \"192.168.1.20\" && port == 443\n"
	"#     intercept: true\n"
	"#   - when: host == \"old.internal.example\"\n"
	"#     verify: false\n"
	"#   - when: host == \"api.example.com\"\n"
	"#     pins:\n"
	"#       - sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	"#       - sha256/BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=\n"
	"#     pin_mode: warn\n"
	"#   - when: host == \"partner.example.com\"\n"
	"#     client_cert: client.pem\n"
	"#     client_key: client.key\n";

void rule_docs_print(FILE *to)
{
	fputs(docs, to);
}

static void bool_print(const char *name, bool value, FILE *to)
{
	fprintf(to, "    %s: %s\n", name, value ? "true" : "false");
}

static void targets_print(unsigned targets, FILE *to)
{
	const char *before = "";

	fputs("    redirect_targets: [", to);
	for (unsigned c = 0; c < ADDRESS_CLASS_COUNT; c++) {
		if ((targets & 1U << c) != 0) {
			fprintf(to, "%s%s", before, address_class_name((enum address_class)c));
			before = ", ";
		}
	}
	fputs("]\n", to);
}

static void pins_print(const struct rule *r, FILE *to)
{
	static const char key[] = "    pins:";

	fputs(key, to);
	value_print(&rule_pins_option, &r->pin_items, 6, sizeof(key) - 1, to);
	fputs("    pin_mode:", to);
	value_print(&rule_pin_mode_option, &r->pin_mode, 0, 0, to);
}

static void path_print(const char *name, const char *path, FILE *to)
{
	fprintf(to, "    %s: ", name);
	value_print_text(path, to);
	putc('\n', to);
}

static void credentials_print(const struct rule *r, FILE *to)
{
	path_print("client_cert", r->client_cert, to);
	if (r->client_key != NULL)
		path_print("client_key", r->client_key, to);
}

static bool states(const struct rule *r, enum rule_action action)
{
	return (r->actions & 1U << action) != 0;
}

static void actions_print(const struct rule *r, FILE *to)
{
	char rate[RATE_TEXT_BYTES];

	if (states(r, ACTION_REDIRECTS)) {
		fputs("    redirects:", to);
		value_print(option_row(OPT_redirects_mode), &r->redirects, 0, 0, to);
	}
	if (states(r, ACTION_TARGETS))
		targets_print(r->targets, to);
	if (states(r, ACTION_BLOCK))
		bool_print("block", r->block, to);
	if (states(r, ACTION_RATE))
		fprintf(to, "    rate: %s\n", rate_format(&r->rate, rate));
	if (states(r, ACTION_RETRY))
		bool_print("retry", r->retry, to);
	if (states(r, ACTION_INTERCEPT))
		bool_print("intercept", r->intercept, to);
	if (states(r, ACTION_VERIFY))
		bool_print("verify", r->verify, to);
	if (states(r, ACTION_PINS))
		pins_print(r, to);
	if (states(r, ACTION_CREDENTIALS))
		credentials_print(r, to);
}

static void rule_print(const struct rule *r, FILE *to)
{
	fputs("  - ", to);
	if (r->is_named) {
		fputs("name: ", to);
		value_print_text(r->name, to);
		fputs("\n    ", to);
	}
	fputs("when: ", to);
	value_print_text(filter_text(r->when), to);
	putc('\n', to);
	actions_print(r, to);
}

void rule_set_print(const struct rule_set *set, FILE *to)
{
	fputs(rule_set_count(set) != 0 ? "rules:\n" : "rules: []\n", to);
	for (size_t i = 0; i < rule_set_count(set); i++)
		rule_print(&set->v[i], to);
}
