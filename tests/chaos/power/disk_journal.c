/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Writes down what a process does to the files below one directory, so that a power cut can be
 * played at any moment of it (tests/chaos/power/journal.py); and lets fsync fail where it is told.
 *
 * LD_PRELOAD (ld.so(8)).  POWER_DIRECTORY is what is watched, a real path; POWER_JOURNAL is where
 * records go.  POWER_FAIL_SYNC=n: the n-th fsync or fdatasync of this process fails with EIO.
 * POWER_FAIL_FILE=path: while that file is there they all fail.
 *
 * A record is written after its operation, under one lock: what is in the journal has happened, and
 * the last thing that happened may be missing, as it may be from a disk.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The kinds of record; journal.py has the same letters. */
enum kind {
    CREATE = 'C', WRITE = 'W', TRUNCATE = 'T', SYNC = 'S', SYNC_FAILED = 'F', SYNC_DIRECTORY = 'D',
    UNLINK = 'U', RENAME = 'R', MAPPED = 'M', UNKNOWN = '?'
};

struct __attribute__((packed)) head {
    uint8_t kind;
    uint64_t inode;
    int64_t at;      /* offset, or size */
    uint32_t length; /* of what follows: bytes written, or names with a NUL between them */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *directory, *fail_file;
static size_t directory_length;
static int journal = -1;
static long syncs, fail_sync;

static __attribute__((constructor)) void begin(void)
{
    const char *path = getenv("POWER_JOURNAL"), *number = getenv("POWER_FAIL_SYNC");
    directory = getenv("POWER_DIRECTORY");
    fail_file = getenv("POWER_FAIL_FILE");
    fail_sync = number ? atol(number) : 0;
    if (!path || !directory)
        return;
    directory_length = strlen(directory);
    journal = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                           0600);
    if (journal < 0) {
        perror("disk_journal: POWER_JOURNAL");
        _exit(99);
    }
}

static void record(enum kind kind, uint64_t inode, int64_t at, const void *bytes, size_t length)
{
    struct head head = {(uint8_t)kind, inode, at, (uint32_t)length};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)bytes, length}};
    ssize_t wanted = (ssize_t)(sizeof head + length);
    if (syscall(SYS_writev, journal, parts, length ? 2 : 1) != wanted) {
        static const char complaint[] = "disk_journal: a record could not be written\n";
        syscall(SYS_write, 2, complaint, sizeof complaint - 1);
        _exit(99);
    }
}

/* The name below the directory ("" for the directory itself), or NULL for what is elsewhere. */
static const char *below(const char *path)
{
    if (journal < 0 || strncmp(path, directory, directory_length) != 0)
        return NULL;
    if (path[directory_length] == '\0')
        return "";
    return path[directory_length] == '/' ? path + directory_length + 1 : NULL;
}

