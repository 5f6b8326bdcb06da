/*
 * counters.h - the numbers that tell what memory did, in Windows' words.
 *
 * One page of 64-bit words per process, bumped with relaxed atomics, readable by other processes
 * when it lies in the board of `ntmm run` (see include/ntmm/inspect.h, which publishes the layout).
 * How exact each one is stands in docs/counters.md.
 */
#ifndef NTMM_STATS_COUNTERS_H
#define NTMM_STATS_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ntmm/inspect.h"

extern struct ntmm_counters *mm_counters;

/* Add to a counter.  Any thread, any lock, signal handlers. */
static inline void mm_count(enum ntmm_counter which, uint64_t amount)
{
    atomic_fetch_add_explicit(&mm_counters->value[which], amount, memory_order_relaxed);
}

static inline void mm_count_set(enum ntmm_counter which, uint64_t value)
{
    atomic_store_explicit(&mm_counters->value[which], value, memory_order_relaxed);
}

static inline uint64_t mm_counted(enum ntmm_counter which)
{
    return atomic_load_explicit(&mm_counters->value[which], memory_order_relaxed);
}

/* Set `peak` to the value of `which` if that is higher. */
void mm_count_peak(enum ntmm_counter which, enum ntmm_counter peak);

/*
 * Claim a slot of the board file named by `path` for this process, or fall back to private memory.
 *
 * => once at start
 * => a board that is missing, foreign or malformed is ignored: counting never fails
 */
void mm_counters_open(const char *path);

/*
 * In a forked child: claim a slot of its own on the same board.  What tells a state goes on as it
 * was, events start at zero.
 *
 * => before anything is counted in the child, or it counts in its parent's slot
 */
void mm_counters_after_fork(void);

/* Say which pager runs ("none", "file"); cut to 15 bytes.  Once, after mm_counters_open. */
void mm_counters_engine(const char *name);

/* Whether anybody can read them: they lie in a board. */
bool mm_counters_are_public(void);

/* This process ends in good order.  Without this call readers see that it is gone, not how. */
void mm_counters_end(void);

#endif
