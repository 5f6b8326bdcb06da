/*
 * backing_kernel.c - private memory of the kernel: what stands behind pages without a budget.
 *
 * An arena is one private mapping without access, of which nothing is promised by the kernel
 * (MAP_NORESERVE): the commit limit is ours.  Commit and protect are one mprotect each.
 *
 * Pages without contents are inaccessible in one of two ways: their mapping has no access, or they
 * carry the kernel's guard markers, whatever their mapping allows.  Markers are set in one call
 * that also drops the contents, and split no mapping, so small ranges are decommitted by them;
 * large ones, and all on kernels before 6.13, by mapping the arena's own kind over them.  With very
 * many runs, a commit also opens the empty pages around it, under markers: then neighbours make
 * one mapping.
 *
 * K1  a page without contents is inaccessible, by its mapping or by a marker
 * K2  a committed page carries no marker, and its mapping has the access it was given
 * K3  a page with a marker lies in a unit whose bit in `marked` is set; the bit alone says nothing
 */
#include "vm/vm_internal.h"

#include <errno.h>

#include <ntstatus.h>

static NTSTATUS status_of(int error)
{
    if (!error)
        return STATUS_SUCCESS;
    return error == -EEXIST ? STATUS_CONFLICTING_ADDRESSES : STATUS_NO_MEMORY;
}

/* Give back what lies before and behind the aligned part of a mapping. */
static void cut(uintptr_t base, uintptr_t end, struct range keep)
{
    if (keep.start > base)
        (void)mm_os_unmap((void *)base, keep.start - base); /* the rest is merely larger */
    if (end > keep.end)
        (void)mm_os_unmap((void *)keep.end, end - keep.end); /* as above */
}

static NTSTATUS arena_anywhere(size_t size, void **ret_base)
{
    void *base;
    size_t slack = UNIT_BYTES - PAGE_BYTES;
    int error = mm_os_map(NULL, size + slack, OS_NONE, &base);
    if (error)
        return status_of(error);
    uintptr_t start = align_up((uintptr_t)base, UNIT_BYTES);
    cut((uintptr_t)base, (uintptr_t)base + size + slack, (struct range){start, start + size});
    *ret_base = (void *)start;
    return STATUS_SUCCESS;
}

static NTSTATUS kernel_arena(void *where, size_t size, void **ret_base)
{
    if (!where)
        return arena_anywhere(size, ret_base);
    return status_of(mm_os_map(where, size, OS_NONE, ret_base));
}

static void kernel_arena_done(void *base, size_t size)
{
    (void)mm_os_unmap(base, size); /* nothing is in it; should it stay, it costs an address */
}

static NTSTATUS kernel_protect(struct range r, int access)
{
    return status_of(mm_os_protect((void *)r.start, range_size(r), access));
}

/* ---- guard markers --------------------------------------------------------------------------- */

/* Page tables of marked pages stay, so no more than one of them is kept for nothing. */
#define MARKED_AT_ONCE (2 * MIB)
#define BITS 64
#define UNITS ((size_t)1 << (47 - UNIT_SHIFT))

static uint64_t *marked; /* K3: a bit a unit of all addresses; NULL: no marker was ever set */
/* This kernel has none, or they are not wanted. */
bool mm_kernel_no_markers;
static bool markers_work;

static void put_bit(size_t unit, bool set)
{
    uint64_t bit = (uint64_t)1 << unit % BITS;
    if (set)
        marked[unit / BITS] |= bit;
    else
        marked[unit / BITS] &= ~bit;
}

static bool may_be_marked(struct range r)
{
    size_t unit = r.start >> UNIT_SHIFT;
    size_t end = (r.end + UNIT_BYTES - 1) >> UNIT_SHIFT;
    if (!marked)
        return false;
    for (; unit < end && unit % BITS; unit++) {
        if (marked[unit / BITS] >> unit % BITS & 1)
            return true;
    }
    for (; unit < end; unit += BITS) {
        uint64_t those = marked[unit / BITS];
        if (end - unit < BITS)
            those &= ((uint64_t)1 << (end - unit)) - 1;
        if (those)
            return true;
    }
    return false;
}

