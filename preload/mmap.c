/*
 * mmap.c - mmap, munmap and mprotect: private anonymous memory is ours, the rest is the kernel's.
 *
 * Ours are anonymous private mappings from 64 KiB up, and reservations (PROT_NONE) of any size.
 * Files, shared memory, huge pages, stacks, locked memory, memory below 4 GiB by request and small
 * mappings go to the kernel.
 *
 * A reservation is not charged; what is readable or writable is, MAP_NORESERVE or not: the commit
 * limit is hard, so there is no memory without a promise.  mprotect of a reservation commits it.
 *
 * MAP_FIXED within our arenas replaces what is there: anonymous memory by fresh memory of ours,
 * a file by lending the range to the kernel.  An address hint is honoured where it lies in an arena
 * of ours and is free, and for large reservations anywhere; else any address will do, as the kernel
 * itself may decide.
 */
#include "preload.h"

#include <errno.h>
#include <sys/mman.h>

#include <ntstatus.h>

#include "pager/pager.h"
#include "vm/vm.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define OURS_LEAST UNIT_BYTES
#define HINT_LEAST (64 * MIB) /* reservations from here on get the address they ask for */
#define PREPARE_MOST MIB      /* writable mappings up to this size are written soon, and whole */

struct call {
    struct range range; /* start 0: anywhere */
    int protect;
    int flags;
};

static void *failed(int error)
{
    errno = error;
    return MAP_FAILED;
}

static bool is_our_kind(int protect, int flags, off_t offset)
{
    int theirs = MAP_HUGETLB | MAP_GROWSDOWN | MAP_STACK | MAP_LOCKED;
#ifdef MAP_32BIT
    theirs |= MAP_32BIT;
#endif
    return (flags & MAP_TYPE) == MAP_PRIVATE && flags & MAP_ANONYMOUS && !(flags & theirs) &&
           !(protect & ~(PROT_READ | PROT_WRITE | PROT_EXEC)) &&
           is_aligned((uintptr_t)offset, PAGE_BYTES);
}

static ULONG type_of(int protect)
{
    return protect == PROT_NONE ? MEM_RESERVE : MEM_RESERVE | MEM_COMMIT;
}

static unsigned hints_of(const struct call *call)
{
    bool soon = call->protect & PROT_WRITE && range_size(call->range) <= PREPARE_MOST &&
                !(call->flags & MAP_NORESERVE);
    return soon || call->flags & MAP_POPULATE ? MM_VM_TOUCHED_SOON : 0;
}

static NTSTATUS allocate(const struct call *call, uintptr_t address, void **ret_base)
{
    size_t size = range_size(call->range);
    struct vm_request request = {
        .address = (void *)address,
        .size = size,
        .type = type_of(call->protect),
        .protect = mm_preload_protection(call->protect),
        .hints = hints_of(call),
    };
    size_t ret_size;
    return mm_vm_allocate(&request, ret_base, &ret_size);
}

/* Memory of ours anywhere, at the hint if that is cheaply done. */
static void *map_anywhere(const struct call *call)
{
    uintptr_t hint = call->range.start;
    size_t size = range_size(call->range);
    bool worth =
        is_aligned(hint, UNIT_BYTES) && (mm_vm_touches((void *)hint, size) || size >= HINT_LEAST);
    void *base;

    if (hint && worth && allocate(call, hint, &base) == STATUS_SUCCESS)
        return base;
    int error = mm_preload_errno(allocate(call, 0, &base));
    return error ? failed(error) : base;
}

/* Replace what lies in our arena: MAP_FIXED. */
static void *map_over(const struct call *call)
{
    void *start = (void *)call->range.start;
    NTSTATUS status = mm_vm_map_over(start, range_size(call->range), type_of(call->protect),
                                     mm_preload_protection(call->protect));
    return status == STATUS_SUCCESS ? start : failed(mm_preload_errno(status));
}

/* A new mapping where ours has nothing: MAP_FIXED_NOREPLACE. */
static void *map_unless_taken(const struct call *call)
{
    void *base;
    if (!is_aligned(call->range.start, UNIT_BYTES))
        return failed(EEXIST);
    NTSTATUS status = allocate(call, call->range.start, &base);
    if (status == STATUS_CONFLICTING_ADDRESSES)
        return failed(EEXIST);
    return status == STATUS_SUCCESS ? base : failed(mm_preload_errno(status));
}

/* Something of the kernel's within our arena: lend it the place. */
static void *map_theirs(const struct call *call, int fd, off_t offset)
{
    void *start = (void *)call->range.start;
    size_t size = range_size(call->range);

    if ((call->flags & MAP_FIXED_NOREPLACE) == MAP_FIXED_NOREPLACE)
        return failed(EEXIST);
    int error = mm_preload_errno(mm_vm_lend(start, size));
    if (error)
        return failed(error);
    void *base =
        mm_preload_raw_mmap(start, size, call->protect, call->flags | MAP_FIXED, fd, offset);
    if (base == MAP_FAILED) {
        error = errno;
        (void)mm_vm_unmap(start, size); /* lent a moment ago: cannot fail */
        errno = error;
    }
    return base;
}

