/*
 * doctor.h - what an examination of this machine finds: the model, without a word printed.
 */
#ifndef NTMM_TOOLS_DOCTOR_H
#define NTMM_TOOLS_DOCTOR_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/probe.h"

#define DOCTOR_MOST 64

enum doctor_verdict {
    DOCTOR_FACT, /* neither good nor bad */
    DOCTOR_YES,  /* works */
    DOCTOR_LESS, /* does not work; ntmm goes on without it */
    DOCTOR_NO    /* does not work, and the file engine cannot do without it */
};

struct doctor_finding {
    const char *group;
    const char *key;  /* for JSON: "pagemap_scan" */
    const char *name; /* for people: "PAGEMAP_SCAN" */
    enum doctor_verdict verdict;
    char detail[160]; /* what was seen; "" when the verdict says it all */
    char advice[240]; /* what to change, or what is lost; "" when nothing */
};

struct doctor_examination {
    char folder[PATH_MAX]; /* the page file's */
    struct mm_probe probe;
    bool file_engine; /* it can run */
    struct doctor_finding findings[DOCTOR_MOST];
    int count;
};

/* A new finding; the caller fills in detail and advice. */
struct doctor_finding *mm_doctor_find(struct doctor_examination *e, const char *group,
                                      const char *key, const char *name);

/* Examine everything; `folder` NULL: the one `ntmm run` would choose. */
void mm_doctor_examine(const char *folder, struct doctor_examination *ret_examination);

/* The parts of it. */
void mm_doctor_examine_folder(struct doctor_examination *e);
void mm_doctor_examine_kernel(struct doctor_examination *e);
void mm_doctor_examine_machine(struct doctor_examination *e);
void mm_doctor_examine_limits(struct doctor_examination *e);

void mm_doctor_view_text(const struct doctor_examination *e, bool colour, FILE *out);
void mm_doctor_view_json(const struct doctor_examination *e, FILE *out);

#endif
