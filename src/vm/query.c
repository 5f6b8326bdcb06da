/*
 * query.c - VirtualQuery.
 *
 * Memory of ours is answered from the runs alone.  Only where a free run reaches the end of its
 * arena, and outside our arenas, the kernel is asked.
 */
#include "vm/vm_internal.h"

#include <ntstatus.h>

static void tell_free(uintptr_t page, uintptr_t end, MEMORY_BASIC_INFORMATION *ret_info)
{
    *ret_info = (MEMORY_BASIC_INFORMATION){
        .BaseAddress = (void *)page,
        .RegionSize = end - page,
        .State = MEM_FREE,
        .Protect = PAGE_NOACCESS,
    };
}

static void tell_taken(const struct region *r, uintptr_t page, MEMORY_BASIC_INFORMATION *ret_info)
{
    *ret_info = (MEMORY_BASIC_INFORMATION){
        .BaseAddress = (void *)page,
        .AllocationBase = (void *)r->story.allocation,
        .AllocationProtect = r->story.allocation_protect,
        .RegionSize = r->node.range.end - page,
        .State = r->story.state == RUN_COMMITTED ? MEM_COMMIT : MEM_RESERVE,
        .Protect = r->story.protect,
        .Type = MEM_PRIVATE,
    };
}

/* Where the free memory behind `end` ends: it may go on beyond the arena and into the next. */
static uintptr_t free_end(uintptr_t end)
{
    for (;;) {
        struct region *r = mm_region_at(end);
        if (r && r->story.state != RUN_FREE)
            return end;
        uintptr_t next = r ? r->node.range.end : mm_foreign_free_end(end);
        if (next == end)
            return end;
        end = next;
    }
}

static NTSTATUS query_locked(uintptr_t page, MEMORY_BASIC_INFORMATION *ret_info)
{
    struct region *r = mm_region_at(page);
    if (!r && mm_foreign_free_end(page) == page)
        return mm_foreign_query(page, ret_info);
    if (!r || (r->story.state == RUN_FREE && !mm_region_next(r)))
        tell_free(page, free_end(page), ret_info);
    else if (r->story.state == RUN_FREE)
        tell_free(page, r->node.range.end, ret_info);
    else if (r->story.state == RUN_LENT)
        return mm_foreign_query(page, ret_info);
    else
        tell_taken(r, page, ret_info);
    return STATUS_SUCCESS;
}

NTSTATUS mm_vm_query(const void *address, MEMORY_BASIC_INFORMATION *ret_info)
{
    space_lock();
    NTSTATUS status = query_locked(align_down((uintptr_t)address, PAGE_BYTES), ret_info);
    space_unlock();
    return status;
}

NTSTATUS mm_vm_try_query(const void *address, MEMORY_BASIC_INFORMATION *ret_info)
{
    if (!mm_os_try_lock(&mm_space.lock))
        return STATUS_LOCK_NOT_GRANTED;
    NTSTATUS status = query_locked(align_down((uintptr_t)address, PAGE_BYTES), ret_info);
    space_unlock();
    return status;
}
