/* A disk that can be made slow, full or broken: an SQLite VFS around the system's, which is the default while it is installed.
 * What it is told holds for files that are open already, on any thread. */
#ifndef VIADUCT_TESTS_SLOW_VFS_H
#define VIADUCT_TESTS_SLOW_VFS_H

#include <poll.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct slow_vfs {
	sqlite3_vfs vfs;
	sqlite3_vfs *under;
	sqlite3_io_methods methods;
	atomic_int write_error; /* an SQLite result code for every write, 0: none */
	atomic_int open_error;  /* for every opening for writing */
	atomic_int write_ms;    /* how long a write takes */
	atomic_uint writes;     /* that were asked for */
};

struct slow_file {
	sqlite3_file base;
	struct slow_vfs *vfs;
	sqlite3_file *under; /* behind this, in the same block */
};

static struct slow_vfs slow_vfs;

static inline sqlite3_file *slow_under(sqlite3_file *f)
{
	return ((struct slow_file *)(void *)f)->under;
}

static inline int slow_close(sqlite3_file *f)
{
	return slow_under(f)->pMethods->xClose(slow_under(f));
}

static inline int slow_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	return slow_under(f)->pMethods->xRead(slow_under(f), to, n, at);
}

static inline int slow_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	int error = atomic_load(&slow_vfs.write_error), ms = atomic_load(&slow_vfs.write_ms);

	atomic_fetch_add(&slow_vfs.writes, 1);
	if (ms > 0)
		poll(NULL, 0, ms);
	return error != 0 ? error : slow_under(f)->pMethods->xWrite(slow_under(f), from, n, at);
}

static inline int slow_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return slow_under(f)->pMethods->xTruncate(slow_under(f), size);
}

static inline int slow_sync(sqlite3_file *f, int flags)
{
	int error = atomic_load(&slow_vfs.write_error);

	return error != 0 ? error : slow_under(f)->pMethods->xSync(slow_under(f), flags);
}

static inline int slow_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return slow_under(f)->pMethods->xFileSize(slow_under(f), ret);
}

static inline int slow_lock(sqlite3_file *f, int level)
{
	return slow_under(f)->pMethods->xLock(slow_under(f), level);
}

static inline int slow_unlock(sqlite3_file *f, int level)
{
	return slow_under(f)->pMethods->xUnlock(slow_under(f), level);
}

static inline int slow_is_reserved(sqlite3_file *f, int *ret)
{
	return slow_under(f)->pMethods->xCheckReservedLock(slow_under(f), ret);
}

static inline int slow_control(sqlite3_file *f, int op, void *arg)
{
	return slow_under(f)->pMethods->xFileControl(slow_under(f), op, arg);
}

static inline int slow_sector(sqlite3_file *f)
{
	return slow_under(f)->pMethods->xSectorSize(slow_under(f));
}

static inline int slow_traits(sqlite3_file *f)
{
	return slow_under(f)->pMethods->xDeviceCharacteristics(slow_under(f));
}

static inline int slow_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
	return slow_under(f)->pMethods->xShmMap(slow_under(f), page, size, extend, ret);
}

static inline int slow_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return slow_under(f)->pMethods->xShmLock(slow_under(f), offset, n, flags);
}

static inline void slow_shm_barrier(sqlite3_file *f)
{
	slow_under(f)->pMethods->xShmBarrier(slow_under(f));
}

static inline int slow_shm_unmap(sqlite3_file *f, int remove)
{
	return slow_under(f)->pMethods->xShmUnmap(slow_under(f), remove);
}

static inline int slow_open(sqlite3_vfs *v, sqlite3_filename name, sqlite3_file *f, int flags, int *ret_flags)
{
	struct slow_file *file = (struct slow_file *)(void *)f;
	int error = flags & SQLITE_OPEN_READWRITE ? atomic_load(&slow_vfs.open_error) : 0;
	int rc;

	(void)v;
	*file = (struct slow_file){.vfs = &slow_vfs, .under = (sqlite3_file *)(void *)(file + 1)};
	if (error != 0)
		return error;
	rc = slow_vfs.under->xOpen(slow_vfs.under, name, file->under, flags, ret_flags);
	if (rc == SQLITE_OK)
		file->base.pMethods = &slow_vfs.methods;
	return rc;
}

static inline void slow_vfs_install(void)
{
	sqlite3_vfs *under = sqlite3_vfs_find(NULL);

	slow_vfs = (struct slow_vfs){.under = under, .vfs = *under};
	slow_vfs.vfs.pNext = NULL;
	slow_vfs.vfs.zName = "slow";
	slow_vfs.vfs.szOsFile = (int)sizeof(struct slow_file) + under->szOsFile;
	slow_vfs.vfs.xOpen = slow_open;
	slow_vfs.methods = (sqlite3_io_methods){
		.iVersion = 2,
		.xClose = slow_close,
		.xRead = slow_read,
		.xWrite = slow_write,
		.xTruncate = slow_truncate,
		.xSync = slow_sync,
		.xFileSize = slow_size,
		.xLock = slow_lock,
		.xUnlock = slow_unlock,
		.xCheckReservedLock = slow_is_reserved,
		.xFileControl = slow_control,
		.xSectorSize = slow_sector,
		.xDeviceCharacteristics = slow_traits,
		.xShmMap = slow_shm_map,
		.xShmLock = slow_shm_lock,
		.xShmBarrier = slow_shm_barrier,
		.xShmUnmap = slow_shm_unmap,
	};
	sqlite3_vfs_register(&slow_vfs.vfs, 1);
}

static inline void slow_vfs_remove(void)
{
	sqlite3_vfs_unregister(&slow_vfs.vfs);
	sqlite3_vfs_register(slow_vfs.under, 1);
}

#endif
