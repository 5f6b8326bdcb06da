/*
 * engine_file.c - the file engine: committed memory is a shared mapping of a page file.
 *
 * The kernel's page cache holds the frames, so every system call, thread and debugger sees ordinary
 * memory and no handler of ours stands on the access path.  The first memory of a process is private
 * instead (private.c).  This file is the engine's face to `vm`
 * (struct backing) and starts its threads; README.md tells the theory.
 */
#include <errno.h>

#include <ntstatus.h>

#include "base/check.h"
#include "pager/lists.h"
#include "pager/pager_internal.h"
#include "vm/backing.h"

/* Threads start when this much of the budget is committed: before it nothing can be tight. */
#define STIR_PERCENT 40

struct pager_options mm_pager_options;

static bool on;
static atomic_uint started;
static atomic_size_t committed; /* bytes */

bool mm_pager_is_on(void)
{
    return on;
}

static NTSTATUS status_of(int error)
{
    switch (error) {
    case 0: return STATUS_SUCCESS;
    case -ENOSPC:
    case -EDQUOT:
    case -EFBIG: return STATUS_COMMITMENT_LIMIT;
    case -EEXIST: return STATUS_CONFLICTING_ADDRESSES;
    default: return STATUS_NO_MEMORY;
    }
}

static void start_threads(void)
{
    unsigned no = 0;

    if (!atomic_compare_exchange_strong(&started, &no, 1))
        return;
    mm_budget_census(true);
    int error = mm_os_thread_start(mm_trim_main, NULL, "ntmm-trim");
    if (!error)
        error = mm_os_thread_start(mm_prefetch_main, NULL, "ntmm-ahead");
    if (!error)
        error = mm_os_thread_start(mm_throttle_main, NULL, "ntmm-gate");
    if (error)
        mm_os_complain("ntmm: the pager's threads cannot start; the budget will not be held\n");
}

void mm_engine_stir(uint64_t committed_more)
{
    size_t total = atomic_fetch_add(&committed, committed_more) + committed_more;

    if (atomic_load_explicit(&started, memory_order_relaxed))
        return;
    if (total > mm_budget_part(STIR_PERCENT) * PAGE_BYTES)
        start_threads();
}

bool mm_engine_has_threads(void)
{
    return atomic_load_explicit(&started, memory_order_relaxed);
}

void mm_engine_forget(void)
{
    atomic_store(&started, 0);
    mm_engine_stir(0);
}

/* ---- struct backing ----------------------------------------------------------------------------- */

static NTSTATUS arena(void *where, size_t size, void **ret_base)
{
    void *base;
    int error = mm_os_map(where, size + (where ? 0 : UNIT_BYTES), OS_NONE, &base);
    if (error)
        return status_of(error);

    uintptr_t start = align_up((uintptr_t)base, UNIT_BYTES);
    error = mm_pagefile_place(start, size);
    if (error) {
        (void)mm_os_unmap(base, size); /* mapped above: cannot fail */
        return status_of(error);
    }
    *ret_base = (void *)start;
    return STATUS_SUCCESS;
}

/* All was decommitted before.  An arena may span pieces; they stay ours, and are not handed out. */
static void arena_done(void *base, size_t size)
{
    (void)mm_os_protect(base, size, OS_NONE); /* it is inaccessible already: a failure is no harm */
}

/* Prepare whole units by writing zeros: one large folio instead of sixteen faults. */
static int prepare(struct piece *p, struct range r)
{
    static const char zeros[UNIT_BYTES];

    for (uintptr_t u = align_up(r.start, UNIT_BYTES); u + UNIT_BYTES <= r.end; u += UNIT_BYTES) {
        int error = mm_os_write_all(p->fd, zeros, UNIT_BYTES, mm_piece_place(p, u));
        if (error)
            return error;
        mm_os_lock(&mm_unit_lock);
        mm_unit_flag(mm_unit_in(p, u), UNIT_WHOLE, 0);
        if (mm_unit_in(p, u)->stage == UNIT_ACTIVE) /* what is never touched leaves again */
            (void)mm_lists_add(u, UNIT_MODIFIED, UNIT_PAGES);
        mm_os_unlock(&mm_unit_lock);
        mm_budget_added(UNIT_PAGES);
        mm_count(NTMM_DEMAND_ZERO_FAULTS, UNIT_PAGES);
    }
    return 0;
}

