/*
 * folder.c - where the page file lives, and how big everything is.
 *
 * A folder the user named is used or refused; otherwise the first that passes the probe is taken.
 * The page file is sparse and its space is promised as memory is committed, so a disk with less
 * free space than the page file's size is no error here: it only makes commits fail earlier.
 */
#include "run/run.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include "common/folder.h"
#include "common/machine.h"
#include "common/say.h"
#include "common/size.h"

static uint64_t machine_memory(void)
{
    struct sysinfo s;
    return sysinfo(&s) == 0 ? (uint64_t)s.totalram * s.mem_unit : UINT64_MAX;
}

static int refuse_folder(const char *folder, const char *why)
{
    char other[PATH_MAX];
    struct mm_probe probe;
    if (mm_folder_choose(other, &probe))
        mm_say("page-file folder %.300s: %s; %.300s would do", folder, why, other);
    else
        mm_say("page-file folder %.300s: %s; 'ntmm doctor FOLDER' tests others", folder, why);
    return RUN_REFUSED;
}

/* The library makes its page file sparse and huge; a limit would end the program by SIGXFSZ. */
static int check_file_limit(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_FSIZE, &r) != 0 || r.rlim_cur == RLIM_INFINITY)
        return -1;
    mm_say("the size of files is limited to %s, too little for a page file; ulimit -f unlimited",
           mm_size_short(r.rlim_cur).s);
    return RUN_REFUSED;
}

static int settle_folder(struct run_options *o, struct mm_probe *ret_probe)
{
    char asked[PATH_MAX];
    if (o->folder[0]) {
        strcpy(asked, o->folder);
        const char *why = mm_folder_try(asked, o->folder, ret_probe);
        return why ? refuse_folder(asked, why) : -1;
    }
    if (mm_folder_choose(o->folder, ret_probe))
        return -1;
    mm_say("neither /var/tmp, ~/.cache nor this folder can hold a page file; name one that can: "
           "--pagefile SIZE:DIR ('ntmm doctor DIR' tests it)");
    return RUN_REFUSED;
}

static void settle_page_file(struct run_options *o, const struct mm_probe *probe)
{
    uint64_t room = probe->free_bytes / 10 * 9;
    if (!o->page_file_given) {
        o->page_file = 4 * o->ram < room ? 4 * o->ram : room;
    } else if (o->page_file > probe->free_bytes) {
        mm_say("note: %s has %s free, less than the page file; commits past that will fail",
               o->folder, mm_size_short(probe->free_bytes).s);
    }
}

static int settle_commit_limit(struct run_options *o)
{
    uint64_t most = o->ram + o->page_file;
    if (o->ram && o->commit_limit > most) {
        mm_say("--commit-limit %s is more than RAM and page file together (%s); raise --pagefile",
               mm_size_short(o->commit_limit).s, mm_size_short(most).s);
        return RUN_REFUSED;
    }
    if (!o->commit_limit)
        o->commit_limit = most;
    return -1;
}

/* In a container its own limit comes first, and the kernel kills who passes that one. */
static void note_container(const struct run_options *o)
{
    uint64_t limit;
    const char *version;
    if (o->ram && mm_cgroup_limit(&limit, &version) && limit < o->ram)
        mm_say("note: this memory cgroup allows %s, less than --ram %s", mm_size_short(limit).s,
               mm_size_short(o->ram).s);
}

int mm_run_folder(struct run_options *o, struct mm_probe *ret_probe)
{
    uint64_t memory = machine_memory();
    if (o->ram > memory) {
        mm_say("--ram %s is more than this machine has (%s); give less", mm_size_short(o->ram).s,
               mm_size_short(memory).s);
        return RUN_REFUSED;
    }
    note_container(o);
    if (mm_run_is_paged(o)) {
        int result = check_file_limit();
        if (result < 0)
            result = settle_folder(o, ret_probe);
        if (result >= 0)
            return result;
        settle_page_file(o, ret_probe);
    }
    return settle_commit_limit(o);
}
