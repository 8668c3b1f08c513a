/* viaduct ca show: how a CA is written, for people and as JSON. */
#include "cli/cli_ca.h"

#include "store/format.h"
#include "store/json.h"

#include <string.h>

enum { US_PER_S = 1000000 };

/* The files that viaduct makes beside ca.pem. */
static const struct {
	const char *key, *name, *about;
} made[] = {
	{"der", "ca.cer", "the certificate as DER, for phones and Windows"},
	{"pkcs12", "ca.p12", "the certificate as PKCS#12 without the key, its password empty"},
	{"key", "ca.key", "the private key; keep it to yourself"},
};

static bool is_given(const struct ca_shown *s)
{
	return s->place->cert[0] != '\0';
}

static void label(struct text *t, const char *name)
{
	text_printf(t, "%-13s", name);
}

static void line(struct text *t, const char *name, const char *value)
{
	label(t, name);
	text_visible(t, str_of(value));
	text_byte(t, '\n');
}

static void files_text(struct text *t, const struct ca_shown *s)
{
	line(t, "certificate", s->pem_path);
	if (is_given(s)) {
		line(t, "key", s->place->key);
		return;
	}
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		label(t, "");
		text_visible(t, str_of(s->place->folder));
		text_printf(t, "/%s  (%s)\n", made[i].name, made[i].about);
	}
}

/* Whom clients have to trust, where that is not the CA itself. */
static void anchor_text(struct text *t, const struct ca_anchor *a)
{
	if (a->is_root && a->is_own)
		return;
	if (a->is_root) {
		line(t, "trust", "its root:");
		line(t, "", a->subject);
		line(t, "its SHA-256", a->fingerprint);
		return;
	}
	line(t, "trust", "its issuer, whose certificate is not here; ask who made this CA for it:");
	line(t, "", a->issuer);
}

static void anchor_json(struct text *t, const struct ca_anchor *a)
{
	json_str(t, "anchor_subject", str_of(a->subject));
	json_str(t, "anchor_sha256", str_of(a->fingerprint));
	json_bool(t, "anchor_is_root", a->is_root);
}

void ca_show_text(struct text *t, const struct ca_shown *s)
{
	const char *constraints = ca_constraints(s->ca);

	line(t, "subject", ca_subject(s->ca));
	line(t, "SHA-256", ca_fingerprint(s->ca));
	anchor_text(t, ca_anchor(s->ca));
	label(t, "valid");
	format_time_local(t, ca_not_before_s(s->ca) * US_PER_S, TIME_LONG);
	text_put(t, STR(" until "));
	format_time_local(t, ca_not_after_s(s->ca) * US_PER_S, TIME_LONG);
	text_byte(t, '\n');
	line(t, "may sign", constraints[0] != '\0' ? constraints : "all names");
	files_text(t, s);
	if (s->remark[0] != '\0')
		line(t, "remark", s->remark);
}

static void time_json(struct text *t, const char *key, int64_t at_s)
{
	struct text time = {NULL, 0, 0};

	format_time_utc(&time, at_s * US_PER_S);
	json_str(t, key, text_str(&time));
	text_fini(&time);
}

static void files_json(struct text *t, const struct ca_shown *s)
{
	struct text path = {NULL, 0, 0};

	json_str(t, "pem", str_of(s->pem_path));
	if (is_given(s)) {
		json_str(t, "key", str_of(s->place->key));
		return;
	}
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		text_clear(&path);
		text_printf(&path, "%s/%s", s->place->folder, made[i].name);
		json_str(t, made[i].key, text_str(&path));
	}
	text_fini(&path);
}

void ca_show_json(struct text *t, const struct ca_shown *s)
{
	text_byte(t, '{');
	json_str(t, "subject", str_of(ca_subject(s->ca)));
	json_str(t, "sha256", str_of(ca_fingerprint(s->ca)));
	anchor_json(t, ca_anchor(s->ca));
	time_json(t, "not_before", ca_not_before_s(s->ca));
	time_json(t, "not_after", ca_not_after_s(s->ca));
	json_names(t, "name_constraints", str_of(ca_constraints(s->ca)));
	json_bool(t, "is_given", is_given(s));
	files_json(t, s);
	json_opt(t, "remark", str_of(s->remark));
	text_put(t, STR("}\n"));
}