/* Make content-free pages of one piece zero and accessible; what fails is punched out. */
static int fill_in(struct piece *p, struct range r, int access, bool soon)
{
    int error = mm_pagefile_attach();
    if (error)
        return error;
    error = mm_dead_revive(p, r, soon);
    if (!error)
        error = mm_pagefile_promise(p, r);
    if (!error && soon)
        error = prepare(p, r);
    if (!error)
        error = mm_os_protect((void *)r.start, range_size(r), access);
    if (error)
        (void)mm_pagefile_forget(p, r); /* the first error is the one to tell */
    return error;
}

/* The first part of a range that lies in one piece and is all private, or all paged. */
static struct range part_of(struct range r, struct piece **ret_piece, bool *ret_private)
{
    struct piece *p = mm_piece_of(r.start);
    assert_that(p);
    uintptr_t end = min_size(r.end, p->end);
    uintptr_t u = align_down(r.start, UNIT_BYTES);

    *ret_piece = p;
    *ret_private = mm_unit_is_private(mm_unit_in(p, u));
    while (u < end && mm_unit_is_private(mm_unit_in(p, u)) == *ret_private)
        u += UNIT_BYTES;
    return (struct range){r.start, min_size(u, end)};
}

/* Commit a part that is all private, or all paged. */
static int commit_part(struct piece *p, struct range r, bool private, int access, bool soon)
{
    int error = private ? mm_os_protect((void *)r.start, range_size(r), access)
                        : fill_in(p, r, access, soon);
    if (error)
        return error;
    if (!private) {
        mm_os_lock(&mm_unit_lock);
        mm_piece_note_live(p, r);
        mm_os_unlock(&mm_unit_lock);
    }
    mm_engine_stir(range_size(r));
    return 0;
}

/* Whole units die, to be buried later; pages at the edges are punched out now. */
static int bury_later(struct piece *p, struct range r)
{
    struct range whole = {align_up(r.start, UNIT_BYTES), align_down(r.end, UNIT_BYTES)};
    int error = 0;

    if (whole.start >= whole.end)
        return mm_pagefile_forget(p, r);
    if (r.start < whole.start)
        error = mm_pagefile_forget(p, (struct range){r.start, whole.start});
    if (!error && whole.end < r.end)
        error = mm_pagefile_forget(p, (struct range){whole.end, r.end});
    mm_dead_add(p, whole);
    return error;
}

static int decommit_paged(struct piece *p, struct range r)
{
    int error = mm_os_protect((void *)r.start, range_size(r), OS_NONE);

    return error ? error : bury_later(p, r);
}

static NTSTATUS decommit(struct range r)
{
    struct piece *p;
    bool private;
    int error = 0;

    while (r.start < r.end && !error) {
        struct range part = part_of(r, &p, &private);
        error = private ? mm_private_decommit(part) : decommit_paged(p, part);
        atomic_fetch_sub(&committed, range_size(part));
        r.start = part.end;
    }
    return status_of(error);
}