/* MAP_FIXED and MAP_FIXED_NOREPLACE where the range meets our arenas. */
static void *map_within(const struct call *call, bool our_kind, int fd, off_t offset)
{
    bool ours;
    size_t size = range_size(call->range);

    /* Half in an arena and half out: no program does that, and there is no half a mapping. */
    if (mm_vm_part((void *)call->range.start, size, &ours) != size)
        return failed(ENOMEM);
    if (!our_kind)
        return map_theirs(call, fd, offset);
    return call->flags & MAP_FIXED ? map_over(call) : map_unless_taken(call);
}

static void *map(const struct call *call, bool our_kind, int fd, off_t offset)
{
    void *start = (void *)call->range.start;
    size_t size = range_size(call->range);
    bool fixed = call->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);

    if (call->protect & PROT_WRITE)
        mm_pager_admit(size);
    if (fixed && mm_vm_touches(start, size))
        return map_within(call, our_kind, fd, offset);
    if (fixed || !our_kind || (size < OURS_LEAST && call->protect != PROT_NONE))
        return mm_preload_raw_mmap(start, size, call->protect, call->flags, fd, offset);
    return map_anywhere(call);
}

MM_EXPORT void *mmap(void *address, size_t size, int protect, int flags, int fd, off_t offset)
{
    struct call call = {.protect = protect, .flags = flags};
    bool our_kind = is_our_kind(protect, flags, offset);
    bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);

    /* An odd hint is rounded by the kernel; an odd fixed address is an error it can tell best. */
    void *start = fixed ? address : (void *)align_down((uintptr_t)address, PAGE_BYTES);
    if (!mm_preload_range(start, size, &call.range) || !mm_preload_ready() || (!fixed && !our_kind))
        return mm_preload_raw_mmap(address, size, protect, flags, fd, offset);
    return map(&call, our_kind, fd, offset);
}

MM_EXPORT void *mmap64(void *address, size_t size, int protect, int flags, int fd, off_t offset)
    __attribute__((alias("mmap")));

/* ---- munmap ------------------------------------------------------------------------------------ */

static int unmap_part(void *address, size_t size, bool ours, int unused)
{
    (void)unused;
    if (ours)
        return mm_preload_errno(mm_vm_unmap(address, size));
    return mm_preload_raw_munmap(address, size) == 0 ? 0 : errno;
}

int mm_preload_unmap(struct range range)
{
    return mm_preload_each_part(range, unmap_part, 0);
}

/* errno is the caller's, as long as nothing fails. */
static int result(int error)
{
    if (error)
        errno = error;
    return error ? -1 : 0;
}

MM_EXPORT int munmap(void *address, size_t size)
{
    struct range range;

    if (!mm_preload_range(address, size, &range) || !mm_preload_ready())
        return mm_preload_raw_munmap(address, size);
    return result(mm_preload_unmap(range));
}

/* ---- mprotect ---------------------------------------------------------------------------------- */

/* A reservation that becomes writable bit by bit is about to be written: prepare its pages. */
static bool commit_soon(void *address, size_t size, int protect)
{
    struct vm_request request = {
        .address = address,
        .size = size,
        .type = MEM_COMMIT,
        .protect = PAGE_READWRITE,
        .hints = MM_VM_TOUCHED_SOON,
    };
    void *base;
    size_t ret_size;

    return protect == (PROT_READ | PROT_WRITE) && size <= PREPARE_MOST &&
           mm_vm_allocate(&request, &base, &ret_size) == STATUS_SUCCESS;
}

static int protect_part(void *address, size_t size, bool ours, int protect)
{
    if (!ours)
        return mm_preload_raw_mprotect(address, size, protect) == 0 ? 0 : errno;
    if (commit_soon(address, size, protect))
        return 0;
    return mm_preload_errno(mm_vm_access(address, size, mm_preload_protection(protect)));
}

MM_EXPORT int mprotect(void *address, size_t size, int protect)
{
    struct range range;

    if (!mm_preload_range(address, size, &range) || !mm_preload_ready() ||
        protect & ~(PROT_READ | PROT_WRITE | PROT_EXEC))
        return mm_preload_raw_mprotect(address, size, protect);
    if (protect & PROT_WRITE)
        mm_pager_admit(range_size(range));
    return result(mm_preload_each_part(range, protect_part, protect));
}

/* Without a key it is mprotect.  With one: access first, so that our table stays the truth. */
MM_EXPORT int pkey_mprotect(void *address, size_t size, int protect, int key)
{
    if (mprotect(address, size, protect) != 0 || key == -1)
        return key == -1 ? result(0) : -1;
    return mm_preload_raw_pkey_mprotect(address, size, protect, key);
}
