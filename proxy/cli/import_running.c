/* Has the proxy that runs import a file, and watches it do so: the import goes on without us. */
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/cli_options.h"
#include "cli/import_part.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { WHY_BYTES = 1024, LOOK_AGAIN_MS = 200 };

static const char path[] = "/api/v1/import";

/* Its answer; NULL after saying why there is none. */
static json_t *ask(const struct running *running, const char *method, struct text *target)
{
	char why[WHY_BYTES] = "", *body = NULL;
	json_t *answer = NULL;

	text_byte(target, '\0');
	if (!running_ask(running, method, target->p, &body, why, sizeof(why))) {
		import_hide_progress();
		cli_complain("import", "%s", why);
	} else {
		answer = json_loads(body, 0, NULL);
		if (!json_is_object(answer))
			cli_complain("import", "the answer is not understood; is another version running?");
	}
	mem_free(body);
	if (json_is_object(answer))
		return answer;
	json_decref(answer);
	return NULL;
}

static json_t *begin(const struct import_request *r, const struct running *running)
{
	struct text target = {NULL, 0, 0};
	json_t *answer;

	text_printf(&target, "%s?path=", path);
	running_put_value(&target, r->file);
	text_put(&target, STR("&name="));
	running_put_value(&target, r->session);
	answer = ask(running, "POST", &target);
	text_fini(&target);
	return answer;
}

static json_t *look(const struct running *running, json_int_t id)
{
	struct text target = {NULL, 0, 0};
	json_t *answer;

	text_printf(&target, "%s/%" JSON_INTEGER_FORMAT, path, id);
	answer = ask(running, "GET", &target);
	text_fini(&target);
	return answer;
}

static uint64_t number_of(const json_t *answer, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(answer, key));

	return n > 0 ? (uint64_t)n : 0;
}

static const char *words_of(const json_t *answer, const char *key)
{
	const char *words = json_string_value(json_object_get(answer, key));

	return words != NULL ? words : "";
}

static bool is_running(const json_t *answer)
{
	return strcmp(words_of(answer, "state"), "running") == 0;
}

static int tell_end(const struct import_request *r, const json_t *answer)
{
	const json_t *left_out = json_object_get(answer, "left_out_first");
	bool ok = strcmp(words_of(answer, "state"), "done") == 0;

	import_hide_progress();
	for (size_t i = 0; i < json_array_size(left_out); i++) {
		const char *line = json_string_value(json_array_get(left_out, i));

		cli_complain("import", "left out: %s", line != NULL ? line : "?");
	}
	if (!ok)
		cli_complain("import", "%s: %s", r->file, words_of(answer, "why"));
	if (number_of(answer, "session_id") > 0)
		ok &= import_print_end(r, number_of(answer, "flows"), (int64_t)number_of(answer, "session_id"),
			number_of(answer, "left_out"));
	/* The last of them are on their way into the database still. */
	cli_settle(r->folder);
	return ok ? EXIT_OK : EXIT_FAILED;
}

int import_running(const struct import_request *r, const struct running *running)
{
	json_t *answer = begin(r, running);
	json_int_t id = json_integer_value(json_object_get(answer, "id"));
	int status;

	while (answer != NULL && is_running(answer)) {
		import_show_progress(number_of(answer, "bytes"), number_of(answer, "size"), number_of(answer, "flows"));
		if (import_is_interrupted(LOOK_AGAIN_MS)) {
			import_hide_progress();
			cli_complain("import", "the proxy goes on importing %s", r->file);
			json_decref(answer);
			return IMPORT_EXIT_STOPPED;
		}
		json_decref(answer);
		answer = look(running, id);
	}
	status = answer != NULL ? tell_end(r, answer) : EXIT_FAILED;
	json_decref(answer);
	return status;
}
