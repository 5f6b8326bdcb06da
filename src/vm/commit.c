/*
 * commit.c - pages that have contents: commit within a reservation, reset.
 *
 * Committing charges only pages that were not committed; those that were keep their contents and
 * take the new protection.
 */
#include "vm/vm_internal.h"

#include <ntstatus.h>

/* With so many runs, kernel mappings (65,530 in a process) are to be kept few. */
#define MANY_RUNS 16384

static bool is_empty(const struct region *r)
{
    return r && (r->story.state == RUN_FREE || r->story.state == RUN_RESERVED);
}

/* The pages without contents around a part of an empty run, in the 64 KiB units that it touches. */
static struct range room_of(const struct region *r, struct range part)
{
    struct range units = {align_down(part.start, UNIT_BYTES), align_up(part.end, UNIT_BYTES)};
    struct range room = r->node.range;
    const struct region *left = mm_region_previous(r);
    const struct region *right = mm_region_next(r);
    if (is_empty(left))
        room.start = left->node.range.start;
    if (is_empty(right))
        room.end = right->node.range.end;
    return range_overlap(room, units);
}

NTSTATUS mm_run_back(const struct region *r, struct range part, int access, bool soon)
{
    const struct backing *backing = mm_space.backing;
    if (backing->commit_in_room && mm_space.pool.taken > MANY_RUNS)
        return backing->commit_in_room(part, room_of(r, part), access);
    return backing->commit(part, access, soon);
}

static struct story committed(struct story story, ULONG protect)
{
    story.state = RUN_COMMITTED;
    story.protect = (uint16_t)protect;
    return story;
}

/* Make one run's part of the range what mm_runs_commit wants. */
static NTSTATUS commit_part(const struct region *r, struct range part, int access, bool soon)
{
    if (r->story.state == RUN_RESERVED)
        return mm_run_back(r, part, access, soon);
    if (mm_vm_access_of(r->story.protect) == access)
        return STATUS_SUCCESS;
    return mm_space.backing->protect(part, access);
}

/* Take back what commit_part did to the range; the run it failed on may be half done. */
static void undo(struct region *first, struct range range, const struct region *failed)
{
    for (struct region *r = first; r; r = next_within(r, range)) {
        /* What was done a moment ago can be undone; a refusal now would show as a fault. */
        struct range part = part_of(r, range);
        if (r->story.state == RUN_COMMITTED)
            (void)mm_space.backing->protect(part, mm_vm_access_of(r->story.protect));
        else if (r != failed)
            (void)mm_space.backing->decommit(part);
    }
}

/* Commit run by run; on failure the range is as it was. */
static NTSTATUS commit_each(struct region *first, struct range range, int access, bool soon)
{
    for (struct region *r = first; r; r = next_within(r, range)) {
        struct range part = part_of(r, range);
        NTSTATUS status = commit_part(r, part, access, soon);
        if (status) {
            undo(first, (struct range){range.start, part.end}, r);
            return status;
        }
    }
    return STATUS_SUCCESS;
}

static bool is_committed(const struct region *first, struct range range)
{
    const struct region *r = first;
    while (r && r->story.state == RUN_COMMITTED)
        r = next_within(r, range);
    return !r;
}

NTSTATUS mm_runs_commit(struct region *first, struct range range, ULONG protect, bool soon)
{
    int access = mm_vm_access_of(protect);
    NTSTATUS status = is_committed(first, range) ? mm_runs_protect(first, range, access)
                                                 : commit_each(first, range, access, soon);
    if (!status)
        mm_runs_paint(first, range, committed, protect);
    return status;
}

static NTSTATUS commit_locked(struct range range, ULONG protect, bool soon)
{
    struct region *first;
    size_t fresh;
    NTSTATUS status = mm_space_prepare();
    if (status)
        return status;
    if (mm_allocation_check(range, &first, &fresh))
        return STATUS_CONFLICTING_ADDRESSES;

    status = mm_charge_take(&mm_charge, fresh);
    if (status)
        return status;
    status = mm_runs_commit(first, range, protect, soon);
    if (status)
        mm_charge_give(&mm_charge, fresh);
    return status;
}

NTSTATUS mm_commit(struct range range, ULONG protect, bool soon)
{
    space_lock();
    NTSTATUS status = commit_locked(range, protect, soon);
    space_unlock();
    return status;
}

/* Pages named in part only keep what they hold. */
static struct range whole_pages(struct range range)
{
    uintptr_t start = align_up(range.start, PAGE_BYTES);
    uintptr_t end = align_down(range.end, PAGE_BYTES);
    return (struct range){start, end > start ? end : start};
}

static NTSTATUS reset_locked(struct range range, struct range named)
{
    struct region *first;
    size_t fresh;
    if (mm_allocation_check(range, &first, &fresh))
        return STATUS_CONFLICTING_ADDRESSES;

    struct range whole = whole_pages(named);
    for (struct region *r = first; r; r = next_within(r, range)) {
        struct range part = part_of(r, whole);
        if (r->story.state == RUN_COMMITTED && range_size(part) > 0)
            mm_space.backing->reset(part);
    }
    return STATUS_SUCCESS;
}

NTSTATUS mm_reset(struct range range, struct range named)
{
    space_lock();
    NTSTATUS status = reset_locked(range, named);
    space_unlock();
    return status;
}

/* What was reset was dropped at once, so that the machine has it: nothing comes back. */
static NTSTATUS undo_reset_locked(struct range range)
{
    struct region *first;
    size_t fresh;
    if (mm_allocation_check(range, &first, &fresh))
        return STATUS_CONFLICTING_ADDRESSES;
    return fresh == range_size(range) / PAGE_BYTES ? STATUS_SUCCESS : STATUS_DEVICE_BUSY;
}

NTSTATUS mm_undo_reset(struct range range)
{
    space_lock();
    NTSTATUS status = undo_reset_locked(range);
    space_unlock();
    return status;
}
