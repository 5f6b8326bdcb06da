/*
 * examine_folder.c - whether a page file can live in a folder, and how fast it would be.
 */
#include "doctor/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/size.h"

#define GROUP "page file"
#define SPEED_BYTES ((size_t)16 << 20)
#define RANDOM_READS 64

static const char move[] =
    "use another folder: ntmm run --pagefile SIZE:DIR, on ext4, xfs or btrfs";

static struct doctor_finding *found(struct doctor_examination *e, const char *key, const char *name,
                                    bool works, enum doctor_verdict otherwise)
{
    struct doctor_finding *f = mm_doctor_find(e, GROUP, key, name);
    f->verdict = works ? DOCTOR_YES : otherwise;
    return f;
}

static void examine_needs(struct doctor_examination *e)
{
    const struct mm_probe *p = &e->probe;
    struct doctor_finding *f =
        found(e, "nameless_file", "nameless file (O_TMPFILE)", !p->open_error, DOCTOR_NO);
    if (p->open_error) {
        snprintf(f->detail, sizeof(f->detail), "%s", mm_probe_reason(p));
        strcpy(f->advice, move);
        return;
    }
    f = found(e, "promise_space", "space promised ahead (fallocate)", !p->space_error, DOCTOR_NO);
    if (p->space_error) {
        snprintf(f->detail, sizeof(f->detail), "%s", mm_probe_reason(p));
        strcpy(f->advice, p->space_error == ENOSPC ? "make room, or use another folder" : move);
        return;
    }
    f = found(e, "pages_leave", "written pages leave RAM", p->pages_leave, DOCTOR_NO);
    if (!p->pages_leave) {
        snprintf(f->detail, sizeof(f->detail), "%s", mm_probe_reason(p));
        strcpy(f->advice, move);
        return;
    }
    f = found(e, "pages_return", "and return unharmed", p->pages_return, DOCTOR_NO);
    if (!p->pages_return)
        strcpy(f->advice, "this disk or file system loses data: use another one, and look into it");
}

static void examine_extras(struct doctor_examination *e)
{
    const struct mm_probe *p = &e->probe;
    struct doctor_finding *f;
    f = found(e, "sync_file_range", "sync_file_range writes", p->start_writing, DOCTOR_LESS);
    if (!p->start_writing)
        strcpy(f->advice, "msync is used, which waits for the disk; a page file outside the "
                          "container's overlay (a volume) is faster");
    f = found(e, "cachestat", "cachestat counts", p->cache_counts, DOCTOR_LESS);
    if (!p->cache_counts)
        strcpy(f->advice, "mincore is used; needs kernel 6.5 and a file system that is no overlay");
    f = found(e, "read_ahead", "readahead reads", p->read_ahead, DOCTOR_LESS);
    if (!p->read_ahead)
        strcpy(f->advice, "each page is read alone, which is slow; use another folder");
}

/* ---- speed ------------------------------------------------------------------------------------ */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct speed {
    double write, read; /* bytes per second */
    double random;      /* seconds for a page */
};

static bool read_speeds(int fd, struct speed *s)
{
    static char buffer[1 << 20];
    (void)posix_fadvise(fd, 0, SPEED_BYTES, POSIX_FADV_DONTNEED);
    (void)posix_fadvise(fd, 0, SPEED_BYTES, POSIX_FADV_RANDOM);
    double start = now();
    unsigned place = 12345;
    for (int i = 0; i < RANDOM_READS; i++) {
        place = place * 1103515245 + 12345;
        off_t offset = (off_t)(place / 65536 % (SPEED_BYTES / 4096)) * 4096;
        if (pread(fd, buffer, 4096, offset) != 4096)
            return false;
    }
    s->random = (now() - start) / RANDOM_READS;

    (void)posix_fadvise(fd, 0, SPEED_BYTES, POSIX_FADV_DONTNEED);
    (void)posix_fadvise(fd, 0, SPEED_BYTES, POSIX_FADV_SEQUENTIAL);
    start = now();
    for (size_t at = 0; at < SPEED_BYTES; at += sizeof(buffer)) {
        if (pread(fd, buffer, sizeof(buffer), (off_t)at) != (ssize_t)sizeof(buffer))
            return false;
    }
    s->read = SPEED_BYTES / (now() - start);
    return true;
}

static bool measure(int fd, struct speed *s)
{
    if (fallocate(fd, 0, 0, SPEED_BYTES) != 0)
        return false;
    char *map = mmap(NULL, SPEED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return false;
    memset(map, 0x5a, SPEED_BYTES);
    double start = now();
    bool good = msync(map, SPEED_BYTES, MS_SYNC) == 0;
    s->write = SPEED_BYTES / (now() - start);
    munmap(map, SPEED_BYTES);
    return good && read_speeds(fd, s);
}

static void examine_speed(struct doctor_examination *e)
{
    struct speed s;
    int fd = open(e->folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    bool good = measure(fd, &s);
    close(fd);
    if (!good)
        return;
    struct doctor_finding *f = mm_doctor_find(e, GROUP, "speed", "speed");
    snprintf(f->detail, sizeof(f->detail), "write %s, read %s, a page at random %.0f us",
             mm_rate_text(s.write).s, mm_rate_text(s.read).s, s.random * 1e6);
    if (s.random > 2e-3)
        strcpy(f->advice, "a slow disk: paging will be felt; a folder on an SSD is better");
}

static void examine_space(struct doctor_examination *e)
{
    struct doctor_finding *f = mm_doctor_find(e, GROUP, "file_system", "file system");
    snprintf(f->detail, sizeof(f->detail), "%s, %s free", mm_probe_fs_name(e->probe.fs_type),
             mm_size_text(e->probe.free_bytes).s);
    if (e->probe.free_bytes < (uint64_t)1 << 30)
        strcpy(f->advice, "little space: commits fail once it is used up; make room");
}

/* What no setting changes. */
static void tell_limits(struct doctor_examination *e)
{
    static const struct {
        const char *key, *name, *detail;
    } limits[] = {
        {"random_access", "memory used at random", "each miss waits for the disk once"},
        {"compression", "compression", "none: pages go to disk as they are"},
        {"pinned", "pinned memory",
         "io_uring's registered buffers and RDMA are refused on paged memory"},
        {"shared", "shared memory and files", "count against the budget, but are not paged"},
        {"tree", "a tree of processes", "budget and limit hold for each process, not for the sum"},
    };
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct doctor_finding *f =
            mm_doctor_find(e, "known limits of the file engine", limits[i].key, limits[i].name);
        snprintf(f->detail, sizeof(f->detail), "%s", limits[i].detail);
    }
}

void mm_doctor_examine_limits(struct doctor_examination *e)
{
    if (mm_probe_is_fit(&e->probe))
        tell_limits(e);
}

void mm_doctor_examine_folder(struct doctor_examination *e)
{
    examine_needs(e);
    if (!mm_probe_is_fit(&e->probe))
        return;
    examine_extras(e);
    examine_space(e);
    examine_speed(e);
}
