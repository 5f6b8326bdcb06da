/*
 * os_file.c - files, and the page cache that holds them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/page.h"
#include "os/os_internal.h"

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

/* A page file of our own is kept away from the low numbers that programs close in bulk. */
#define FD_OUT_OF_THE_WAY 700

int mm_os_pipe(int ret_ends[2])
{
    return (int)call2(SYS_pipe2, ret_ends, O_CLOEXEC);
}

int mm_os_open(const char *path, int flags, int mode)
{
    return (int)call4(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode);
}

int mm_os_close(int fd)
{
    return (int)call1(SYS_close, fd);
}

static int check_own_file(int fd, size_t size)
{
    struct stat s;
    int error = (int)call2(SYS_fstat, fd, &s);
    if (error)
        return error;
    if (s.st_uid != (uid_t)call0(SYS_geteuid))
        return -EACCES;
    return S_ISREG(s.st_mode) && (size_t)s.st_size == size ? 0 : -EINVAL;
}

int mm_os_map_own_file(const char *path, size_t size, void **ret_base)
{
    int fd = mm_os_open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0)
        return fd;

    void *base = NULL;
    int error = check_own_file(fd, size);
    if (!error)
        error = mm_os_map(NULL, size, OS_NONE, &base);
    if (!error)
        error = mm_os_map_file(base, size, OS_READ | OS_WRITE, fd, 0);
    (void)mm_os_close(fd); /* a mapping keeps its file */
    if (!error)
        *ret_base = base;
    else if (base)
        (void)mm_os_unmap(base, size); /* address space only: nothing to lose */
    return error;
}

/* Give `fd` a high number, so that a program's close(3) to close(255) loops pass it by. */
static int move_away(int fd)
{
    int high = (int)call3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, FD_OUT_OF_THE_WAY);
    if (high < 0)
        return fd;
    (void)mm_os_close(fd); /* a second name of the same file */
    return high;
}

int mm_os_nameless_file(const char *folder, uint64_t size, int *ret_fd)
{
    int fd = mm_os_open(folder, O_TMPFILE | O_RDWR | O_EXCL, 0600);
    if (fd < 0)
        return fd;

    int error = (int)call2(SYS_ftruncate, fd, size);
    if (error) {
        (void)mm_os_close(fd); /* the first error is the one to tell */
        return error;
    }
    (void)call4(SYS_fadvise64, fd, 0, 0, POSIX_FADV_RANDOM); /* costs RAM at worst */
    *ret_fd = move_away(fd);
    return 0;
}

int mm_os_reopen(int fd, int *ret_fd)
{
    char path[40];
    struct os_text t = {path, path + sizeof path - 1};

    mm_os_text(&t, "/proc/self/fd/");
    mm_os_text_number(&t, (uint64_t)fd);
    int again = mm_os_open(path, O_RDWR, 0);
    if (again < 0)
        return again;
    *ret_fd = move_away(again);
    return 0;
}

