/*
 * rtlheap.c - the calls on heaps under the names of the native library.
 *
 * Windows' HeapAlloc is RtlAllocateHeap under another name, last error and all.
 */
#include <heapapi.h>
#include <winternl.h>

#include "api/api_internal.h"
#include "base/page.h"
#include "os/os.h"

#define DEFAULT_RESERVE (64 * PAGE_BYTES)
#define RESERVE_STEP (16 * PAGE_BYTES)

/* Hints are not taken; memory that the caller commits cannot be. */
static bool are_hints(const RTL_HEAP_PARAMETERS *parameters)
{
    RTL_HEAP_PARAMETERS p;

    if (!parameters)
        return true;
    return mm_os_peek(&p, parameters, sizeof p) && p.Length == sizeof p && !p.CommitRoutine;
}

/* The maximum of a heap that does not grow. */
static SIZE_T maximum_of(SIZE_T reserve, SIZE_T commit)
{
    if (reserve)
        return reserve;
    if (commit > SIZE_MAX - RESERVE_STEP)
        return commit;
    return commit ? align_up(commit, RESERVE_STEP) : DEFAULT_RESERVE;
}

PVOID NTAPI RtlCreateHeap(ULONG flags, PVOID base, SIZE_T reserve, SIZE_T commit, PVOID lock,
                          PRTL_HEAP_PARAMETERS parameters)
{
    if (base || lock || !are_hints(parameters))
        return (void)mm_api_result(STATUS_INVALID_PARAMETER), NULL;
    return HeapCreate(flags, commit, flags & HEAP_GROWABLE ? 0 : maximum_of(reserve, commit));
}

PVOID NTAPI RtlDestroyHeap(PVOID heap)
{
    return HeapDestroy(heap) ? NULL : heap;
}

PVOID NTAPI RtlAllocateHeap(PVOID heap, ULONG flags, SIZE_T size)
{
    return HeapAlloc(heap, flags, size);
}

PVOID NTAPI RtlReAllocateHeap(PVOID heap, ULONG flags, PVOID block, SIZE_T size)
{
    return HeapReAlloc(heap, flags, block, size);
}

BOOLEAN NTAPI RtlFreeHeap(PVOID heap, ULONG flags, PVOID block)
{
    return (BOOLEAN)HeapFree(heap, flags, block);
}

SIZE_T NTAPI RtlSizeHeap(PVOID heap, ULONG flags, PVOID block)
{
    return HeapSize(heap, flags, block);
}

BOOLEAN NTAPI RtlValidateHeap(PVOID heap, ULONG flags, PVOID block)
{
    return (BOOLEAN)HeapValidate(heap, flags, block);
}

SIZE_T NTAPI RtlCompactHeap(PVOID heap, ULONG flags)
{
    return HeapCompact(heap, flags);
}

BOOLEAN NTAPI RtlLockHeap(PVOID heap)
{
    return (BOOLEAN)HeapLock(heap);
}

BOOLEAN NTAPI RtlUnlockHeap(PVOID heap)
{
    return (BOOLEAN)HeapUnlock(heap);
}

ULONG NTAPI RtlGetProcessHeaps(ULONG count, PVOID *heaps)
{
    return GetProcessHeaps(count, heaps);
}
