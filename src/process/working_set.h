/*
 * working_set.h - the limits of this process's working set, and emptying it.
 */
#ifndef NTMM_PROCESS_WORKING_SET_H
#define NTMM_PROCESS_WORKING_SET_H

#include <stddef.h>

#include <ntdef.h>

struct working_set_limits {
    size_t minimum; /* bytes */
    size_t maximum; /* bytes */
    ULONG flags;    /* QUOTA_LIMITS_HARDWS_* */
};

void mm_working_set_limits(struct working_set_limits *ret_limits);

/*
 * Set the limits; `flags` with neither form of a limit leaves it as it is, hard or soft.
 *
 * => a hard maximum becomes the RAM budget where there is a pager, never above the one it was
 *    started with; a soft one gives that back
 * => STATUS_INVALID_PARAMETER: minimum 0 or above maximum, maximum below 13 pages, bad flags;
 *    what mm_pager_set_budget says; then nothing changed
 */
NTSTATUS mm_working_set_limit(const struct working_set_limits *limits);

/* Take all pages of ours out of the working set.  They stay in RAM while there is room. */
void mm_working_set_empty(void);

#endif
