/*
 * mremap.c - mremap of our memory: in place where there is room, else by copy.
 *
 * Pages of ours cannot be moved to another address by the kernel: under a pager a page's place in
 * the page file is its place in the arena.  So a move allocates, copies and gives back the source
 * as it is read.  Pages that hold nothing but zeros are not written to the copy, so a sparse
 * mapping stays sparse.
 */
#include "preload.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <ntstatus.h>

#include "pager/pager.h"
#include "vm/vm.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

#define PIECE MIB /* copied, then given back */

struct move {
    struct range from;
    size_t size; /* wanted */
    int flags;
    uintptr_t to; /* with MREMAP_FIXED */
};

static void *failed(int error)
{
    errno = error;
    return MAP_FAILED;
}

static bool is_zero(const uint64_t *page)
{
    for (size_t i = 0; i < PAGE_BYTES / sizeof *page; i++)
        if (page[i])
            return false;
    return true;
}

static void copy_piece(uintptr_t to, uintptr_t from, size_t size)
{
    for (size_t at = 0; at < size; at += PAGE_BYTES)
        if (!is_zero((const uint64_t *)(from + at)))
            memcpy((void *)(to + at), (const void *)(from + at), PAGE_BYTES);
}

/* Copy `size` bytes to fresh zero memory; with `consume`, forget what was read. */
static void copy(uintptr_t to, uintptr_t from, size_t size, bool consume)
{
    for (size_t done = 0; done < size; done += PIECE) {
        size_t piece = min_size(PIECE, size - done);
        mm_pager_admit(piece);
        copy_piece(to + done, from + done, piece);
        if (consume)
            (void)mm_vm_zero((void *)(from + done), piece); /* only spares memory */
    }
}

