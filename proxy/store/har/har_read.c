/* See har_read.h. The file is gone through twice: first, quickly, for what its log says, which the session of the import begins
 * with; then for the entries. */
#include "store/har/har_read.h"

#include "base/clock.h"
#include "store/har/har_join.h"
#include "store/har/har_mend.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WHY_BYTES = 256 };

FILE *har_open(const char *path, uint64_t *ret_bytes, char *ret_why, size_t size)
{
	/* A pipe must not hold up whoever opens it. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *f = NULL;

	if (fd < 0 || fstat(fd, &st) != 0)
		snprintf(ret_why, size, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		snprintf(ret_why, size, "%s: not a regular file", path);
	else
		f = fdopen(fd, "rb");
	if (f != NULL)
		*ret_bytes = (uint64_t)st.st_size;
	else if (fd >= 0)
		close(fd);
	return f;
}

struct reading {
	const struct har_needs *needs;
	struct har_join join;
	size_t entries;
	int64_t latest_us; /* when the entry before began */
	bool is_enough;
};

static bool is_json(struct str text)
{
	json_t *json = json_loadb(text.p, text.len, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);

	json_decref(json);
	return json != NULL;
}

/* A log that cannot be read is none; its entries are looked at one by one. */
static bool give_log(const struct har_needs *needs, struct text *log)
{
	struct text mended = {NULL, 0, 0};
	struct str json = text_str(log);
	bool ok;

	if (!is_json(json)) {
		har_mend(&mended, json);
		json = is_json(text_str(&mended)) ? text_str(&mended) : STR("{}");
	}
	ok = needs->take_log(needs->owner, json);
	text_fini(&mended);
	return ok;
}

/* What is wrong further behind is found again when the entries are read. */
static bool read_log(FILE *from, const struct har_needs *needs, char *ret_why, size_t size)
{
	const struct har_scan_needs scan = {.max_entry_bytes = 0};
	struct text log = {NULL, 0, 0};
	bool is_har = false, ok;

	ok = har_scan(from, &scan, &log, &is_har, ret_why, size) || is_har;
	if (ok && fseeko(from, 0, SEEK_SET) != 0) {
		snprintf(ret_why, size, "the file cannot be read twice");
		ok = false;
	}
	if (ok) {
		ret_why[0] = '\0';
		ok = give_log(needs, &log);
	}
	text_fini(&log);
	return ok;
}

static bool on_entry(void *owner, struct har_cut *cut)
{
	struct reading *r = owner;
	char why[WHY_BYTES] = "";
	struct har_entry *e = har_entry_read(cut, r->latest_us, why, sizeof(why));

	if (e == NULL) {
		if (r->needs->on_left_out != NULL)
			r->needs->on_left_out(r->needs->owner, cut->number, cut->at, why);
		return true;
	}
	r->latest_us = e->hop.started_us;
	r->entries++;
	r->is_enough = !har_join_add(&r->join, e);
	return !r->is_enough;
}

static void on_progress(void *owner, uint64_t bytes)
{
	struct reading *r = owner;

	if (r->needs->on_progress != NULL)
		r->needs->on_progress(r->needs->owner, bytes);
}

/* Also what waits for other hops when the file breaks off is given out. */
static bool read_entries(struct reading *r, FILE *from, char *ret_why, size_t size)
{
	const struct har_scan_needs scan = {
		.on_entry = on_entry, .on_progress = on_progress, .owner = r, .max_entry_bytes = HAR_MAX_ENTRY_BYTES};
	bool ok = har_scan(from, &scan, NULL, NULL, ret_why, size);

	if (r->is_enough)
		return false;
	return har_join_flush(&r->join) && ok;
}

bool har_read(FILE *from, const struct har_needs *needs, size_t *ret_entries, char *ret_why, size_t size)
{
	struct reading r = {.needs = needs,
		.latest_us = clock_wall_us(),
		.join = {.next_id = needs->next_id, .take = needs->take, .owner = needs->owner}};
	bool ok;

	ret_why[0] = '\0';
	*ret_entries = 0;
	ok = read_log(from, needs, ret_why, size) && read_entries(&r, from, ret_why, size);
	*ret_entries = r.entries;
	har_join_fini(&r.join);
	return ok;
}
