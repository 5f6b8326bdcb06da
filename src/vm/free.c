/*
 * free.c - VirtualFree: decommit pages, release address space.
 */
#include "vm/vm_internal.h"

#include <ntstatus.h>

static struct story decommitted(struct story story, ULONG unused)
{
    (void)unused;
    story.state = RUN_RESERVED;
    story.protect = 0;
    return story;
}

static struct story released(struct story story, ULONG unused)
{
    (void)story;
    (void)unused;
    return mm_story_free;
}

/* Size 0 names the whole allocation, by an address in its first page. */
static NTSTATUS choose_range(const struct region *r, struct range *range)
{
    if (range_size(*range) > 0)
        return STATUS_SUCCESS;
    if (range->start != r->story.allocation)
        return STATUS_FREE_VM_NOT_AT_BASE;
    range->end = mm_allocation_end(r);
    return STATUS_SUCCESS;
}

/* After a release: the rest of the allocation is one of its own; an empty arena goes back. */
static void tidy(struct range range)
{
    struct region *free = mm_region_at(range.start);
    struct region *rest = mm_region_next(free);
    if (rest && rest->node.range.start == range.end && rest->story.allocation < range.end)
        mm_allocation_rebase(rest);
    mm_space_trim(free);
}

static NTSTATUS free_locked(struct range *range, bool release)
{
    struct region *r = mm_region_at(range->start);
    if (!r && mm_foreign_is_mapped(range->start))
        return STATUS_UNABLE_TO_DELETE_SECTION;
    if (!r || r->story.state == RUN_FREE)
        return STATUS_MEMORY_NOT_ALLOCATED;
    if (r->story.state == RUN_LENT)
        return STATUS_UNABLE_TO_DELETE_SECTION;
    NTSTATUS status = mm_space_prepare();
    if (!status)
        status = choose_range(r, range);
    if (status)
        return status;

    size_t fresh;
    if (mm_allocation_check(*range, &r, &fresh))
        return STATUS_UNABLE_TO_FREE_VM;
    status = mm_runs_drop(r, *range);
    if (status)
        return status;
    mm_runs_paint(r, *range, release ? released : decommitted, 0);
    mm_charge_give(&mm_charge, range_size(*range) / PAGE_BYTES - fresh);
    if (release)
        tidy(*range);
    return STATUS_SUCCESS;
}

static NTSTATUS check_range(void *address, size_t size, struct range *ret_range)
{
    uintptr_t start = align_down((uintptr_t)address, PAGE_BYTES);
    if (start == 0 || start >= MM_VM_END)
        return STATUS_INVALID_PARAMETER_2;
    if (size > MM_VM_END - (uintptr_t)address)
        return STATUS_INVALID_PARAMETER_3;
    uintptr_t end = size ? align_up((uintptr_t)address + size, PAGE_BYTES) : start;
    *ret_range = (struct range){start, end};
    return STATUS_SUCCESS;
}

NTSTATUS mm_vm_free(void *address, size_t size, ULONG type, void **ret_base, size_t *ret_size)
{
    struct range range;
    if (type != MEM_DECOMMIT && type != MEM_RELEASE)
        return STATUS_INVALID_PARAMETER_4;
    NTSTATUS status = check_range(address, size, &range);
    if (status)
        return status;

    space_lock();
    status = free_locked(&range, type == MEM_RELEASE);
    space_unlock();
    if (status)
        return status;
    *ret_base = (void *)range.start;
    *ret_size = range_size(range);
    return STATUS_SUCCESS;
}
