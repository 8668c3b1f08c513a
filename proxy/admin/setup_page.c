/* See setup_page.h. Both forms say the same in the same order. */
#include "admin/setup_page.h"

#include "admin/html.h"
#include "admin/page_style.h"
#include "admin/setup_files.h"
#include "admin/setup_recipes.h"
#include "config/settings.h"

#include <time.h>

static const char meaning[] =
	"Whoever trusts this CA lets this viaduct read, record and change what goes through it over HTTPS, passwords and cookies "
	"included. It was made for this installation alone, unless its owner set another; its key never leaves the machine on which "
	"viaduct runs. Trust it only on machines that are yours, for as long as you need it, and undo it then.";
static const char pinning[] =
	"Programs that pin their server's certificate refuse ours all the same. After the second refusal viaduct passes their "
	"tunnels through unopened for a while: \"viaduct passthrough\" lists them.";

static const char *intercept_words(int64_t intercept)
{
	switch (intercept) {
	case INTERCEPT_ALL:
		return "on: every tunnel is opened, but for those that a rule excepts";
	case INTERCEPT_LIST:
		return "on: the tunnels that a rule lists are opened";
	default:
		return "off: HTTPS is tunnelled unopened, and this CA signs nothing";
	}
}

static const char turn_on[] = "viaduct --set intercept=all";
static const char turn_off[] = "viaduct --set intercept=none";

static void put_time(struct text *t, int64_t s)
{
	char text[sizeof("2006-01-02 15:04 UTC")];
	time_t time = (time_t)s;
	struct tm tm;

	if (gmtime_r(&time, &tm) == NULL || strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &tm) == 0)
		text_put(t, STR("?"));
	else
		text_put(t, str_of(text));
}

static const char given_next[] = "ask who made it for a new one";

static void put_validity(struct text *t, const struct setup_facts *f)
{
	put_time(t, ca_not_before_s(f->ca));
	text_put(t, STR(" to "));
	put_time(t, ca_not_after_s(f->ca));
	if (ca_not_after_s(f->ca) <= f->now_s)
		text_printf(t, " (it has ended: %s)", ca_is_given(f->ca) ? given_next : "viaduct ca renew");
	else if (ca_not_after_s(f->ca) - f->now_s < CA_WARN_DAYS * INT64_C(86400))
		text_printf(t, " (soon: %s, and trust the new one)", ca_is_given(f->ca) ? given_next : "viaduct ca renew");
}

static void put_constraints(struct text *t, const struct setup_facts *f)
{
	struct str names = str_of(ca_constraints(f->ca));

	text_put(t, names.len > 0 ? names : STR("any name"));
}

/* One row about the CA, for both forms; not there if nothing is put. */
struct fact_row {
	const char *name;
	void (*put)(struct text *t, const struct setup_facts *f);
};

static void put_subject(struct text *t, const struct setup_facts *f)
{
	text_put(t, str_of(ca_subject(f->ca)));
}

static void put_fingerprint(struct text *t, const struct setup_facts *f)
{
	text_put(t, str_of(ca_anchor(f->ca)->fingerprint));
}

/* Whom clients have to trust, where that is not the CA itself. */
static void put_anchor(struct text *t, const struct setup_facts *f)
{
	const struct ca_anchor *a = ca_anchor(f->ca);

	if (a->is_root && !a->is_own)
		text_printf(t, "its root, %s, which is what these files hold", a->subject);
	else if (!a->is_root)
		text_printf(t,
			"its issuer, %s, whose certificate is not here: ask who made this CA for it. "
			"Few programs trust what these files hold, which is no root",
			a->issuer);
}

static const struct fact_row ca_rows[] = {
	{"CA", put_subject},
	{"Trust", put_anchor},
	{"SHA-256 fingerprint", put_fingerprint},
	{"Valid", put_validity},
	{"May sign for", put_constraints},
};

static void put_escaped_row(struct text *t, const struct fact_row *row, const struct setup_facts *f)
{
	struct text value = {0};

	row->put(&value, f);
	if (value.len != 0) {
		html_open_row(t, row->name);
		html_code(t, text_str(&value));
		html_close_row(t);
	}
	text_fini(&value);
}

