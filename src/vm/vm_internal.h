/*
 * vm_internal.h - the space and its runs, as the files of this folder share them.
 *
 * Everything here is guarded by mm_space.lock unless it says otherwise.
 */
#ifndef NTMM_VM_VM_INTERNAL_H
#define NTMM_VM_VM_INTERNAL_H

#include "base/check.h"
#include "base/pool.h"
#include "base/tree.h"
#include "os/os.h"
#include "vm/backing.h"
#include "vm/vm.h"

enum run_state {
    RUN_FREE,      /* ours to hand out */
    RUN_RESERVED,  /* handed out, inaccessible, without contents */
    RUN_COMMITTED, /* charged, has contents */
    RUN_LENT,      /* other code has mapped something of its own here */
};

/* What a run of pages tells; runs that tell the same and touch are one run (R3). */
struct story {
    uintptr_t allocation;        /* base of the allocation; 0: free */
    uint16_t protect;            /* PAGE_* of committed pages; 0 for others */
    uint16_t allocation_protect; /* PAGE_* given when it was reserved; 0: free */
    uint8_t state;               /* enum run_state */
};

/* A run; node.fence: it begins an arena.  In the tree of arenas only the node counts. */
struct region {
    struct tree_node node; /* first: a node is a region */
    struct story story;
};

struct space {
    struct os_lock lock;
    const struct backing *backing; /* (c) */
    struct tree runs;              /* tile the arenas: S1 */
    struct tree arenas;            /* pieces of address space that are ours */
    struct pool pool;              /* of regions */
    size_t committed;              /* pages in RUN_COMMITTED runs: S2 */
    size_t reserved;               /* bytes in runs that are not free: S3 */
    struct range first_arena;      /* stays for ever; empty before the first call */
    atomic_long fail_nodes;        /* tests: the N-th need for a region is not met */
};
extern struct space mm_space;

extern bool mm_kernel_no_markers; /* backing_kernel.c */

static inline void space_lock(void)
{
    mm_os_lock(&mm_space.lock);
}

static inline void space_unlock(void)
{
    mm_os_unlock(&mm_space.lock);
}

/* ---- region.c: one run ---------------------------------------------------------------------- */

extern const struct story mm_story_free;

static inline struct region *region_of(struct tree_node *node)
{
    return (struct region *)node;
}

static inline bool same_story(struct story a, struct story b)
{
    return a.allocation == b.allocation && a.state == b.state && a.protect == b.protect &&
           a.allocation_protect == b.allocation_protect;
}

/* The run that holds the address; NULL outside our arenas. */
struct region *mm_region_at(uintptr_t address);

/* The next run of the same arena, and the one before; NULL at its ends. */
struct region *mm_region_next(const struct region *r);
struct region *mm_region_previous(const struct region *r);

/*
 * Let `range`, which lies within `r`, tell `story`, splitting and joining as needed.  The counts
 * of the space follow.
 *
 * => the pool holds at least two regions
 * => returns the run that now holds the range; `r` may be gone
 */
struct region *mm_region_paint(struct region *r, struct range range, struct story story);

/* What the run says is possible, and its neighbours tell something else. */
bool mm_region_is_valid(const struct region *r);

/* ---- space.c: all of them ------------------------------------------------------------------- */

/*
 * Make sure that the pool holds what any one operation may need.
 *
 * => STATUS_NO_MEMORY
 */
NTSTATUS mm_space_prepare(void);

/*
 * Find a free place of `size` bytes, at a 64 KiB border, taking a new arena where none is left.
 *
 * => mm_space_prepare was called; size is a multiple of the page
 * => the place lies in *ret_run, still free: paint it
 * => STATUS_NO_MEMORY
 */
NTSTATUS mm_space_find(size_t size, bool top_down, struct region **ret_run, uintptr_t *ret_base);

/*
 * See to it that a fixed range lies in one free run, making an arena of it where it is nobody's.
 *
 * => STATUS_CONFLICTING_ADDRESSES, STATUS_NO_MEMORY
 */
NTSTATUS mm_space_claim(struct range range, struct region **ret_run);

/* Give back the arena that `r` fills, if it is free; the first arena stays. */
void mm_space_trim(struct region *r);

/* Whether every page of the range is ours and none is free. */
bool mm_space_is_taken(struct range range);

/* The arena that overlaps the range first; NULL: none. */
struct tree_node *mm_space_arena(struct range range);

