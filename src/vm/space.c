/*
 * space.c - the address space that is ours: arenas, the runs that tile them, and finding gaps.
 *
 * Address space is taken from the kernel in large inaccessible arenas and handed out from there,
 * so a reservation costs no system call.  The first arena is 16 TiB where the kernel grants it and
 * stays for ever; more are taken when a request does not fit, or when a fixed address lies where
 * nobody is, and go back when they are free again.
 *
 * S1  the runs within an arena tile it; no run lies elsewhere; the first of each has a fence
 * S2  committed == the pages of all committed runs
 * S3  reserved  == the bytes of all runs that are not free
 *
 * One lock guards all of it.  It is never held while user memory is touched, so a fault never
 * meets it held by its own thread.
 */
#include "vm/vm_internal.h"

#include <ntstatus.h>

#include "base/nth.h"

#define FIRST_ARENA_MOST (16 * TIB)
#define FIRST_ARENA_WATCHED (256 * GIB) /* where ThreadSanitizer looks there is room for that */
#define FIRST_ARENA_LEAST (64 * MIB)
#define NEXT_ARENA_LEAST (64 * MIB)

/* A call splits at most two runs in two places, and may add an arena with its run. */
#define REGIONS_PER_CALL 8
#define POOL_STEP (1 * MIB)

struct space mm_space = {.pool = {.size = sizeof(struct region)}};

void mm_vm_init(const struct backing *backing)
{
    mm_space.backing = backing;
}

NTSTATUS mm_space_prepare(void)
{
    if (nth_call_fails(&mm_space.fail_nodes))
        return STATUS_NO_MEMORY;
    if (mm_space.pool.available >= REGIONS_PER_CALL)
        return STATUS_SUCCESS;
    void *memory = mm_os_own_memory(POOL_STEP);
    if (!memory)
        return STATUS_NO_MEMORY;
    mm_pool_add(&mm_space.pool, memory, POOL_STEP);
    return STATUS_SUCCESS;
}

static struct region *new_region(struct range range)
{
    struct region *r = mm_pool_take(&mm_space.pool);
    assert_that(r); /* mm_space_prepare saw to it */
    r->node.range = range;
    r->node.gap = false;
    r->node.fence = false;
    r->story = mm_story_free;
    return r;
}

static NTSTATUS add_arena(uintptr_t where, size_t size, struct region **ret_run)
{
    void *base;
    NTSTATUS status = mm_space.backing->arena((void *)where, size, &base);
    if (status)
        return status;

    struct range range = {(uintptr_t)base, (uintptr_t)base + size};
    struct region *arena = new_region(range);
    mm_tree_insert(&mm_space.arenas, &arena->node);
    struct region *run = new_region(range);
    run->node.gap = true;
    run->node.fence = true;
    mm_tree_insert(&mm_space.runs, &run->node);
    *ret_run = run;
    return STATUS_SUCCESS;
}

static void remove_arena(struct region *run)
{
    struct range range = run->node.range;
    struct tree_node *arena = mm_tree_at(&mm_space.arenas, range.start);
    mm_tree_erase(&mm_space.arenas, arena);
    mm_tree_erase(&mm_space.runs, &run->node);
    mm_pool_give(&mm_space.pool, region_of(arena));
    mm_pool_give(&mm_space.pool, run);
    mm_space.backing->arena_done((void *)range.start, range_size(range));
}

static bool is_first_arena(struct range range)
{
    return range.start == mm_space.first_arena.start && range.end == mm_space.first_arena.end;
}

/* Whether the kernel would grant that much address space (RLIMIT_AS). */
static bool would_grant(size_t size)
{
    void *base;
    if (mm_os_map(NULL, size, OS_NONE, &base))
        return false;
    (void)mm_os_unmap(base, size); /* mapped above: cannot fail */
    return true;
}

/*
 * The size to begin with.  Where address space is limited, the largest power of two that is granted
 * may be all there is; half of that leaves room for stacks and libraries.
 */
static size_t first_size(void)
{
    size_t size = mm_os_is_watched() ? FIRST_ARENA_WATCHED : FIRST_ARENA_MOST;
    if (would_grant(size))
        return size;
    while (size > FIRST_ARENA_LEAST && !would_grant(size / 2))
        size /= 2;
    return size / 4;
}

/* The backing may have limits of its own: the size of a file. */
static void take_first_arena(void)
{
    struct region *run;
    size_t size = first_size();
    while (size >= NEXT_ARENA_LEAST && add_arena(0, size, &run))
        size /= 2;
    if (size >= NEXT_ARENA_LEAST)
        mm_space.first_arena = run->node.range;
}

/* Take an arena that fits `size` bytes, and some more where that is to be had. */
static NTSTATUS take_next_arena(size_t size)
{
    struct region *run;
    size_t exact = align_up(size, UNIT_BYTES);
    size_t usual = max_size(range_size(mm_space.first_arena) / 16, NEXT_ARENA_LEAST);
    if (exact < usual && add_arena(0, usual, &run) == STATUS_SUCCESS)
        return STATUS_SUCCESS;
    return add_arena(0, exact, &run);
}

