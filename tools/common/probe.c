/*
 * probe.c - whether a folder can be home to a page file, found by doing it once on 2 MiB.
 *
 * No list of file systems is trusted.  The first half of a nameless file is written out with
 * sync_file_range, the second with msync; what then leaves RAM when it is dropped, and comes back
 * as it was, tells what works.  On overlayfs sync_file_range and cachestat return success and do
 * nothing; on tmpfs nothing ever leaves.
 */
#include "common/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

#define HALF ((size_t)1 << 20)
#define PAGE ((size_t)4096)
#define HALF_PAGES (HALF / PAGE)

/* Now and then a page stays for a moment, in a per-CPU list of the kernel's. */
#define NEARLY_ALL(pages) ((pages) >= HALF_PAGES - HALF_PAGES / 16)

struct trial {
    int fd;
    char *map; /* two halves */
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static size_t in_core(const char *half)
{
    unsigned char vector[HALF_PAGES];
    size_t count = 0;
    if (mincore((void *)half, HALF, vector) != 0)
        return HALF_PAGES;
    for (size_t i = 0; i < HALF_PAGES; i++)
        count += vector[i] & 1;
    return count;
}

/* Contents that no other page has, so that a mixed-up page is noticed. */
static uint64_t word_of(size_t page, size_t word)
{
    return (page * 512 + word) * 0x9e3779b97f4a7c15u ^ 0x5a5a;
}

static void fill(const struct trial *t)
{
    uint64_t *words = (uint64_t *)t->map;
    for (size_t page = 0; page < 2 * HALF_PAGES; page++) {
        for (size_t word = 0; word < 512; word += 8)
            words[page * 512 + word] = word_of(page, word);
    }
}

static bool is_unharmed(const struct trial *t)
{
    const uint64_t *words = (const uint64_t *)t->map;
    for (size_t page = 0; page < 2 * HALF_PAGES; page++) {
        for (size_t word = 0; word < 512; word += 8) {
            if (words[page * 512 + word] != word_of(page, word))
                return false;
        }
    }
    return true;
}

static bool cache_counts(const struct trial *t)
{
    struct {
        uint64_t offset, length;
    } range = {0, 2 * HALF};
    uint64_t counts[5] = {0};
    long result = syscall(SYS_cachestat, t->fd, &range, counts, 0);
    return result == 0 && counts[0] >= 2 * HALF_PAGES - HALF_PAGES / 16;
}

/* Drop a half whose pages no page table maps; whether it left. */
static bool leaves(const struct trial *t, size_t offset)
{
    char *half = t->map + offset;
    (void)posix_fadvise(t->fd, (off_t)offset, (off_t)HALF, POSIX_FADV_DONTNEED);
    return NEARLY_ALL(HALF_PAGES - in_core(half));
}

static bool comes_ahead(const struct trial *t)
{
    if (readahead(t->fd, 0, HALF) != 0)
        return false;
    for (int tries = 0; tries < 100; tries++) {
        if (NEARLY_ALL(in_core(t->map)))
            return true;
        struct timespec nap = {0, 2000000};
        nanosleep(&nap, NULL);
    }
    return false;
}

static void try_paging(const struct trial *t, struct mm_probe *p)
{
    fill(t);
    p->cache_counts = cache_counts(t);
    madvise(t->map, 2 * HALF, MADV_DONTNEED);

    unsigned all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    bool written = sync_file_range(t->fd, 0, (off_t)HALF, all) == 0;
    p->start_writing = written && leaves(t, 0);

    uint64_t start = now_ns();
    written = msync(t->map + HALF, HALF, MS_SYNC) == 0;
    p->write_ns = now_ns() - start;
    p->pages_leave = written && leaves(t, HALF);
    if (!p->pages_leave)
        return;

    if (!p->start_writing) {
        (void)msync(t->map, HALF, MS_SYNC); /* a failure shows in what leaves */
        p->pages_leave = leaves(t, 0);
    }
    start = now_ns();
    p->read_ahead = comes_ahead(t);
    p->read_ns = now_ns() - start;
    p->pages_return = is_unharmed(t);
}

static void try_file(int fd, struct mm_probe *p)
{
    struct trial t = {.fd = fd};
    if (ftruncate(fd, 2 * HALF) != 0 || fallocate(fd, 0, 0, 2 * HALF) != 0) {
        p->space_error = errno;
        return;
    }
    t.map = mmap(NULL, 2 * HALF, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (t.map == MAP_FAILED) {
        p->space_error = errno;
        return;
    }
    madvise(t.map, 2 * HALF, MADV_RANDOM);
    try_paging(&t, p);
    munmap(t.map, 2 * HALF);
}

/* A limit on file sizes (ulimit -f) is an error to report, not a signal to die of. */
static void try_file_limited(int fd, struct mm_probe *p)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGXFSZ, &ignore, &before);
    try_file(fd, p);
    sigaction(SIGXFSZ, &before, NULL);
}

void mm_probe_folder(const char *folder, struct mm_probe *ret_probe)
{
    struct mm_probe p = {0};
    int fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        p.open_error = errno;
    } else {
        struct statfs fs;
        if (fstatfs(fd, &fs) == 0) {
            p.free_bytes = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
            p.fs_type = (uint64_t)fs.f_type;
        }
        try_file_limited(fd, &p);
        close(fd);
    }
    *ret_probe = p;
}

bool mm_probe_is_fit(const struct mm_probe *probe)
{
    return !probe->open_error && !probe->space_error && probe->pages_leave && probe->pages_return;
}

const char *mm_probe_reason(const struct mm_probe *probe)
{
    switch (probe->open_error) {
    case 0: break;
    case ENOENT: return "there is no such folder";
    case ENOTDIR: return "it is no folder";
    case EACCES:
    case EPERM: return "you may not write there";
    case EROFS: return "it is read-only";
    case EOPNOTSUPP:
    case EISDIR: return "its file system cannot make nameless files (O_TMPFILE)";
    default: return strerror(probe->open_error);
    }
    switch (probe->space_error) {
    case 0: break;
    case ENOSPC:
    case EDQUOT: return "there is no space left";
    case EFBIG: return "files may not grow there (ulimit -f)";
    case EOPNOTSUPP: return "its file system cannot promise space (fallocate)";
    default: return strerror(probe->space_error);
    }
    if (!probe->pages_leave)
        return probe->fs_type == TMPFS_MAGIC ? "it is a tmpfs, which keeps its pages in RAM"
                                             : "its file system keeps written pages in RAM";
    return probe->pages_return ? "it is fit" : "what was written there did not come back unharmed";
}

const char *mm_probe_fs_name(uint64_t fs_type)
{
    static const struct {
        uint64_t type;
        const char *name;
    } known[] = {
        {EXT4_SUPER_MAGIC, "ext4"},
        {XFS_SUPER_MAGIC, "xfs"},
        {BTRFS_SUPER_MAGIC, "btrfs"},
        {TMPFS_MAGIC, "tmpfs"},
        {OVERLAYFS_SUPER_MAGIC, "overlay"},
        {NFS_SUPER_MAGIC, "nfs"},
        {FUSE_SUPER_MAGIC, "fuse"},
        {F2FS_SUPER_MAGIC, "f2fs"},
        {RAMFS_MAGIC, "ramfs"},
        {0x2fc12fc1, "zfs"},
        {0xff534d42, "cifs"},
        {V9FS_MAGIC, "9p"},
        {MSDOS_SUPER_MAGIC, "vfat"},
        {0x7461636f, "ocfs2"},
        {0xca451a4e, "bcachefs"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].type == fs_type)
            return known[i].name;
    }
    return "?";
}