static void put_pre(struct text *t, const char *lines, struct str proxy)
{
	struct text filled = {0};

	recipe_put(&filled, lines, proxy);
	text_put(t, STR("<pre>"));
	html_put(t, text_str(&filled));
	text_put(t, STR("</pre>\n"));
	text_fini(&filled);
}

static void put_paragraph(struct text *t, const char *words, struct str proxy)
{
	struct text filled = {0};

	recipe_put(&filled, words, proxy);
	text_put(t, STR("<p>"));
	html_put(t, text_str(&filled));
	text_put(t, STR("</p>\n"));
	text_fini(&filled);
}

static void put_recipe(struct text *t, const struct recipe *r, struct str proxy)
{
	text_put(t, STR("<h3>"));
	html_put(t, str_of(r->title));
	text_put(t, STR("</h3>\n"));
	if (r->note != NULL)
		put_paragraph(t, r->note, proxy);
	if (r->lines != NULL)
		put_pre(t, r->lines, proxy);
	if (r->undo != NULL) {
		text_put(t, STR("<p>To undo it:</p>"));
		put_pre(t, r->undo, proxy);
	}
}

/* A group folds away, so that a phone shows what there is; the first is open. */
static void put_group(struct text *t, const struct recipe_group *g, bool is_open, struct str proxy)
{
	text_put(t, is_open ? STR("<details open><summary>") : STR("<details><summary>"));
	html_put(t, str_of(g->title));
	text_put(t, STR("</summary>\n"));
	if (g->note != NULL)
		put_paragraph(t, g->note, proxy);
	for (size_t i = 0; i < g->n; i++)
		put_recipe(t, &g->recipes[i], proxy);
	text_put(t, STR("</details>\n"));
}

static void put_downloads(struct text *t)
{
	text_put(t, STR("<ul class=\"files\">\n"));
	for (size_t i = 0; i < setup_files_n; i++) {
		text_printf(t, "<li><a href=\"%s\">%s</a> ", setup_files[i].path, setup_files[i].path + 1);
		html_put(t, str_of(setup_files[i].about));
		text_put(t, STR("</li>\n"));
	}
	text_put(t, STR("</ul>\n"));
}

static void put_state(struct text *t, const struct setup_facts *f)
{
	text_put(t, STR("<table>\n"));
	html_open_row(t, "Opening HTTPS is");
	html_put(t, str_of(intercept_words(f->intercept)));
	html_close_row(t);
	for (size_t i = 0; f->ca != NULL && i < sizeof(ca_rows) / sizeof(ca_rows[0]); i++)
		put_escaped_row(t, &ca_rows[i], f);
	text_put(t, STR("</table>\n"));
}

void setup_page_write_html(struct text *t, const struct setup_facts *f)
{
	const struct recipe_group *groups;
	size_t n;

	groups = recipe_groups(&n);
	text_put(t, STR(PAGE_OPEN("viaduct: trust the CA") "<h1>Trust the CA of this viaduct</h1>\n"));
	put_state(t, f);
	if (f->ca != NULL)
		put_downloads(t);
	else
		text_put(t, STR("<p><b>There is no CA, and none can be made; what viaduct logs says why.</b></p>\n"));
	put_paragraph(t, meaning, f->proxy);
	put_paragraph(t, pinning, f->proxy);
	for (size_t i = 0; i < n; i++)
		put_group(t, &groups[i], i == 0, f->proxy);
	text_put(t, f->intercept == INTERCEPT_NONE ? STR("<h2>Turn it on</h2>\n") : STR("<h2>Turn it off</h2>\n"));
	put_pre(t, f->intercept == INTERCEPT_NONE ? turn_on : turn_off, f->proxy);
	text_put(t, STR("<p>Or the option <code>intercept</code> in the configuration file, and SIGHUP.</p>\n"));
	text_put(t, STR(PAGE_CLOSE));
}

