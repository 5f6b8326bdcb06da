/*
 * private.c - the first memory a process commits is private, and never paged.
 *
 * Most programs stay far below their budget.  For them shared pages of a file only cost: they are
 * dearer to touch than private ones, must be copied at a fork, and the kernel writes them to the
 * disk after half a minute.  So an eighth of the budget goes to whoever commits first, unit by
 * unit, as private memory of the kernel.  That is a program's start and what it builds on.  The
 * first commit that finds nothing left has the page file mapped everywhere else, and from then on
 * new memory is paged.
 *
 * A unit is of one sort for good, committed or not, so nothing is ever moved from one to the other.
 *
 * I1  a private unit is mapped by private memory, or lent; the page file is never mapped there
 * I2  the trimmer keeps its hands off: to unmap a private page is to destroy it
 * I3  a private unit has no promise of disk space, is on no list, and is never dead
 * I4  units become private only while no page file is mapped, when no unit is in use otherwise
 */
#include "pager/pager_internal.h"

static size_t left; /* bytes that may still become private; under the space lock */

/* Private units lie between these. */
static atomic_uintptr_t lowest = UINTPTR_MAX;
static atomic_uintptr_t highest;

void mm_private_allow(size_t bytes)
{
    left = align_down(bytes, UNIT_BYTES);
}

void mm_private_claim(struct piece *p, struct range r)
{
    if (mm_pagefile_is_attached())
        return;
    mm_os_lock(&mm_unit_lock);
    for (uintptr_t u = align_down(r.start, UNIT_BYTES); u < r.end && left; u += UNIT_BYTES) {
        struct unit *unit = mm_unit_in(p, u);
        if (unit->flags & (UNIT_PRIVATE | UNIT_LENT))
            continue;
        mm_unit_flag(unit, UNIT_PRIVATE, 0);
        mm_piece_note_live(p,
                           (struct range){u, u + UNIT_BYTES}); /* where no file is mapped later */
        left -= UNIT_BYTES;
        atomic_store(&lowest, min_size(atomic_load(&lowest), u));
        atomic_store(&highest, max_size(atomic_load(&highest), u + UNIT_BYTES));
    }
    mm_os_unlock(&mm_unit_lock);
}

static uint64_t private_pages(uintptr_t at, uintptr_t end)
{
    struct os_run runs[64];
    uint64_t pages = 0;

    while (at < end) {
        int found = mm_os_scan_private(at, end, runs, 64, &at);
        if (found < 0)
            break;
        for (int i = 0; i < found; i++)
            pages += (runs[i].end - runs[i].start) >> PAGE_SHIFT;
    }
    return pages;
}

uint64_t mm_private_pages(void)
{
    struct range all = {atomic_load(&lowest), atomic_load(&highest)};
    uint64_t pages = 0;

    for (int i = 0; all.start < all.end && i < mm_piece_count(); i++) {
        struct range r = range_overlap(all, (struct range){mm_piece(i)->start, mm_piece(i)->end});
        if (r.start < r.end)
            pages += private_pages(r.start, r.end);
    }
    return pages;
}

/* Drop contents and access. */
int mm_private_decommit(struct range r)
{
    if (mm_os_map_over((void *)r.start, range_size(r), OS_NONE) == 0)
        return 0;

    /* No mapping is left to split.  Pages that are inaccessible already need none. */
    int error = mm_os_protect((void *)r.start, range_size(r), OS_NONE);
    return error ? error : mm_os_discard((void *)r.start, range_size(r));
}
