/*
 * nth.h - make the N-th call of something fail, so that tests reach every failure path.
 */
#ifndef NTMM_BASE_NTH_H
#define NTMM_BASE_NTH_H

#include <stdatomic.h>
#include <stdbool.h>

/*
 * Count one call; true for the N-th, where *countdown was set to N.  0 or less: never.
 *
 * => any thread; costs one load when not in use
 */
static inline bool nth_call_fails(atomic_long *countdown)
{
    if (atomic_load_explicit(countdown, memory_order_relaxed) <= 0)
        return false;
    return atomic_fetch_sub_explicit(countdown, 1, memory_order_relaxed) == 1;
}

#endif
