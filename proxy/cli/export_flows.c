/* The flows of an export: found page by page, so that the database is never held for long, and written one after the other. */
#include "base/mem.h"
#include "cli/cli_export.h"
#include "cli/cli_options.h"
#include "store/export/curl_command.h"
#include "store/export/export_jsonl.h"
#include "store/find/flow_query.h"
#include "store/har/har_write.h"
#include "version.h"

#include <inttypes.h>

enum { PAGE_FLOWS = 200 };

static struct har_options har_options(struct export *x)
{
	return (struct har_options){.redactor = x->redactor, .version = VIADUCT_VERSION, .sessions = &x->sessions};
}

/* The entries of a flow, behind a comma where others stand before them. */
static bool put_har(struct export *x, const struct flow_view *v)
{
	const struct har_options o = har_options(x);
	bool is_first = x->flows == 0;
	size_t n = 0;

	if (!is_first)
		text_put(&x->out, STR(",\n"));
	if (!har_put_flow(&x->out, x->reader, v, &o, &n))
		return false;
	if (n == 0)
		text_clear(&x->out); /* it is in flight */
	x->flows += n > 0;
	return true;
}

static bool put_flow(struct export *x, const struct flow_view *v)
{
	bool ok;

	if (x->format == EXPORT_HAR)
		return put_har(x, v);
	if (x->format == EXPORT_CURL && x->flows > 0)
		text_byte(&x->out, '\n');
	if (x->format == EXPORT_CURL)
		ok = curl_put_command(&x->out, x->reader, v, x->hop, x->redactor);
	else
		ok = jsonl_put_flow(&x->out, x->reader, v, x->redactor);
	x->flows += ok;
	return ok;
}

/* How far it is, by the numbers of the flows. */
static int permille(const struct export *x, uint64_t id)
{
	if (x->has_count || x->last_id <= x->first_id)
		return -1;
	return (int)((id - x->first_id) * 1000 / (x->last_id - x->first_id));
}

static bool is_stopped(void *owner)
{
	return export_file_is_stopped(&((struct export *)owner)->file);
}

static bool on_flow(void *owner, const struct flow_view *v)
{
	struct export *x = owner;
	uint64_t met = x->redactor ? redactor_met(x->redactor) : 0;

	if (v->id > x->last_id)
		return false;
	if (x->first_id == 0)
		x->first_id = v->id;
	if (!put_flow(x, v)) {
		const char *why = reader_error(x->reader);

		cli_complain("export", "flow %" PRIu64 ": %s", v->id, *why != '\0' ? why : "it is too large");
		x->has_failed = true;
		return false;
	}
	x->secret_flows += x->redactor && redactor_met(x->redactor) != met;
	x->has_failed |= !export_file_put(&x->file, &x->out, x->flows, permille(x, v->id));
	return !x->has_failed && !is_stopped(x);
}

/* One page, or the search for the newest; false after saying why. */
static bool select_flows(struct export *x, const struct flow_query *q, flow_visit *visit, struct flow_query_end *ret_end)
{
	bool ok = reader_begin(x->reader) && reader_select(x->reader, q, visit, x, ret_end);

	reader_end(x->reader);
	if (!ok && !x->has_failed)
		cli_complain("export", "%s", reader_error(x->reader));
	x->undecided += ok ? ret_end->undecided : 0;
	return ok && !x->has_failed && !is_stopped(x);
}

/* All flows that match, in their order. */
static bool put_all(struct export *x)
{
	struct flow_query q = {
		.filter = x->filter, .is_oldest_first = true, .limit = PAGE_FLOWS, .is_enough = is_stopped, .owner = x};
	struct flow_query_end end = {.is_more = true};

	while (end.is_more || end.is_cut) {
		uint64_t after_id = q.after_id;

		end = (struct flow_query_end){.is_more = false};
		if (!select_flows(x, &q, on_flow, &end))
			return false;
		q.after_id = end.ended_id;
		if (end.ended_id <= after_id || end.ended_id >= x->last_id)
			break;
	}
	return true;
}

static bool on_newest(void *owner, const struct flow_view *v)
{
	struct export *x = owner;

	if (x->ids_n == x->ids_cap) {
		x->ids_cap = x->ids_cap ? 2 * x->ids_cap : 64;
		x->ids = mem_realloc(x->ids, x->ids_cap * sizeof(*x->ids));
	}
	x->ids[x->ids_n++] = v->id;
	return true;
}

/* The newest that match, the oldest of them first. Those that were deleted meanwhile are passed over. */
static bool put_newest(struct export *x)
{
	struct flow_query q = {.filter = x->filter, .limit = x->count, .is_enough = is_stopped, .owner = x};
	struct flow_query_end end = {.is_more = false};

	if (x->count == 0)
		return true;
	if (!select_flows(x, &q, on_newest, &end))
		return false;
	while (x->ids_n > 0 && !x->has_failed && !is_stopped(x)) {
		if (!reader_flow(x->reader, x->ids[--x->ids_n], on_flow, x)) {
			cli_complain("export", "%s", reader_error(x->reader));
			return false;
		}
	}
	return !x->has_failed && !is_stopped(x);
}

bool export_flows(struct export *x)
{
	const struct har_options o = har_options(x);

	if (!reader_newest_id(x->reader, &x->last_id)) {
		cli_complain("export", "%s", reader_error(x->reader));
		return false;
	}
	if (x->format == EXPORT_HAR)
		har_put_begin(&x->out, &o);
	if (!export_file_put(&x->file, &x->out, 0, -1))
		return false;
	if (x->has_count ? !put_newest(x) : !put_all(x))
		return false;
	if (x->format == EXPORT_HAR)
		har_put_end(&x->out, x->reader, &o);
	return export_file_put(&x->file, &x->out, x->flows, -1);
}

void export_summary(const struct export *x)
{
	if (x->flows == 0)
		cli_complain("export", "no flow matches");
	if (x->undecided > 0)
		cli_complain("export", "%" PRIu64 " flows are left out: a regular expression takes too many steps on them",
			x->undecided);
	if (x->secret_flows == 0)
		return;
	cli_complain("export", "secrets are replaced in %" PRIu64 " of %" PRIu64 " flows%s; --with-secrets keeps them",
		x->secret_flows, x->flows, x->format == EXPORT_CURL ? ", whose commands do not do as they are" : "");
}
