/* See har_feed.h. Flows are told apart by change numbers: whatever ended after the last look has a greater one. A round is all
 * that had changed when it began; its pages come in the order of the flows' ids. What changes meanwhile belongs to the next. */
#include "store/har/har_feed.h"

#include "base/mem.h"
#include "config/filter.h"
#include "store/database.h"
#include "store/find/flow_query.h"
#include "store/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

enum { TRIES = 3 }; /* of a flow that cannot be read */

struct har_feed {
	char *folder, *path;
	struct filter *filter; /* NULL: all */
	struct reader *r;      /* NULL: closed after a fault */
	dev_t device;          /* of the file that it reads */
	ino_t inode;
	struct har_mark mark;
	bool is_behind;     /* the last round is not over, or failed */
	int64_t session_id; /* the one that was asked about last */
	bool session_is_import;
	uint64_t bad_id; /* a flow that could not be read */
	unsigned bad_tries;
	char error[512];
};

static bool fail(struct har_feed *f, const char *why)
{
	snprintf(f->error, sizeof(f->error), "%s", why);
	return false;
}

static bool open_reader(struct har_feed *f)
{
	char why[sizeof(f->error)] = "";
	struct stat st;
	bool is_absent;

	f->r = reader_open(f->folder, &is_absent, why, sizeof(why));
	if (!f->r)
		return fail(f, why);
	if (stat(f->path, &st) == 0) {
		f->device = st.st_dev;
		f->inode = st.st_ino;
	}
	return true;
}

static void close_reader(struct har_feed *f)
{
	reader_close(f->r);
	f->r = NULL;
}

/* True if the store has begun another file under the name. */
static bool is_moved(const struct har_feed *f)
{
	struct stat st;

	return stat(f->path, &st) == 0 && (st.st_dev != f->device || st.st_ino != f->inode);
}

static bool ask(struct har_feed *f, const char *sql, int64_t *ret)
{
	sqlite3_int64 n;

	if (!database_number(f->r->db, sql, 0, &n)) {
		reader_fail(f->r);
		return false;
	}
	*ret = n;
	return true;
}

/* The oldest flow that has ended: the ones that a limit takes are those before it. */
static bool find_lowest(struct har_feed *f, uint64_t *ret)
{
	int64_t id;

	if (!ask(f, "SELECT id FROM exchanges WHERE +outcome <> 'pending' ORDER BY id LIMIT 1", &id))
		return false;
	*ret = (uint64_t)id;
	return true;
}

static bool parse_filter(struct har_feed *f, const char *text, char *ret_why, size_t size)
{
	struct filter_error error;

	if (text[0] == '\0')
		return true;
	f->filter = filter_parse(str_of(text), false, &error);
	if (!f->filter)
		snprintf(ret_why, size, "har.filter, at byte %zu: %s", error.position + 1, error.text);
	return f->filter != NULL;
}

static bool find_end(struct har_feed *f)
{
	return reader_last_change(f->r, &f->mark.change) && reader_newest_id(f->r, &f->mark.highest) &&
		find_lowest(f, &f->mark.lowest);
}

struct har_feed *har_feed_new(const char *folder, const char *filter, char *ret_why, size_t size)
{
	struct har_feed *f = mem_calloc(1, sizeof(*f));

	f->folder = mem_strdup(folder);
	f->path = database_path(folder);
	if (!parse_filter(f, filter ? filter : "", ret_why, size)) {
		har_feed_free(f);
		return NULL;
	}
	if (!open_reader(f) || !find_end(f)) {
		snprintf(ret_why, size, "%s", f->r ? reader_error(f->r) : f->error);
		har_feed_free(f);
		return NULL;
	}
	return f;
}

void har_feed_free(struct har_feed *f)
{
	if (!f)
		return;
	close_reader(f);
	filter_free(f->filter);
	mem_free(f->path);
	mem_free(f->folder);
	mem_free(f);
}

bool har_feed_has_news(struct har_feed *f)
{
	f->is_behind = f->is_behind || !f->r || reader_has_news(f->r) || is_moved(f);
	return f->is_behind;
}

const struct har_mark *har_feed_mark(const struct har_feed *f)
{
	return &f->mark;
}

void har_feed_go_back(struct har_feed *f, const struct har_mark *to)
{
	f->mark = *to;
	f->is_behind = true;
}

const char *har_feed_error(const struct har_feed *f)
{
	return f->error;
}

/* Counts what left the database since the last look without having been read. */
static bool count_missed(struct har_feed *f)
{
	struct har_mark *m = &f->mark;
	uint64_t lowest;

	if (!find_lowest(f, &lowest))
		return false;
	if (m->lowest > 0 && lowest > m->lowest && lowest > m->highest + 1) {
		m->n_missed += lowest - 1 - m->highest;
		m->highest = lowest - 1;
	}
	m->lowest = lowest;
	return true;
}

static bool begin_round(struct har_feed *f)
{
	f->mark.after_id = 0;
	return reader_last_change(f->r, &f->mark.upto) && reader_newest_id(f->r, &f->mark.newest);
}

