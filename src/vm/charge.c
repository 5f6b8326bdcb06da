/*
 * charge.c - the commit limit: who has been promised memory, and how much is left to promise.
 *
 * Every committed private page is charged once, when it is committed, whether or not it was ever
 * touched.  The sum never passes the limit, so a page fault can never fail for want of page file.
 *
 * C1  used <= limit, at every moment another thread can see, unless the limit was lowered
 * C2  used == the committed pages of the space + what others took for theirs
 *
 * Lock-free: `used` is one atomic word.  Nothing here knows about regions or addresses.
 */
#include "vm/vm.h"

#include <ntstatus.h>

#include "base/nth.h"
#include "stats/counters.h"

struct charge mm_charge = {.limit = SIZE_MAX};

static void publish(size_t more_pages)
{
    mm_count(NTMM_COMMITTED, (uint64_t)more_pages * PAGE_BYTES);
}

static NTSTATUS refuse(void)
{
    mm_count(NTMM_COMMIT_FAILURES, 1);
    return STATUS_COMMITMENT_LIMIT;
}

static void raise_peak(struct charge *c, size_t used)
{
    size_t peak = atomic_load_explicit(&c->peak, memory_order_relaxed);
    while (used > peak && !atomic_compare_exchange_weak(&c->peak, &peak, used))
        ;
}

NTSTATUS mm_charge_take(struct charge *c, size_t pages)
{
    if (pages == 0)
        return STATUS_SUCCESS;
    if (nth_call_fails(&c->fail_at))
        return refuse();
    size_t limit = atomic_load_explicit(&c->limit, memory_order_relaxed);
    size_t used = atomic_load_explicit(&c->used, memory_order_relaxed);
    do {
        if (used > limit || pages > limit - used)
            return refuse();
    } while (!atomic_compare_exchange_weak(&c->used, &used, used + pages));

    raise_peak(c, used + pages);
    publish(pages);
    mm_count_peak(NTMM_COMMITTED, NTMM_COMMITTED_PEAK);
    return STATUS_SUCCESS;
}

void mm_charge_give(struct charge *c, size_t pages)
{
    if (pages == 0)
        return;
    atomic_fetch_sub(&c->used, pages);
    publish(-pages);
}

void mm_charge_set_limit(struct charge *c, size_t pages)
{
    atomic_store(&c->limit, pages);
    mm_count_set(NTMM_COMMIT_LIMIT, pages == SIZE_MAX ? 0 : (uint64_t)pages * PAGE_BYTES);
}
