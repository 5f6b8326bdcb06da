/*
 * examine_machine.c - memory, limits and settings that bear on paging.
 */
#include "doctor/doctor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "common/machine.h"
#include "common/size.h"

#define GROUP "machine"

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

static void examine_cgroup(struct doctor_examination *e)
{
    struct doctor_finding *f = mm_doctor_find(e, GROUP, "memory_cgroup", "memory cgroup");
    uint64_t limit;
    const char *version;
    if (!mm_cgroup_limit(&limit, &version)) {
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
    if (!mm_read_number("/proc/sys/vm/overcommit_memory", &mode))
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
    if (!mm_read_number("/proc/sys/vm/max_map_count", &count))
        return;
    struct doctor_finding *f = mm_doctor_find(e, GROUP, "max_map_count", "mappings per process");
    snprintf(f->detail, sizeof(f->detail), "%s", mm_count_text(count).s);
    if (count < 65530)
        strcpy(f->advice, "fewer than usual: sysctl vm.max_map_count=65530 or more");
}

static void examine_write_back(struct doctor_examination *e)
{
    uint64_t ratio, age;
    if (!mm_read_number("/proc/sys/vm/dirty_ratio", &ratio) ||
        !mm_read_number("/proc/sys/vm/dirty_expire_centisecs", &age))
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
    bool known = mm_read_text("/proc/self/status", text, sizeof(text));
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
