/* A folder for a flow database that goes away with the test, and questions to SQLite itself. */
#ifndef VIADUCT_TESTS_STORE_FIXTURE_H
#define VIADUCT_TESTS_STORE_FIXTURE_H

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
	char path[64], data[128], db[192];
};

static inline int folder_make(struct folder *f)
{
	snprintf(f->path, sizeof(f->path), "/tmp/viaduct-test-XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	snprintf(f->data, sizeof(f->data), "%s/deep/data", f->path);
	snprintf(f->db, sizeof(f->db), "%s/flows.db", f->data);
	return 0;
}

/* Empties and removes one folder without sub-folders. */
static inline void folder_empty(const char *path)
{
	DIR *d = opendir(path);
	char file[512];

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		if (e->d_type != DT_DIR)
			unlink(file);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static inline void folder_remove(struct folder *f)
{
	char deep[128];

	snprintf(deep, sizeof(deep), "%s/deep", f->path);
	chmod(f->data, 0700);
	folder_empty(f->data);
	folder_empty(deep);
	folder_empty(f->path);
}

/* The first column of the first row, through a handle of its own; "" if there is none, the error's text if it fails. */
static inline void folder_ask(const struct folder *f, const char *sql, char *ret, size_t size)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;

	ret[0] = '\0';
	if (sqlite3_open_v2(f->db, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
		sqlite3_busy_timeout(db, 5000);
		if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
			snprintf(ret, size, "%s", sqlite3_errmsg(db));
		else if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_text(s, 0))
			snprintf(ret, size, "%s", (const char *)sqlite3_column_text(s, 0));
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
}

#define assert_answer(f, sql, expected)                                                                                        \
	do {                                                                                                                   \
		char answer_[512];                                                                                             \
		folder_ask(f, sql, answer_, sizeof(answer_));                                                                  \
		assert_string_equal(answer_, expected);                                                                        \
	} while (0)

#endif
