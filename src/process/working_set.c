/*
 * working_set.c - the limits of this process's working set, and emptying it.
 *
 * Windows' limits are wishes unless they are made hard.  Here only a hard maximum does something:
 * it is the RAM budget, as far as the pager was started with one.  Without a pager the kernel pages,
 * and no process can bound what it holds.
 */
#include <stdbool.h>

#include <ntstatus.h>
#include <winnt.h>

#include "base/page.h"
#include "os/os.h"
#include "pager/pager.h"
#include "process/working_set.h"
#include "stats/counters.h"
#include "vm/vm.h"

#define SMALLEST_MINIMUM (20 * PAGE_BYTES)
#define SMALLEST_MAXIMUM (13 * PAGE_BYTES)

#define MIN_FLAGS (QUOTA_LIMITS_HARDWS_MIN_ENABLE | QUOTA_LIMITS_HARDWS_MIN_DISABLE)
#define MAX_FLAGS (QUOTA_LIMITS_HARDWS_MAX_ENABLE | QUOTA_LIMITS_HARDWS_MAX_DISABLE)

static struct {
    struct os_lock lock;
    struct working_set_limits limits; /* guarded by lock */
    uint64_t whole_budget; /* guarded by lock; the budget before the first hard maximum */
} set = {.limits = {50 * PAGE_BYTES, 345 * PAGE_BYTES,
                    QUOTA_LIMITS_HARDWS_MIN_DISABLE | QUOTA_LIMITS_HARDWS_MAX_DISABLE}};

void mm_working_set_limits(struct working_set_limits *ret_limits)
{
    mm_os_lock(&set.lock);
    *ret_limits = set.limits;
    mm_os_unlock(&set.lock);
}

static bool are_valid(const struct working_set_limits *limits)
{
    if (limits->minimum == 0 || limits->minimum > limits->maximum)
        return false;
    if (limits->maximum < SMALLEST_MAXIMUM)
        return false;
    return (limits->flags & ~(MIN_FLAGS | MAX_FLAGS)) == 0 &&
           (limits->flags & MIN_FLAGS) != MIN_FLAGS && (limits->flags & MAX_FLAGS) != MAX_FLAGS;
}

/* What the flags become: those of a limit that is not mentioned stay. */
static ULONG merged(ULONG flags, ULONG before)
{
    if (!(flags & MIN_FLAGS))
        flags |= before & MIN_FLAGS;
    if (!(flags & MAX_FLAGS))
        flags |= before & MAX_FLAGS;
    return flags;
}

/* Let the pager follow a maximum that is, or was, hard. */
static NTSTATUS follow(const struct working_set_limits *limits)
{
    bool hard = limits->flags & QUOTA_LIMITS_HARDWS_MAX_ENABLE;
    bool was_hard = set.limits.flags & QUOTA_LIMITS_HARDWS_MAX_ENABLE;

    if (!mm_pager_is_on() || (!hard && !was_hard))
        return STATUS_SUCCESS;
    if (set.whole_budget == 0)
        set.whole_budget = mm_counted(NTMM_RAM_BUDGET);
    if (hard && limits->maximum < set.whole_budget)
        return mm_pager_set_budget(limits->maximum);
    return mm_pager_set_budget(set.whole_budget);
}

NTSTATUS mm_working_set_limit(const struct working_set_limits *limits)
{
    struct working_set_limits now = *limits;
    NTSTATUS status;

    if (!are_valid(limits))
        return STATUS_INVALID_PARAMETER;
    now.minimum = max_size(now.minimum, SMALLEST_MINIMUM);
    now.maximum = max_size(now.maximum, now.minimum);
    mm_os_lock(&set.lock);
    now.flags = merged(limits->flags, set.limits.flags);
    status = follow(&now);
    if (NT_SUCCESS(status))
        set.limits = now;
    mm_os_unlock(&set.lock);
    return status;
}

/* The kernel pages: it is asked to, and keeps what it has no room for elsewhere. */
static bool page_out(const struct vm_run *run, void *context)
{
    if (run->state == MEM_COMMIT && run->access != OS_NONE && !run->lent)
        (void)mm_os_page_out((void *)run->range.start, range_size(run->range));
    return true;
}

void mm_working_set_empty(void)
{
    if (mm_pager_is_on())
        mm_pager_empty_working_set();
    else
        mm_vm_visit(page_out, NULL);
}
