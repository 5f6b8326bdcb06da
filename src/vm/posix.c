/*
 * posix.c - what mmap's family and the heap need beyond Windows' calls.
 *
 * POSIX knows pages, not allocations: these work on any run of pages, split allocations that lose
 * some, and commit what is made accessible.  A run may be lent: other code has mapped a file of
 * its own there, and only unmapping makes it ours again.
 */
#include "vm/vm_internal.h"

#include <ntstatus.h>

bool mm_vm_owns(const void *address, size_t size)
{
    struct range range;
    if (mm_pages_touched(address, size, &range))
        return false;
    space_lock();
    bool owns = mm_space_is_taken(range);
    space_unlock();
    return owns;
}

bool mm_vm_touches(const void *address, size_t size)
{
    struct range range;
    if (mm_pages_touched(address, size, &range))
        return false;
    space_lock();
    bool touches = mm_space_arena(range);
    space_unlock();
    return touches;
}

/* The run that holds the first page of ours at or behind range.start; NULL: none in the range. */
static struct region *first_run(struct range range)
{
    struct region *r = mm_region_at(range.start);
    if (r)
        return r;
    struct tree_node *n = mm_tree_floor(&mm_space.runs, range.end - 1);
    while (n && n->range.start > range.start) {
        r = region_of(n);
        n = mm_tree_previous(n);
    }
    return r;
}

/* The next run that reaches into the range, in this arena or a later one. */
static struct region *next_run(const struct region *r, struct range range)
{
    struct tree_node *n = mm_tree_next(&r->node);
    return n && n->range.start < range.end ? region_of(n) : NULL;
}

/* Whether the range lies within one arena. */
static bool is_in_arena(struct range range)
{
    struct tree_node *arena = mm_space_arena(range);
    return arena && range_contains(arena->range, range);
}

/* ---- unmap -------------------------------------------------------------------------------- */

/* Let a part of a run be free memory of ours again; *r is the run that holds it then. */
static NTSTATUS release_part(struct region **r, struct range part, size_t *freed)
{
    NTSTATUS status = STATUS_SUCCESS;
    bool committed = (*r)->story.state == RUN_COMMITTED;
    if (committed)
        status = mm_space.backing->decommit(part);
    else if ((*r)->story.state == RUN_LENT)
        status = mm_space.backing->take_back(part);
    if (status)
        return status;
    *r = mm_region_paint(*r, part, mm_story_free);
    *freed += committed ? range_size(part) / PAGE_BYTES : 0;
    return STATUS_SUCCESS;
}

/* What is left of an allocation behind pages that were released is one of its own. */
static void split_rest(uintptr_t end)
{
    struct region *rest = mm_region_at(end);
    if (rest && rest->story.state != RUN_FREE && rest->node.range.start == end &&
        !rest->node.fence && rest->story.allocation < end)
        mm_allocation_rebase(rest);
}

/*
 * Make all pages of the range free, run by run; *freed counts those that were committed, whose
 * charge the caller now holds, also when a call fails halfway.
 */
static NTSTATUS release(struct range range, size_t *freed)
{
    NTSTATUS status = mm_space_prepare();
    uintptr_t end = range.start;
    struct region *r = status ? NULL : first_run(range);
    while (r && !status) {
        struct range part = part_of(r, range);
        if (r->story.state != RUN_FREE)
            status = release_part(&r, part, freed);
        if (!status)
            end = part.end;
        r = next_run(r, range);
    }
    split_rest(end);
    return status;
}

/* Give back the arenas that the range emptied. */
static void trim(struct range range)
{
    struct tree_node *arena = mm_tree_floor(&mm_space.arenas, range.end - 1);
    while (arena && arena->range.end > range.start) {
        struct tree_node *below = mm_tree_previous(arena);
        mm_space_trim(mm_region_at(arena->range.start));
        arena = below;
    }
}

