/*
 * examine_kernel.c - which calls this kernel, and what stands before it, let through.
 *
 * Each call is made, on memory of our own, and its effect is looked at; versions and names say
 * little in containers, where a filter may deny what the kernel has.
 */
#include "doctor/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

#define PAGE ((size_t)4096)
#define GUARD_INSTALL 102 /* MADV_GUARD_INSTALL, kernel 6.13 */

/* From linux/fs.h of newer kernels than some distributions' headers. */
struct scan_argument {
    uint64_t size, flags, start, end, walk_end, vector, vector_length, most_pages;
    uint64_t inverted, all_of, any_of, wanted;
};
struct scan_region {
    uint64_t start, end, categories;
};
#define SCAN_PAGES _IOWR('f', 16, struct scan_argument)
#define SCAN_PRESENT (1u << 3)

struct map_query {
    uint64_t size, flags, address, start, end, map_flags, page_size, offset, inode;
    uint32_t major, minor, name_size, build_id_size;
    uint64_t name, build_id;
};
#define QUERY_MAP _IOWR('f', 17, struct map_query)

/* Two pages, the first of them touched. */
static char *two_pages(void)
{
    char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    *(volatile char *)p = 1;
    return p;
}

/* ---- tries: 0 or an errno ---------------------------------------------------------------------- */

static int try_pagemap_scan(void)
{
    char *p = two_pages();
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || !p)
        return errno;
    struct scan_region region = {0};
    struct scan_argument a = {.size = sizeof(a), .start = (uintptr_t)p};
    a.end = a.start + 2 * PAGE;
    a.vector = (uintptr_t)&region;
    a.vector_length = 1;
    a.all_of = a.wanted = SCAN_PRESENT;
    int found = ioctl(fd, SCAN_PAGES, &a);
    int error = found < 0 ? errno : 0;
    close(fd);
    if (!error && !(found == 1 && region.start == a.start && region.end == a.start + PAGE))
        error = EIO;
    munmap(p, 2 * PAGE);
    return error;
}

static int try_pagemap(void)
{
    char *p = two_pages();
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || !p)
        return errno;
    uint64_t words[2] = {0};
    errno = EIO;
    ssize_t got = pread(fd, words, sizeof(words), (off_t)((uintptr_t)p / PAGE * 8));
    close(fd);
    munmap(p, 2 * PAGE);
    if (got != sizeof(words))
        return errno;
    return words[0] >> 63 && !(words[1] >> 63) ? 0 : EIO;
}

static int try_mincore(void)
{
    char *p = two_pages();
    unsigned char there[2] = {0};
    if (!p || mincore(p, 2 * PAGE, there) != 0)
        return errno;
    munmap(p, 2 * PAGE);
    return there[0] & 1 ? 0 : EIO;
}

static int try_map_query(void)
{
    char *p = two_pages();
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || !p)
        return errno;
    struct map_query q = {.size = sizeof(q), .address = (uintptr_t)p};
    int error = ioctl(fd, QUERY_MAP, &q) != 0 ? errno : 0;
    close(fd);
    munmap(p, 2 * PAGE);
    if (!error && !(q.start <= q.address && q.address < q.end))
        error = EIO;
    return error;
}

static int try_fault_events(void)
{
    struct perf_event_attr a = {.type = PERF_TYPE_SOFTWARE,
                                .size = sizeof(a),
                                .config = PERF_COUNT_SW_PAGE_FAULTS_MAJ,
                                .sample_period = 1,
                                .sample_type = PERF_SAMPLE_ADDR | PERF_SAMPLE_TID};
    a.disabled = a.exclude_kernel = a.exclude_hv = 1;
    int fd = (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0)
        return errno;
    void *ring = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int error = ring == MAP_FAILED ? errno : 0;
    if (!error)
        munmap(ring, 2 * PAGE);
    close(fd);
    return error;
}

static int try_guard_markers(void)
{
    char *p = two_pages();
    if (!p)
        return errno;
    int error = madvise(p, PAGE, GUARD_INSTALL) != 0 ? errno : 0;
    munmap(p, 2 * PAGE);
    return error;
}

