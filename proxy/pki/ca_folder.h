/* The folder with what viaduct makes of a CA: private to its owner, one program at a time, every file whole or not there.
 * Inside pki/ only. */
#ifndef VIADUCT_PKI_CA_FOLDER_H
#define VIADUCT_PKI_CA_FOLDER_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ca_folder {
	const char *path; /* the caller's */
	int fd;
	int lock_fd; /* -1: not locked */
};

/* A file's bytes, which may hold a key. */
struct ca_file {
	char *bytes;
	size_t n;
};

/* An existing folder; refuses (false, one line) what is a symbolic link, belongs to somebody else, or is open to others. */
bool ca_folder_open(struct ca_folder *f, const char *path, char *ret_why, size_t size);
/* The same, made with all above it if it is not there. */
bool ca_folder_make(struct ca_folder *f, const char *path, char *ret_why, size_t size);
/* Waits until no other program has it locked. False with one line where nothing can be written. */
bool ca_folder_lock(struct ca_folder *f, char *ret_why, size_t size);
void ca_folder_close(struct ca_folder *f);

bool ca_folder_has(const struct ca_folder *f, const char *name);
/* Refuses what is no regular file, or, where it is a secret, what others can read or that belongs to somebody else. */
bool ca_folder_read(const struct ca_folder *f, const char *name, bool is_secret, struct ca_file *ret, char *ret_why,
	size_t size);
/* Puts a file in place of what is there under this name; after a crash either is there, and whole. The folder must be
 * locked. */
bool ca_folder_write(const struct ca_folder *f, const char *name, mode_t mode, struct str bytes, char *ret_why, size_t size);

/* A file anywhere; symbolic links are followed. ret_mode may be NULL. */
bool ca_file_read(const char *path, struct ca_file *ret, mode_t *ret_mode, char *ret_why, size_t size);
/* Wipes and frees. */
void ca_file_free(struct ca_file *file);
struct str ca_file_str(const struct ca_file *file);

/* "FOLDER/NAME", for mem_free. */
char *ca_path_join(const char *folder, const char *name);

#endif