int mm_os_read_all(int fd, void *buffer, size_t size, uint64_t offset)
{
    for (char *at = buffer; size;) {
        long got = call4(SYS_pread64, fd, at, size, offset);
        if (got == -EINTR)
            continue;
        if (got <= 0)
            return got ? (int)got : -EIO;
        at += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

int mm_os_write_all(int fd, const void *buffer, size_t size, uint64_t offset)
{
    for (const char *at = buffer; size;) {
        long put = call4(SYS_pwrite64, fd, at, size, offset);
        if (put == -EINTR)
            continue;
        if (put <= 0)
            return put ? (int)put : -EIO;
        at += put;
        size -= (size_t)put;
        offset += (uint64_t)put;
    }
    return 0;
}

ssize_t mm_os_read(int fd, void *buffer, size_t size)
{
    return call3(SYS_read, fd, buffer, size);
}

ssize_t mm_os_write(int fd, const void *buffer, size_t size)
{
    return call3(SYS_write, fd, buffer, size);
}

ssize_t mm_os_read_text(const char *path, char *buffer, size_t capacity)
{
    int fd = mm_os_open(path, O_RDONLY, 0);
    if (fd < 0)
        return fd;

    size_t length = 0;
    ssize_t got = 0;
    while (length + 1 < capacity) {
        got = mm_os_read(fd, buffer + length, capacity - 1 - length);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    (void)mm_os_close(fd); /* read only: nothing to lose */
    buffer[length] = '\0';
    return got < 0 ? got : (ssize_t)length;
}

static int allocate(int fd, int mode, uint64_t offset, uint64_t size)
{
    int error;
    do {
        error = (int)call4(SYS_fallocate, fd, mode, offset, size);
    } while (error == -EINTR);
    return error;
}

int mm_os_promise(int fd, uint64_t offset, uint64_t size)
{
    return allocate(fd, 0, offset, size);
}

int mm_os_punch(int fd, uint64_t offset, uint64_t size)
{
    return allocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size);
}

int mm_os_zero_file(int fd, uint64_t offset, uint64_t size)
{
    return allocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, size);
}

int mm_os_read_ahead(int fd, uint64_t offset, size_t size)
{
    return (int)call3(SYS_readahead, fd, offset, size);
}

int mm_os_drop(int fd, uint64_t offset, uint64_t size)
{
    return (int)call4(SYS_fadvise64, fd, offset, size, POSIX_FADV_DONTNEED);
}

int mm_os_start_writing(int fd, uint64_t offset, uint64_t size)
{
    return (int)call4(SYS_sync_file_range, fd, offset, size, SYNC_FILE_RANGE_WRITE);
}

int mm_os_await_writing(int fd, uint64_t offset, uint64_t size)
{
    return (int)call4(SYS_sync_file_range, fd, offset, size, SYNC_FILE_RANGE_WAIT_BEFORE);
}

int mm_os_write_out(int fd, uint64_t offset, uint64_t size)
{
    /* All three together are more than their sum: pages written to while under way wait their turn. */
    unsigned all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;

    return (int)call4(SYS_sync_file_range, fd, offset, size, all);
}

int mm_os_error_of_writing(int fd)
{
    return mm_os_await_writing(fd, 1ull << 62, PAGE_BYTES); /* no page is there to be waited for */
}

int mm_os_free_space(int fd, uint64_t *ret_bytes)
{
    struct statfs fs;
    int error = (int)call2(SYS_fstatfs, fd, &fs);

    if (!error)
        *ret_bytes = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
    return error;
}

int mm_os_write_mapping(void *where, size_t size)
{
    return (int)call3(SYS_msync, where, size, MS_SYNC);
}

/* copy_file_range may refuse (EXDEV, EINVAL, ENOSYS); then bytes go through a small buffer. */
static int copy_through_buffer(int from, int to, uint64_t offset, uint64_t size)
{
    char buffer[16 * KIB];

    while (size) {
        size_t piece = min_size(size, sizeof buffer);
        int error = mm_os_read_all(from, buffer, piece, offset);
        if (!error)
            error = mm_os_write_all(to, buffer, piece, offset);
        if (error)
            return error;
        offset += piece;
        size -= piece;
    }
    return 0;
}

int mm_os_copy_file(int from, int to, uint64_t offset, uint64_t size)
{
    while (size) {
        uint64_t in = offset;
        uint64_t out = offset;
        long copied = call6(SYS_copy_file_range, from, &in, to, &out, size, 0);
        if (copied == -EINTR)
            continue;
        if (copied <= 0)
            return copy_through_buffer(from, to, offset, size);
        offset += (uint64_t)copied;
        size -= (uint64_t)copied;
    }
    return 0;
}

int mm_os_next_data(int fd, uint64_t offset, uint64_t *ret_start, uint64_t *ret_end)
{
    long start = call3(SYS_lseek, fd, offset, SEEK_DATA);
    if (start < 0)
        return (int)start;
    long end = call3(SYS_lseek, fd, start, SEEK_HOLE);
    if (end < 0)
        return (int)end;

    *ret_start = (uint64_t)start;
    *ret_end = (uint64_t)end;
    return 0;
}

int mm_os_cache_of(int fd, uint64_t offset, uint64_t size, struct os_cache *ret_cache)
{
    struct {
        uint64_t offset, length;
    } range = {offset, size};
    struct {
        uint64_t cached, dirty, writing, evicted, recently_evicted;
    } found;

    int error = (int)call4(SYS_cachestat, fd, &range, &found, 0);
    if (!error)
        *ret_cache = (struct os_cache){found.cached, found.dirty, found.writing};
    return error;
}
