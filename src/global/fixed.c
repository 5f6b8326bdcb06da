/*
 * fixed.c - fixed blocks: plain blocks of the process heap, named by their address.
 *
 * Every address is looked up in the heap before anything is done with it.  Two threads that free one
 * block at the same moment may both find it there; the heap then stops the second, as it does with
 * HeapFree.
 */
#include "global/fixed.h"

#include <ntstatus.h>

#include "base/page.h"
#include "heap/heap.h"

NTSTATUS mm_fixed_size(const void *block, size_t *ret_size)
{
    struct heap *heap = mm_heap_process();
    return heap && !mm_heap_size(heap, block, ret_size) ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

/* A fixed block of the Global family has one byte at least. */
NTSTATUS mm_fixed_allocate(ULONG attributes, size_t size, void **ret_block)
{
    ULONG flags = attributes & MOVEABLE_ZEROED ? HEAP_ZERO_MEMORY : 0;
    size_t least = attributes & MOVEABLE_LOCAL ? 0 : 1;
    void *block = mm_heap_allocate(mm_heap_process(), flags, max_size(size, least));

    if (!block)
        return STATUS_NO_MEMORY;
    *ret_block = block;
    return STATUS_SUCCESS;
}

/* Without MOVEABLE the Local family resizes in place, the Global family not at all. */
NTSTATUS mm_fixed_resize(void *block, size_t size, ULONG attributes, void **ret_block)
{
    ULONG flags = attributes & MOVEABLE_ZEROED ? HEAP_ZERO_MEMORY : 0;
    size_t old_size;

    NTSTATUS status = mm_fixed_size(block, &old_size);
    if (status)
        return status;
    if (!(attributes & (MOVEABLE | MOVEABLE_LOCAL)))
        return STATUS_NO_MEMORY;
    if (!(attributes & MOVEABLE))
        flags |= HEAP_REALLOC_IN_PLACE_ONLY;
    return mm_heap_resize(mm_heap_process(), flags, block, size, ret_block);
}

NTSTATUS mm_fixed_free(void *block)
{
    size_t size;

    if (mm_fixed_size(block, &size))
        return STATUS_ACCESS_VIOLATION;
    mm_heap_free(mm_heap_process(), block);
    return STATUS_SUCCESS;
}

NTSTATUS mm_fixed_lock(void *block, void **ret_block)
{
    size_t size;

    NTSTATUS status = mm_fixed_size(block, &size);
    if (!status)
        *ret_block = block;
    return status;
}

NTSTATUS mm_fixed_unlock(const void *block, unsigned *ret_left)
{
    size_t size;

    NTSTATUS status = mm_fixed_size(block, &size);
    if (!status)
        *ret_left = NEVER_LOCKED;
    return status;
}