static const char *name_at(int at, const char *path, char *space)
{
    if (path[0] == '/')
        return below(path);
    char link[64], base[PATH_MAX];
    snprintf(link, sizeof link, at == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", at);
    ssize_t length = readlink(link, base, sizeof base - 1);
    if (length < 0)
        return NULL;
    base[length] = '\0';
    if (snprintf(space, PATH_MAX, "%s/%s", base, path) >= PATH_MAX)
        return NULL;
    return below(space);
}

/* Whether this descriptor is below the directory; its inode, and whether it is a directory. */
static int watched(int descriptor, uint64_t *inode, int *is_directory)
{
    char link[64], path[PATH_MAX];
    struct stat status;
    if (journal < 0)
        return 0;
    int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    int found = 0;
    if (length > 0) {
        path[length] = '\0';
        found = below(path) && fstat(descriptor, &status) == 0;
        if (found) {
            *inode = status.st_ino;
            *is_directory = S_ISDIR(status.st_mode);
        }
    }
    errno = kept;
    return found;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* An operation that the journal cannot tell, on a file that it watches: the test shall fail. */
static void unknown(int descriptor, const char *what)
{
    uint64_t inode;
    int is_directory;
    if (watched(descriptor, &inode, &is_directory))
        record(UNKNOWN, inode, 0, what, strlen(what));
}

/* Opening */

static int open_at(int at, const char *path, int flags, mode_t mode)
{
    char space[PATH_MAX];
    const char *name = name_at(at, path, space);
    if (!name || !(flags & (O_CREAT | O_TRUNC)))
        return (int)syscall(SYS_openat, at, path, flags, mode);
    struct stat status;
    pthread_mutex_lock(&lock);
    int there = fstatat(at, path, &status, 0) == 0;
    int descriptor = (int)syscall(SYS_openat, at, path, flags, mode);
    int kept = errno;
    if (descriptor >= 0 && fstat(descriptor, &status) == 0) {
        if (!there)
            record(CREATE, status.st_ino, 0, name, strlen(name));
        else if (flags & O_TRUNC)
            record(TRUNCATE, status.st_ino, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = kept;
    return descriptor;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = (mode_t)va_arg(rest, int); \
        va_end(rest); \
    }

int open(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags) return open_at(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags) return open_at(at, path, flags, mode); }
int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

/* Writing */

static ssize_t written(int descriptor, const void *bytes, size_t length, off_t at, int positioned)
{
    uint64_t inode;
    int is_directory;
    if (!watched(descriptor, &inode, &is_directory))
        return positioned ? syscall(SYS_pwrite64, descriptor, bytes, length, at)
                          : syscall(SYS_write, descriptor, bytes, length);
    pthread_mutex_lock(&lock);
    if (!positioned)
        at = lseek(descriptor, 0, fcntl(descriptor, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
    ssize_t done = positioned ? syscall(SYS_pwrite64, descriptor, bytes, length, at)
                              : syscall(SYS_write, descriptor, bytes, length);
    int kept = errno;
    if (done > 0)
        record(WRITE, inode, at, bytes, (size_t)done);
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

ssize_t write(int descriptor, const void *bytes, size_t length) { return written(descriptor, bytes, length, 0, 0); }
ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t at) { return written(descriptor, bytes, length, at, 1); }
ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t at) { return written(descriptor, bytes, length, at, 1); }

static int truncated(int descriptor, off_t size)
{
    uint64_t inode;
    int is_directory;
    if (!watched(descriptor, &inode, &is_directory))
        return (int)syscall(SYS_ftruncate, descriptor, size);
    pthread_mutex_lock(&lock);
    int done = (int)syscall(SYS_ftruncate, descriptor, size);
    int kept = errno;
    if (done == 0)
        record(TRUNCATE, inode, size, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

int ftruncate(int descriptor, off_t size) { return truncated(descriptor, size); }
int ftruncate64(int descriptor, off64_t size) { return truncated(descriptor, size); }

/* Syncing */

static int must_fail(void)
{
    if (++syncs == fail_sync)
        return 1;
    return fail_file && syscall(SYS_access, fail_file, F_OK) == 0;
}

/* After a failure the pages count as clean: nobody writes them again (fsync(2), NOTES of EIO). */
static int synced(int descriptor, long number)
{
    uint64_t inode;
    int is_directory;
    if (!watched(descriptor, &inode, &is_directory))
        return (int)syscall(number, descriptor);
    pthread_mutex_lock(&lock);
    int fails = must_fail();
    int done = fails ? -1 : (int)syscall(number, descriptor);
    int kept = fails ? EIO : errno;
    if (fails)
        record(SYNC_FAILED, inode, 0, NULL, 0);
    else if (done == 0)
        record(is_directory ? SYNC_DIRECTORY : SYNC, inode, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

int fsync(int descriptor) { return synced(descriptor, SYS_fsync); }
int fdatasync(int descriptor) { return synced(descriptor, SYS_fdatasync); }

/* Names */

static int removed(int at, const char *path, int flags)
{
    char space[PATH_MAX];
    const char *name = name_at(at, path, space);
    if (!name)
        return (int)syscall(SYS_unlinkat, at, path, flags);
    pthread_mutex_lock(&lock);
    int done = (int)syscall(SYS_unlinkat, at, path, flags);
    int kept = errno;
    if (done == 0)
        record(UNLINK, 0, 0, name, strlen(name));
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return removed(at, path, flags); }
int remove(const char *path)
{
    int done = removed(AT_FDCWD, path, 0);
    return done != 0 && errno == EISDIR ? removed(AT_FDCWD, path, AT_REMOVEDIR) : done;
}

static int renamed(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    char space[PATH_MAX], other_space[PATH_MAX], both[2 * PATH_MAX];
    const char *name = name_at(from_at, from, space), *other = name_at(to_at, to, other_space);
    if (!name && !other)
        return (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    pthread_mutex_lock(&lock);
    int done = (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    int kept = errno;
    if (done == 0 && name && other && !flags) {
        int length = snprintf(both, sizeof both, "%s%c%s", name, '\0', other);
        record(RENAME, 0, 0, both, (size_t)length);
    } else if (done == 0)
        record(UNKNOWN, 0, 0, "rename", 6);
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_at, const char *from, int to_at, const char *to) { return renamed(from_at, from, to_at, to, 0); }
int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) { return renamed(from_at, from, to_at, to, flags); }

/* Ways to write that the journal cannot tell: they are noticed, and so is a map that can write. */

static void *mapped(void *address, size_t length, int protection, int flags, int descriptor, off_t at)
{
    uint64_t inode;
    int is_directory;
    if (flags & MAP_SHARED && protection & PROT_WRITE && watched(descriptor, &inode, &is_directory))
        record(MAPPED, inode, 0, NULL, 0);
    return (void *)syscall(SYS_mmap, address, length, protection, flags, descriptor, at);
}

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t at) { return mapped(address, length, protection, flags, descriptor, at); }
void *mmap64(void *address, size_t length, int protection, int flags, int descriptor, off64_t at) { return mapped(address, length, protection, flags, descriptor, at); }

ssize_t writev(int descriptor, const struct iovec *parts, int count) { REAL(writev); unknown(descriptor, "writev"); return real(descriptor, parts, count); }
ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t at) { REAL(pwritev); unknown(descriptor, "pwritev"); return real(descriptor, parts, count, at); }
ssize_t pwritev64(int descriptor, const struct iovec *parts, int count, off64_t at) { REAL(pwritev64); unknown(descriptor, "pwritev"); return real(descriptor, parts, count, at); }
int fallocate(int descriptor, int mode, off_t at, off_t length) { REAL(fallocate); unknown(descriptor, "fallocate"); return real(descriptor, mode, at, length); }
int fallocate64(int descriptor, int mode, off64_t at, off64_t length) { REAL(fallocate64); unknown(descriptor, "fallocate"); return real(descriptor, mode, at, length); }
int posix_fallocate(int descriptor, off_t at, off_t length) { REAL(posix_fallocate); unknown(descriptor, "fallocate"); return real(descriptor, at, length); }
int posix_fallocate64(int descriptor, off64_t at, off64_t length) { REAL(posix_fallocate64); unknown(descriptor, "fallocate"); return real(descriptor, at, length); }
ssize_t sendfile(int to, int from, off_t *at, size_t length) { REAL(sendfile); unknown(to, "sendfile"); return real(to, from, at, length); }
ssize_t sendfile64(int to, int from, off64_t *at, size_t length) { REAL(sendfile64); unknown(to, "sendfile"); return real(to, from, at, length); }
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t length, unsigned flags) { REAL(copy_file_range); unknown(to, "copy_file_range"); return real(from, from_at, to, to_at, length, flags); }
int truncate(const char *path, off_t size)
{
    int descriptor = open_at(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (descriptor < 0)
        return -1;
    int done = truncated(descriptor, size), kept = errno;
    close(descriptor);
    errno = kept;
    return done;
}
int truncate64(const char *path, off64_t size) { return truncate(path, size); }