static NTSTATUS commit(struct range r, int access, bool soon)
{
    uintptr_t start = r.start;
    struct piece *p = mm_piece_of(start);
    bool private;

    assert_that(p);
    mm_private_claim(p, (struct range){start, min_size(r.end, p->end)});
    while (r.start < r.end) {
        struct range part = part_of(r, &p, &private);
        int error = commit_part(p, part, private, access, soon);
        if (error) {
            if (start < part.start)
                (void)decommit((struct range){start, part.start}); /* fresh pages: nothing lost */
            return status_of(error);
        }
        r.start = part.end;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS protect(struct range r, int access)
{
    return status_of(mm_os_protect((void *)r.start, range_size(r), access));
}

static NTSTATUS zero(struct range r)
{
    struct piece *p;
    bool private;
    int error = 0;

    while (r.start < r.end && !error) {
        struct range part = part_of(r, &p, &private);
        error = private ? mm_os_discard((void *)part.start, range_size(part))
                        : mm_pagefile_zero(p, part);
        r.start = part.end;
    }
    return status_of(error);
}

static void reset(struct range r)
{
    (void)zero(r); /* contents may stay as they are: a failure is no harm */
}

/* Note which pages other code maps, or no longer maps. */
static void note_lent(struct piece *p, struct range r, bool lent)
{
    mm_os_lock(&mm_unit_lock);
    for (uintptr_t u = align_down(r.start, UNIT_BYTES); u < r.end; u += UNIT_BYTES) {
        struct unit *unit = mm_unit_in(p, u);
        uint16_t pages = mm_unit_mask(u, r.start, r.end);
        unit->lent = lent ? unit->lent | pages : unit->lent & (uint16_t)~pages;
        mm_unit_flag(unit, unit->lent ? UNIT_LENT : 0, unit->lent ? 0 : UNIT_LENT);
    }
    mm_piece_note_live(p, r); /* where the page file is mapped around them */
    mm_os_unlock(&mm_unit_lock);
}

/* Taken under the unmap lock, so that no unmapping is under way when the owner maps over it. */
static void lend(struct range r)
{
    struct piece *p;
    bool private;

    mm_os_lock(&mm_unmap_lock);
    while (r.start < r.end) {
        struct range part = part_of(r, &p, &private);
        note_lent(p, part, true);
        r.start = part.end;
    }
    mm_os_unlock(&mm_unmap_lock);
}

/* What was lent comes back: inaccessible memory of ours again. */
static NTSTATUS take_back(struct range r)
{
    struct piece *p;
    bool private;
    int error = 0;

    while (r.start < r.end && !error) {
        struct range part = part_of(r, &p, &private);
        if (private || !mm_pagefile_is_attached())
            error = mm_os_map_over((void *)part.start, range_size(part), OS_NONE);
        else
            error = mm_pagefile_map(part, OS_NONE, p->fd, mm_piece_place(p, part.start));
        if (!error)
            note_lent(p, part, false);
        if (!error && !p->inode && mm_pagefile_is_attached())
            error = mm_piece_identify(p);
        r.start = part.end;
    }
    return status_of(error);
}

static const struct backing backing_file = {
    .name = "file",
    .arena = arena,
    .arena_done = arena_done,
    .commit = commit,
    .decommit = decommit,
    .protect = protect,
    .reset = reset,
    .zero = zero,
    .lend = lend,
    .take_back = take_back,
};

NTSTATUS mm_pager_start(const struct pager_options *options, const struct backing **ret_backing)
{
    mm_pager_options = *options;
    mm_budget_set(options->ram / PAGE_BYTES);
    mm_private_allow(options->unpaged);
    int error = mm_pagefile_open(options->folder);
    if (!error)
        error = mm_trim_init();
    if (!error)
        error = mm_dead_init();
    if (!error)
        error = mm_throttle_init();
    if (error)
        return status_of(error);
    on = true;
    *ret_backing = &backing_file;
    return STATUS_SUCCESS;
}

NTSTATUS mm_pager_set_budget(uint64_t ram)
{
    mm_budget_set(ram / PAGE_BYTES);
    mm_sleep_ring(PAGER_TRIMMER);
    return STATUS_SUCCESS;
}

void mm_pager_empty_working_set(void)
{
    mm_trim_all();
}

void mm_pager_count(void)
{
    if (on)
        mm_budget_census(true);
}