/* ---- allocation.c: ranges of runs ------------------------------------------------------------ */

/* The part of `r` that lies in `range`. */
static inline struct range part_of(const struct region *r, struct range range)
{
    return range_overlap(r->node.range, range);
}

/* The next run of the arena that reaches into `range`; NULL: none. */
static inline struct region *next_within(const struct region *r, struct range range)
{
    return r->node.range.end < range.end ? mm_region_next(r) : NULL;
}

/*
 * Prove that the range lies within one allocation of private memory.
 *
 * => ret_first is the run that holds range.start; ret_fresh counts pages not yet committed
 * => STATUS_MEMORY_NOT_ALLOCATED: the first page is not; STATUS_CONFLICTING_ADDRESSES: it runs
 *    past the end of the allocation
 */
NTSTATUS mm_allocation_check(struct range range, struct region **ret_first, size_t *ret_fresh);

/* Where the allocation of `r` ends. */
uintptr_t mm_allocation_end(const struct region *r);

/* What is left of an allocation whose head was released becomes one of its own, begun by `r`. */
void mm_allocation_rebase(struct region *r);

/* Let each run's part of the range tell what `now` makes of its story. */
void mm_runs_paint(struct region *first, struct range range,
                   struct story (*now)(struct story, ULONG), ULONG protect);

/*
 * Drop contents and access of all committed pages of the range; what the runs tell stays.
 *
 * => STATUS_NO_MEMORY, and then nothing changed
 */
NTSTATUS mm_runs_drop(struct region *first, struct range range);

/*
 * Give all pages of the range, committed every one, that access.
 *
 * => STATUS_NO_MEMORY, and then nothing changed
 */
NTSTATUS mm_runs_protect(struct region *first, struct range range, int access);

/*
 * The pages that the bytes touch.
 *
 * => any lock; STATUS_INVALID_PARAMETER_2 and 3 when they are not all user addresses, or none
 */
NTSTATUS mm_pages_touched(const void *address, size_t size, struct range *ret_range);

/* ---- foreign.c: memory that other code mapped ------------------------------------------------ */

/* Whether the kernel has something there, ours or not; any lock. */
bool mm_foreign_is_mapped(uintptr_t address);

/*
 * Where the free memory ends that begins at a page outside our arenas: at the next mapping, arena
 * or the highest address.  The page itself when it is not free.
 *
 * => the space is locked
 */
uintptr_t mm_foreign_free_end(uintptr_t page);

/*
 * VirtualProtect of pages that are not ours: those of the program and its libraries.
 *
 * => STATUS_CONFLICTING_ADDRESSES: a page is free; STATUS_SECTION_PROTECTION: the file does not
 *    allow it; STATUS_NOT_SUPPORTED: PAGE_GUARD
 */
NTSTATUS mm_foreign_protect(struct range range, ULONG protect, ULONG *ret_old);

/*
 * VirtualQuery of a page outside our arenas.
 *
 * => the space is locked; STATUS_INVALID_PARAMETER above the highest user address
 */
NTSTATUS mm_foreign_query(uintptr_t page, MEMORY_BASIC_INFORMATION *ret_info);

/* ---- protect.c ------------------------------------------------------------------------------ */

/* STATUS_INVALID_PAGE_PROTECTION unless private memory may have it. */
NTSTATUS mm_protect_check(ULONG protect);

/* ---- commit.c ------------------------------------------------------------------------------- */

/*
 * Have pages without contents, within the run `r`, backed.
 *
 * => STATUS_* of the backing, and then nothing changed
 */
NTSTATUS mm_run_back(const struct region *r, struct range part, int access, bool soon);

/*
 * Commit all pages of the range, reserved or committed every one, and let them tell it.
 *
 * => the charge for those only reserved was taken by the caller
 * => STATUS_* of the backing, and then nothing changed
 */
NTSTATUS mm_runs_commit(struct region *first, struct range range, ULONG protect, bool soon);

/* The parts of VirtualAlloc that work on pages of a reservation. */
NTSTATUS mm_commit(struct range range, ULONG protect, bool soon);

/* ... and forget what the pages hold that lie wholly in the bytes named. */
NTSTATUS mm_reset(struct range range, struct range named);

/* ... and tell whether they still hold it: STATUS_DEVICE_BUSY when some was lost. */
NTSTATUS mm_undo_reset(struct range range);

#endif
