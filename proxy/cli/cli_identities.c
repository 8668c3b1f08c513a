/* viaduct identities: who the origins are by their certificates, and what changed there. Read-only, as viaduct flows is. */
#include "base/clock.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/cli_options.h"
#include "cli/table.h"
#include "store/format.h"
#include "store/origin_text.h"
#include "store/view_json.h"

#include <inttypes.h>
#include <stdio.h>

enum { WHY_BYTES = 512, TIME_WIDTH = 14, DAY_WIDTH = 10, ORIGIN_WIDTH = 30, AGE_MAX = 100000 };

static const char usage[] =
	"usage: viaduct identities [HOST[:PORT]] [--changes] [--since AGE] [--json] [--data DIR] [-c FILE]\n"
	"\n"
	"Lists the certificates that origins have shown, each with its issuer, the one seen last at the end. refused: no\n"
	"connection was made with it yet; not verified: only where a rule let that pass.\n"
	"\n"
	"      --changes    instead, where an origin showed another certificate than just before: what is new is its issuer,\n"
	"                   or the key, or only the certificate; how often, where it goes to and fro\n"
	"      --since AGE  only what was seen, or changed, in the last 90s, 30m, 12h, 7d or 2w\n"
	"      --json       one object a line; its members are described in proxy/store/SCHEMA.md\n"
	"      --data DIR   folder of the flow database\n"
	"  -c, --config FILE  the configuration that names the folder, without --data\n";

static const struct cli_flag flags[] = {
	{'C', "--changes", false},
	{'s', "--since", true},
	{'j', "--json", false},
	{'d', "--data", true},
	{'c', "--config", true},
	{'c', "-c", true},
	{'h', "--help", false},
	{'h', "-h", false},
};

struct listing {
	const char *data, *config;
	const char *place; /* as given; NULL: all */
	struct str host;
	uint16_t port; /* 0: any */
	bool wants_help, wants_changes, is_json, has_colour;
	int64_t since_us;
	struct text host_lower, out;
	size_t n;
	bool is_broken; /* stdout takes no more */
};

/* "12h" in microseconds; false if it is no age. */
static bool parse_age(struct str s, int64_t *ret_us)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
	uint64_t n;

	if (s.len < 2 || !str_to_u64(str_first(s, s.len - 1), AGE_MAX, &n))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (s.p[s.len - 1] != units[i].unit)
			continue;
		*ret_us = (int64_t)n * units[i].seconds * 1000000;
		return true;
	}
	return false;
}

static bool take_since(struct listing *l, const char *value)
{
	int64_t age_us;

	if (!parse_age(str_of(value), &age_us)) {
		cli_complain("identities", "--since %s: not an age (as 90s, 30m, 12h, 7d or 2w)", value);
		return false;
	}
	l->since_us = clock_wall_us() - age_us;
	return true;
}

/* A host, host:port, [IPv6]:port, an IPv6 address by itself, or a URL. */
static bool take_place(struct listing *l, const char *value)
{
	struct str s = str_of(value);
	size_t colon = str_find(s, ':');
	bool is_ipv6 = s.len > 0 && s.p[0] != '[' && colon < s.len && !str_starts(str_from(s, colon), STR("://")) &&
		str_find(str_from(s, colon + 1), ':') < s.len - colon - 1;

	if (l->place) {
		cli_complain("identities", "%s: one host at a time", value);
		return false;
	}
	l->place = value;
	for (size_t i = 0; i < s.len; i++)
		text_byte(&l->host_lower, s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i]);
	s = text_str(&l->host_lower);
	if (is_ipv6)
		l->host = s;
	else
		origin_text_place(s, &l->host, &l->port);
	if (l->host.len == 0)
		cli_complain("identities", "\"%s\" is no host", value);
	return l->host.len > 0;
}

/* False after saying what is wrong. */
static bool parse(int argc, char **argv, struct listing *ret)
{
	struct cli_args args = {"identities", argc, argv, flags, sizeof(flags) / sizeof(flags[0])};
	const char *value = NULL;
	int id;

	while ((id = cli_next(&args, &value)) != CLI_END) {
		if (id == CLI_BAD || (id == CLI_WORD && !take_place(ret, value)) || (id == 's' && !take_since(ret, value)))
			return false;
		ret->wants_changes |= id == 'C';
		ret->is_json |= id == 'j';
		ret->wants_help |= id == 'h';
		if (id == 'd')
			ret->data = value;
		if (id == 'c')
			ret->config = value;
	}
	return true;
}

static void put_time(struct text *t, int64_t us)
{
	size_t from = t->len;

	format_time_local(t, us, TIME_SHORT);
	table_pad(t, from, TIME_WIDTH);
}

static void put_origin(struct text *t, struct str host, int64_t port)
{
	size_t from = t->len;
	bool is_ipv6 = str_find(host, ':') < host.len;

	text_put(t, is_ipv6 ? STR("[") : STR_NONE);
	text_visible(t, host);
	text_printf(t, "%s:%" PRId64, is_ipv6 ? "]" : "", port);
	table_pad(t, from, ORIGIN_WIDTH);
}