static struct tree_node *gap_for(size_t size, bool top_down)
{
    return top_down ? mm_tree_highest_gap(&mm_space.runs, size)
                    : mm_tree_lowest_gap(&mm_space.runs, size);
}

NTSTATUS mm_space_find(size_t size, bool top_down, struct region **ret_run, uintptr_t *ret_base)
{
    if (range_size(mm_space.first_arena) == 0)
        take_first_arena();
    struct tree_node *gap = gap_for(size, top_down);
    if (!gap) {
        NTSTATUS status = take_next_arena(size);
        if (status)
            return status;
        gap = gap_for(size, top_down);
    }
    *ret_run = region_of(gap);
    *ret_base = top_down ? align_down(gap->range.end - size, UNIT_BYTES)
                         : align_up(gap->range.start, UNIT_BYTES);
    return STATUS_SUCCESS;
}

struct tree_node *mm_space_arena(struct range range)
{
    struct tree_node *arena = mm_tree_floor(&mm_space.arenas, range.end - 1);
    return arena && arena->range.end > range.start ? arena : NULL;
}

NTSTATUS mm_space_claim(struct range range, struct region **ret_run)
{
    struct region *r = mm_region_at(range.start);
    if (r) {
        if (r->story.state != RUN_FREE || !range_contains(r->node.range, range))
            return STATUS_CONFLICTING_ADDRESSES;
        *ret_run = r;
        return STATUS_SUCCESS;
    }
    if (mm_space_arena(range))
        return STATUS_CONFLICTING_ADDRESSES;
    return add_arena(range.start, align_up(range_size(range), UNIT_BYTES), ret_run);
}

void mm_space_trim(struct region *r)
{
    if (r->story.state == RUN_FREE && r->node.fence && !mm_region_next(r) &&
        !is_first_arena(r->node.range))
        remove_arena(r);
}

bool mm_space_is_taken(struct range range)
{
    struct region *r = mm_region_at(range.start);
    while (r && r->story.state != RUN_FREE && r->node.range.end < range.end)
        r = mm_region_next(r);
    return r && r->story.state != RUN_FREE;
}

/* S1 for one arena; adds what its runs hold to the sums. */
static bool arena_is_tiled(struct range arena, size_t *committed, size_t *reserved)
{
    struct region *r = mm_region_at(arena.start);
    if (!r || !r->node.fence || r->node.range.start != arena.start)
        return false;
    for (; r; r = mm_region_next(r)) {
        if (!mm_region_is_valid(r))
            return false;
        if (r->story.state == RUN_COMMITTED)
            *committed += range_size(r->node.range) / PAGE_BYTES;
        if (r->story.state != RUN_FREE)
            *reserved += range_size(r->node.range);
        if (r->node.range.end >= arena.end)
            return r->node.range.end == arena.end && !mm_region_next(r);
    }
    return false;
}

static bool space_is_valid(void)
{
    size_t committed = 0;
    size_t reserved = 0;
    if (!mm_tree_is_valid(&mm_space.runs) || !mm_tree_is_valid(&mm_space.arenas))
        return false;
    for (struct tree_node *a = mm_tree_first(&mm_space.arenas); a; a = mm_tree_next(a)) {
        if (!arena_is_tiled(a->range, &committed, &reserved))
            return false;
    }
    return committed == mm_space.committed && reserved == mm_space.reserved;
}

bool mm_vm_is_valid(void)
{
    space_lock();
    bool valid = space_is_valid();
    space_unlock();
    return valid;
}

void mm_vm_lock_for_fork(void)
{
    space_lock();
}

void mm_vm_unlock_after_fork(void)
{
    space_unlock();
}

static struct vm_run describe(const struct region *r)
{
    struct story s = r->story;
    return (struct vm_run){
        .range = r->node.range,
        .allocation_base = s.allocation,
        .allocation_protect = s.allocation_protect,
        .state = s.state == RUN_RESERVED ? MEM_RESERVE : MEM_COMMIT,
        .protect = s.protect,
        .type = MEM_PRIVATE,
        .access = s.state == RUN_COMMITTED ? mm_vm_access_of(s.protect) : OS_NONE,
        .lent = s.state == RUN_LENT,
    };
}

void mm_vm_visit(bool (*visit)(const struct vm_run *run, void *context), void *context)
{
    space_lock();
    bool going = true;
    for (struct tree_node *n = mm_tree_first(&mm_space.runs); n && going; n = mm_tree_next(n)) {
        if (region_of(n)->story.state == RUN_FREE)
            continue;
        struct vm_run run = describe(region_of(n));
        going = visit(&run, context);
    }
    space_unlock();
}
