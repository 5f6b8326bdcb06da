/*
 * reserve.c - VirtualAlloc: what a request may ask for, and handing out address space.
 */
#include "vm/vm_internal.h"

#include <ntstatus.h>

#define KNOWN_TYPES                                                                         \
    (MEM_COMMIT | MEM_RESERVE | MEM_RESET | MEM_TOP_DOWN | MEM_WRITE_WATCH | MEM_PHYSICAL | \
     MEM_RESET_UNDO | MEM_LARGE_PAGES)
#define LARGE_PAGE (2 * MIB)

/* Large pages need a privilege that no process has here; bad requests are told first. */
static NTSTATUS check_large(const struct vm_request *q)
{
    if (!(q->type & MEM_COMMIT))
        return STATUS_INVALID_PARAMETER_5;
    if (!is_aligned(q->size, LARGE_PAGE))
        return STATUS_INVALID_PARAMETER_4;
    return STATUS_PRIVILEGE_NOT_HELD;
}

/* Types that are not had here yet say so, once it is certain that the request makes sense. */
static NTSTATUS check_special(const struct vm_request *q)
{
    if (q->type & MEM_PHYSICAL) {
        bool alone = (q->type & ~MEM_TOP_DOWN) == (MEM_PHYSICAL | MEM_RESERVE);
        return alone && q->protect == PAGE_READWRITE ? STATUS_NOT_SUPPORTED
                                                     : STATUS_INVALID_PARAMETER_5;
    }
    if (q->type & MEM_WRITE_WATCH)
        return q->type & MEM_RESERVE ? STATUS_NOT_SUPPORTED : STATUS_INVALID_PARAMETER_5;
    return q->type & MEM_LARGE_PAGES ? check_large(q) : STATUS_SUCCESS;
}

static NTSTATUS check_type(const struct vm_request *q)
{
    ULONG type = q->type;
    ULONG resets = type & (MEM_RESET | MEM_RESET_UNDO);
    if (type & ~(ULONG)KNOWN_TYPES)
        return STATUS_INVALID_PARAMETER_5;
    if (resets)
        return type == MEM_RESET || type == MEM_RESET_UNDO ? STATUS_SUCCESS
                                                           : STATUS_INVALID_PARAMETER_5;
    if (!(type & (MEM_COMMIT | MEM_RESERVE)))
        return STATUS_INVALID_PARAMETER_5;
    return check_special(q);
}

static NTSTATUS check_place(const struct vm_request *q)
{
    uintptr_t address = (uintptr_t)q->address;
    if (q->size == 0 || q->size > MM_VM_END)
        return STATUS_INVALID_PARAMETER_4;
    if (!q->address)
        return q->size > MM_VM_END - MM_VM_LOWEST ? STATUS_INVALID_PARAMETER_4 : STATUS_SUCCESS;
    if (address < MM_VM_LOWEST || address >= MM_VM_END)
        return STATUS_INVALID_PARAMETER_2;
    return q->size > MM_VM_END - address ? STATUS_INVALID_PARAMETER_4 : STATUS_SUCCESS;
}

static NTSTATUS check_request(const struct vm_request *q)
{
    NTSTATUS status = check_place(q);
    if (!status)
        status = mm_protect_check(q->protect);
    return status ? status : check_type(q);
}

/* The pages that a range of bytes touches. */
static struct range pages_touched(const struct vm_request *q)
{
    uintptr_t address = (uintptr_t)q->address;
    return (struct range){align_down(address, PAGE_BYTES), align_up(address + q->size, PAGE_BYTES)};
}

/* Find or take the place of a reservation; *ret_run holds it and is still free. */
static NTSTATUS choose_place(const struct vm_request *q, struct region **ret_run,
                             struct range *ret_range)
{
    if (q->address) {
        struct range range = pages_touched(q);
        range.start = align_down(range.start, UNIT_BYTES);
        *ret_range = range;
        return mm_space_claim(range, ret_run);
    }
    uintptr_t base;
    size_t size = align_up(q->size, PAGE_BYTES);
    NTSTATUS status = mm_space_find(size, q->type & MEM_TOP_DOWN, ret_run, &base);
    if (!status)
        *ret_range = (struct range){base, base + size};
    return status;
}

static struct story story_of(const struct vm_request *q, struct range range)
{
    bool commit = q->type & MEM_COMMIT;
    return (struct story){
        .allocation = range.start,
        .allocation_protect = (uint16_t)q->protect,
        .state = commit ? RUN_COMMITTED : RUN_RESERVED,
        .protect = commit ? (uint16_t)q->protect : 0,
    };
}

static NTSTATUS reserve_locked(const struct vm_request *q, struct range *ret_range)
{
    struct region *run;
    struct range range;
    NTSTATUS status = mm_space_prepare();
    if (!status)
        status = choose_place(q, &run, &range);
    if (status)
        return status;

    if (q->type & MEM_COMMIT)
        status =
            mm_run_back(run, range, mm_vm_access_of(q->protect), q->hints & MM_VM_TOUCHED_SOON);
    if (status) {
        mm_space_trim(run);
        return status;
    }
    (void)mm_region_paint(run, range, story_of(q, range));
    *ret_range = range;
    return STATUS_SUCCESS;
}

/* Pages that a reservation covers: the address is rounded down to 64 KiB, the end up to a page. */
static size_t pages_wanted(const struct vm_request *q)
{
    return pages_of(q->size + ((uintptr_t)q->address & (UNIT_BYTES - 1)));
}

static NTSTATUS reserve(const struct vm_request *q, struct range *ret_range)
{
    size_t charge = q->type & MEM_COMMIT ? pages_wanted(q) : 0;
    NTSTATUS status = mm_charge_take(&mm_charge, charge);
    if (status)
        return status;
    space_lock();
    status = reserve_locked(q, ret_range);
    space_unlock();
    if (status)
        mm_charge_give(&mm_charge, charge);
    return status;
}

static NTSTATUS use_reservation(const struct vm_request *q, struct range *ret_range)
{
    struct range range = pages_touched(q);
    struct range named = {(uintptr_t)q->address, (uintptr_t)q->address + q->size};
    NTSTATUS status;
    if (q->type & MEM_RESET)
        status = mm_reset(range, named);
    else if (q->type & MEM_RESET_UNDO)
        status = mm_undo_reset(range);
    else
        status = mm_commit(range, q->protect, q->hints & MM_VM_TOUCHED_SOON);
    if (!status)
        *ret_range = range;
    return status;
}

NTSTATUS mm_vm_allocate(const struct vm_request *request, void **ret_base, size_t *ret_size)
{
    struct range range;
    struct vm_request q = *request;
    NTSTATUS status = check_request(&q);
    if (status)
        return status;
    q.protect &= ~(ULONG)PAGE_TARGETS_INVALID;
    if ((q.type & MEM_RESERVE) || (!q.address && (q.type & MEM_COMMIT)))
        status = reserve(&q, &range);
    else
        status = use_reservation(&q, &range);
    if (status)
        return status;
    *ret_base = (void *)range.start;
    *ret_size = range_size(range);
    return STATUS_SUCCESS;
}