/* Nothing of those that verified. */
static void put_trust(struct text *t, const struct identity_view *v, bool has_colour)
{
	enum colour c = has_colour ? COLOUR_YELLOW : COLOUR_NONE;

	if (v->is_verified)
		return;
	format_colour(t, c);
	text_put(t, v->is_accepted ? STR("not verified: ") : STR("refused: "));
	format_colour_end(t, c);
}

static void put_identity(struct text *t, const struct identity_view *v, bool has_colour)
{
	size_t from;

	put_time(t, v->first_us);
	put_time(t, v->last_us);
	from = t->len;
	format_day_utc(t, v->not_after_s);
	table_pad(t, from, DAY_WIDTH);
	from = t->len;
	text_i64(t, v->flows);
	table_align_right(t, from, 7);
	text_put(t, STR("  "));
	put_origin(t, v->host, v->port);
	put_trust(t, v, has_colour);
	text_legible(t, v->issuer.len > 0 ? v->issuer : STR("-"));
	text_byte(t, '\n');
}

/* Prints what was put; true if the reading goes on. */
static bool print(struct listing *l)
{
	l->n++;
	l->is_broken = !cli_print(&l->out);
	return !l->is_broken;
}

static bool on_identity(void *owner, const struct identity_view *v)
{
	struct listing *l = owner;

	if (l->port != 0 && v->port != l->port)
		return true;
	if (l->is_json) {
		view_json_identity(&l->out, v);
		text_byte(&l->out, '\n');
	} else {
		put_identity(&l->out, v, l->has_colour);
	}
	return print(l);
}

static void put_side(struct text *t, const char *label, struct str value)
{
	text_printf(t, "%*s%-8s", TIME_WIDTH + 2, "", label);
	text_legible(t, value.len > 0 ? value : STR("-"));
	text_byte(t, '\n');
}

static void put_change(struct text *t, const struct change_view *v, bool has_colour)
{
	enum colour c = has_colour && str_eq(v->what, STR("issuer")) ? COLOUR_YELLOW : COLOUR_NONE;
	size_t from;

	put_time(t, v->last_us);
	format_colour(t, c);
	from = t->len;
	text_visible(t, v->what);
	table_pad(t, from, sizeof("certificate") - 1);
	format_colour_end(t, c);
	put_origin(t, v->host, v->port);
	text_printf(t, "flow %" PRId64, v->exchange_id);
	if (!v->is_accepted)
		text_put(t, STR(", refused"));
	if (v->times > 1) {
		text_printf(t, ", %" PRId64 " times since ", v->times);
		format_time_local(t, v->at_us, TIME_SHORT);
	}
	text_byte(t, '\n');
	put_side(t, "before", v->before);
	put_side(t, "after", v->after);
}

static bool on_change(void *owner, const struct change_view *v)
{
	struct listing *l = owner;

	if (l->port != 0 && v->port != l->port)
		return true;
	if (l->is_json) {
		view_json_change(&l->out, v);
		text_byte(&l->out, '\n');
	} else {
		put_change(&l->out, v, l->has_colour);
	}
	return print(l);
}

static bool list_changes(struct reader *r, struct listing *l)
{
	if (!reader_identity_changes(r, l->host, l->since_us, on_change, l))
		return false;
	if (l->n == 0 && !l->is_json) {
		text_put(&l->out, STR("no origin that was known has shown another certificate\n"));
		(void)print(l);
	}
	return true;
}

static bool list_all(struct reader *r, struct listing *l)
{
	if (!l->is_json)
		text_put(&l->out,
			STR("first seen      last seen       valid to      flows  origin                          issuer\n"));
	return reader_identities(r, l->host, l->since_us, on_identity, l) && (l->is_broken || cli_print(&l->out));
}

static int list(const char *folder, struct listing *l)
{
	char why[WHY_BYTES];
	bool is_absent, ok;
	struct reader *r = reader_open(folder, &is_absent, why, sizeof(why));

	if (!r) {
		cli_complain("identities", "%s", why);
		return EXIT_FAILED;
	}
	ok = l->wants_changes ? list_changes(r, l) : list_all(r, l);
	if (!ok)
		cli_complain("identities", "%s", reader_error(r));
	reader_close(r);
	return ok && !l->is_broken ? EXIT_OK : EXIT_FAILED;
}

/* Where the database is, and what it says. */
static int run(struct listing *l)
{
	char *folder = cli_folder("identities", l->data, l->config);
	int status;

	if (!folder)
		return EXIT_USAGE;
	if (cli_width() > 0)
		cli_settle(folder);
	status = list(folder, l);
	mem_free(folder);
	return status;
}

int cli_identities(int argc, char **argv)
{
	struct listing l = {.has_colour = cli_has_colour()};
	int status = EXIT_USAGE;

	if (parse(argc, argv, &l)) {
		if (l.wants_help)
			fputs(usage, stdout);
		status = l.wants_help ? EXIT_OK : run(&l);
	}
	text_fini(&l.host_lower);
	text_fini(&l.out);
	return status;
}
