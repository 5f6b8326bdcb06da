/*
 * backing_kernel.c - private memory of the kernel: what stands behind pages without a budget.
 *
 * An arena is one private mapping without access, of which nothing is promised by the kernel
 * (MAP_NORESERVE): the commit limit is ours.  Commit and protect are one mprotect each; decommit
 * maps the arena's own kind of memory over the pages, which drops contents and access in one call
 * and leaves the mapping ready to join its neighbours.
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

static NTSTATUS kernel_commit(struct range r, int access, bool soon)
{
    (void)soon; /* the kernel's own first touch is the cheapest there is */
    if (access == OS_NONE)
        return STATUS_SUCCESS;
    NTSTATUS status = kernel_protect(r, access);
    if (status)
        (void)kernel_protect(r, OS_NONE); /* the call may have changed a part */
    return status;
}

static NTSTATUS kernel_decommit(struct range r)
{
    void *start = (void *)r.start;
    size_t size = range_size(r);
    if (mm_os_map_over(start, size, OS_NONE) == 0)
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
    .decommit = kernel_decommit,
    .protect = kernel_protect,
    .reset = kernel_reset,
    .zero = kernel_zero,
    .lend = kernel_lend,
    .take_back = kernel_take_back,
};
