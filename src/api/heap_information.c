/*
 * heap_information.c - HeapSetInformation, HeapQueryInformation: the features of a heap.
 *
 * A heap keeps blocks of a size together from its start, unless it was made without serialization
 * or with a maximum; and the process always stops at a corruption.  Neither can be changed.
 */
#include <heapapi.h>

#include <string.h>

#include "api/api_internal.h"
#include "heap/heap.h"
#include "os/os.h"

#define STANDARD 0
#define LOW_FRAGMENTATION 2

static ULONG compatibility_of(const struct heap *heap)
{
    if (mm_heap_is_fixed(heap) || mm_heap_flags(heap) & HEAP_NO_SERIALIZE)
        return STANDARD;
    return LOW_FRAGMENTATION;
}

/* Copy what a class wants from a caller, who gave `length` bytes. */
static NTSTATUS take(void *to, size_t size, const void *information, SIZE_T length)
{
    if (length < size)
        return STATUS_BUFFER_TOO_SMALL;
    return mm_os_peek(to, information, size) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

/* ---- setting ------------------------------------------------------------------------------------- */

static NTSTATUS confirm_compatibility(const struct heap *heap, const void *information,
                                      SIZE_T length)
{
    ULONG wanted;

    if (!heap)
        return STATUS_INVALID_HANDLE;
    NTSTATUS status = take(&wanted, sizeof wanted, information, length);
    if (!NT_SUCCESS(status))
        return status;
    if (wanted > LOW_FRAGMENTATION)
        return STATUS_INVALID_PARAMETER;
    return wanted == compatibility_of(heap) ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}

static NTSTATUS optimize(struct heap *heap, const void *information, SIZE_T length)
{
    HEAP_OPTIMIZE_RESOURCES_INFORMATION how;
    NTSTATUS status = take(&how, sizeof how, information, length);

    if (!NT_SUCCESS(status))
        return status;
    if (how.Version != HEAP_OPTIMIZE_RESOURCES_CURRENT_VERSION || how.Flags)
        return STATUS_INVALID_PARAMETER;
    if (heap)
        (void)mm_heap_compact(heap); /* what is left free is not asked for */
    else
        mm_heap_compact_all();
    return STATUS_SUCCESS;
}

DWORD NTAPI RtlSetHeapInformation(PVOID handle, HEAP_INFORMATION_CLASS information_class,
                                  PVOID information, SIZE_T length)
{
    struct heap *heap = NULL;
    NTSTATUS status = handle ? mm_api_heap(handle, &heap) : STATUS_SUCCESS;

    api_enter();
    if (!NT_SUCCESS(status))
        return (DWORD)status;
    switch (information_class) {
    case HeapCompatibilityInformation:
        return (DWORD)confirm_compatibility(heap, information, length);
    case HeapEnableTerminationOnCorruption:
        return (DWORD)(information || length ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS);
    case HeapOptimizeResources: return (DWORD)optimize(heap, information, length);
    default: return (DWORD)STATUS_INVALID_INFO_CLASS;
    }
}

BOOL WINAPI HeapSetInformation(HANDLE handle, HEAP_INFORMATION_CLASS information_class,
                               PVOID information, SIZE_T length)
{
    return mm_api_result(
        (NTSTATUS)RtlSetHeapInformation(handle, information_class, information, length));
}

/* ---- asking -------------------------------------------------------------------------------------- */

static NTSTATUS answer(ULONG value, void *information, SIZE_T length, PSIZE_T returned)
{
    SIZE_T size = sizeof value;

    if (returned && !mm_api_can_write(returned, sizeof *returned))
        return STATUS_ACCESS_VIOLATION;
    if (length >= size && !mm_api_can_write(information, size))
        return STATUS_ACCESS_VIOLATION;
    if (returned)
        *returned = size;
    if (length < size)
        return STATUS_BUFFER_TOO_SMALL;
    memcpy(information, &value, size);
    return STATUS_SUCCESS;
}

DWORD NTAPI RtlQueryHeapInformation(PVOID handle, HEAP_INFORMATION_CLASS information_class,
                                    PVOID information, SIZE_T length, PSIZE_T returned)
{
    struct heap *heap = NULL;
    NTSTATUS status = mm_api_heap(handle, &heap);

    if (!NT_SUCCESS(status))
        return (DWORD)status;
    if (information_class != HeapCompatibilityInformation)
        return (DWORD)STATUS_INVALID_INFO_CLASS;
    return (DWORD)answer(compatibility_of(heap), information, length, returned);
}

BOOL WINAPI HeapQueryInformation(HANDLE handle, HEAP_INFORMATION_CLASS information_class,
                                 PVOID information, SIZE_T length, PSIZE_T returned)
{
    return mm_api_result((NTSTATUS)RtlQueryHeapInformation(handle, information_class, information,
                                                           length, returned));
}
