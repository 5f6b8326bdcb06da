/*
 * allocation.c - the runs of one allocation, and what is done to a range of runs at once.
 *
 * An allocation is what one reserving call handed out: its runs carry its base address and lie
 * side by side.  Windows' calls work within one; their first step is mm_allocation_check.
 *
 * The mm_runs_* functions change a whole range or nothing.  Where several calls of the backing
 * are needed, those that can fail come first, and what they began is taken back.
 */
#include "vm/vm_internal.h"

#include <ntstatus.h>

NTSTATUS mm_allocation_check(struct range range, struct region **ret_first, size_t *ret_fresh)
{
    struct region *first = mm_region_at(range.start);
    if (!first || first->story.state == RUN_FREE)
        return STATUS_MEMORY_NOT_ALLOCATED;

    size_t fresh = 0;
    uintptr_t end = range.start;
    for (struct region *r = first; r; r = next_within(r, range)) {
        if (r->story.allocation != first->story.allocation || r->story.state == RUN_LENT)
            break;
        if (r->story.state == RUN_RESERVED)
            fresh += range_size(part_of(r, range)) / PAGE_BYTES;
        end = r->node.range.end;
    }
    if (end < range.end)
        return STATUS_CONFLICTING_ADDRESSES;
    *ret_first = first;
    *ret_fresh = fresh;
    return STATUS_SUCCESS;
}

NTSTATUS mm_pages_touched(const void *address, size_t size, struct range *ret_range)
{
    uintptr_t start = (uintptr_t)address;
    if (start >= MM_VM_END)
        return STATUS_INVALID_PARAMETER_2;
    if (size == 0 || size > MM_VM_END - start)
        return STATUS_INVALID_PARAMETER_3;
    *ret_range = (struct range){align_down(start, PAGE_BYTES), align_up(start + size, PAGE_BYTES)};
    return STATUS_SUCCESS;
}

uintptr_t mm_allocation_end(const struct region *r)
{
    uintptr_t allocation = r->story.allocation;
    uintptr_t end;
    do {
        end = r->node.range.end;
        r = mm_region_next(r);
    } while (r && r->story.allocation == allocation);
    return end;
}

void mm_allocation_rebase(struct region *r)
{
    uintptr_t allocation = r->story.allocation;
    uintptr_t base = r->node.range.start;
    for (; r && r->story.allocation == allocation; r = mm_region_next(r))
        r->story.allocation = base;
}

void mm_runs_paint(struct region *first, struct range range,
                   struct story (*now)(struct story, ULONG), ULONG protect)
{
    for (struct region *r = first; r; r = next_within(r, range))
        r = mm_region_paint(r, part_of(r, range), now(r->story, protect));
}

/* Give committed pages back the access that their runs tell. */
static void restore_access(struct region *first, struct range range)
{
    for (struct region *r = first; r; r = next_within(r, range)) {
        int access = mm_vm_access_of(r->story.protect);
        if (r->story.state == RUN_COMMITTED) {
            /* They had it a moment ago; should the kernel refuse it now, a fault will tell. */
            (void)mm_space.backing->protect(part_of(r, range), access);
        }
    }
}

/* Whether every page of the range has that access already. */
static bool has_access(const struct region *first, struct range range, int access)
{
    const struct region *r = first;
    while (r && mm_vm_access_of(r->story.protect) == access)
        r = next_within(r, range);
    return !r;
}

NTSTATUS mm_runs_protect(struct region *first, struct range range, int access)
{
    if (has_access(first, range, access))
        return STATUS_SUCCESS;
    NTSTATUS status = mm_space.backing->protect(range, access);
    if (status)
        restore_access(first, range);
    return status;
}

/* Take access away from all committed pages, or from none. */
static NTSTATUS close_all(struct region *first, struct range range)
{
    for (struct region *r = first; r; r = next_within(r, range)) {
        struct range part = part_of(r, range);
        if (r->story.state != RUN_COMMITTED)
            continue;
        NTSTATUS status = mm_space.backing->protect(part, OS_NONE);
        if (status) {
            restore_access(first, (struct range){range.start, part.end});
            return status;
        }
    }
    return STATUS_SUCCESS;
}

/* Whether more than one call of the backing is needed to drop the contents of the range. */
static bool is_scattered(const struct region *first, struct range range)
{
    int committed = 0;
    for (const struct region *r = first; r && committed < 2; r = next_within(r, range))
        committed += r->story.state == RUN_COMMITTED;
    return committed > 1;
}

NTSTATUS mm_runs_drop(struct region *first, struct range range)
{
    /* What was dropped cannot come back, so take the step that may fail for all runs first. */
    NTSTATUS status = STATUS_SUCCESS;
    if (is_scattered(first, range))
        status = close_all(first, range);
    for (struct region *r = first; r && !status; r = next_within(r, range)) {
        if (r->story.state == RUN_COMMITTED)
            status = mm_space.backing->decommit(part_of(r, range));
    }
    return status;
}