/* A place for the copy, readable and writable unless the source is only reserved. */
static NTSTATUS make_target(const struct move *move, bool committed, uintptr_t *ret_to)
{
    ULONG type = committed ? MEM_RESERVE | MEM_COMMIT : MEM_RESERVE;
    struct vm_request request = {.size = move->size, .type = type, .protect = PAGE_READWRITE};
    void *to = (void *)move->to;
    size_t size;
    bool ours;
    NTSTATUS status;

    if (!(move->flags & MREMAP_FIXED)) {
        status = mm_vm_allocate(&request, &to, &size);
    } else if (mm_vm_part(to, move->size, &ours) != move->size) {
        status = STATUS_NO_MEMORY;
    } else if (ours) {
        status = mm_vm_map_over(to, move->size, type, PAGE_READWRITE);
    } else {
        to = mm_preload_raw_mmap(to, move->size, committed ? PROT_READ | PROT_WRITE : PROT_NONE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        status = to == MAP_FAILED ? STATUS_NO_MEMORY : STATUS_SUCCESS;
    }
    if (status == STATUS_SUCCESS)
        *ret_to = (uintptr_t)to;
    return status;
}

static int prot_of(ULONG protect)
{
    int access = mm_vm_access_of(protect); /* OS_* bits are PROT_* bits */
    return access & (PROT_READ | PROT_WRITE | PROT_EXEC);
}

/* Copy the run described by `info` to another place. */
static void *move_ours(const struct move *move, const MEMORY_BASIC_INFORMATION *info)
{
    bool committed = info->State == MEM_COMMIT;
    bool keep = move->flags & MREMAP_DONTUNMAP;
    size_t size = min_size(range_size(move->from), move->size);
    int access = prot_of(info->Protect);
    uintptr_t to;

    NTSTATUS status = make_target(move, committed, &to);
    if (status != STATUS_SUCCESS)
        return failed(mm_preload_errno(status));
    if (committed) {
        if (!(access & PROT_READ))
            (void)mm_vm_access((void *)move->from.start, size, PAGE_READWRITE); /* no new charge */
        copy(to, move->from.start, size, !keep);
    }
    if (keep)
        (void)mm_vm_zero((void *)move->from.start, size); /* what the kernel leaves there */
    else
        (void)mm_preload_unmap(move->from); /* it is ours and whole: cannot fail */
    if (committed && access != (PROT_READ | PROT_WRITE))
        (void)mprotect((void *)to, move->size, access); /* takes access away: no charge */
    return (void *)to;
}

/* A file that lies in an arena of ours on loan. */
static void *move_lent(const struct move *move)
{
    void *start = (void *)move->from.start;
    size_t old_size = range_size(move->from);
    size_t tail = old_size > move->size ? old_size - move->size : 0;

    if (tail) {
        (void)mm_vm_unmap((void *)(move->from.start + move->size), tail); /* lent: cannot fail */
        old_size = move->size;
    }
    void *base = mm_preload_raw_mremap(start, old_size, move->size, move->flags, (void *)move->to);
    if (base != MAP_FAILED && base != start && !(move->flags & MREMAP_DONTUNMAP))
        (void)mm_vm_unmap(start, old_size); /* close the hole it left in the arena */
    return base;
}

/*
 * What the pages of the range have in common.
 *
 * => false: they differ, or some are free.  The kernel wants one mapping; so do we, to know what
 *    access the copy shall have
 */
static bool is_uniform(struct range range, MEMORY_BASIC_INFORMATION *ret_info)
{
    MEMORY_BASIC_INFORMATION next;

    if (mm_vm_query((void *)range.start, ret_info) != STATUS_SUCCESS || ret_info->State == MEM_FREE)
        return false;
    for (uintptr_t at = range.start + ret_info->RegionSize; at < range.end; at += next.RegionSize)
        if (mm_vm_query((void *)at, &next) != STATUS_SUCCESS || next.State != ret_info->State ||
            next.Protect != ret_info->Protect)
            return false;
    return true;
}

static void *remap_ours(const struct move *move)
{
    MEMORY_BASIC_INFORMATION info;
    void *start = (void *)move->from.start;
    size_t old_size = range_size(move->from);
    bool elsewhere = move->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
    bool lent;

    size_t alike = mm_vm_lent_part(start, old_size, &lent);
    if (alike < old_size)
        return failed(EFAULT);
    if (lent)
        return move_lent(move);
    if (!is_uniform(move->from, &info))
        return failed(EFAULT);
    if (!elsewhere && move->size <= old_size) {
        struct range tail = {move->from.start + move->size, move->from.end};
        int error = tail.start < tail.end ? mm_preload_unmap(tail) : 0;
        return error ? failed(error) : start;
    }
    if (!elsewhere) {
        mm_pager_admit(move->size - old_size);
        if (mm_vm_extend(start, old_size, move->size) == STATUS_SUCCESS)
            return start;
    }
    if (!(move->flags & MREMAP_MAYMOVE))
        return failed(ENOMEM);
    return move_ours(move, &info);
}

/* What the kernel refuses before it looks at memory. */
static bool is_valid(const struct move *move)
{
    int known = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
    size_t old_size = range_size(move->from);
    struct range to = {move->to, move->to + move->size};

    if (move->flags & ~known)
        return false;
    if (move->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(move->flags & MREMAP_MAYMOVE))
        return false;
    if (move->flags & MREMAP_DONTUNMAP && move->size != old_size)
        return false;
    if (!(move->flags & MREMAP_FIXED))
        return true;
    return is_aligned(move->to, PAGE_BYTES) && to.end > to.start &&
           range_size(range_overlap(move->from, to)) == 0;
}

static void *remap(void *address, size_t old_size, const struct move *move)
{
    bool from_ours = mm_vm_touches(address, range_size(move->from));
    bool to_ours = move->flags & MREMAP_FIXED && mm_vm_touches((void *)move->to, move->size);

    if ((from_ours || to_ours) && !is_valid(move))
        return failed(EINVAL);
    if (from_ours)
        return remap_ours(move);
    if (to_ours) {
        int error = mm_preload_errno(mm_vm_lend((void *)move->to, move->size));
        if (error)
            return failed(error);
    }
    void *base =
        mm_preload_raw_mremap(address, old_size, move->size, move->flags, (void *)move->to);
    if (base == MAP_FAILED && to_ours) {
        int error = errno;
        (void)mm_vm_unmap((void *)move->to, move->size); /* lent a moment ago: cannot fail */
        errno = error;
    }
    return base;
}

MM_EXPORT void *mremap(void *address, size_t old_size, size_t size, int flags, ...)
{
    struct move move = {.flags = flags};
    struct range new_range;

    if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) {
        va_list arguments;
        va_start(arguments, flags);
        move.to = (uintptr_t)va_arg(arguments, void *);
        va_end(arguments);
    }
    if (!mm_preload_range(address, old_size, &move.from) ||
        !mm_preload_range(address, size, &new_range) || !mm_preload_ready())
        return mm_preload_raw_mremap(address, old_size, size, flags, (void *)move.to);
    move.size = range_size(new_range);
    return remap(address, old_size, &move);
}