static int open_userfaultfd(int flags)
{
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | flags);
    if (fd < 0)
        return errno;
    struct uffdio_api api = {.api = UFFD_API};
    int error = ioctl(fd, UFFDIO_API, &api) != 0 ? errno : 0;
    close(fd);
    return error;
}

static int try_user_faults(void)
{
    return open_userfaultfd(UFFD_USER_MODE_ONLY);
}

static int try_kernel_faults(void)
{
    return open_userfaultfd(0);
}

static int try_io_uring(void)
{
    char parameters[120] = {0}; /* struct io_uring_params */
    int fd = (int)syscall(SYS_io_uring_setup, 1, parameters);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int try_process_madvise(void)
{
    char *p = two_pages();
    int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (self < 0 || !p)
        return errno;
    struct iovec range = {p, PAGE};
    long done = syscall(SYS_process_madvise, self, &range, 1, MADV_COLD, 0);
    int error = done == (long)PAGE ? 0 : done < 0 ? errno : EIO;
    close(self);
    munmap(p, 2 * PAGE);
    return error;
}

/* ---- the table --------------------------------------------------------------------------------- */

struct trial {
    const char *group;
    const char *key;
    const char *name;
    int (*try)(void);
    enum doctor_verdict otherwise;
    const char *advice; /* when it does not work */
};

#define PAGING "paging"
#define LATER "for later engines"

static const struct trial trials[] = {
    {PAGING, "mincore", "mincore tells what is cached", try_mincore, DOCTOR_NO,
     "a filter denies mincore, without which the budget cannot be counted: allow it"},
    {PAGING, "pagemap_scan", "PAGEMAP_SCAN", try_pagemap_scan, DOCTOR_LESS,
     "pagemap is read instead, which costs more CPU; kernel 6.7 has it"},
    {PAGING, "pagemap", "/proc/self/pagemap", try_pagemap, DOCTOR_LESS,
     "without it and PAGEMAP_SCAN pages in use cannot be told from idle ones: mount /proc"},
    {PAGING, "fault_events", "perf fault events", try_fault_events, DOCTOR_LESS,
     "faults are found by scanning, some 15 % slower; sysctl kernel.perf_event_paranoid=2, and "
     "allow perf_event_open in the container's seccomp profile"},
    {PAGING, "map_query", "PROCMAP_QUERY", try_map_query, DOCTOR_LESS,
     "VirtualQuery of foreign memory reads /proc/self/maps; kernel 6.11 has it"},
    {PAGING, "guard_markers", "guard markers (MADV_GUARD_INSTALL)", try_guard_markers, DOCTOR_LESS,
     "inaccessible pages cost a mapping each; kernel 6.13 has it"},
    {LATER, "userfaultfd_user", "userfaultfd, user faults", try_user_faults, DOCTOR_LESS,
     "allow userfaultfd in the container's seccomp profile"},
    {LATER, "userfaultfd_kernel", "userfaultfd, kernel faults", try_kernel_faults, DOCTOR_LESS,
     "needs root or sysctl vm.unprivileged_userfaultfd=1, and a seccomp profile that allows it"},
    {LATER, "io_uring", "io_uring", try_io_uring, DOCTOR_LESS,
     "sysctl kernel.io_uring_disabled=0, and a seccomp profile that allows it"},
    {LATER, "process_madvise", "process_madvise", try_process_madvise, DOCTOR_LESS,
     "only helpers in other processes would want it"},
};

void mm_doctor_examine_kernel(struct doctor_examination *e)
{
    for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
        const struct trial *t = &trials[i];
        struct doctor_finding *f = mm_doctor_find(e, t->group, t->key, t->name);
        int error = t->try();
        f->verdict = error ? t->otherwise : DOCTOR_YES;
        if (!error)
            continue;
        snprintf(f->detail, sizeof(f->detail), "%s",
                 error == EIO ? "answers, but wrongly" : strerror(error));
        snprintf(f->advice, sizeof(f->advice), "%s", t->advice);
    }
}
