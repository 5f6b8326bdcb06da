/*
 * os_pagemap.c - what memory is doing: which pages are mapped, cached, whose.
 *
 * PAGEMAP_SCAN (6.7) answers for a range in one call and skips empty page tables; older kernels
 * have /proc/self/pagemap, eight bytes a page.  Both are found by trying.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <string.h>

#include "base/page.h"
#include "os/os_internal.h"

/* From linux/fs.h of 6.7, which Debian 12's headers do not have. */
struct page_region {
    uint64_t start;
    uint64_t end;
    uint64_t categories;
};

struct pm_scan_arg {
    uint64_t size;
    uint64_t flags;
    uint64_t start;
    uint64_t end;
    uint64_t walk_end;
    uint64_t vec;
    uint64_t vec_len;
    uint64_t max_pages;
    uint64_t category_inverted;
    uint64_t category_mask;
    uint64_t category_anyof_mask;
    uint64_t return_mask;
};

#define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)
#define PAGE_IS_FILE (1u << 2)
#define PAGE_IS_PRESENT (1u << 3)
#define PAGE_IS_SWAPPED (1u << 4)
#define PAGEMAP_PRESENT (1ull << 63)
#define PAGEMAP_SWAPPED (1ull << 62)
#define PAGEMAP_FILE (1ull << 61)

/* What one call asks for; its runs fit the stack of a pager thread. */
#define RUNS_PER_CALL 64

/* 0: not opened yet; -1 - fd is never stored.  Reopened in a forked child, whose map it is. */
static atomic_int pagemap_fd;
static atomic_int opened_by;
static atomic_int scan_missing;

static int pagemap(void)
{
    int fd = atomic_load(&pagemap_fd);
    pid_t self = mm_os_pid();
    if (fd > 0 && atomic_load(&opened_by) == self)
        return fd;

    int fresh = mm_os_open("/proc/self/pagemap", O_RDONLY, 0);
    if (fresh < 0)
        return fresh;
    int high = (int)call3(SYS_fcntl, fresh, F_DUPFD_CLOEXEC, 700);
    if (high >= 0) {
        (void)mm_os_close(fresh); /* a second name of the same file */
        fresh = high;
    }
    atomic_store(&pagemap_fd, fresh);
    atomic_store(&opened_by, self);
    return fresh;
}

/*
 * Which pages are looked for: those of files that page tables map, or private ones (anonymous, and
 * copies of file pages), which the kernel may have swapped out.
 */
struct wanted {
    bool private;
    size_t most; /* pages after which the scan may stop; 0: none */
};

/* One PAGEMAP_SCAN from *at on, which is moved: runs found or -errno. */
static int scan_once(uintptr_t *at, uintptr_t end, struct wanted want, struct page_region *found,
                     int capacity)
{
    uint64_t any = PAGE_IS_PRESENT | (want.private ? PAGE_IS_SWAPPED : 0);
    struct pm_scan_arg ask = {
        .size = sizeof ask,
        .start = *at,
        .end = end,
        .vec = (uint64_t)(uintptr_t)found,
        .vec_len = (uint64_t)capacity,
        .max_pages = want.most,
        .category_inverted = want.private ? PAGE_IS_FILE : 0,
        .category_mask = PAGE_IS_FILE,
        .category_anyof_mask = any,
        .return_mask = PAGE_IS_FILE,
    };

    int fd = pagemap();
    if (fd < 0)
        return fd;
    int count = (int)call3(SYS_ioctl, fd, PAGEMAP_SCAN, &ask);
    if (count >= 0)
        *at = ask.walk_end;
    return count;
}

/* Add a page to the runs; false when there is no room for it. */
static bool add_page(uintptr_t at, struct os_run *runs, int *count, int capacity)
{
    if (*count && runs[*count - 1].end == at) {
        runs[*count - 1].end += PAGE_BYTES;
        return true;
    }
    if (*count == capacity)
        return false;
    runs[(*count)++] = (struct os_run){at, at + PAGE_BYTES};
    return true;
}

static bool is_wanted(uint64_t word, struct wanted want)
{
    if (want.private)
        return word & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED) && !(word & PAGEMAP_FILE);
    return word & PAGEMAP_PRESENT && word & PAGEMAP_FILE;
}

/* The same by reading a word a page. */
static int read_words(uintptr_t *at, uintptr_t end, struct wanted want, struct os_run *runs,
                      int capacity)
{
    uint64_t words[512];
    size_t left = want.most ? want.most : SIZE_MAX;
    int count = 0;

    while (*at < end && left) {
        size_t pages = min_size((end - *at) >> PAGE_SHIFT, 512);
        int fd = pagemap();
        int error = fd < 0 ? fd
                           : mm_os_read_all(fd, words, pages * sizeof words[0],
                                            (*at >> PAGE_SHIFT) * sizeof words[0]);
        if (error)
            return error;
        for (size_t i = 0; i < pages && left; i++, *at += PAGE_BYTES) {
            if (!is_wanted(words[i], want))
                continue;
            if (!add_page(*at, runs, &count, capacity))
                return count;
            left--;
        }
    }
    return count;
}

static int scan(uintptr_t *at, uintptr_t end, struct wanted want, struct os_run *runs, int capacity)
{
    struct page_region found[RUNS_PER_CALL];
    int count = 0;

    if (atomic_load(&scan_missing))
        return read_words(at, end, want, runs, capacity);
    while (*at < end && count < capacity) {
        int room = capacity - count < RUNS_PER_CALL ? capacity - count : RUNS_PER_CALL;
        int got = scan_once(at, end, want, found, room);
        if (got == -ENOTTY) {
            atomic_store(&scan_missing, 1);
            return read_words(at, end, want, runs, capacity);
        }
        if (got < 0)
            return got;
        for (int i = 0; i < got; i++)
            runs[count++] = (struct os_run){found[i].start, found[i].end};
        if (want.most)
            break;
    }
    return count;
}

int mm_os_scan_present(uintptr_t start, uintptr_t end, size_t most, struct os_run *runs,
                       int capacity, uintptr_t *ret_stopped_at)
{
    int count = scan(&start, end, (struct wanted){false, most}, runs, capacity);
    *ret_stopped_at = start;
    return count;
}

int mm_os_scan_private(uintptr_t start, uintptr_t end, struct os_run *runs, int capacity,
                       uintptr_t *ret_stopped_at)
{
    int count = scan(&start, end, (struct wanted){true, 0}, runs, capacity);
    *ret_stopped_at = start;
    return count;
}

int mm_os_in_core(const void *where, size_t size, unsigned char *ret_in_core)
{
    return (int)call3(SYS_mincore, where, size, ret_in_core);
}
