/* Imports straight into the flow database, which no proxy has in use. */
#include "base/clock.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/cli_options.h"
#include "cli/import_part.h"
#include "config/settings.h"
#include "store/backend.h"
#include "store/har/har_hide.h"
#include "store/har/har_read.h"
#include "store/redact/redact.h"
#include "version.h"

#include <stdio.h>

enum {
	WHY_BYTES = 1024,
	FAULT_BYTES = 512,
	BATCH_RECORDS = 1000, /* of a transaction */
	BATCH_BYTES = 8 * 1024 * 1024,
	SHOW_US = 100000
};

struct import {
	const struct import_request *request;
	struct backend *backend;
	struct redactor *redactor; /* NULL: nothing is replaced */
	uint64_t next_id;
	int64_t session_id;
	struct record *batch[BATCH_RECORDS];
	size_t n, bytes;
	uint64_t flows, left_out;
	uint64_t file_bytes;
	int64_t shown_us;
	bool is_stopped;
	char fault[FAULT_BYTES]; /* the database cannot be written */
};

static uint64_t next_id(void *owner)
{
	struct import *i = owner;

	return i->next_id++;
}

static bool begin_session(void *owner, struct str log)
{
	struct import *i = owner;
	struct text clean = {NULL, 0, 0};
	enum backend_fault fault;

	if (i->redactor)
		har_hide_log(i->redactor, &clean, log);
	fault = i->backend->ops->begin_session(i->backend, str_of(i->request->session), true,
		i->redactor ? text_str(&clean) : log, &i->session_id, i->fault, sizeof(i->fault));
	text_fini(&clean);
	return fault == FAULT_NONE;
}

static void free_batch(struct import *i)
{
	for (size_t k = 0; k < i->n; k++)
		record_free(i->batch[k]);
	i->n = i->bytes = 0;
}

/* False with why. */
static bool write_out(struct import *i)
{
	size_t lost = 0;
	bool ok = i->n == 0 ||
		i->backend->ops->write_batch(i->backend, i->batch, i->n, i->redactor, &lost, i->fault, sizeof(i->fault)) ==
			FAULT_NONE;

	if (ok)
		i->flows += i->n - lost;
	if (ok && lost > 0)
		cli_complain("import", "%zu flows are too large for the flow database", lost);
	free_batch(i);
	return ok;
}

static bool take(void *owner, struct record *r)
{
	struct import *i = owner;

	r->session_id = i->session_id;
	i->batch[i->n++] = r;
	i->bytes += r->weight;
	i->is_stopped = import_is_interrupted(0);
	if (i->n == BATCH_RECORDS || i->bytes >= BATCH_BYTES || i->is_stopped)
		return write_out(i) && !i->is_stopped;
	return true;
}

static void on_left_out(void *owner, size_t entry, uint64_t at, const char *why)
{
	struct import *i = owner;

	if (i->left_out++ >= LEFT_OUT_SHOWN)
		return;
	import_hide_progress();
	cli_complain("import", "entry %zu at byte %llu is left out: %s", entry, (unsigned long long)at, why);
}

static void on_progress(void *owner, uint64_t bytes)
{
	struct import *i = owner;
	int64_t now_us = clock_mono_us();

	if (now_us - i->shown_us < SHOW_US)
		return;
	i->shown_us = now_us;
	import_show_progress(bytes, i->file_bytes, i->flows + i->n);
}

/* What there was before it broke off is written all the same. False with one line in ret_why. */
static bool read_file(struct import *i, FILE *from, char *ret_why, size_t size)
{
	const struct har_needs needs = {.next_id = next_id,
		.take = take,
		.take_log = begin_session,
		.on_left_out = on_left_out,
		.on_progress = on_progress,
		.owner = i};
	size_t entries;
	bool ok = har_read(from, &needs, &entries, ret_why, size);

	ok &= write_out(i);
	import_hide_progress();
	if (i->fault[0] != '\0')
		snprintf(ret_why, size, "%s: %s", i->backend->name, i->fault);
	return ok;
}

static int import_from(struct import *i, FILE *from)
{
	char why[WHY_BYTES] = "";
	bool ok = read_file(i, from, why, sizeof(why));

	if (!ok && !i->is_stopped)
		cli_complain("import", "%s: %s", i->request->file, why);
	if (i->session_id != 0 && !import_print_end(i->request, i->flows, i->session_id, i->left_out))
		ok = false;
	if (i->is_stopped)
		cli_complain("import", "stopped; what was imported stays");
	if (i->is_stopped)
		return IMPORT_EXIT_STOPPED;
	return ok ? EXIT_OK : EXIT_FAILED;
}

/* capture.redact: all holds for what is imported too. False with one line. */
static bool make_redactor(struct import *i, char *ret_why, size_t size)
{
	const struct settings *s = i->request->settings;
	const struct redact_options options = {.folder = i->request->folder,
		.fields = &s->capture_redact_fields,
		.query = &s->capture_redact_query,
		.json = &s->capture_redact_json};

	if (s->capture_redact != REDACT_ALL)
		return true;
	i->redactor = redactor_new(&options, ret_why, size);
	return i->redactor != NULL;
}

static bool open_backend(struct import *i, char *ret_why, size_t size)
{
	const struct backend_needs needs = {.folder = i->request->folder, .version = VIADUCT_VERSION, .is_import = true};

	i->backend = backend_sqlite(&needs, ret_why, size);
	if (i->backend == NULL)
		return false;
	i->next_id = i->backend->ops->next_id(i->backend);
	return make_redactor(i, ret_why, size);
}

int import_here(const struct import_request *r)
{
	struct import *i = mem_calloc(1, sizeof(*i));
	char why[WHY_BYTES] = "";
	FILE *from;
	int status = EXIT_FAILED;

	i->request = r;
	from = har_open(r->file, &i->file_bytes, why, sizeof(why));
	if (from != NULL && open_backend(i, why, sizeof(why)))
		status = import_from(i, from);
	else
		cli_complain("import", "%s", why);
	if (i->backend != NULL)
		i->backend->ops->close(i->backend);
	redactor_unref(i->redactor);
	if (from != NULL)
		fclose(from);
	mem_free(i);
	return status;
}