/* Lines, each two columns in. */
static void put_indented(struct text *t, const char *lines, struct str proxy)
{
	struct text filled = {0};
	struct str rest;

	recipe_put(&filled, lines, proxy);
	for (rest = text_str(&filled); rest.len > 0;) {
		size_t n = str_find(rest, '\n');

		text_printf(t, "    %.*s\n", STR_ARG(str_first(rest, n)));
		rest = str_from(rest, n < rest.len ? n + 1 : n);
	}
	text_fini(&filled);
}

/* Words, broken into lines for a terminal of 80 columns. */
static void put_wrapped(struct text *t, const char *words, struct str proxy)
{
	enum { COLUMNS = 80 };
	struct text filled = {0};
	struct str rest;

	recipe_put(&filled, words, proxy);
	for (rest = text_str(&filled); rest.len > 0;) {
		size_t n = rest.len;

		if (n > COLUMNS) {
			for (n = COLUMNS; n > 0 && rest.p[n] != ' ';)
				n--;
			n = n == 0 ? str_find(rest, ' ') : n;
		}
		text_put(t, str_first(rest, n));
		text_byte(t, '\n');
		rest = str_from(rest, n < rest.len ? n + 1 : n);
	}
	text_fini(&filled);
}

static void put_text_recipe(struct text *t, const struct recipe *r, struct str proxy)
{
	text_printf(t, "\n%s\n", r->title);
	if (r->note != NULL)
		put_wrapped(t, r->note, proxy);
	if (r->lines != NULL)
		put_indented(t, r->lines, proxy);
	if (r->undo != NULL) {
		text_put(t, STR("To undo it:\n"));
		put_indented(t, r->undo, proxy);
	}
}

static void put_text_group(struct text *t, const struct recipe_group *g, struct str proxy)
{
	text_put(t, STR("\n== "));
	text_put(t, str_of(g->title));
	text_put(t, STR(" ==\n"));
	if (g->note != NULL)
		put_wrapped(t, g->note, proxy);
	for (size_t i = 0; i < g->n; i++)
		put_text_recipe(t, &g->recipes[i], proxy);
}

static void put_text_row(struct text *t, const struct fact_row *row, const struct setup_facts *f)
{
	struct text value = {0};

	row->put(&value, f);
	if (value.len != 0)
		text_printf(t, "%-20s %.*s\n", row->name, STR_ARG(text_str(&value)));
	text_fini(&value);
}

static void put_text_state(struct text *t, const struct setup_facts *f)
{
	text_printf(t, "%-20s %s\n", "Opening HTTPS is", intercept_words(f->intercept));
	for (size_t i = 0; f->ca != NULL && i < sizeof(ca_rows) / sizeof(ca_rows[0]); i++)
		put_text_row(t, &ca_rows[i], f);
	if (f->ca == NULL)
		text_put(t, STR("There is no CA, and none can be made; what viaduct logs says why.\n"));
	for (size_t i = 0; f->ca != NULL && i < setup_files_n; i++)
		text_printf(t, "http://viaduct.proxy%-18s %s\n", setup_files[i].path, setup_files[i].about);
}

void setup_page_write_text(struct text *t, const struct setup_facts *f)
{
	const struct recipe_group *groups;
	size_t n;

	groups = recipe_groups(&n);
	text_put(t, STR("Trust the CA of this viaduct\n\n"));
	put_text_state(t, f);
	text_byte(t, '\n');
	put_wrapped(t, meaning, f->proxy);
	text_byte(t, '\n');
	put_wrapped(t, pinning, f->proxy);
	for (size_t i = 0; i < n; i++)
		put_text_group(t, &groups[i], f->proxy);
	text_put(t, f->intercept == INTERCEPT_NONE ? STR("\n== Turn it on ==\n") : STR("\n== Turn it off ==\n"));
	put_indented(t, f->intercept == INTERCEPT_NONE ? turn_on : turn_off, f->proxy);
	text_put(t, STR("Or the option intercept in the configuration file, and SIGHUP.\n"));
}
