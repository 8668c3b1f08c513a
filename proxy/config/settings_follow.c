/* The checks of options about redirects, retries and the addresses that may be reached: lists of names whose meaning the types of
 * options do not know, made into sets. */
#include "config/settings_build.h"

#include "config/class_set.h"
#include "config/printable.h"
#include "config/suggest.h"
#include "http/message.h"

#include <string.h>

enum { REASON_BYTES = 400, STATUS_LEAST = 100, STATUS_MOST = 599 };

static bool check_classes(struct settings_build *b)
{
	struct settings *s = b->s;
	char reason[REASON_BYTES];

	if (!class_set_read(&s->redirects_targets, false, &s->redirects_targets_set, reason, sizeof(reason)))
		return build_fail(b, OPT_redirects_targets, "%s", reason);
	if (!class_set_read(&s->access_deny_targets, true, &s->access_deny_targets_set, reason, sizeof(reason)))
		return build_fail(b, OPT_access_deny_targets, "%s", reason);
	return true;
}

static bool check_sensitive_fields(struct settings_build *b)
{
	const struct text_list *list = &b->s->redirects_sensitive_fields;
	char shown[PRINTABLE_BYTES];

	for (size_t i = 0; i < list->n; i++) {
		if (str_ieq(str_of(list->v[i]), STR("Cookie")))
			return build_fail(b, OPT_redirects_sensitive_fields,
				"Cookie has rules of its own: it is dropped where the host changes");
		if (!str_is_token(str_of(list->v[i]))) {
			printable_show(str_of(list->v[i]), shown);
			return build_fail(b, OPT_redirects_sensitive_fields, "%s is not the name of a field (like X-Api-Key)",
				shown);
		}
	}
	return true;
}

static const char *method_at(size_t i)
{
	static const char *const names[] = {
#define METHOD_ROW(id, text, safe, idempotent) text,
#include "http/method.def"
#undef METHOD_ROW
		NULL,
	};

	return names[i];
}

static size_t methods_count(void)
{
	size_t n = 0;

	while (method_at(n) != NULL)
		n++;
	return n;
}

static bool check_methods(struct settings_build *b)
{
	const struct text_list *list = &b->s->retry_methods;
	size_t n = methods_count(), nearest;
	char shown[PRINTABLE_BYTES];

	for (size_t i = 0; i < list->n; i++) {
		struct str name = str_of(list->v[i]);

		if (method_of(name) != METHOD_UNKNOWN)
			continue;
		nearest = suggest_word(name, method_at, n);
		printable_show(name, shown);
		if (nearest < n)
			return build_fail(b, OPT_retry_methods, "%s is not a known method (is %s meant?)", shown,
				method_at(nearest));
		return build_fail(b, OPT_retry_methods, "%s is not a known method (like GET, PUT or PROPFIND)", shown);
	}
	return true;
}

static bool check_statuses(struct settings_build *b)
{
	const struct text_list *list = &b->s->retry_statuses;
	char shown[PRINTABLE_BYTES];

	for (size_t i = 0; i < list->n; i++) {
		uint64_t status;

		if (!str_to_u64(str_of(list->v[i]), STATUS_MOST, &status) || status < STATUS_LEAST) {
			printable_show(str_of(list->v[i]), shown);
			return build_fail(b, OPT_retry_statuses, "%s is not a status (%d to %d)", shown, STATUS_LEAST,
				STATUS_MOST);
		}
		b->s->retry_status_set[status] = true;
	}
	return true;
}

/* The errors with a row of their own: neither none nor cancelled, which is no fault. */
enum { ERRORS_N = ERR_cancelled - 1 };

static const char *error_at(size_t i)
{
	return error_name((enum error)(i + 1));
}

static bool check_errors(struct settings_build *b)
{
	const struct text_list *list = &b->s->retry_errors;
	char shown[PRINTABLE_BYTES];
	size_t nearest;

	for (size_t i = 0; i < list->n; i++) {
		enum error error = error_of_name(list->v[i]);

		if (error > ERR_none && error < ERR_cancelled) {
			b->s->retry_error_set[error] = true;
			continue;
		}
		nearest = suggest_word(str_of(list->v[i]), error_at, ERRORS_N);
		printable_show(str_of(list->v[i]), shown);
		if (nearest < ERRORS_N)
			return build_fail(b, OPT_retry_errors, "%s is not the name of an error (is %s meant?)", shown,
				error_at(nearest));
		return build_fail(b, OPT_retry_errors, "%s is not the name of an error (like connect_refused)", shown);
	}
	return true;
}

bool build_check_follow(struct settings_build *b)
{
	return check_classes(b) && check_sensitive_fields(b) && check_methods(b) && check_statuses(b) && check_errors(b);
}
