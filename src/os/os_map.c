/*
 * os_map.c - address space: mapping, access, contents.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "base/page.h"
#include "os/os_internal.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

#define DISCARDED_AT_ONCE 32
#define THIS_THREAD -10000 /* PIDFD_SELF_THREAD: a file descriptor that means the caller */

static long map(void *where, size_t size, int access, int flags, int fd, uint64_t offset)
{
    return call6(SYS_mmap, where, size, access, flags, fd, offset);
}

/* Kernels before 4.17 take MAP_FIXED_NOREPLACE for a hint, so look where the mapping came. */
static int place(long result, void *where, size_t size, void **ret_base)
{
    if (result < 0 && result > -4096)
        return (int)result;
    if (where && (void *)result != where) {
        mm_os_unmap((void *)result, size);
        return -EEXIST;
    }
    *ret_base = (void *)result;
    return 0;
}

int mm_os_map(void *where, size_t size, int access, void **ret_base)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    if (where)
        flags |= MAP_FIXED_NOREPLACE;

    return place(map(where, size, access, flags, -1, 0), where, size, ret_base);
}

static int replace(void *where, size_t size, int access, int flags, int fd, uint64_t offset)
{
    long result = map(where, size, access, flags | MAP_FIXED, fd, offset);
    return result < 0 && result > -4096 ? (int)result : 0;
}

int mm_os_map_over(void *where, size_t size, int access)
{
    return replace(where, size, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

int mm_os_map_file(void *where, size_t size, int access, int fd, uint64_t offset)
{
    return replace(where, size, access, MAP_SHARED | MAP_NORESERVE, fd, offset);
}

int mm_os_map_file_private(void *where, size_t size, int access, int fd, uint64_t offset)
{
    return replace(where, size, access, MAP_PRIVATE | MAP_NORESERVE, fd, offset);
}

int mm_os_unmap(void *where, size_t size)
{
    return (int)call2(SYS_munmap, where, size);
}

int mm_os_protect(void *where, size_t size, int access)
{
    return (int)call3(SYS_mprotect, where, size, access);
}

void *mm_os_own_memory(size_t size)
{
    void *base;
    return mm_os_map(NULL, align_up(size, PAGE_BYTES), OS_READ | OS_WRITE, &base) ? NULL : base;
}

static int advise(void *where, size_t size, int advice)
{
    return (int)call3(SYS_madvise, where, size, advice);
}

int mm_os_discard(void *where, size_t size)
{
    return advise(where, size, MADV_DONTNEED);
}

/*
 * One call takes them all from Linux 6.13 on, and from 6.16 on it tells the processors once: to tell
 * them of each page costs more than all the rest where a hypervisor stands between.
 */
void mm_os_discard_all(const struct os_run *runs, int count)
{
    struct iovec ranges[DISCARDED_AT_ONCE];
    long size = 0;

    for (int i = 0; i < count && i < DISCARDED_AT_ONCE; i++) {
        ranges[i] = (struct iovec){(void *)runs[i].start, runs[i].end - runs[i].start};
        size += (long)ranges[i].iov_len;
    }
    if (count > 1 && count <= DISCARDED_AT_ONCE &&
        call5(SYS_process_madvise, THIS_THREAD, ranges, count, MADV_DONTNEED, 0) == size)
        return;
    for (int i = 0; i < count; i++)
        (void)mm_os_discard((void *)runs[i].start, runs[i].end - runs[i].start);
}

int mm_os_guard(void *where, size_t size)
{
    return advise(where, size, MADV_GUARD_INSTALL);
}

int mm_os_unguard(void *where, size_t size)
{
    return advise(where, size, MADV_GUARD_REMOVE);
}

int mm_os_advise_random(void *where, size_t size)
{
    return advise(where, size, MADV_RANDOM);
}

int mm_os_page_out(void *where, size_t size)
{
    return advise(where, size, MADV_PAGEOUT);
}

int mm_os_make_dirty(void *where, size_t size)
{
    int error = advise(where, size, MADV_POPULATE_WRITE);

    if (error != -EINVAL)
        return error;
    for (size_t at = 0; at < size; at += PAGE_BYTES) /* before Linux 5.14 */
        atomic_fetch_or((atomic_char *)where + at, 0);
    return 0;
}

int mm_os_inherit(void *where, size_t size, bool inherit)
{
    return advise(where, size, inherit ? MADV_DOFORK : MADV_DONTFORK);
}
