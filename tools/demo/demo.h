/*
 * demo.h - what the parts of `ntmm demo` share.
 */
#ifndef NTMM_TOOLS_DEMO_H
#define NTMM_TOOLS_DEMO_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct demo {
    char ntmm[PATH_MAX]; /* this program */
    char hog[PATH_MAX];  /* the hog that makes Windows calls */
    char plain_hog[PATH_MAX];
    char tour[PATH_MAX];
    char folder[PATH_MAX]; /* of our own, on a real disk; removed at the end */
    char input[PATH_MAX];  /* the JSON text */
    bool input_given;      /* it is the user's: keep it */
    bool failed;           /* something did not come out as it must */
};

void mm_demo_hog(struct demo *d);
void mm_demo_job(struct demo *d);
void mm_demo_tour(struct demo *d);

/* ---- running programs (runner.c) ------------------------------------------------------------- */

struct demo_run {
    char **argv;
    const char *output;  /* file for its standard output; NULL: ours */
    const char *cgroup;  /* folder of the memory cgroup it runs in; NULL: ours */
    const char *waiting; /* shown with the seconds passed, on a terminal; NULL: nothing */
};

struct demo_outcome {
    int status; /* as of waitpid */
    uint64_t wall_ns;
    uint64_t peak; /* bytes resident at most, as the kernel counts */
};

/* Run and wait.  False: it could not be started, or the demo was interrupted meanwhile. */
bool mm_demo_run(const struct demo_run *run, struct demo_outcome *ret_outcome);

/* Catch Ctrl-C and its kin, so that what was made is removed. */
void mm_demo_catch_signals(void);

/* The signal that interrupted the demo; 0: none. */
int mm_demo_interrupted(void);

/* ---- a memory cgroup (cgroup.c) ---------------------------------------------------------------- */

struct demo_cgroup {
    char folder[PATH_MAX];
};

/* Make one with a limit and without swap.  NULL: it is made; else why it cannot be. */
const char *mm_demo_cgroup_make(uint64_t limit, struct demo_cgroup *ret_cgroup);
void mm_demo_cgroup_remove(const struct demo_cgroup *cgroup);

/* ---- the input (json_input.c) -------------------------------------------------------------------- */

/* Write the same 48 MB JSON text every time; 0 or an errno. */
int mm_demo_json_input(const char *path);

#endif