/* A page while it is read. */
struct page {
	struct har_feed *f;
	struct text *t;
	const struct har_options *o;
	size_t n_flows, n_entries, before;
	bool is_full, has_failed;
	bool is_past; /* it came to flows of after the round's beginning */
};

/* Flows of a file that somebody imports are no traffic. */
static bool is_imported(struct har_feed *f, int64_t session_id)
{
	char sql[96];
	int64_t is_import = 0;

	if (session_id == f->session_id)
		return f->session_is_import;
	snprintf(sql, sizeof(sql), "SELECT is_import FROM sessions WHERE id = %" PRId64, session_id);
	if (!ask(f, sql, &is_import))
		return false;
	f->session_id = session_id;
	f->session_is_import = is_import != 0;
	return f->session_is_import;
}

/* False, to try again later; true when it was tried often enough, and is given up. */
static bool give_up(struct har_feed *f, uint64_t id)
{
	f->bad_tries = f->bad_id == id ? f->bad_tries + 1 : 1;
	f->bad_id = id;
	if (f->bad_tries < TRIES)
		return false;
	f->mark.n_missed++;
	return true;
}

static bool put_flow(struct page *p, const struct flow_view *v)
{
	size_t before = p->t->len, n = 0;

	text_put(p->t, STR(",\n"));
	if (!har_put_flow(p->t, p->f->r, v, p->o, &n)) {
		p->t->len = before;
		return give_up(p->f, v->id);
	}
	if (n == 0)
		p->t->len = before;
	p->n_entries += n;
	return true;
}

/* A flow that cannot be read ends the page; unless it is the first one the page holds what came before it, so that the next one
 * begins with it. */
static bool take_flow(void *owner, const struct flow_view *v)
{
	struct page *p = owner;
	struct har_mark *m = &p->f->mark;

	if (v->id > m->newest) {
		p->is_past = true;
		return false;
	}
	if (v->change <= m->upto && !is_imported(p->f, v->session_id) && !put_flow(p, v)) {
		p->has_failed = p->n_flows == 0;
		p->is_full = true;
		return false;
	}
	m->after_id = v->id;
	if (v->id > m->highest)
		m->highest = v->id;
	p->n_flows++;
	p->is_full = p->n_flows >= HAR_FEED_FLOWS || p->t->len - p->before >= HAR_FEED_BYTES;
	return !p->is_full;
}

static bool select_page(struct page *p, bool *ret_is_more)
{
	struct har_feed *f = p->f;
	struct flow_query q = {.filter = f->filter,
		.is_oldest_first = true,
		.after_id = f->mark.after_id,
		.after_change = f->mark.change,
		.is_ended_only = true,
		.limit = HAR_FEED_FLOWS};
	struct flow_query_end end = {.ended_id = 0};

	if (!reader_select(f->r, &q, take_flow, p, &end) || p->has_failed)
		return false;
	*ret_is_more = !p->is_past && (p->is_full || end.is_more || end.is_cut);
	if (!p->is_full && !p->is_past && end.ended_id > f->mark.after_id)
		f->mark.after_id = end.ended_id;
	return true;
}

/* All that had changed when the round began is done. What has changed since is news, though that there is some was seen before.
 * */
static bool end_round(struct har_feed *f, bool *ret_has_newer)
{
	int64_t last;

	if (!reader_last_change(f->r, &last))
		return false;
	*ret_has_newer = last > f->mark.upto;
	f->mark.change = f->mark.upto;
	f->mark.upto = 0;
	if (f->mark.newest > f->mark.highest)
		f->mark.highest = f->mark.newest;
	return true;
}

/* ret_is_more: of this round, or beyond it. */
static bool read_page(struct page *p, bool *ret_is_more)
{
	struct har_feed *f = p->f;
	bool ok;

	if (!reader_begin(f->r))
		return false;
	ok = count_missed(f) && (f->mark.upto > 0 || begin_round(f));
	if (ok && f->mark.upto > f->mark.change)
		ok = select_page(p, ret_is_more);
	if (ok && !*ret_is_more)
		ok = end_round(f, ret_is_more);
	reader_end(f->r);
	return ok;
}

enum har_feed_end har_feed_page(struct har_feed *f, struct text *t, const struct har_options *o, size_t *ret_n)
{
	struct page p = {.f = f, .t = t, .o = o, .before = t->len};
	bool is_old, is_more = false;

	f->is_behind = true;
	if (!f->r && !open_reader(f))
		return HAR_FEED_FAILED;
	is_old = is_moved(f);
	if (!read_page(&p, &is_more)) {
		fail(f, reader_error(f->r)[0] != '\0' ? reader_error(f->r) : "a flow cannot be read");
		close_reader(f);
		return HAR_FEED_FAILED;
	}
	if (is_old && !is_more)
		close_reader(f);
	f->is_behind = is_more || is_old;
	*ret_n = p.n_entries;
	return f->is_behind ? HAR_FEED_MORE : HAR_FEED_DONE;
}
