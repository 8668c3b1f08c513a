/* See trust.h and trust_part.h. */
#include "cli/trust_part.h"

#include "cli/cli_options.h"
#include "cli/tool.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WHY_BYTES = 512, ID_DIGITS = TRUST_ID_BYTES - 1 };

void trust_id(const char *fingerprint, char ret[TRUST_ID_BYTES])
{
	size_t n = 0;

	for (; *fingerprint != '\0' && n < ID_DIGITS; fingerprint++) {
		if (*fingerprint != ':')
			ret[n++] = (char)tolower((unsigned char)*fingerprint);
	}
	ret[n] = '\0';
}

bool trust_name_is_ours(struct str name, const char *before, const char *after)
{
	struct str head = str_of(before), tail = str_of(after);

	if (name.len != head.len + ID_DIGITS + tail.len || !str_starts(name, head))
		return false;
	for (size_t i = 0; i < ID_DIGITS; i++) {
		if (strchr("0123456789abcdef", name.p[head.len + i]) == NULL)
			return false;
	}
	return str_eq(str_from(name, head.len + ID_DIGITS), tail);
}

void trust_title(const char *format, ...)
{
	struct text t = {NULL, 0, 0}, line = {NULL, 0, 0};
	char said[WHY_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
	text_visible(&line, str_of(said));
	text_printf(&t, "# %.*s\n", STR_ARG(text_str(&line)));
	cli_print(&t);
	text_fini(&line);
	text_fini(&t);
}

static void step_failed(const char *const *words, const char *why)
{
	struct text line = {NULL, 0, 0};

	tool_show(&line, words);
	cli_complain("ca", "%.*s: %s", STR_ARG(text_str(&line)), why);
	text_fini(&line);
}

void trust_step(struct trust_job *j, const char *const *words)
{
	bool is_ours = !j->is_for_root || geteuid() == 0;
	struct text line = {NULL, 0, 0};
	char why[WHY_BYTES];

	if (j->has_failed)
		return;
	if (!is_ours)
		text_put(&line, STR("sudo "));
	tool_show(&line, words);
	text_byte(&line, '\n');
	j->has_failed = !cli_print(&line);
	text_fini(&line);
	if (j->has_failed || j->order->is_dry || !is_ours)
		return;
	if (!tool_run(words, why, sizeof(why))) {
		step_failed(words, why);
		j->has_failed = true;
	}
}

bool trust_ask(const char *const *words, struct text *ret_out)
{
	char why[WHY_BYTES];

	if (tool_read(words, ret_out, why, sizeof(why)))
		return true;
	step_failed(words, why);
	return false;
}

bool trust_job_end(const struct trust_job *j)
{
	if (j->has_failed)
		return false;
	if (!j->is_for_root || geteuid() == 0 || j->order->is_dry)
		return true;
	cli_complain("ca",
		"the system's store is root's: run the lines above that begin with sudo (--nss: only what is yours)");
	return false;
}

bool trust_install(const struct trust_order *o)
{
	bool is_ok = true;

	if (o->wants_system)
		is_ok &= trust_system_install(o);
	if (o->wants_nss)
		is_ok &= trust_nss_install(o);
	return is_ok;
}

bool trust_uninstall(const struct trust_order *o)
{
	bool is_ok = true;

	if (o->wants_system)
		is_ok &= trust_system_uninstall(o);
	if (o->wants_nss)
		is_ok &= trust_nss_uninstall(o);
	return is_ok;
}
