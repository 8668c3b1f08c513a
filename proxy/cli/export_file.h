/* Where an export goes: stdout, or a file that appears whole or not at all. And how far it is, for a person at a terminal. */
#ifndef VIADUCT_CLI_EXPORT_FILE_H
#define VIADUCT_CLI_EXPORT_FILE_H

#include "store/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct export_file {
	FILE *to;
	char *path;   /* NULL: stdout */
	char *beside; /* where it is written until it is whole; NULL: what is no plain file is written directly */
	bool has_progress;
	bool is_broken; /* whoever reads has gone, or the disk is full; it has been said where that is worth it */
	int64_t begun_us, shown_us;
	uint64_t bytes;
};

/* path NULL or "-": stdout. While a file is open, SIGINT and SIGTERM wait for export_file_is_stopped. False after saying why.
 * */
bool export_file_open(struct export_file *f, const char *path);
/* Writes the text and clears it; flows: how many went out so far, permille: how far that is, negative if not known. False
 * when it is broken. */
bool export_file_put(struct export_file *f, struct text *t, uint64_t flows, int permille);
/* True once the user has interrupted the command. */
bool export_file_is_stopped(const struct export_file *f);
/* is_whole: the file takes its place; else it is gone. False after saying why it could not. */
bool export_file_close(struct export_file *f, bool is_whole);

#endif
