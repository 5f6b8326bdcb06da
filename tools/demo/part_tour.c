/*
 * part_tour.c - the demo's third part: the tour, a Windows program under `ntmm run`.
 */
#include <stdio.h>
#include <sys/wait.h>

#include "demo/demo.h"

void mm_demo_tour(struct demo *d)
{
    char page_file[PATH_MAX + 8];
    snprintf(page_file, sizeof(page_file), "256M:%s", d->folder);
    char *argv[] = {d->ntmm,   "run", "--ram", "64M",   "--pagefile",
                    page_file, "-q",  "--",    d->tour, NULL};
    struct demo_run run = {.argv = argv};
    struct demo_outcome outcome;
    printf("\n== 3. A tour of the concepts, live in one process\n");
    if (!mm_demo_run(&run, &outcome))
        return;
    bool good = WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == 0;
    if (!good)
        printf("  the tour did not come to its end: this is a bug in ntmm\n");
    d->failed = d->failed || !good;
}
