/* One of the two inodes of a twin_file. Results are errno values; 0: done. */
#ifndef VIADUCT_STORE_TWIN_SIDE_H
#define VIADUCT_STORE_TWIN_SIDE_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct twin_side {
	int fd; /* -1: there is none */
	dev_t device;
	ino_t inode;
	uint64_t len; /* of what stands in it for good, without the end */
};

/* A new inode under that name, mode 0600, in place of what is there. */
int twin_side_make(struct twin_side *s, const char *path);
void twin_side_close(struct twin_side *s);
/* Closes it and takes its name away. */
void twin_side_drop(struct twin_side *s, const char *path);
/* True if it is the one under that name, and has no other name. */
bool twin_side_is_at(const struct twin_side *s, const char *path);
/* True if somebody else has it open. */
bool twin_side_is_read(const struct twin_side *s);
int twin_side_write(struct twin_side *s, uint64_t at, struct str bytes);
/* Ends the file there; none is fine. */
int twin_side_cut(struct twin_side *s, uint64_t at);
/* Copies what the other is ahead. */
int twin_side_follow(struct twin_side *s, const struct twin_side *ahead);

#endif
