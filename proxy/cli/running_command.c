/* Sub-commands that ask the running proxy one thing and print the answer. */
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/cli_options.h"
#include "cli/running.h"

#include <string.h>

enum { WHY_BYTES = 1024 };

void running_put_value(struct text *target, const char *value)
{
	for (const char *p = value; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;
		unsigned char letter = c | 0x20;

		if ((letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || strchr("/-_.", c) != NULL)
			text_byte(target, (char)c);
		else
			text_printf(target, "%%%02X", c);
	}
}

static bool tell(const struct running_request *r, const char *body)
{
	struct text out = {NULL, 0, 0};
	bool ok = true;

	if (r->is_json)
		text_put(&out, str_of(body));
	else
		ok = r->put_answer(&out, body, r->owner);
	if (!ok)
		cli_complain(r->command, "the answer is not understood; is another version running?");
	ok = ok && cli_print(&out);
	text_fini(&out);
	return ok;
}

int running_command(const char *folder, const struct running_request *r)
{
	struct running running;
	char why[WHY_BYTES] = "", *body = NULL;
	bool is_found = running_find(folder, &running, why, sizeof(why));
	bool ok = is_found && running_ask(&running, r->method, r->target, &body, why, sizeof(why));

	if (is_found)
		running_fini(&running);
	if (ok)
		ok = tell(r, body);
	else
		cli_complain(r->command, "%s", why);
	mem_free(body);
	return ok ? EXIT_OK : EXIT_FAILED;
}