NTSTATUS mm_vm_unmap(void *address, size_t size)
{
    struct range range;
    size_t freed = 0;
    NTSTATUS status = mm_pages_touched(address, size, &range);
    if (status)
        return status;
    space_lock();
    status = release(range, &freed);
    mm_charge_give(&mm_charge, freed);
    trim(range);
    space_unlock();
    return status;
}

/* ---- map over, lend -------------------------------------------------------------------------- */

static size_t committed_pages(struct range range)
{
    size_t pages = 0;
    for (struct region *r = first_run(range); r; r = next_run(r, range)) {
        if (r->story.state == RUN_COMMITTED)
            pages += range_size(part_of(r, range)) / PAGE_BYTES;
    }
    return pages;
}

/* Exchange the charge of what lies in the range for that of `pages`, and free the range. */
static NTSTATUS exchange(struct range range, size_t pages)
{
    size_t had = committed_pages(range);
    size_t held = pages > had ? pages - had : 0;
    NTSTATUS status = mm_charge_take(&mm_charge, held);
    if (status)
        return status;
    status = release(range, &held);
    mm_charge_give(&mm_charge, status ? held : held - pages);
    return status;
}

static NTSTATUS map_over_locked(struct range range, ULONG type, ULONG protect)
{
    bool commit = type & MEM_COMMIT;
    size_t pages = commit ? range_size(range) / PAGE_BYTES : 0;
    if (!is_in_arena(range))
        return STATUS_CONFLICTING_ADDRESSES;
    NTSTATUS status = exchange(range, pages);
    if (status)
        return status;

    if (commit)
        status = mm_run_back(mm_region_at(range.start), range, mm_vm_access_of(protect), false);
    if (status) {
        mm_charge_give(&mm_charge, pages);
        return status;
    }
    struct story story = {
        .allocation = range.start,
        .allocation_protect = (uint16_t)protect,
        .state = commit ? RUN_COMMITTED : RUN_RESERVED,
        .protect = commit ? (uint16_t)protect : 0,
    };
    (void)mm_region_paint(mm_region_at(range.start), range, story);
    return STATUS_SUCCESS;
}

NTSTATUS mm_vm_map_over(void *address, size_t size, ULONG type, ULONG protect)
{
    struct range range;
    NTSTATUS status = mm_pages_touched(address, size, &range);
    if (!status)
        status = mm_protect_check(protect);
    if (status)
        return status;
    space_lock();
    status = map_over_locked(range, type, protect);
    space_unlock();
    return status;
}

static NTSTATUS lend_locked(struct range range)
{
    struct story story = {
        .allocation = range.start,
        .allocation_protect = PAGE_NOACCESS,
        .state = RUN_LENT,
    };
    if (!is_in_arena(range))
        return STATUS_CONFLICTING_ADDRESSES;
    NTSTATUS status = exchange(range, 0);
    if (status)
        return status;
    mm_space.backing->lend(range);
    (void)mm_region_paint(mm_region_at(range.start), range, story);
    return STATUS_SUCCESS;
}

NTSTATUS mm_vm_lend(void *address, size_t size)
{
    struct range range;
    NTSTATUS status = mm_pages_touched(address, size, &range);
    if (status)
        return status;
    space_lock();
    status = lend_locked(range);
    space_unlock();
    return status;
}

/* ---- contents and access ------------------------------------------------------------------- */

NTSTATUS mm_vm_zero(void *address, size_t size)
{
    struct range range;
    NTSTATUS status = mm_pages_touched(address, size, &range);
    if (status)
        return status;
    space_lock();
    for (struct region *r = first_run(range); r && !status; r = next_run(r, range)) {
        if (r->story.state == RUN_COMMITTED)
            status = mm_space.backing->zero(part_of(r, range));
    }
    space_unlock();
    return status;
}

/* What mm_vm_access does to a run. */
enum deed { COMMIT_IT, LEAVE_IT, PASS_IT_ON };

