/*
 * part_hog.c - the demo's first part: the hog under ntmm, and a plain one in a memory cgroup.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common/size.h"
#include "demo/demo.h"

#define RAM_MIB 64
#define PAGE_FILE_MIB 192

static void under_ntmm(struct demo *d)
{
    char page_file[PATH_MAX + 32];
    snprintf(page_file, sizeof(page_file), "%dM:%s", PAGE_FILE_MIB, d->folder);
    char *argv[] = {d->ntmm, "run", "--ram", "64M", "--pagefile", page_file, "--", d->hog, NULL};
    struct demo_run run = {.argv = argv};
    struct demo_outcome outcome;
    printf("ntmm run --ram %dM --pagefile %dM -- hog\n", RAM_MIB, PAGE_FILE_MIB);
    if (!mm_demo_run(&run, &outcome))
        return;
    bool good = WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == 0;
    printf("  => %s\n", good ? "told in good order, nothing lost, exit status 0"
                             : "NOT as it must be: this is a bug in ntmm");
    d->failed = d->failed || !good;
}

static void in_cgroup(struct demo *d)
{
    struct demo_cgroup cgroup;
    struct demo_outcome outcome;
    char most[16];
    printf("\nthe same hunger, plain, in a memory cgroup of %d MiB\n", RAM_MIB);
    const char *why = mm_demo_cgroup_make((uint64_t)RAM_MIB << 20, &cgroup);
    if (why) {
        printf("  left out: %s\n", why);
        return;
    }
    snprintf(most, sizeof(most), "%d", RAM_MIB + PAGE_FILE_MIB);
    char *argv[] = {d->plain_hog, most, NULL};
    struct demo_run run = {.argv = argv, .cgroup = cgroup.folder};
    bool ran = mm_demo_run(&run, &outcome);
    mm_demo_cgroup_remove(&cgroup);
    if (ran && WIFSIGNALED(outcome.status))
        printf("  => ended by signal %d (%s): everything lost\n", WTERMSIG(outcome.status),
               strsignal(WTERMSIG(outcome.status)));
    else if (ran)
        printf("  => exit status %d: this cgroup did not hold it\n", WEXITSTATUS(outcome.status));
}

void mm_demo_hog(struct demo *d)
{
    printf("\n== 1. A hog meets the commit limit\n\n");
    under_ntmm(d);
    if (!mm_demo_interrupted())
        in_cgroup(d);
}