/* 256 MiB of addresses, of which few are touched; not where addresses are scarce. */
static uint64_t *new_bits(void)
{
    return range_size(mm_space.first_arena) < TIB ? NULL : mm_os_own_memory(UNITS / 8);
}

void mm_vm_keep_mappings_few(void)
{
    mm_kernel_no_markers = true;
}

/* Drop contents and access, by markers.  False: nothing changed. */
static bool mark(struct range r)
{
    if (r.start == r.end)
        return true;
    if (mm_kernel_no_markers || range_size(r) > MARKED_AT_ONCE ||
        r.end > (uintptr_t)UNITS << UNIT_SHIFT)
        return false;
    if (!marked && !(marked = new_bits()))
        return false;
    int error = mm_os_guard((void *)r.start, range_size(r));
    if (error) {
        /* If it never worked, the kernel has none; else these pages are locked in memory. */
        mm_kernel_no_markers |= error == -EINVAL && !markers_work;
        return false;
    }
    markers_work = true;
    for (size_t u = r.start >> UNIT_SHIFT; u < (r.end + UNIT_BYTES - 1) >> UNIT_SHIFT; u++)
        put_bit(u, true);
    return true;
}

/* Take the markers off; a unit is clean for certain when all of it was in the range. */
static NTSTATUS unmark(struct range r)
{
    NTSTATUS status = status_of(mm_os_unguard((void *)r.start, range_size(r)));
    if (status)
        return status;
    for (size_t u = (r.start + UNIT_BYTES - 1) >> UNIT_SHIFT; u < r.end >> UNIT_SHIFT; u++)
        put_bit(u, false);
    return STATUS_SUCCESS;
}

/* ---- pages ------------------------------------------------------------------------------------ */

/* The mappings of `room` get the access, its pages outside `r` are marked; `r` becomes usable. */
static NTSTATUS open_pages(struct range r, struct range room, int access)
{
    bool unmarking = may_be_marked(r);
    if (access == OS_NONE && !unmarking)
        return STATUS_SUCCESS;
    NTSTATUS status = kernel_protect(room, access);
    if (!status && unmarking)
        status = unmark(r);
    if (status)
        (void)kernel_protect(room,
                             OS_NONE); /* the call may have changed a part; K1 holds so or so */
    return status;
}

static NTSTATUS kernel_commit(struct range r, int access, bool soon)
{
    (void)soon; /* the kernel's own first touch is the cheapest there is */
    return open_pages(r, r, access);
}

static NTSTATUS kernel_commit_in_room(struct range r, struct range room, int access)
{
    bool closed =
        mark((struct range){room.start, r.start}) && mark((struct range){r.end, room.end});
    return open_pages(r, closed ? room : r, access);
}

static NTSTATUS kernel_decommit(struct range r)
{
    void *start = (void *)r.start;
    size_t size = range_size(r);
    if (mark(r) || mm_os_map_over(start, size, OS_NONE) == 0)
        return STATUS_SUCCESS;

    /* No mapping is left to split.  Pages that are inaccessible already need none. */
    int error = mm_os_protect(start, size, OS_NONE);
    if (!error)
        error = mm_os_discard(start, size);
    return status_of(error);
}

static void kernel_reset(struct range r)
{
    (void)mm_os_discard((void *)r.start, range_size(r)); /* old contents are allowed, too */
}

static NTSTATUS kernel_zero(struct range r)
{
    return status_of(mm_os_discard((void *)r.start, range_size(r)));
}

static void kernel_lend(struct range r)
{
    (void)r; /* the kernel's memory needs no care */
}

static NTSTATUS kernel_take_back(struct range r)
{
    return status_of(mm_os_map_over((void *)r.start, range_size(r), OS_NONE));
}

const struct backing mm_backing_kernel = {
    .name = "none",
    .arena = kernel_arena,
    .arena_done = kernel_arena_done,
    .commit = kernel_commit,
    .commit_in_room = kernel_commit_in_room,
    .decommit = kernel_decommit,
    .protect = kernel_protect,
    .reset = kernel_reset,
    .zero = kernel_zero,
    .lend = kernel_lend,
    .take_back = kernel_take_back,
};
