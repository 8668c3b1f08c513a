/* The thread that keeps bodies in unlinked temporary files, for all workers: a worker itself never touches the file system. A file belongs
 * to one upload of one worker; its jobs are done in the order in which they were asked for. */
#ifndef VIADUCT_CORE_SPOOLER_H
#define VIADUCT_CORE_SPOOLER_H

#include "base/bufq.h"
#include "net/loop.h"

#include <stdbool.h>
#include <stdint.h>

enum { SPOOL_READ_MAX_BYTES = 262144 };

struct spooler;
/* folder: where the files are made (mode 0600, without a name: O_TMPFILE, or unlinked at once); copied. NULL on failure. */
struct spooler *spooler_new(const char *folder);
/* Bytes of all files together; beyond it a file fails as if the disk were full. Thread-safe. At first there is no limit. */
void spooler_set_limit(struct spooler *s, uint64_t bytes);
/* No worker asks any more, and every file was freed; the loops are freed after this, and the pools of the bytes after the loops. NULL is
 * fine. */
void spooler_free(struct spooler *s);

/* A temporary file. Created on its first write. on_change comes on the worker's loop. */
struct spool_file;
struct spool_file *spool_file_new(struct spooler *s, struct loop *l, void (*on_change)(void *owner), void *owner);
/* Takes all bytes of q (their slabs stay in use until they are written) to the end of the file. */
void spool_file_write(struct spool_file *f, struct bufq *q);
/* Bytes given to write that are not yet in the file: what back-pressure is decided by. 0 once it has failed. */
uint64_t spool_file_unwritten(const struct spool_file *f);
/* Asks for n bytes from offset on (at most SPOOL_READ_MAX_BYTES, and all of them given to write before), put to the end of to (of the
 * worker's pool; it must stay until they are there, the wish is cancelled or the file is freed); one such wish at a time. Bytes not yet
 * written are waited for. */
void spool_file_read(struct spool_file *f, uint64_t offset, size_t n, struct bufq *to);
bool spool_file_is_reading(const struct spool_file *f);
/* Nothing more is put into the queue of the wish; another can be made at once. Fine if there is none. */
void spool_file_cancel_read(struct spool_file *f);
/* The system refused (disk full, no folder): nothing of it can be read any more. Words in *ret_why if it is not NULL. */
bool spool_file_has_failed(const struct spool_file *f, const char **ret_why);
/* Jobs under way end by themselves; on_change never comes after this. NULL is fine. */
void spool_file_free(struct spool_file *f);

#endif
