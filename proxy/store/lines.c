/* Lines about flows, to the access log and the terminal. Not for how they look. */
#include "store/lines.h"

#include "store/access_log.h"
#include "store/terminal.h"

#include <unistd.h>

void lines_init(struct lines *l, const struct store_options *o)
{
	access_log_open(&l->log, o->access_log);
	l->log_is_json = o->access_is_json;
	sink_init(&l->terminal, o->terminal ? STDOUT_FILENO : -1, "stdout");
	l->has_colour = o->terminal_colour;
}

void lines_fini(struct lines *l)
{
	sink_fini(&l->log);
	sink_fini(&l->terminal);
}

void lines_reopen(struct lines *l, const struct store_options *o)
{
	sink_fini(&l->log);
	access_log_open(&l->log, o->access_log);
	l->log_is_json = o->access_is_json;
}

void lines_put(struct lines *l, const struct exchange_facts *x)
{
	struct text *log = sink_line(&l->log);
	struct text *terminal = sink_line(&l->terminal);

	if (log && l->log_is_json)
		access_log_json(log, x);
	else if (log)
		access_log_combined(log, x);
	if (terminal)
		terminal_line(terminal, x, l->has_colour);
}

void lines_flush(struct lines *l)
{
	sink_flush(&l->log);
	sink_flush(&l->terminal);
}

bool lines_are_pending(const struct lines *l)
{
	return l->log.text.len > 0 || l->terminal.text.len > 0;
}