static enum deed deed_for(const struct region *r, ULONG protect)
{
    if (r->story.state == RUN_LENT)
        return PASS_IT_ON;
    return r->story.state == RUN_RESERVED && protect == PAGE_NOACCESS ? LEAVE_IT : COMMIT_IT;
}

/* The runs from `r` on that the same is done to, as far as the range goes. */
static struct range stretch(const struct region *r, struct range range, enum deed deed,
                            ULONG protect, size_t *ret_fresh)
{
    struct range same = part_of(r, range);
    size_t fresh = 0;
    for (; r && deed_for(r, protect) == deed; r = next_within(r, range)) {
        struct range part = part_of(r, range);
        fresh += r->story.state == RUN_RESERVED ? range_size(part) / PAGE_BYTES : 0;
        same.end = part.end;
    }
    *ret_fresh = fresh;
    return same;
}

static NTSTATUS commit_stretch(struct region *r, struct range same, size_t fresh, ULONG protect)
{
    NTSTATUS status = mm_charge_take(&mm_charge, fresh);
    if (status)
        return status;
    status = mm_runs_commit(r, same, protect, false);
    if (status)
        mm_charge_give(&mm_charge, fresh);
    return status;
}

static NTSTATUS pass_on(struct range lent, ULONG protect)
{
    int error = mm_os_protect((void *)lent.start, range_size(lent), mm_vm_access_of(protect));
    return error ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
}

static NTSTATUS access_locked(struct range range, ULONG protect)
{
    NTSTATUS status = mm_space_prepare();
    if (status)
        return status;
    if (!mm_space_is_taken(range))
        return STATUS_CONFLICTING_ADDRESSES;

    uintptr_t at = range.start;
    while (at < range.end && !status) {
        size_t fresh;
        struct region *r = mm_region_at(at);
        enum deed deed = deed_for(r, protect);
        struct range same = stretch(r, (struct range){at, range.end}, deed, protect, &fresh);
        if (deed == COMMIT_IT)
            status = commit_stretch(r, same, fresh, protect);
        else if (deed == PASS_IT_ON)
            status = pass_on(same, protect);
        at = same.end;
    }
    return status;
}

NTSTATUS mm_vm_access(void *address, size_t size, ULONG protect)
{
    struct range range;
    NTSTATUS status = mm_pages_touched(address, size, &range);
    if (!status)
        status = mm_protect_check(protect);
    if (status)
        return status;
    space_lock();
    status = access_locked(range, protect);
    space_unlock();
    return status;
}

/* ---- extend ---------------------------------------------------------------------------------- */

static NTSTATUS extend_locked(uintptr_t last, struct range more)
{
    NTSTATUS status = mm_space_prepare();
    if (status)
        return status;
    struct region *r = mm_region_at(last);
    if (!r || r->story.state == RUN_FREE || r->story.state == RUN_LENT)
        return STATUS_MEMORY_NOT_ALLOCATED;
    struct region *next = mm_region_at(more.start);
    if (!next || next->node.fence || next->story.state != RUN_FREE ||
        !range_contains(next->node.range, more))
        return STATUS_CONFLICTING_ADDRESSES;

    struct story story = r->story;
    size_t pages = story.state == RUN_COMMITTED ? range_size(more) / PAGE_BYTES : 0;
    status = mm_charge_take(&mm_charge, pages);
    if (status)
        return status;
    if (pages)
        status = mm_run_back(next, more, mm_vm_access_of(story.protect), false);
    if (status)
        mm_charge_give(&mm_charge, pages);
    else
        (void)mm_region_paint(next, more, story);
    return status;
}

NTSTATUS mm_vm_extend(void *address, size_t old_size, size_t new_size)
{
    struct range old;
    struct range new;
    NTSTATUS status = mm_pages_touched(address, old_size, &old);
    if (!status)
        status = mm_pages_touched(address, new_size, &new);
    if (status || new.end <= old.end)
        return status;
    space_lock();
    status = extend_locked(old.end - 1, (struct range){old.end, new.end});
    space_unlock();
    return status;
}
