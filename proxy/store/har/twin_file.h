/* A file that grows step by step and is whole at every moment: what was added in a step is there all at once, with the end that
 * closes it. Two inodes take turns: one is published under the path, the other, under the path with ".next" behind it, lags
 * behind; a step writes to that one and then lets the two change names (renameat2(2), RENAME_EXCHANGE). So a step costs what it
 * adds, twice. Whoever has opened the file reads on undisturbed: an inode that somebody still has open is not written to
 * (fcntl(2), F_SETLEASE). Where the file system cannot exchange names a step copies the whole file. Not thread-safe. */
#ifndef VIADUCT_STORE_TWIN_FILE_H
#define VIADUCT_STORE_TWIN_FILE_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct twin_file;

/* Results are errno values; 0: done. */

/* Puts a new file of mode 0600 with nothing but begin and end under the path, in place of what is there, and takes away what an
 * earlier run left beside it. The end is copied. */
int twin_file_new(const char *path, struct str begin, struct str end, struct twin_file **ret);
/* Leaves the file as it was published. NULL is fine. */
void twin_file_free(struct twin_file *f);

/* Begins a step; what was put since the last one was published is forgotten. EAGAIN: somebody has the other inode open; try
 * again soon. must: not to be put off by that. */
int twin_file_begin(struct twin_file *f, bool must);
/* Behind what is there. */
int twin_file_put(struct twin_file *f, struct str s);
/* Makes all that was put since the step began visible. */
int twin_file_publish(struct twin_file *f);
/* Forgets it, and gives its room on the disk back. */
void twin_file_undo(struct twin_file *f);
/* The published file goes on under the path with ".1" behind it, in place of what is there; another one begins, of begin and
 * end. Where that fails all stays as it was. */
int twin_file_turn(struct twin_file *f, struct str begin);

/* How long the published file is. */
uint64_t twin_file_bytes(const struct twin_file *f);
/* How much the next step has to copy before it can add anything. */
uint64_t twin_file_lag(const struct twin_file *f);
/* The published file is not under the path any more: the next step puts it there again. */
bool twin_file_is_lost(const struct twin_file *f);

#endif
