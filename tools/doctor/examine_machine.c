/*
 * examine_machine.c - memory, limits and settings that bear on paging.
 */
#include "doctor/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "common/size.h"

#define GROUP "machine"

/* A small file as text; false when it cannot be read. */
static bool read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, text, size - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

static bool read_number(const char *path, uint64_t *ret_number)
{
    char text[64], *end;
    if (!read_text(path, text, sizeof(text)))
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text)
        return false;
    *ret_number = value;
    return true;
}

static void examine_memory(struct doctor_examination *e)
{
    struct sysinfo s;
    if (sysinfo(&s) != 0)
        return;
    struct doctor_finding *f = mm_doctor_find(e, GROUP, "memory", "memory");
    snprintf(f->detail, sizeof(f->detail), "%s RAM, %s kernel swap, %ld processors online",
             mm_size_text((uint64_t)s.totalram * s.mem_unit).s,
             mm_size_text((uint64_t)s.totalswap * s.mem_unit).s, sysconf(_SC_NPROCESSORS_ONLN));
    if (sysconf(_SC_NPROCESSORS_ONLN) == 1)
        strcpy(f->advice, "with one processor the pager's threads compete with the program");
}

/* ---- the memory cgroup ------------------------------------------------------------------------- */

/* The path after "controller:" in /proc/self/cgroup, of version 2 ("0::") or of version 1. */
static bool cgroup_of(const char *text, const char *mark, char *path, size_t size)
{
    const char *at = strstr(text, mark);
    if (!at)
        return false;
    at += strlen(mark);
    size_t length = strcspn(at, "\n");
    if (length >= size)
        return false;
    memcpy(path, at, length);
    path[length] = '\0';
    return true;
}

/* In a container the cgroup's own folder is the root of what is mounted. */
static bool read_limit(const char *root, const char *path, const char *file, uint64_t *ret_limit)
{
    char name[PATH_MAX];
    snprintf(name, sizeof(name), "%s%s/%s", root, path, file);
    if (read_number(name, ret_limit))
        return true;
    snprintf(name, sizeof(name), "%s/%s", root, file);
    return read_number(name, ret_limit);
}

static bool cgroup_limit(uint64_t *ret_limit, const char **ret_version)
{
    char text[4096], path[PATH_MAX / 2];
    if (!read_text("/proc/self/cgroup", text, sizeof(text)))
        return false;
    *ret_version = "v1";
    if (cgroup_of(text, ":memory:", path, sizeof(path)) &&
        read_limit("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", ret_limit))
        return *ret_limit < (uint64_t)1 << 60;
    *ret_version = "v2";
    return cgroup_of(text, "0::", path, sizeof(path)) &&
           read_limit("/sys/fs/cgroup", path, "memory.max", ret_limit);
}

static void examine_cgroup(struct doctor_examination *e)
{
    struct doctor_finding *f = mm_doctor_find(e, GROUP, "memory_cgroup", "memory cgroup");
    uint64_t limit;
    const char *version;
    if (!cgroup_limit(&limit, &version)) {
        strcpy(f->detail, "no limit");
        return;
    }
    snprintf(f->detail, sizeof(f->detail), "%s, limit %s", version, mm_size_text(limit).s);
    snprintf(f->advice, sizeof(f->advice),
             "choose --ram at most %s: what the program reads and writes is charged there too",
             mm_size_short(limit / 115 * 100 >> 20 << 20).s);
}

/* ---- settings ---------------------------------------------------------------------------------- */

static void examine_overcommit(struct doctor_examination *e)
{
    uint64_t mode;
    if (!read_number("/proc/sys/vm/overcommit_memory", &mode))
        return;
    struct doctor_finding *f = mm_doctor_find(e, GROUP, "overcommit", "overcommit mode");
    snprintf(f->detail, sizeof(f->detail), "%" PRIu64, mode);
    if (mode == 2)
        strcpy(f->advice, "strict: private memory of libraries is counted by the kernel as well; "
                          "page-file memory is not");
}

static void examine_map_count(struct doctor_examination *e)
{
    uint64_t count;
    if (!read_number("/proc/sys/vm/max_map_count", &count))
        return;
    struct doctor_finding *f = mm_doctor_find(e, GROUP, "max_map_count", "mappings per process");
    snprintf(f->detail, sizeof(f->detail), "%s", mm_count_text(count).s);
    if (count < 65530)
        strcpy(f->advice, "fewer than usual: sysctl vm.max_map_count=65530 or more");
}

static void examine_write_back(struct doctor_examination *e)
{
    uint64_t ratio, age;
    if (!read_number("/proc/sys/vm/dirty_ratio", &ratio) ||
        !read_number("/proc/sys/vm/dirty_expire_centisecs", &age))
        return;
    struct doctor_finding *f = mm_doctor_find(e, GROUP, "write_back", "kernel write-back");
    snprintf(f->detail, sizeof(f->detail),
             "dirty pages after %.0f s; writers wait at %" PRIu64 " %% of RAM", (double)age / 100,
             ratio);
}

static void examine_seccomp(struct doctor_examination *e)
{
    char text[4096];
    struct doctor_finding *f = mm_doctor_find(e, GROUP, "seccomp", "system-call filter");
    bool known = read_text("/proc/self/status", text, sizeof(text));
    const char *at = known ? strstr(text, "\nSeccomp:\t") : NULL;
    strcpy(f->detail, !at ? "unknown" : at[10] == '0' ? "none" : "yes (a container's?)");
}

struct limit {
    int which;
    const char *key;
    const char *name;
    uint64_t least; /* below this it is in the way */
    const char *advice;
};

static const struct limit limits[] = {
    {RLIMIT_AS, "limit_as", "address space (ulimit -v)", (uint64_t)1 << 40,
     "ntmm reserves address space generously: ulimit -v unlimited"},
    {RLIMIT_FSIZE, "limit_fsize", "file size (ulimit -f)", RLIM_INFINITY,
     "a page file cannot grow past it: ulimit -f unlimited"},
    {RLIMIT_DATA, "limit_data", "data (ulimit -d)", (uint64_t)1 << 30,
     "private memory of the program is limited by it: ulimit -d unlimited"},
    {RLIMIT_NOFILE, "limit_nofile", "open files (ulimit -n)", 256,
     "ntmm needs a few of its own: ulimit -n 1024"},
};

static void examine_limits(struct doctor_examination *e)
{
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct rlimit r;
        if (getrlimit(limits[i].which, &r) != 0)
            continue;
        struct doctor_finding *f = mm_doctor_find(e, GROUP, limits[i].key, limits[i].name);
        if (r.rlim_cur == RLIM_INFINITY)
            strcpy(f->detail, "unlimited");
        else if (limits[i].which == RLIMIT_NOFILE)
            snprintf(f->detail, sizeof(f->detail), "%s", mm_count_text(r.rlim_cur).s);
        else
            snprintf(f->detail, sizeof(f->detail), "%s", mm_size_text(r.rlim_cur).s);
        if (r.rlim_cur < limits[i].least)
            snprintf(f->advice, sizeof(f->advice), "%s", limits[i].advice);
    }
}

void mm_doctor_examine_machine(struct doctor_examination *e)
{
    examine_memory(e);
    examine_cgroup(e);
    examine_limits(e);
    examine_map_count(e);
    examine_overcommit(e);
    examine_write_back(e);
    examine_seccomp(e);
}
