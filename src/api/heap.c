/*
 * heap.c - HeapCreate, HeapAlloc, HeapFree and the other calls on heaps and blocks.
 *
 * HeapAlloc, HeapReAlloc, HeapFree and HeapSize do not start the library: before it was started no
 * value is the handle of a heap.
 */
#include <heapapi.h>

#include "api/api_internal.h"
#include "base/page.h"
#include "heap/fast.h"
#include "heap/heap.h"
#include "vm/vm.h"

NTSTATUS mm_api_heap(HANDLE handle, struct heap **ret_heap)
{
    api_enter();
    struct heap *heap = mm_heap_of_handle(handle);
    if (!heap)
        return STATUS_INVALID_HANDLE;
    *ret_heap = heap;
    return STATUS_SUCCESS;
}

/* ---- heaps --------------------------------------------------------------------------------------- */

/* Memory is committed as blocks need it; but a heap that could not be begun is not made. */
static NTSTATUS check_sizes(SIZE_T initial, SIZE_T maximum)
{
    size_t limit = atomic_load(&mm_charge.limit);
    size_t used = min_size(atomic_load(&mm_charge.used), limit);

    if (max_size(initial, maximum) > MM_VM_END - MM_VM_LOWEST)
        return STATUS_NO_MEMORY;
    return pages_of(initial) > limit - used ? STATUS_COMMITMENT_LIMIT : STATUS_SUCCESS;
}

HANDLE WINAPI HeapCreate(DWORD options, SIZE_T initial, SIZE_T maximum)
{
    struct heap *heap = NULL;

    api_enter();
    if (maximum && initial > maximum)
        initial = maximum;
    if (!mm_api_result(check_sizes(initial, maximum)))
        return NULL;
    if (!mm_api_result(mm_heap_create(options, initial, maximum, &heap)))
        return NULL;
    return mm_heap_handle(heap);
}

BOOL WINAPI HeapDestroy(HANDLE handle)
{
    struct heap *heap = NULL;
    return mm_api_result(mm_api_heap(handle, &heap)) && mm_api_result(mm_heap_destroy(heap));
}

HANDLE WINAPI GetProcessHeap(VOID)
{
    api_enter();
    return mm_heap_handle(mm_heap_process());
}

DWORD WINAPI GetProcessHeaps(DWORD count, PHANDLE heaps)
{
    api_enter();
    size_t room = min_size(count, mm_heap_list(NULL, 0));
    if (!mm_api_result(mm_api_writable(heaps, room * sizeof *heaps)))
        return 0;
    return (DWORD)mm_heap_list(heaps, room);
}

BOOL WINAPI HeapLock(HANDLE handle)
{
    struct heap *heap = NULL;
    return mm_api_result(mm_api_heap(handle, &heap)) && mm_api_result(mm_heap_lock(heap));
}

BOOL WINAPI HeapUnlock(HANDLE handle)
{
    struct heap *heap = NULL;
    return mm_api_result(mm_api_heap(handle, &heap)) && mm_api_result(mm_heap_unlock(heap));
}

/* ---- blocks -------------------------------------------------------------------------------------- */

/* An allocation that fails: by an exception where the heap or the call wants one. */
static __attribute__((noinline)) void *refuse(DWORD flags, NTSTATUS status)
{
    NTSTATUS code = status == STATUS_NO_MEMORY ? status : STATUS_ACCESS_VIOLATION;

    (void)mm_api_result(status);
    if (flags & HEAP_GENERATE_EXCEPTIONS)
        mm_except_raise((DWORD)code, EXCEPTION_NONCONTINUABLE, 0, NULL);
    return NULL;
}

static __attribute__((noinline)) void *allocate_slowly(HANDLE handle, DWORD flags, SIZE_T bytes)
{
    struct heap *heap = mm_heap_of_handle(handle);

    mm_except_thread_start();
    if (!heap)
        return refuse(flags, STATUS_INVALID_HANDLE);
    void *block = mm_heap_allocate(heap, flags, bytes);
    return block ? block : refuse(flags | mm_heap_flags(heap), STATUS_NO_MEMORY);
}

LPVOID WINAPI HeapAlloc(HANDLE handle, DWORD flags, SIZE_T bytes)
{
    if (likely(bytes <= SMALL_MAX) && likely(!(flags & HEAP_ZERO_MEMORY)) &&
        likely(mm_except_thread_started)) {
        unsigned class = mm_heap_class_of[(bytes + 15) >> 4];
        void *block = heap_take(heap_cache_of(handle), class, bytes, NULL);
        if (likely(block != NULL))
            return block;
    }
    return allocate_slowly(handle, flags, bytes);
}

LPVOID WINAPI HeapReAlloc(HANDLE handle, DWORD flags, LPVOID block, SIZE_T bytes)
{
    struct heap *heap = mm_heap_of_handle(handle);
    void *resized = NULL;

    mm_except_thread_start();
    if (!heap)
        return refuse(flags, STATUS_INVALID_HANDLE);
    if (!block)
        return refuse(flags | mm_heap_flags(heap), STATUS_INVALID_PARAMETER);
    NTSTATUS status = mm_heap_resize(heap, flags, block, bytes, &resized);
    return NT_SUCCESS(status) ? resized : refuse(flags | mm_heap_flags(heap), status);
}

static __attribute__((noinline)) BOOL free_slowly(HANDLE handle, LPVOID block)
{
    struct heap *heap = mm_heap_of_handle(handle);

    mm_except_thread_start();
    if (!heap)
        return mm_api_result(STATUS_INVALID_HANDLE);
    if (!mm_heap_give_elsewhere(heap_cache_of(handle), block))
        mm_heap_free(heap, block);
    return TRUE;
}

BOOL WINAPI HeapFree(HANDLE handle, DWORD flags, LPVOID block)
{
    if (likely(heap_give(heap_cache_of(handle), block)))
        return TRUE;
    return free_slowly(handle, block);
}

SIZE_T WINAPI HeapSize(HANDLE handle, DWORD flags, LPCVOID block)
{
    struct heap *heap = mm_heap_of_handle(handle);
    size_t size;

    mm_except_thread_start();
    return heap && NT_SUCCESS(mm_heap_size(heap, block, &size)) ? size : (SIZE_T)-1;
}
