/*
 * protect.c - who may read, write and execute.
 *
 * PAGE_GUARD is kept as no access at all, so that the first touch faults; mm_vm_take_guard then
 * takes the bit off.  PAGE_NOCACHE and PAGE_WRITECOMBINE are remembered and reported; caching
 * belongs to the allocation, so VirtualProtect does not change it.
 */
#include "vm/vm_internal.h"

#include <ntstatus.h>

#define BASE_PROTECTIONS 0xffu
#define CACHE_MODIFIERS (PAGE_NOCACHE | PAGE_WRITECOMBINE)
#define MODIFIERS (PAGE_GUARD | CACHE_MODIFIERS | PAGE_TARGETS_INVALID)

static bool is_single_bit(ULONG bits)
{
    return bits && !(bits & (bits - 1));
}

/* One of the modifiers at most, and none where there is no access. */
static bool modifiers_are_valid(ULONG protect)
{
    ULONG modifiers = protect & (PAGE_GUARD | CACHE_MODIFIERS);
    return !modifiers || (is_single_bit(modifiers) && !(protect & PAGE_NOACCESS));
}

static bool is_protection(ULONG protect)
{
    return !(protect & ~(ULONG)(BASE_PROTECTIONS | MODIFIERS)) &&
           is_single_bit(protect & BASE_PROTECTIONS) && modifiers_are_valid(protect);
}

/* Copy-on-write is for views of files. */
NTSTATUS mm_protect_check(ULONG protect)
{
    if (!is_protection(protect) || (protect & (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY)))
        return STATUS_INVALID_PAGE_PROTECTION;
    return STATUS_SUCCESS;
}

int mm_vm_access_of(ULONG protect)
{
    if (protect & PAGE_GUARD)
        return OS_NONE;
    switch (protect & BASE_PROTECTIONS) {
    case PAGE_READONLY: return OS_READ;
    case PAGE_READWRITE:
    case PAGE_WRITECOPY: return OS_READ | OS_WRITE;
    case PAGE_EXECUTE: /* the machine has no execute-only pages */
    case PAGE_EXECUTE_READ: return OS_READ | OS_EXEC;
    case PAGE_EXECUTE_READWRITE:
    case PAGE_EXECUTE_WRITECOPY: return OS_READ | OS_WRITE | OS_EXEC;
    default: return OS_NONE;
    }
}

/* What a run tells once VirtualProtect set `protect`. */
static struct story protected(struct story story, ULONG protect)
{
    ULONG cache = story.protect & CACHE_MODIFIERS;
    if (!cache)
        cache = story.allocation_protect & CACHE_MODIFIERS;
    ULONG bare = protect & ~(ULONG)CACHE_MODIFIERS;
    story.protect = (uint16_t)(bare & (PAGE_GUARD | PAGE_NOACCESS) ? bare : bare | cache);
    return story;
}

static NTSTATUS protect_locked(struct range range, ULONG protect, ULONG *ret_old)
{
    struct region *first;
    size_t fresh;
    NTSTATUS status = mm_protect_check(protect);
    if (!status)
        status = mm_space_prepare();
    if (status)
        return status;
    if (mm_allocation_check(range, &first, &fresh))
        return STATUS_CONFLICTING_ADDRESSES;
    if (fresh)
        return STATUS_NOT_COMMITTED;

    ULONG old = first->story.protect;
    status = mm_runs_protect(first, range, mm_vm_access_of(protect));
    if (status)
        return status;
    mm_runs_paint(first, range, protected, protect);
    *ret_old = old;
    return STATUS_SUCCESS;
}

NTSTATUS mm_vm_protect(void *address, size_t size, ULONG protect, ULONG *ret_old)
{
    struct range range;
    NTSTATUS status = mm_pages_touched(address, size, &range);
    if (status)
        return status;
    if (!is_protection(protect))
        return STATUS_INVALID_PAGE_PROTECTION;
    protect &= ~(ULONG)PAGE_TARGETS_INVALID;

    space_lock();
    bool ours = mm_space_arena(range);
    if (ours)
        status = protect_locked(range, protect, ret_old);
    space_unlock();
    return ours ? status : mm_foreign_protect(range, protect, ret_old);
}

/* Whether pages of that protection allow the access that faulted. */
static bool allows(ULONG protect, int access)
{
    return (mm_vm_access_of(protect) & access) == access;
}

static NTSTATUS take_guard_locked(struct range page, int access)
{
    struct region *r = mm_region_at(page.start);
    if (!r || r->story.state != RUN_COMMITTED)
        return STATUS_ACCESS_VIOLATION;
    ULONG protect = r->story.protect;
    if (!(protect & PAGE_GUARD))
        return allows(protect, access) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;

    protect &= ~(ULONG)PAGE_GUARD;
    if (mm_space_prepare() || mm_runs_protect(r, page, mm_vm_access_of(protect)))
        return STATUS_ACCESS_VIOLATION;
    mm_runs_paint(r, page, protected, protect);
    return STATUS_GUARD_PAGE_VIOLATION;
}

NTSTATUS mm_vm_take_guard(const void *address, int access)
{
    uintptr_t start = align_down((uintptr_t)address, PAGE_BYTES);
    if (!mm_os_try_lock(&mm_space.lock))
        return STATUS_LOCK_NOT_GRANTED;
    NTSTATUS status = take_guard_locked((struct range){start, start + PAGE_BYTES}, access);
    space_unlock();
    return status;
}
