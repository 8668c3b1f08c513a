/* A folder for the files of a CA, and looks at them. */
#ifndef VIADUCT_TESTS_CA_FILES_RIG_H
#define VIADUCT_TESTS_CA_FILES_RIG_H

#include "base/mem.h"
#include "pki/ca_files.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_PATH_BYTES = 256, FILES_LINE_BYTES = 512 };

struct files_rig {
	char data[64], folder[80];
	struct ca_place place;
	char warning[FILES_LINE_BYTES], why[FILES_LINE_BYTES];
};

static inline bool files_init(struct files_rig *r)
{
	*r = (struct files_rig){.data = "/tmp/test_ca_files.XXXXXX"};
	if (mkdtemp(r->data) == NULL)
		return false;
	snprintf(r->folder, sizeof(r->folder), "%s/ca", r->data);
	r->place = (struct ca_place){.folder = r->folder, .cert = "", .key = ""};
	return true;
}

/* "FOLDER/NAME" */
static inline const char *files_path(const struct files_rig *r, const char *name, char to[FILES_PATH_BYTES])
{
	snprintf(to, FILES_PATH_BYTES, "%s/%s", r->folder, name);
	return to;
}

/* Removes a folder with the files in it, symbolic links not followed. */
static inline void folder_remove(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	char name[FILES_PATH_BYTES + 264];

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		unlink(name);
	}
	if (folder != NULL)
		closedir(folder);
	rmdir(path);
}

static inline void files_fini(struct files_rig *r)
{
	chmod(r->folder, 0700);
	unlink(r->folder); /* in case it is a symbolic link */
	folder_remove(r->folder);
	folder_remove(r->data);
}

/* The bytes of a file, NUL-terminated, for mem_free; NULL if it is not there. */
static inline char *files_read(const struct files_rig *r, const char *name, size_t *ret_n)
{
	char path[FILES_PATH_BYTES], *bytes;
	struct stat st;
	FILE *file = fopen(files_path(r, name, path), "re");

	if (file == NULL || fstat(fileno(file), &st) != 0) {
		if (file != NULL)
			fclose(file);
		return NULL;
	}
	bytes = mem_calloc(1, (size_t)st.st_size + 1);
	*ret_n = fread(bytes, 1, (size_t)st.st_size, file);
	fclose(file);
	return bytes;
}

static inline bool file_write(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "we");
	bool ok = file != NULL && fputs(text, file) >= 0;

	if (file != NULL)
		ok = fclose(file) == 0 && ok;
	return ok && chmod(path, mode) == 0;
}

static inline bool files_write(const struct files_rig *r, const char *name, const char *text, mode_t mode)
{
	char path[FILES_PATH_BYTES];

	return file_write(files_path(r, name, path), text, mode);
}

/* The permissions of a file, or 0 if it is not there. */
static inline mode_t files_mode(const struct files_rig *r, const char *name)
{
	char path[FILES_PATH_BYTES];
	struct stat st;

	return lstat(files_path(r, name, path), &st) == 0 ? st.st_mode & 07777 : 0;
}

/* How many entries the folder has whose names end so. */
static inline size_t files_count(const struct files_rig *r, const char *end)
{
	DIR *folder = opendir(r->folder);
	struct dirent *entry;
	size_t n = 0;

	while (folder != NULL && (entry = readdir(folder)) != NULL)
		n += str_iends(str_of(entry->d_name), str_of(end));
	if (folder != NULL)
		closedir(folder);
	return n;
}

static inline struct ca *files_need(struct files_rig *r)
{
	struct ca *ca = ca_files_need(&r->place, r->warning, r->why, sizeof(r->why));

	if (ca == NULL)
		fprintf(stderr, "%s\n", r->why);
	return ca;
}

static inline struct ca *files_load(struct files_rig *r)
{
	return ca_files_load(&r->place, r->warning, r->why, sizeof(r->why));
}

#endif
